package host

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// numbered is a kind whose config is a number.
func numbered(setup func(a *agent.Agent, n int)) agent.Kind {
	return agent.NewKind("test", 0, func(a *agent.Agent, n int) error { setup(a, n); return nil })
}

func within(t *testing.T, make func(t *testing.T) *Host, fn func(t *testing.T, h *Host)) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := make(t)
		fn(t, h)
		if h.Store != nil {
			h.endWithStore(t)
		} else {
			stop(t, h)
		}
	})
}

func bare(t *testing.T) *Host      { return newHost(t, nil) }
func forgetful(t *testing.T) *Host { return passing(t, t.TempDir()) }

// An agent that is taken away during a long turn goes when that ends, and may be added again then.
func TestRemoveInLongTurn(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		block := make(chan struct{})
		k := numbered(func(a *agent.Agent, n int) {
			agent.Value(a, "n", n)
			agent.Command(a, "hang", func(int) error { <-block; return nil })
		})
		if _, err := h.Add("/x", Agents, k, 1); err != nil {
			t.Fatal(err)
		}
		h.take(t.Context(), "/x", "hang", []byte("1"))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := h.Remove(ctx, "/x"); err == nil {
			t.Error("Remove reports no agent that did not stop in time")
		}
		if err := h.Replace("/x", k, 2); err == nil {
			t.Error("Replace takes an agent that is about to go")
		}
		close(block)
		synctest.Wait()
		if h.inMemory("/x") {
			t.Fatal("it is there after its turn has ended")
		}
		if _, err := h.Add("/x", Agents, k, 2); err != nil {
			t.Fatal(err)
		}
		command(t, h, "/x", "n", "3")
	})
}

// The last of several configs counts for agents that are in a turn meanwhile.
func TestRerouteTwice(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		block := make(chan struct{})
		var last atomic.Int64
		k := numbered(func(a *agent.Agent, n int) {
			last.Store(int64(n))
			agent.Command(a, "hang", func(int) error { <-block; return nil })
		})
		p, err := route.ParsePattern("/r/:id")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Route(p, k, 1, nil); err != nil {
			t.Fatal(err)
		}
		h.take(t.Context(), "/r/1", "hang", []byte("1"))
		for n := range 2 {
			if err := h.Reroute(p, k, 2+n); err != nil {
				t.Fatal(err)
			}
		}
		close(block)
		synctest.Wait()
		if last.Load() != 3 {
			t.Errorf("the agent runs by config %d, want 3", last.Load())
		}
		if err := h.Unroute(t.Context(), p); err != nil {
			t.Error(err)
		}
		if h.inMemory("/r/1") {
			t.Error("its route is gone, it is there")
		}
	})
}

// An agent that was not in memory may have something to do by its new config.
func TestReplacePassive(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		var ran atomic.Int64
		k := numbered(func(a *agent.Agent, n int) {
			if n == 2 {
				a.Every(time.Minute, func() { ran.Add(1) })
			}
		})
		if _, err := h.Add("/x", Agents, k, 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if h.inMemory("/x") {
			t.Fatal("it did not leave")
		}
		if err := h.Replace("/x", k, 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if ran.Load() == 0 {
			t.Error("the agent that the new config asks for has never run")
		}
	})
}

// Whoever finds an agent at the moment it gets another config makes none by the old one.
func TestFindDuringReplace(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	for i := range 5000 {
		uri := route.NodeURI(fmt.Sprint("/x/", i))
		var last atomic.Int64
		k := numbered(func(_ *agent.Agent, n int) { last.Store(int64(n)) })
		h.mu.Lock()
		h.passive[uri] = h.origin(Agents, k, 1)
		h.mu.Unlock()
		var both sync.WaitGroup
		both.Go(func() { h.find(uri) })
		both.Go(func() { h.Replace(uri, k, 2) })
		both.Wait()
		for range 2 { // turns
			h.Do(t.Context(), uri, "none", nil)
		}
		if last.Load() != 2 {
			t.Fatalf("the agent runs by config %d after Replace", last.Load())
		}
	}
}

// An agent that gets a table of its own is none of a route's any more, also while it waits for a restart.
func TestRoutedAgentGetsTable(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			agent.Command(a, "go", func(n int) error {
				if n == 1 {
					panic("spilt")
				}
				return nil
			})
		})
		for i := range 2 {
			uri := route.NodeURI(fmt.Sprint("/r/", i))
			h.take(t.Context(), uri, "go", []byte(fmt.Sprint(i)))
			synctest.Wait()
			if err := h.Replace(uri, kind(func(*agent.Agent) {}), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if h.routed != 0 {
			t.Errorf("%d agents count as made by routes", h.routed)
		}
	})
}

// A command that comes while its agent ends goes to the next one.
func TestCommandWhileAgentEnds(t *testing.T) {
	leaktest.Check(t)
	h := passing(t, t.TempDir())
	var heard atomic.Int64
	mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
		agent.Command(a, "say", func(int) error { heard.Add(1); a.Stop(); return nil })
	})
	const n = 3000
	for range n {
		h.take(t.Context(), "/r/1", "say", []byte("1"))
	}
	command(t, h, "/r/1", "say", "1") // behind them all
	if got := heard.Load(); got != n+1 {
		t.Errorf("%d of %d commands were heard; %v", got, n+1, h.Health.Counters())
	}
	h.endWithStore(t)
}

// Work beside turns keeps an agent in memory only as long as it lasts.
func TestGoneAfterGo(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			agent.Command(a, "go", func(int) error {
				a.Go(func(context.Context) func() { time.Sleep(10 * time.Minute); return nil })
				return nil
			})
		})
		command(t, h, "/r/1", "go", "1")
		time.Sleep(9 * time.Minute)
		if !h.inMemory("/r/1") {
			t.Error("it left while it was at work")
		}
		time.Sleep(10 * time.Minute)
		if h.inMemory("/r/1") {
			t.Error("it is in memory since it has used Go once")
		}
	})
}

// An alarm for which there is no room rings when there is.
func TestAlarmWithoutRoom(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		h.MaxRouted = 1
		var rang atomic.Int64
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			l := a.At("bell", func() { rang.Add(1) })
			agent.Value(a, "n", 0)
			agent.Command(a, "set", func(int) error { l.Set(a.Now().Time().Add(10 * time.Minute)); return nil })
		})
		command(t, h, "/r/1", "set", "1")
		time.Sleep(5 * time.Minute)
		command(t, h, "/r/2", "n", "1")
		other, _ := h.Node("/r/2")
		tail := other.Lane("n").Open(nobody{})
		time.Sleep(10 * time.Minute)
		tail.Close()
		time.Sleep(10 * time.Minute) // /r/2 has left, there is room
		if rang.Load() == 0 {
			t.Errorf("the alarm has not gone off; %d agents are there", h.routed)
		}
	})
}

// A new config takes effect also when the agent panics in its setup by the old one, and the last one counts.
func TestReplaceWhileSetupPanics(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		block := make(chan struct{})
		var last atomic.Int64
		k := numbered(func(_ *agent.Agent, n int) {
			if last.Store(int64(n)); n == 1 {
				<-block
				panic("config 1 is bad")
			}
		})
		if _, err := h.Add("/x", Agents, k, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // in its setup
		for n := range 3 {
			if err := h.Replace("/x", k, 2+n); err != nil {
				t.Fatal(err)
			}
			if n == 1 {
				close(block)
				time.Sleep(time.Minute)
				if last.Load() != 3 {
					t.Errorf("a minute on it runs by config %d; %v", last.Load(), h.Health.Active())
				}
			}
		}
		time.Sleep(time.Minute)
		if last.Load() != 4 || len(h.Health.Active()) != 0 {
			t.Errorf("after Replace by 4 it runs by config %d; %v", last.Load(), h.Health.Active())
		}
	})
}

package host

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
)

// passing is a host whose agents leave memory after a minute, over a store in dir.
func passing(t *testing.T, dir string) *Host {
	t.Helper()
	c := clock.New("test", func() bool { return true })
	s, err := store.Open(store.Options{Dir: dir, Clock: c, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Clock: c, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: s, Passivate: time.Minute})
	return h
}

func (h *Host) endWithStore(t *testing.T) {
	t.Helper()
	stop(t, h)
	if err := h.Store.Close(); err != nil {
		t.Error(err)
	}
}

func (h *Host) inMemory(uri route.NodeURI) bool {
	_, ok := h.Node(uri)
	return ok
}

func mustRoute(t *testing.T, h *Host, pattern string, setup func(*agent.Agent)) {
	t.Helper()
	p, err := route.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Route(p, kind(setup), nil, nil); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, h *Host, uri route.NodeURI, lane route.LaneName, body string) {
	t.Helper()
	if err := h.Do(t.Context(), uri, lane, []byte(body)); err != nil {
		t.Fatalf("%s %s: %v", uri, lane, err)
	}
}

// An agent that nobody touches leaves memory; its stored lanes are back at the first touch.
func TestPassivates(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := passing(t, t.TempDir())
		defer h.endWithStore(t)
		var stops atomic.Int32
		setup := func(a *agent.Agent) {
			agent.Value(a, "kept", 0)
			agent.Value(a, "lost", 0).Transient()
			a.OnStop(func() { stops.Add(1) })
		}
		mustRoute(t, h, "/r/:id", setup)
		add(t, h, "/c", setup)
		add(t, h, "/busy", func(a *agent.Agent) { a.Every(time.Hour, func() {}) })
		if _, err := h.Add("/thing", Things, kind(setup), nil); err != nil {
			t.Fatal(err)
		}
		for _, uri := range []route.NodeURI{"/r/1", "/r/2", "/c"} {
			command(t, h, uri, "kept", "5")
			command(t, h, uri, "lost", "6")
		}
		read, _ := h.Node("/r/2")
		tail := read.Lane("kept").Open(nobody{})
		time.Sleep(50 * time.Second)
		command(t, h, "/r/1", "kept", "7")
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if !h.inMemory("/r/1") {
			t.Error("an agent that was touched 50 s ago has left")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for uri, want := range map[route.NodeURI]bool{"/r/1": false, "/r/2": true, "/c": false, "/busy": true, "/thing": true} {
			if h.inMemory(uri) != want {
				t.Errorf("%s is in memory: %v, want %v", uri, !want, want)
			}
		}
		if stops.Load() != 2 {
			t.Errorf("%d last turns, want 2", stops.Load())
		}
		for uri, kept := range map[route.NodeURI]string{"/r/1": "7", "/c": "5"} {
			if got := state(t, h, uri, "kept"); got != kept {
				t.Errorf("%s kept %s, want %s", uri, got, kept)
			}
			if got := state(t, h, uri, "lost"); got != "0" {
				t.Errorf("%s has a transient lane of %s", uri, got)
			}
		}
		tail.Close()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if h.inMemory("/r/2") {
			t.Error("an agent stays whose last reader has gone")
		}
		if _, err := h.Add("/c", Agents, kind(setup), nil); err == nil {
			t.Error("a second agent took the place of one that is not in memory")
		}
	})
}

// An alarm brings an agent back: after it has left memory, and after a restart of the host.
func TestAlarmOfPassiveAgent(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		setup := func(a *agent.Agent) {
			rang := agent.Value(a, "rang", 0)
			l := a.At("bell", func() { rang.Set(rang.Get() + 1) })
			agent.Command(a, "in", func(minutes int) error {
				l.Set(a.Now().Time().Add(time.Duration(minutes) * time.Minute))
				return nil
			})
		}
		h := passing(t, dir)
		mustRoute(t, h, "/r/:id", setup)
		command(t, h, "/r/1", "in", "10")
		command(t, h, "/r/2", "in", "60")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if h.inMemory("/r/1") || h.inMemory("/r/2") {
			t.Fatal("an agent that waits for an alarm stays in memory")
		}
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if !h.inMemory("/r/1") {
			t.Fatal("nobody came for the alarm")
		}
		if got := state(t, h, "/r/1", "rang"); got != "1" {
			t.Errorf("the alarm went off %s times", got)
		}
		h.endWithStore(t)

		h = passing(t, dir)
		mustRoute(t, h, "/r/:id", setup)
		h.Resume()
		synctest.Wait()
		if h.inMemory("/r/2") {
			t.Error("an agent is in memory before its alarm")
		}
		time.Sleep(50*time.Minute + 30*time.Second) // a little past its hour
		synctest.Wait()
		if !h.inMemory("/r/2") || h.inMemory("/r/1") {
			t.Error("the alarm of /r/2 did not bring it, and it alone, back")
		}
		for _, uri := range []route.NodeURI{"/r/1", "/r/2"} {
			if got := state(t, h, uri, "rang"); got != "1" {
				t.Errorf("%s: its alarm went off %s times", uri, got)
			}
		}
		h.endWithStore(t)
	})
}

// A step of the wall clock moves alarms, of agents in memory and not.
func TestAlarmFollowsClock(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := passing(t, t.TempDir())
		defer h.endWithStore(t)
		h.Clock = clock.New("test", func() bool { return false }) // only what Learn says is right
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			rang := agent.Value(a, "rang", 0)
			l := a.At("bell", func() { rang.Set(rang.Get() + 1) })
			agent.Command(a, "hours", func(n int) error {
				l.Set(a.Now().Time().Add(time.Duration(n) * time.Hour))
				return nil
			})
			if a.Param("id") == "stays" {
				a.Every(time.Hour, func() {})
			}
		})
		for _, uri := range []route.NodeURI{"/r/stays", "/r/leaves"} {
			command(t, h, uri, "hours", "48")
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if h.inMemory("/r/leaves") {
			t.Fatal("it has not left")
		}
		rang := func() string { return state(t, h, "/r/stays", "rang") }
		h.Clock.Learn(time.Now().Add(-24 * time.Hour)) // a step back
		time.Sleep(48 * time.Hour)
		if got := rang(); got != "0" || h.inMemory("/r/leaves") {
			t.Errorf("48 hours on, of which 24 do not count, it rang %s times", got)
		}
		h.Clock.Learn(time.Now().Add(time.Hour)) // a step over the moment
		synctest.Wait()
		if got := rang(); got != "1" || !h.inMemory("/r/leaves") {
			t.Errorf("it rang %s times after the clock was set past its moment", got)
		}
		h.Clock.Learn(time.Now().Add(-24 * time.Hour))
		time.Sleep(72 * time.Hour)
		if a, b := rang(), state(t, h, "/r/leaves", "rang"); a != "1" || b != "1" {
			t.Errorf("a moment that came twice rang %s and %s times", a, b)
		}
	})
}

// An agent that stops itself leaves memory, also when it is read. Who links to it is unlinked; who follows it
// waits, and is linked to the next one, which the next touch makes.
func TestAgentStops(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			n := agent.Value(a, "n", 0)
			a.OnStop(func() { n.Set(n.Get() + 100) })
			agent.Command(a, "stop", func(int) error { a.Stop(); return nil })
		})
		command(t, h, "/r/1", "n", "1")
		var seen, lost int
		var synced func() bool
		add(t, h, "/reader", func(a *agent.Agent) {
			d := agent.Link(a, "/r/1", "n", func(n int) { seen = n })
			d.OnLost(func(error) { lost++ })
			synced = d.IsSynced
		})
		synctest.Wait()
		a, _ := h.Node("/r/1")
		e := ending{make(chan struct{})}
		reader := a.Lane("n").Open(e)
		command(t, h, "/r/1", "stop", "1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got, _ := reader.Next(); string(got) != "101" || seen != 101 {
			t.Errorf("the last turn has n be %q for a link and %d for a follower, want 101", got, seen)
		}
		command(t, h, "/r/1", "n", "3")
		synctest.Wait()
		if got, _ := reader.Next(); string(got) != "3" || seen != 3 || lost != 0 || !synced() {
			t.Errorf("they have %q and %d of the next one, want 3; the follower was told %d times that it lost one, and is synced: %v", got, seen, lost, synced())
		}
		command(t, h, "/r/1", "stop", "1")
		if err := h.Remove(t.Context(), "/reader"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if !h.inMemory("/r/1") {
			t.Error("an agent that stopped has left memory, though it is linked to")
		}
		reader.Close()
		synctest.Wait()
		if h.inMemory("/r/1") {
			t.Error("an agent that stopped is in memory after the last link to it has ended")
		}
		select {
		case <-e.ended:
			t.Error("a link was ended by Stop")
		default:
		}
	})
}

// What an agent had going on when it stopped does not bring it back, nor does a second Stop.
func TestStopsForGood(t *testing.T) {
	for what, setup := range map[string]func(h *Host, a *agent.Agent, stop func(do func())){
		"twice":     func(_ *Host, a *agent.Agent, stop func(func())) { stop(a.Stop) },
		"in OnStop": func(_ *Host, a *agent.Agent, stop func(func())) { a.OnStop(a.Stop); stop(nil) },
		"Every": func(_ *Host, a *agent.Agent, stop func(func())) {
			a.Every(time.Second, func() {})
			stop(func() { time.Sleep(2 * time.Second) })
		},
		"Go": func(_ *Host, a *agent.Agent, stop func(func())) {
			stop(func() { a.Go(func(ctx context.Context) func() { <-ctx.Done(); return nil }) })
		},
		"alarm": func(h *Host, a *agent.Agent, stop func(func())) {
			a.At("bell", func() {}).Set(a.Now().Time().Add(time.Hour))
			stop(func() { h.Clock.Learn(time.Now()) })
		},
		"link": func(h *Host, a *agent.Agent, stop func(func())) {
			agent.Link(a, "/source", "n", func(int) {})
			stop(func() {
				h.take(context.Background(), "/source", "n", []byte("5"))
				time.Sleep(time.Second)
			})
		},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, forgetful, func(t *testing.T, h *Host) {
				starts, stops := 0, 0
				add(t, h, "/source", func(a *agent.Agent) {
					agent.Value(a, "n", 0)
					a.Every(time.Hour, func() {})
				})
				mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
					if starts++; starts > 100 {
						return // it would go on for ever
					}
					a.OnStop(func() { stops++ })
					setup(h, a, func(do func()) {
						agent.Command(a, "stop", func(int) error {
							a.Stop()
							if do != nil {
								do()
							}
							return nil
						})
					})
				})
				command(t, h, "/r/1", "stop", "1")
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if starts != 1 || stops != 1 || h.inMemory("/r/1") {
					t.Errorf("%d starts and %d last turns, want one; in memory: %v", starts, stops, h.inMemory("/r/1"))
				}
			})
		})
	}
}

// While the store cannot save, nobody leaves memory, for what it stored would be lost.
func TestStaysWhileNothingIsSaved(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	s := openStore(t, t.TempDir())
	h.Store = s
	mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
		agent.Value(a, "n", 0)
		agent.Command(a, "stop", func(int) error { a.Stop(); return nil })
	})
	command(t, h, "/r/1", "n", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	h.take(context.Background(), "/r/1", "n", []byte("2"))
	h.take(context.Background(), "/r/1", "stop", []byte("1"))
	if got := state(t, h, "/r/1", "n"); got != "2" {
		t.Errorf("n is %s, want 2", got)
	}
	stop(t, h)
}

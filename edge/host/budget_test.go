package host

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// stuckHere is what the report of an endless turn has to name.
func stuckHere(block chan struct{}) { <-block }

func stuckNode(i int) route.NodeURI { return route.NodeURI(fmt.Sprint("/stuck/", i)) }

// Turns that do not end harm their agents alone, however many they are; they are named, and once they
// end all is as before.
func TestEndlessTurns(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		var log strings.Builder
		h.Log = slog.New(slog.NewTextHandler(&log, nil))
		workers := len(h.sched.watch.workers)
		block := make(chan struct{})
		const stuck = 50 // more than workers
		for i := range stuck {
			add(t, h, stuckNode(i), func(a *agent.Agent) {
				agent.Command(a, "hang", func(int) error { stuckHere(block); return nil })
			})
		}
		add(t, h, "/well", func(a *agent.Agent) { agent.Value(a, "n", 0) })
		synctest.Wait()
		for i := range stuck {
			h.take(t.Context(), stuckNode(i), "hang", []byte("1"))
		}
		time.Sleep(10 * h.Budget)
		command(t, h, "/well", "n", "1") // returns when it had its turn
		if got := len(h.Health.Active()); got != stuck {
			t.Errorf("%d conditions, want one for each of %d", got, stuck)
		}
		if l, _ := h.Load("/stuck/0"); l.State != "running" || l.Turn < 5*h.Budget {
			t.Errorf("a stuck agent is %s, its turn takes %v", l.State, l.Turn)
		}
		if !strings.Contains(log.String(), "stuckHere") {
			t.Errorf("the log does not have the place where it hangs:\n%s", log.String())
		}
		if err := h.hand("/stuck/0", "hang", make([]byte, maxMail)); err != nil {
			t.Fatal(err)
		}
		if err := h.hand("/stuck/0", "hang", []byte("1")); err != ErrFull {
			t.Errorf("a sender to a stuck agent with a full mailbox gets %v", err)
		}
		close(block)
		time.Sleep(time.Second)
		synctest.Wait()
		// What is left is the command that was too long to be a number.
		if found := h.Health.Active(); len(found) != 1 || found[0].Code != "lane./stuck/0.hang" {
			t.Errorf("conditions after all turns ended: %v", found)
		}
		h.sched.watch.mu.Lock()
		if got := len(h.sched.watch.workers); got != workers {
			t.Errorf("%d workers are left, want %d", got, workers)
		}
		h.sched.watch.mu.Unlock()
		stop(t, h)
	})
}

// A worker that has many short turns to give is not over its budget.
func TestBusyIsNotOverdue(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		add(t, h, "/busy", func(a *agent.Agent) {
			agent.Command(a, "work", func(int) error { time.Sleep(h.Budget / 2); return nil })
		})
		for range 100 {
			h.take(t.Context(), "/busy", "work", []byte("1"))
		}
		time.Sleep(30 * h.Budget)
		if found := h.Health.Active(); len(found) != 0 {
			t.Errorf("conditions: %v", found)
		}
		time.Sleep(30 * h.Budget)
		stop(t, h)
	})
}

// Agents with many turns, each far below the budget, leave others theirs.
func TestManyTurnsGiveWay(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		for i := range h.sched.watch.workers {
			uri := route.NodeURI(fmt.Sprint("/busy/", i))
			add(t, h, uri, func(a *agent.Agent) {
				agent.Command(a, "work", func(int) error { time.Sleep(h.Budget / 10); return nil })
			})
			synctest.Wait()
			for range 400 {
				h.take(t.Context(), uri, "work", []byte("1"))
			}
		}
		add(t, h, "/well", func(a *agent.Agent) { agent.Value(a, "n", 0) })
		time.Sleep(h.Budget / 5)
		began := time.Now()
		command(t, h, "/well", "n", "1")
		if took := time.Since(began); took > 2*h.Budget {
			t.Errorf("an agent with nothing to do answered after %v", took)
		}
		time.Sleep(60 * h.Budget) // until they have had their turns
	})
}

// An agent that ran well and then cannot start pauses longer and longer.
func TestPauseGrows(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		starts, broken := 0, false
		add(t, h, "/x", func(a *agent.Agent) {
			if starts++; broken {
				panic("broken")
			}
			agent.Command(a, "go", func(int) error { panic("spilt") })
		})
		h.Do(t.Context(), "/x", "go", []byte("1"))
		time.Sleep(time.Minute)
		synctest.Wait()
		starts, broken = 0, true
		h.Do(t.Context(), "/x", "go", []byte("1"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if starts > 12 {
			t.Errorf("%d starts within a minute", starts)
		}
	})
}

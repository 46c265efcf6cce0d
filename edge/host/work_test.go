package host

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
)

func TestGo(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		var running, most atomic.Int32
		var cancelled atomic.Int32
		var a *agent.Agent
		var done atomic.Int32
		add(t, h, "/x", func(made *agent.Agent) {
			a = made
			agent.Command(a, "work", func(n int) error {
				for range n {
					a.Go(func(ctx context.Context) func() {
						now := running.Add(1)
						defer running.Add(-1)
						if now > most.Load() {
							most.Store(now)
						}
						select {
						case <-time.After(time.Second):
							return func() { done.Add(1) }
						case <-ctx.Done():
							cancelled.Add(1)
							return func() { done.Add(1000) }
						}
					})
				}
				return nil
			})
			agent.Command(a, "save", func(free int) error {
				return a.Go(func(context.Context) func() {
					if free == 0 {
						panic("no disk")
					}
					return nil
				})
			})
		})
		command(t, h, "/x", "work", "40")
		if got := state(t, h, "/x", "work"); got != "" { // turns go on while it works
			t.Errorf("the command lane holds %s", got)
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if done.Load() != 32 || most.Load() != 16 {
			t.Errorf("%d of 40 are done after 2 of 3 rounds, %d at most ran at a time", done.Load(), most.Load())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if done.Load() != 40 {
			t.Errorf("%d are done, want 40", done.Load())
		}

		command(t, h, "/x", "save", "0")
		synctest.Wait()
		found := h.Health.Active()
		if len(found) != 1 || !strings.Contains(found[0].Text, "no disk") || h.Health.Count("agent.restarts") != 0 {
			t.Errorf("after a panic beside its turns: %v", found)
		}
		command(t, h, "/x", "work", "1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if done.Load() != 41 || len(h.Health.Active()) != 1 {
			t.Errorf("%d are done, want 41; conditions after a work of another sort: %v", done.Load(), h.Health.Active())
		}
		command(t, h, "/x", "save", "1")
		synctest.Wait()
		if found := h.Health.Active(); len(found) != 0 {
			t.Errorf("after one of the same sort: %v", found)
		}

		command(t, h, "/x", "work", "3")
		a.Wake(func() { panic("restart") })
		synctest.Wait()
		if cancelled.Load() != 3 || done.Load() != 41 {
			t.Errorf("%d of 3 were told that the agent restarts; done is %d, want 41", cancelled.Load(), done.Load())
		}
		time.Sleep(time.Minute)
		command(t, h, "/x", "work", "1")
		stop(t, h) // returns when they have ended
		if running.Load() != 0 || cancelled.Load() != 4 {
			t.Errorf("%d still run after Stop", running.Load())
		}
	})
}

// An alarm that makes its agent panic does not do so for ever.
func TestAlarmPanics(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		rang := 0
		add(t, h, "/x", func(a *agent.Agent) {
			l := a.At("bell", func() { rang++; panic("too loud") })
			other := a.At("other", func() {})
			agent.Command(a, "in", func(s int) error {
				l.Set(a.Now().Time().Add(time.Duration(s) * time.Second))
				other.Set(a.Now().Time().Add(time.Hour))
				return nil
			})
		})
		command(t, h, "/x", "in", "5")
		time.Sleep(time.Minute)
		synctest.Wait()
		if rang != 1 {
			t.Errorf("it rang %d times, want once", rang)
		}
		if got := state(t, h, "/x", agent.TimersLane); !strings.HasPrefix(got, "@update(key:other)") {
			t.Errorf("its alarms are %s", got)
		}
		stop(t, h)
	})
}

// Every keeps its rhythm over turns that come late, and leaves out those it is too late for.
func TestEveryKeepsItsRhythm(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		var at []time.Duration
		began := time.Now()
		add(t, h, "/x", func(a *agent.Agent) {
			a.Every(time.Second, func() {
				at = append(at, time.Since(began))
				if len(at) == 2 {
					time.Sleep(2500 * time.Millisecond)
				}
			})
		})
		time.Sleep(6500 * time.Millisecond)
		synctest.Wait()
		want := []time.Duration{1 * time.Second, 2 * time.Second, 4500 * time.Millisecond, 5 * time.Second, 6 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("turns at %v, want %v", at, want)
		}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("turns at %v, want %v", at, want)
				break
			}
		}
		stop(t, h)
	})
}

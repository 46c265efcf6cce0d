package host

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
)

// An alarm rings once for each moment, whatever befalls its agent meanwhile.
func TestAlarmRingsOnce(t *testing.T) {
	for what, first := range map[string]func(t *testing.T, h *Host){
		"nothing":            func(*testing.T, *Host) {},
		"a panic":            func(t *testing.T, h *Host) { h.Do(t.Context(), "/x", "fail", []byte("1")) },
		"a step and a panic": func(t *testing.T, h *Host) { h.Do(t.Context(), "/x", "step", []byte("1")) },
		"an alarm that panics, then another panic": func(t *testing.T, h *Host) {
			command(t, h, "/x", "loud", "5")
			time.Sleep(time.Minute)
			command(t, h, "/x", "in", "3600")
			h.Do(t.Context(), "/x", "fail", []byte("1"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, bare, func(t *testing.T, h *Host) {
				h.Clock = clock.New("test", func() bool { return false })
				h.Clock.Learn(time.Now())
				rang, loud := 0, false
				var due time.Time
				add(t, h, "/x", func(a *agent.Agent) {
					l := a.At("bell", func() {
						if loud {
							loud = false
							panic("too loud")
						}
						if now := a.Now().Time(); now.Before(due) {
							t.Errorf("it rang %v too early", due.Sub(now))
						}
						rang++
					})
					set := func(s int) error {
						due = a.Now().Time().Add(time.Duration(s)*time.Second + 900*time.Microsecond)
						l.Set(due)
						return nil
					}
					agent.Command(a, "in", set)
					agent.Command(a, "loud", func(s int) error { loud = true; return set(s) })
					agent.Command(a, "fail", func(int) error { panic("spilt") })
					agent.Command(a, "step", func(int) error { h.Clock.Learn(time.Now()); panic("spilt") })
				})
				command(t, h, "/x", "in", "3600")
				first(t, h)
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				if rang != 1 {
					t.Errorf("it rang %d times, want once", rang)
				}
			})
		})
	}
}

// An alarm goes by the kernel's time once that is right, though nothing has set it then.
func TestAlarmWhenKernelTakesOver(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		synced := false
		h.Clock = clock.New("test", func() bool { return synced })
		h.Clock.Learn(time.Now().Add(-time.Hour))
		due := h.Clock.Now().Time().Add(30 * time.Minute)
		var rang time.Time
		add(t, h, "/x", func(a *agent.Agent) { a.At("bell", func() { rang = time.Now() }).Set(due) })
		time.Sleep(5 * time.Minute)
		synced = true
		time.Sleep(time.Minute)
		h.Clock.Now()
		now := time.Now()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if !rang.Equal(now) {
			t.Errorf("it rang at %v, want %v, when the time was found to be past %v", rang, now, due)
		}
	})
}

// The moment of an alarm that the agent does not make any more does not bring it back.
func TestAlarmNotMadeAgain(t *testing.T) {
	for what, second := range map[string]func(a *agent.Agent){
		"another": func(a *agent.Agent) { a.At("new", func() {}) },
		"none":    func(*agent.Agent) {},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				h := passing(t, dir)
				add(t, h, "/x", func(a *agent.Agent) { a.At("old", func() {}).Set(a.Now().Time().Add(10 * time.Minute)) })
				synctest.Wait()
				h.endWithStore(t)
				h = passing(t, dir)
				starts := 0
				add(t, h, "/x", func(a *agent.Agent) { starts++; second(a) })
				h.Resume()
				time.Sleep(10 * time.Hour)
				synctest.Wait()
				if starts != 1 {
					t.Errorf("%d starts in ten hours, want 1", starts)
				}
				h.endWithStore(t)
			})
		})
	}
}

// Nobody comes any more for the alarm of an agent that was taken away while it was not in memory.
func TestAlarmOfNobody(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		add(t, h, "/x", func(a *agent.Agent) { a.At("bell", func() {}).Set(a.Now().Time().Add(10 * time.Hour)) })
		time.Sleep(5 * time.Minute)
		h.doneMu.Lock()
		before := len(h.sleepers)
		h.doneMu.Unlock()
		if err := h.Remove(t.Context(), "/x"); err != nil {
			t.Error(err)
		}
		h.doneMu.Lock()
		defer h.doneMu.Unlock()
		if before != 1 || len(h.sleepers) != 0 {
			t.Errorf("%d wait for its alarm before, %d after, want 1 and 0", before, len(h.sleepers))
		}
	})
}

// Lanes of authors do not take the place of the alarms.
func TestTimersLaneIsTaken(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		add(t, h, "/x", func(a *agent.Agent) { agent.Map[string, int](a, agent.TimersLane) })
		synctest.Wait()
		if l, _ := h.Load("/x"); l.State != "restarting" {
			t.Errorf("an agent with a lane of that name is %s; %v", l.State, fmt.Sprint(h.Health.Active()))
		}
	})
}

package board

import (
	"errors"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/agent/agenttest"
	"selvage/edge/device"
	"selvage/edge/health"
)

func TestBoard(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config("[agent.\"/board\"]\nkind = \"board\"")
		w.Want("/board", "state", "ok")
		w.Want("/board", "text", "")
		w.Want("/board", "failures", device.Reading{Unit: "1"})

		full := health.Condition{Code: "disk", Text: "the disk is nearly full", Remedy: "delete something"}
		broken := agent.NewKind("broken", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			a.Health().Raise(full)
			a.Health().Add("mail.refused", 7)
			return errors.New("it cannot start")
		})
		w.AddKind("/broken", broken, nil)
		w.Want("/board", "state", "failure")
		w.Want("/board", "text", "agent /broken did not start properly: it cannot start; mend its table in the config, then start again")
		w.Want("/board", "failures", 1)
		w.Want("/board", "warnings", 1)
		w.Want("/board", "counters", map[string]int{})

		w.Sleep(10 * time.Second)
		w.Want("/board", "counters", map[string]int{"mail.refused": 7})
		w.Want("/board", "uptime", device.Reading{Value: 10, Unit: "s"})
		for lane, least := range map[string]float64{"memory": 1 << 20, "goroutines": 2} {
			if got := agenttest.Get[device.Reading](w, "/board", lane); got.Value < least {
				t.Errorf("%s is %v, want %g or more", lane, got, least)
			}
		}
		w.Restart()
		w.Want("/board", "warnings", 1)
		w.Want("/board", "uptime", 0)
	})
}

func TestShowsNews(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config("[agent.\"/board\"]\nkind = \"board\"")
		w.AddKind("/sick", agent.NewKind("sick", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			agent.Command(a, "be", func(sick bool) error {
				if a.Health().Clear("x"); sick {
					a.Health().Raise(health.Condition{Code: "x", Text: "it is sick", After: time.Minute})
				}
				return nil
			})
			return nil
		}), nil)
		w.Command("/sick", "be", true)
		w.Want("/board", "state", "ok") // it may pass
		w.Sleep(time.Minute)
		w.Want("/board", "state", "warning")
		w.Want("/board", "text", "it is sick")
		w.Command("/sick", "be", false)
		w.Want("/board", "state", "ok")
	})
}

func TestCheck(t *testing.T) {
	faults := 0
	fault := func(key, problem, remedy string) {
		if key != "every" || problem == "" || remedy == "" {
			t.Errorf("fault at %s: %q, %q", key, problem, remedy)
		}
		faults++
	}
	Config{Every: time.Second}.Check(fault)
	Config{Every: time.Second - 1}.Check(fault)
	if faults != 1 {
		t.Errorf("%d faults, want 1", faults)
	}
}

package host

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
)

func exit() { runtime.Goexit() }

// A handler that ends its goroutine, as t.FailNow does, is as one that panics: others go on, and so does its agent.
func TestGoexit(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		workers := len(h.sched.watch.workers)
		for i := range 3 * workers {
			uri := route.NodeURI(fmt.Sprint("/x/", i))
			first := true
			add(t, h, uri, func(a *agent.Agent) {
				n := agent.Value(a, "n", 0)
				if i%3 == 0 && first {
					first = false
					exit()
				}
				agent.Command(a, "exit", func(v int) error { n.Set(v); exit(); return nil })
				if i%3 == 1 {
					a.OnStop(exit)
				}
			})
			err := h.Do(t.Context(), uri, "exit", []byte("1"))
			if err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("%s: %v", uri, err)
			}
		}
		time.Sleep(time.Minute)
		for i := range 3 * workers {
			if got := state(t, h, route.NodeURI(fmt.Sprint("/x/", i)), "n"); got != "0" {
				t.Errorf("/x/%d holds %s of a turn that was none", i, got)
			}
		}
		if got := len(h.sched.watch.workers); got != workers {
			t.Errorf("%d workers, want %d", got, workers)
		}
	})
}

// Work that ends its goroutine has had its place.
func TestGoexitInGo(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		done := 0
		add(t, h, "/x", func(a *agent.Agent) {
			for range 40 {
				a.Go(func(context.Context) func() { exit(); return nil })
			}
			a.Go(func(context.Context) func() { return func() { done++ } })
		})
		synctest.Wait()
		if done != 1 || len(h.Health.Active()) != 1 {
			t.Errorf("what waited behind was done %d times; conditions %v", done, h.Health.Active())
		}
	})
}

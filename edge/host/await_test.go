package host

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// A link gets the agent that it follows whoever makes it, at whatever moment.
func TestLinkIsServedLater(t *testing.T) {
	lane := func(a *agent.Agent) {
		agent.Value(a, "n", 7)
		agent.Command(a, "stop", func(int) error { a.Stop(); return nil })
	}
	for what, come := range map[string]func(t *testing.T, h *Host){
		"a route": func(t *testing.T, h *Host) { mustRoute(t, h, "/r/:id", lane) },
		"a view": func(t *testing.T, h *Host) {
			h.Views(func(uri route.NodeURI) (agent.Kind, any, bool) { return kind(lane), nil, uri == "/r/1" })
		},
		"a broader route instead of one that is taken away": func(t *testing.T, h *Host) {
			mustRoute(t, h, "/r/1", func(*agent.Agent) {})
			synctest.Wait()
			p := h.routes.list[0].options.Pattern
			mustRoute(t, h, "/r/:id", lane)
			if err := h.Unroute(t.Context(), p); err != nil {
				t.Error(err)
			}
		},
		"room": func(t *testing.T, h *Host) {
			h.MaxRouted = 1
			mustRoute(t, h, "/s/:id", lane)
			command(t, h, "/s/1", "n", "1")
			mustRoute(t, h, "/r/:id", lane)
			synctest.Wait()
			if h.inMemory("/r/1") || len(h.Health.Active()) == 0 {
				t.Errorf("there is no room, and it is there: %v; conditions %v", h.inMemory("/r/1"), h.Health.Active())
			}
			command(t, h, "/s/1", "stop", "1")
		},
		"the next of an agent that has stopped": func(t *testing.T, h *Host) {
			there := false
			mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
				if there {
					lane(a)
				} else {
					agent.Command(a, "stop", func(int) error { a.Stop(); return nil })
				}
			})
			command(t, h, "/r/1", "stop", "1")
			synctest.Wait()
			there = true
			h.take(t.Context(), "/r/1", "touch", nil)
		},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, bare, func(t *testing.T, h *Host) {
				seen := 0
				add(t, h, "/reader", func(a *agent.Agent) { agent.Link(a, "/r/1", "n", func(n int) { seen = n }) })
				synctest.Wait()
				come(t, h)
				time.Sleep(time.Minute)
				synctest.Wait()
				if seen != 7 {
					t.Errorf("it saw %d, want 7; conditions %v", seen, h.Health.Active())
				}
				if found := h.Health.Active(); len(found) != 0 {
					t.Errorf("conditions %v", found)
				}
			})
		})
	}
}

// A link that gets its agent at the moment at which it begins to wait is told nothing else after that.
func TestLinkWhileAgentComes(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	const n = 1000
	for i := range n {
		uri := route.NodeURI(fmt.Sprint("/s/", i))
		r := add(t, h, route.NodeURI(fmt.Sprint("/d/", i)), func(*agent.Agent) {})
		var last atomic.Value
		ready := make(chan struct{})
		made := make(chan error, 1)
		go func() {
			<-ready
			_, err := h.Add(uri, Agents, kind(func(a *agent.Agent) { agent.Value(a, "x", 0) }), nil)
			made <- err
		}()
		w := &agent.Wait{Lane: "x", Join: func(l *agent.Lane, err error) { last.Store([]any{l != nil, err}) }}
		done := make(chan error, 1)
		if err := r.Post(t.Context(), func() { close(ready); r.cell.Join(uri, w) }, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
		state(t, h, uri, "x") // behind the offer
		if got := last.Load().([]any); got[0] != true {
			t.Fatalf("try %d: told last that %v", i, got[1])
		}
	}
}

// A link that is closed while it begins to wait does not wait.
func TestLinkClosedBeforeItWaits(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		r := add(t, h, "/reader", func(*agent.Agent) {})
		w := &agent.Wait{Lane: "x", Join: func(*agent.Lane, error) {}}
		r.cell.Leave("/s", w)
		r.cell.Join("/s", w)
		if len(h.awaited) != 0 {
			t.Errorf("%d closed links wait", len(h.awaited))
		}
	})
}

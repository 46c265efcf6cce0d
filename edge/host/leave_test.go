package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
)

// Links that come while an agent is taken away wait for the next one, whatever moment they come at.
func TestLinkWhileRemoved(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, openStore(t, t.TempDir()))
		defer h.endWithStore(t)
		source := func(a *agent.Agent) { agent.Value(a, "n", 7) }
		const readers = 50
		seen := make(chan int, 10*readers)
		var links []*agent.Agent
		for i := range readers {
			handle := add(t, h, stuckNode(i), func(*agent.Agent) {})
			links = append(links, handle.Agent())
		}
		add(t, h, "/source", source)
		for i, a := range links {
			if i == readers/2 {
				go func() {
					if err := h.Remove(t.Context(), "/source"); err != nil {
						t.Error(err)
					}
				}()
			}
			a.Wake(func() { agent.Link(a, "/source", "n", func(n int) { seen <- n }) })
		}
		synctest.Wait()
		for len(seen) > 0 {
			<-seen
		}
		if h.inMemory("/source") {
			t.Fatal("it is there")
		}
		add(t, h, "/source", source)
		synctest.Wait()
		if len(seen) != readers {
			t.Errorf("%d of %d links found the next agent", len(seen), readers)
		}
	})
}

// A host stops at once though an agent of it panics in its last turn, or waits to be restarted.
func TestStopWhilePanicking(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		last := add(t, h, "/last", func(a *agent.Agent) { a.OnStop(func() { panic("last") }) })
		rests := add(t, h, "/rests", func(*agent.Agent) {})
		behind := add(t, h, "/behind", func(*agent.Agent) {})
		for range 8 {
			rests.Wake(func() { panic("again") })
			time.Sleep(10 * time.Second)
		}
		block := make(chan struct{})
		behind.Wake(func() { <-block; panic("before the last turn") })
		synctest.Wait()
		began := time.Now()
		go close(block)
		stop(t, h)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		_ = last
	})
}

// Commands that have no effect and whose sender is not told are counted.
func TestDroppedCommandsAreCounted(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		heard, block := 0, make(chan struct{})
		var late error
		sender := add(t, h, "/sender", func(*agent.Agent) {})
		add(t, h, "/x", func(a *agent.Agent) {
			agent.Value(a, "n", 0).ReadOnly()
			agent.Command(a, "hang", func(int) error { <-block; return nil })
			agent.Command(a, "say", func(int) error { heard++; return nil })
			a.OnStop(func() { late = sender.Agent().Send("/x", "say", 1) }) // accepted, and there is no turn any more
		})
		for range 10 {
			h.take(t.Context(), "/x", "nope", []byte("1"))
			h.take(t.Context(), "/x", "n", []byte("1"))
		}
		synctest.Wait()
		if n := h.Health.Count("command.dropped"); n != 20 {
			t.Errorf("20 commands had no effect, %d were counted", n)
		}
		h.take(t.Context(), "/x", "hang", []byte("1"))
		synctest.Wait()
		removed := make(chan error, 1)
		go func() { removed <- h.Remove(t.Context(), "/x") }()
		synctest.Wait()
		for range 10 {
			h.take(t.Context(), "/x", "say", []byte("1"))
		}
		close(block)
		if err := <-removed; err != nil {
			t.Error(err)
		}
		if n := h.Health.Count("command.dropped"); n != 31-int64(heard) || late != nil {
			t.Errorf("%d of 31 commands were heard, %d were counted as dropped; the last one: %v", heard, n, late)
		}
	})
}

// Whoever takes an agent away that is on its way out waits for its last turn, too.
func TestRemoveTwice(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		block := make(chan struct{})
		setup := func(a *agent.Agent) { agent.Command(a, "hang", func(int) error { <-block; return nil }) }
		add(t, h, "/x", setup)
		h.take(t.Context(), "/x", "hang", []byte("1"))
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := h.Remove(ctx, "/x"); err == nil {
				t.Error("Remove says that an agent in a turn is gone")
			}
		}
		if _, err := h.Add("/x", Agents, kind(setup), nil); err == nil {
			t.Error("there are two of it")
		}
		close(block)
		synctest.Wait()
		if h.inMemory("/x") {
			t.Error("it is there")
		}
	})
}

// Agents of a route that is taken away go though one of them is in a turn.
func TestUnrouteWhileOneHangs(t *testing.T) {
	within(t, bare, func(t *testing.T, h *Host) {
		block := make(chan struct{})
		mustRoute(t, h, "/r/:id", func(a *agent.Agent) {
			agent.Command(a, "hang", func(n int) error {
				if n == 1 {
					<-block
				}
				return nil
			})
		})
		for i := range 20 {
			h.take(t.Context(), route.NodeURI(fmt.Sprint("/r/", i)), "hang", []byte(fmt.Sprint(i)))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := h.Unroute(ctx, h.routes.list[0].options.Pattern); err == nil {
			t.Error("no error")
		}
		close(block)
		synctest.Wait()
		if n := len(h.cells); n != 0 {
			t.Errorf("%d agents of a route that is gone are left", n)
		}
	})
}

// What was wrong with an agent is not, once it has gone.
func TestConditionsGoWithTheirAgents(t *testing.T) {
	wrong := func(a *agent.Agent) {
		agent.Value(a, "n", 0)
		a.Go(func(context.Context) func() { panic("no disk") })
	}
	for what, leave := range map[string]func(t *testing.T, h *Host){
		"removed": func(t *testing.T, h *Host) {
			add(t, h, "/r/1", wrong)
			h.take(t.Context(), "/r/1", "n", []byte("five"))
			synctest.Wait()
			if got := len(h.Health.Active()); got != 2 {
				t.Errorf("%d conditions, want 2", got)
			}
			if err := h.Remove(t.Context(), "/r/1"); err != nil {
				t.Error(err)
			}
		},
		"idle": func(t *testing.T, h *Host) {
			mustRoute(t, h, "/r/:id", wrong)
			for i := range 100 {
				h.take(t.Context(), route.NodeURI(fmt.Sprint("/r/", i)), "n", []byte("five"))
			}
			time.Sleep(10 * time.Minute)
		},
		"not properly set up": func(t *testing.T, h *Host) {
			p, err := route.ParsePattern("/r/:id")
			if err != nil {
				t.Fatal(err)
			}
			k := agent.NewKind("test", 0, func(*agent.Agent, int) error { return errors.New("no such room") })
			if err := h.Route(p, k, nil, nil); err != nil {
				t.Fatal(err)
			}
			h.take(t.Context(), "/r/1", "n", []byte("5"))
			time.Sleep(10 * time.Minute)
		},
		"never set up": func(t *testing.T, h *Host) {
			h.MaxRouted = 1
			mustRoute(t, h, "/r/:id", func(*agent.Agent) { panic("no such room") })
			h.take(t.Context(), "/r/1", "n", []byte("5"))
			h.take(t.Context(), "/r/2", "n", []byte("5"))
			synctest.Wait()
			if got := len(h.Health.Active()); got != 2 {
				t.Errorf("%d conditions, want 2: of it, and of the next for which there was no place", got)
			}
			time.Sleep(10 * time.Minute)
		},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, forgetful, func(t *testing.T, h *Host) {
				leave(t, h)
				synctest.Wait()
				if found := h.Health.Active(); len(found) != 0 || len(h.cells) != 0 {
					t.Errorf("%d agents, %d conditions: %v", len(h.cells), len(found), found)
				}
			})
		})
	}
}

// A request that comes while its agent is taken away is answered.
func TestRequestWhileRemoved(t *testing.T) {
	h := newHost(t, nil)
	defer stop(t, h)
	block, entered := make(chan struct{}), make(chan struct{})
	x := add(t, h, "/x", func(a *agent.Agent) { agent.Value(a, "n", 0) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := peer.Upgrade(w, r, nil, peer.Options{Server: h}); err == nil {
			c.Serve()
		}
	}))
	defer server.Close()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	x.Wake(func() { close(entered); <-block })
	<-entered
	removed := make(chan error, 1)
	c := x.cell
	c.end(func() { removed <- nil }) // behind which the request waits
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`@sync(node:"/x",lane:n)`)); err != nil {
		t.Fatal(err)
	}
	for l, _ := h.Load("/x"); l.Mail < 2; l, _ = h.Load("/x") {
		runtime.Gosched()
	}
	close(block)
	<-removed
	if err := h.takeAway(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := ws.ReadMessage(); err != nil || !strings.HasPrefix(string(answer), `@unlinked(node:"/x",lane:n)`) {
		t.Errorf("the answer is %s, %v", answer, err)
	}
}

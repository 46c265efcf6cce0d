package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/leaktest"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/store"
)

func newHost(t *testing.T, s *store.Store) *Host {
	t.Helper()
	return New(Options{Clock: clock.New("test", func() bool { return true }), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: s})
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, h *Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func kind(setup func(a *agent.Agent)) agent.Kind {
	return agent.NewKind("test", struct{}{}, func(a *agent.Agent, _ struct{}) error { setup(a); return nil })
}

func add(t *testing.T, h *Host, uri route.NodeURI, setup func(a *agent.Agent)) *Handle {
	t.Helper()
	handle, err := h.Add(uri, Agents, kind(setup), nil)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

// state asks an agent for a lane's state in a turn, so after all mail before.
func state(t *testing.T, h *Host, uri route.NodeURI, lane route.LaneName) string {
	t.Helper()
	c, err := h.find(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	got := make(chan string, 1)
	(&Handle{c}).Wake(func() {
		l := c.agent.Lane(lane)
		if l == nil {
			got <- "no lane"
			return
		}
		tail := l.Open(nobody{})
		defer tail.Close()
		var all []string
		for next := tail.State(); ; {
			b, ok := next()
			if !ok {
				break
			}
			all = append(all, string(b))
		}
		got <- strings.Join(all, " ")
	})
	return <-got
}

type nobody struct{}

func (nobody) Wake() {}

// A command that was answered is on flash: another host on the same folder has it.
func TestDoIsStored(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	setup := func(a *agent.Agent) {
		agent.Value(a, "x", 0)
		agent.Map[string, string](a, "m")
	}
	s := openStore(t, dir)
	h := newHost(t, s)
	add(t, h, "/a", setup)
	for _, c := range [][2]string{{"x", "5"}, {"m", `@update(key:"a b") "c d"`}, {"m", "@update(key:e) f"}, {"m", "@remove(key:e)"}} {
		if err := h.Do(t.Context(), "/a", route.LaneName(c[0]), []byte(c[1])); err != nil {
			t.Fatalf("%s %s: %v", c[0], c[1], err)
		}
	}
	if err := h.Do(t.Context(), "/a", "x", []byte("five")); err == nil || !strings.Contains(err.Error(), "/a x: ") {
		t.Errorf("a refused command: %v, want an error that names the lane", err)
	}
	if err := h.Do(t.Context(), "/a", "y", []byte("5")); !errors.Is(err, agent.ErrNoLane) {
		t.Errorf("a command to no lane: %v", err)
	}
	if err := h.Do(t.Context(), "/b", "x", []byte("5")); !errors.Is(err, ErrNoNode) {
		t.Errorf("a command to no agent: %v", err)
	}
	stop(t, h)
	if err := h.Do(t.Context(), "/a", "x", []byte("6")); !errors.Is(err, ErrStopped) {
		t.Errorf("a command to a stopped host: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openStore(t, dir)
	h = newHost(t, s)
	add(t, h, "/a", setup)
	if got := state(t, h, "/a", "x"); got != "5" {
		t.Errorf("x = %s after a restart, want 5", got)
	}
	if got := state(t, h, "/a", "m"); got != `@update(key:"a b")"c d"` {
		t.Errorf("m = %s after a restart", got)
	}
	stop(t, h)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRoute(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	p, err := route.ParsePattern("/room/:id")
	if err != nil {
		t.Fatal(err)
	}
	k := kind(func(a *agent.Agent) { agent.Value(a, "id", a.Param("id")) })
	if err := h.Route(p, k, nil, func(p route.Params) bool { return p.Get("id") != "none" }); err != nil {
		t.Fatal(err)
	}
	add(t, h, "/room/own", func(a *agent.Agent) { agent.Value(a, "id", "of its own") })
	for uri, want := range map[route.NodeURI]string{"/room/7": `"7"`, "/room/own": `"of its own"`} {
		if got := state(t, h, uri, "id"); got != want {
			t.Errorf("%s id = %s, want %s", uri, got, want)
		}
	}
	for _, uri := range []route.NodeURI{"/room", "/room/", "/room/7/8", "/room/none", "/hall"} {
		if _, err := h.find(uri); !errors.Is(err, ErrNoNode) {
			t.Errorf("find(%s) = %v, want %v", uri, err, ErrNoNode)
		}
	}
}

// A panic restarts that agent alone, after a pause that grows; mail waits for it.
func TestPanicRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		defer stop(t, h)
		starts, panics := 0, 3
		add(t, h, "/a", func(a *agent.Agent) {
			starts++
			count := agent.Value(a, "count", 0)
			agent.Command(a, "go", func(v recon.Value) error {
				if panics > 0 {
					panics--
					panic("spilt")
				}
				count.Set(count.Get() + 1)
				return nil
			})
		})
		add(t, h, "/b", func(a *agent.Agent) { agent.Value(a, "x", 1) })
		begin := time.Now()
		var done []error
		c, _ := h.find("/a")
		for range 5 {
			if _, err := c.push(agent.Mail{Lane: "go", Done: func(err error) { done = append(done, err) }}, false); err != nil {
				t.Fatal(err)
			}
		}
		if got := state(t, h, "/b", "x"); got != "1" {
			t.Errorf("another agent answers %s", got)
		}
		if got := state(t, h, "/a", "count"); got != "2" {
			t.Errorf("count = %s after 3 panics of 5 commands, want 2", got)
		}
		if took := time.Since(begin); took != 700*time.Millisecond {
			t.Errorf("three restarts took %v, want pauses of 100, 200 and 400 ms", took)
		}
		if starts != 4 || h.Health.Count("agent.restarts") != 3 {
			t.Errorf("%d starts, %d counted, want 4 and 3", starts, h.Health.Count("agent.restarts"))
		}
		for i, err := range done {
			var p *agent.Panicked
			if (i < 3) != errors.As(err, &p) {
				t.Errorf("command %d ended with %v", i, err)
			}
		}
	})
}

// A full mailbox holds up its own sender for a second, then refuses; another agent hears nothing of it.
func TestFullMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		hold := make(chan struct{})
		add(t, h, "/slow", func(a *agent.Agent) {
			agent.Command(a, "go", func(string) error { <-hold; return nil })
		})
		add(t, h, "/quick", func(a *agent.Agent) { agent.Value(a, "x", 1) })
		body := []byte(`"` + strings.Repeat("x", 1000) + `"`)
		sent := 0
		for begin := time.Now(); time.Since(begin) == 0; sent++ {
			h.take(t.Context(), "/slow", "go", body)
		}
		if full := maxMail / (len(body) + mailSize); sent < full || sent > 2*full+3 {
			t.Errorf("%d commands of 1,000 bytes went in without a wait, want %d, and as many again while those have their turns", sent, full)
		}
		if n := h.Health.Count("command.dropped"); n != 1 {
			t.Errorf("%d commands counted as dropped, want 1", n)
		}
		if err := h.Do(t.Context(), "/quick", "x", []byte("2")); err != nil {
			t.Errorf("the other agent: %v", err)
		}
		if err := h.Do(t.Context(), "/slow", "go", body); !errors.Is(err, ErrFull) {
			t.Errorf("Do on a full mailbox = %v, want %v", err, ErrFull)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- h.Do(t.Context(), "/slow", "go", body) }()
		synctest.Wait()
		close(hold)
		if err := <-waiting; err != nil {
			t.Errorf("a sender that found room in time: %v", err)
		}
		stop(t, h)
	})
}

// What an agent sends in its last turn is still heard by the layer below.
func TestStopOrder(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	var heard []string
	_, err := h.Add("/thing", Things, kind(func(a *agent.Agent) {
		agent.Command(a, "set", func(s string) error { heard = append(heard, s); return nil })
		a.OnStop(func() { heard = append(heard, "stopped") })
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		add(t, h, route.NodeURI(fmt.Sprint("/a/", i)), func(a *agent.Agent) {
			a.OnStop(func() {
				if err := a.Send("/thing", "set", "off"); err != nil {
					t.Error(err)
				}
			})
		})
	}
	stop(t, h)
	if len(heard) != 21 || heard[20] != "stopped" {
		t.Errorf("heard %v, want 20 × off, then stopped", heard)
	}
	if _, err := h.Add("/late", Agents, kind(func(*agent.Agent) {}), nil); !errors.Is(err, ErrStopped) {
		t.Errorf("Add after Stop = %v", err)
	}
}

// One turn at a time: handlers of one agent never overlap, whoever sends.
func TestOneTurnAtATime(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	n := 0 // no lock, so that -race finds overlapping turns
	add(t, h, "/a", func(a *agent.Agent) {
		agent.Command(a, "go", func(int) error { n++; return nil })
	})
	const senders, each = 8, 500
	done := make(chan error, senders)
	for range senders {
		go func() {
			var err error
			for i := range each {
				err = errors.Join(err, h.Do(context.Background(), "/a", "go", fmt.Append(nil, i)))
			}
			done <- err
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	stop(t, h)
	if n != senders*each {
		t.Errorf("%d turns, want %d", n, senders*each)
	}
}

func TestStopNamesWhoHangs(t *testing.T) {
	h := newHost(t, nil)
	hold := make(chan struct{})
	defer close(hold)
	handle := add(t, h, "/stuck", func(a *agent.Agent) {})
	if err := handle.Do(t.Context(), func() { <-hold }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := h.Stop(ctx); err == nil || !strings.Contains(err.Error(), "/stuck did not stop in time") {
		t.Errorf("Stop = %v, want one that names the agent", err)
	}
}

// Anybody who may send can touch new node URIs, so there is an end to what routes make.
func TestRouteLimit(t *testing.T) {
	leaktest.Check(t)
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), MaxRouted: 3})
	defer stop(t, h)
	p, err := route.ParsePattern("/room/:id")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Route(p, kind(func(a *agent.Agent) { agent.Value(a, "x", 0) }), nil, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		err := h.Do(t.Context(), route.NodeURI(fmt.Sprint("/room/", i)), "x", []byte("1"))
		if (i < 3) != (err == nil) || i >= 3 && !errors.Is(err, ErrTooMany) {
			t.Errorf("agent %d of at most 3: %v", i, err)
		}
	}
	if c := h.Health.Active(); len(c) != 1 || c[0].Code != "host.agents" {
		t.Errorf("conditions %v, want host.agents", c)
	}
}

// The order in which agents are added does not matter to their links.
func TestLinkToLaterAgent(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	seen := make(chan int, 1)
	add(t, h, "/early", func(a *agent.Agent) {
		agent.Value(a, "ready", true)
		agent.Link(a, "/late", "x", func(v int) { seen <- v })
	})
	if got := state(t, h, "/early", "ready"); got != "true" {
		t.Fatalf("ready = %s", got)
	}
	add(t, h, "/late", func(a *agent.Agent) { agent.Value(a, "x", 7) })
	if got := <-seen; got != 7 {
		t.Errorf("the link saw %d, want 7", got)
	}
}

// A link that was closed before its agent came to be leaves nothing behind.
func TestLinkGivenUp(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	var links []*agent.Downlink
	told := make(chan int, 1)
	a := add(t, h, "/early", func(a *agent.Agent) {
		agent.Value(a, "ready", true)
		for range 3 {
			links = append(links, agent.Link(a, "/late", "x", func(int) { t.Error("a closed link was told") }))
		}
		links = append(links, agent.Link(a, "/late", "x", func(v int) { told <- v }))
	})
	awaited := func(want int) {
		t.Helper()
		if got := state(t, h, "/early", "ready"); got != "true" {
			t.Fatalf("ready = %s", got)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if n := len(h.awaited["/late"]); n != want {
			t.Errorf("%d wait for /late, want %d", n, want)
		}
	}
	awaited(4)
	if err := a.Do(t.Context(), func() {
		for _, l := range links[:3] {
			l.Close()
		}
	}); err != nil {
		t.Fatal(err)
	}
	awaited(1)
	add(t, h, "/late", func(a *agent.Agent) { agent.Value(a, "x", 7) })
	if got := <-told; got != 7 {
		t.Errorf("the link saw %d, want 7", got)
	}
	if len(h.awaited) != 0 {
		t.Errorf("%v is still awaited", h.awaited)
	}
}

// Who waits for an agent that rests after a panic is told when the host stops.
func TestStopWhileResting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		add(t, h, "/a", func(a *agent.Agent) {
			agent.Command(a, "go", func(int) error { panic("spilt") })
		})
		h.Do(t.Context(), "/a", "go", []byte("1"))
		waiting := make(chan error, 1)
		go func() { waiting <- h.Do(t.Context(), "/a", "go", []byte("2")) }()
		synctest.Wait()
		stop(t, h)
		if err := <-waiting; !errors.Is(err, ErrStopped) {
			t.Errorf("Do = %v, want %v", err, ErrStopped)
		}
	})
}

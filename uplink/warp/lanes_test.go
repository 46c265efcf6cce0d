package warp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/uplink"
)

// sends starts an uplink of h to a hub, and returns the hub once it has been shown all.
func sends(t *testing.T, h *host.Host) *listener {
	t.Helper()
	hub := &listener{whole: make(chan struct{}), open: make(chan struct{})}
	close(hub.open)
	l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: Config{URL: listen(t, hub), As: "/edge/b", Send: []string{"/r/*/*"}}})
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	t.Cleanup(func() {
		if err := l.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-hub.whole:
	case <-time.After(patience):
		t.Fatalf("the state was not complete; told %q", hub.told)
	}
	return hub
}

// hears waits until the hub has been told a line.
func (l *listener) hears(t *testing.T, line string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		l.mu.Lock()
		known, news := slices.Contains(l.told, line), l.news
		l.mu.Unlock()
		if known {
			return
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("the hub was not told %q, but %q", line, l.told)
		}
	}
}

func add(t *testing.T, h *host.Host, setup func(a *agent.Agent)) *host.Handle {
	t.Helper()
	x, err := h.Add("/r/a", host.Agents, agent.NewKind("room", 0, func(a *agent.Agent, _ int) error {
		setup(a)
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Read(t.Context(), "/r/a", "plain"); err != nil {
		t.Fatal(err)
	}
	return x
}

func conditions(h *host.Host) string {
	var all []string
	for _, c := range h.Health.Active() {
		all = append(all, c.Text)
	}
	return strings.Join(all, "\n")
}

// A lane that a hub cannot have is left out and named; the others are sent.
func TestUnfitLanes(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t)
	big := strings.Repeat("x", maxBody+1)
	odd := []string{"a b", "50%", "°C", "1:b", "a?b", "a#b", strings.Repeat("n", 300)}
	add(t, h, func(a *agent.Agent) {
		for _, name := range odd {
			agent.Value(a, name, 1)
		}
		agent.Value(a, "big", big)
		agent.Value(a, "plain", 42)
	})
	hub := sends(t, h)
	hub.hears(t, "/edge/b/r/a plain 42")
	got := conditions(h)
	for _, name := range odd {
		if !strings.Contains(got, "lane "+name+" of /r/a is not sent") {
			t.Errorf("there is no condition for the lane %.20s in\n%s", name, got)
		}
	}
	if !strings.Contains(got, "lane big of /r/a holds a value of 1048577 bytes") {
		t.Errorf("there is no condition for the value that is too big in\n%s", got)
	}
}

// An agent that restarts, and comes back with a lane of another kind, is sent as it is now.
func TestLaneMadeAnew(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t)
	starts := 0
	room := add(t, h, func(a *agent.Agent) {
		agent.Value(a, "plain", starts).Transient()
		if starts++; starts == 1 {
			agent.Value(a, "x", 5).Transient()
		} else {
			agent.Map[string, int](a, "x").Transient().Set("k", 6)
		}
	})
	hub := sends(t, h)
	hub.hears(t, "/edge/b/r/a x 5")
	if err := room.Do(t.Context(), func() { panic("a restart") }); err != nil {
		t.Fatal(err)
	}
	hub.hears(t, "/edge/b/r/a mirror @lane(name:x,kind:map)")
	hub.hears(t, "/edge/b/r/a x @update(key:k) 6")
	hub.hears(t, "/edge/b/r/a plain 1")
}

// The lanes of a first setup that panicked are not those that are sent.
func TestFirstSetupPanics(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t)
	half, watched := make(chan struct{}), make(chan struct{})
	starts := 0
	k := agent.NewKind("room", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "plain", 100+starts).Transient()
		if starts++; starts == 1 {
			close(half)
			<-watched
			panic("not yet")
		}
		return nil
	})
	if _, err := h.Add("/r/a", host.Agents, k, nil); err != nil {
		t.Fatal(err)
	}
	<-half
	hub := sends(t, h) // nothing yet: that setup is under way
	close(watched)
	hub.hears(t, "/edge/b/r/a plain 101")
	hub.mu.Lock()
	defer hub.mu.Unlock()
	for _, line := range hub.told {
		if strings.Contains(line, "100") {
			t.Errorf("the hub was told %s", line)
		}
	}
}

// Whoever takes a connection and says nothing holds up no stop.
func TestStopWhileDialling(t *testing.T) {
	leaktest.Check(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	h := newHost(t)
	l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: Config{URL: fmt.Sprint("warp://", ln.Addr()), Send: []string{"/r/*/*"}}})
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // below the 10 s of a handshake
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
}

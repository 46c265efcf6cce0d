package far_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/far"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
)

// lanes is a unit's lanes.
func lanes(_ *site, a *agent.Agent) {
	agent.Value(a, "level", 1)
	agent.Map[string, int](a, "map")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Two readers of a lane and one of another share a socket, and two of them a link, which ends with
// the last of them.
func TestShared(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	one, a, d := link[int](h, s.node("/unit/1"), "level")
	two, b, e := link[int](h, s.node("/unit/1"), "level")
	other, _, _ := link[int](h, s.node("/unit/2"), "level")
	want(t, one, 1)
	want(t, two, 1)
	want(t, other, 1)
	s.do(t, "/unit/1", "level", "2")
	want(t, one, 2)
	want(t, two, 2)
	third, c, f := link[int](h, s.node("/unit/1"), "level") // served from here
	want(t, third, 2)
	s.wait(t, "two links over one socket", func() bool {
		// Each lane is synced again once, to see whether it keeps state.
		return len(s.conns) == 1 && s.count("sync /unit/1 level") == 2 && s.count("sync /unit/2 level") == 2
	})
	h.status(s.address(), func(s far.Status) bool { return s.State == peer.Connected && s.Links == 2 })

	h.turn(a, func() { (*d).Close() })
	h.turn(b, func() { (*e).Close() })
	s.do(t, "/unit/1", "level", "3")
	want(t, third, 3)
	h.turn(c, func() { (*f).Close() })
	s.wait(t, "unlinked", func() bool { return s.count("unlink /unit/1 level") == 1 })
	s.do(t, "/unit/1", "level", "4")
	again, _, _ := link[int](h, s.node("/unit/1"), "level")
	want(t, again, 4) // never the old state
	s.wait(t, "linked again", func() bool { return len(s.conns) == 1 && s.count("sync /unit/1 level") == 4 })
}

// The other host is stopped, and comes back at the same place with other state.
func TestAway(t *testing.T) {
	h := newHome(t)
	at := freePort(t)
	s := newSite(t, at, func(_ *site, a *agent.Agent) {
		agent.Value(a, "level", 1)
		m := agent.Map[string, int](a, "map")
		m.Set("a", 1)
		m.Set("b", 2)
		m.Set("c", 3)
	})
	node := s.node("/unit/1")
	level, _, _ := link[int](h, node, "level")
	want(t, level, 1)
	entries := h.follow(node, "map", agent.MapKind)
	h.reads(t, node, "map", "@update(key:a) 1", "@update(key:b) 2", "@update(key:c) 3")
	entries.skip()
	s.stop(t)
	h.status(at, lost)
	h.reads(t, node, "level", "1") // as it was last
	h.reads(t, node, "map", "@update(key:a) 1", "@update(key:b) 2", "@update(key:c) 3")

	sender := h.add(func(*agent.Agent) {}).Agent()
	var sent []string
	for i := range 1000 {
		v := fmt.Sprintf("n%d", i)
		sent = append(sent, v)
		if err := sender.Send(node, "log", v); err != nil {
			t.Fatal(err)
		}
	}
	s = newSite(t, at, func(_ *site, a *agent.Agent) {
		agent.Value(a, "level", 7)
		m := agent.Map[string, int](a, "map")
		m.Set("b", 2)
		m.Set("c", 4)
		m.Set("d", 5)
	})
	s.wait(t, "what was sent while it was away", func() bool { return len(s.last) == len(sent) })
	if !slices.Equal(s.last, sent) {
		t.Errorf("commands came as %q", s.last)
	}
	want(t, level, 7)
	h.reads(t, node, "map", "@update(key:b) 2", "@update(key:c) 4", "@update(key:d) 5")
	if got := strings.Join(entries.take(3), " "); got != "@remove(key:a) @update(key:c) 4 @update(key:d) 5" {
		t.Errorf("the map's reader was told %s", got)
	}
	s.do(t, "/unit/1", "map", "@take(1)")
	h.reads(t, node, "map", "@update(key:b) 2")
}

// A lane of events is followed as one, whatever its reader takes it for.
func TestEvents(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	for _, kind := range []agent.LaneKind{agent.CommandKind, agent.ValueKind} {
		node := s.node(fmt.Sprintf("/unit/%d", kind))
		level, _, _ := link[int](h, node, "level") // so the agent is there
		want(t, level, 1)
		e := h.follow(node, "log", kind)
		e.skip()
		var sent []string
		for i := range 500 {
			sent = append(sent, fmt.Sprintf("n%d", i))
			s.do(t, route.NodeURI(fmt.Sprintf("/unit/%d", kind)), "log", sent[i])
		}
		if got := e.take(len(sent)); !slices.Equal(got, sent) {
			t.Errorf("as a %s lane: %q", kind, got)
		}
	}
}

// What is refused is asked for again while somebody waits for it.
func TestRefused(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	late, _, _ := link[int](h, s.node("/late"), "n")
	noLane, _, _ := link[int](h, s.node("/unit/1"), "later")
	s.wait(t, "asked", func() bool { return s.count("sync /late n") == 1 && s.count("sync /unit/1 later") == 1 })
	key := route.NodeURI(s.node("/late"))
	why := make(chan error, 1)
	s.wait(t, "asked again", func() bool { return s.count("sync /late n") >= 2 })
	a, _ := h.Node(key)
	if err := a.Do(func() { a.Offer(&agent.Wait{Lane: "n", Join: func(_ *agent.Lane, err error) { why <- err }}) }); err != nil {
		t.Fatal(err)
	}
	if err := <-why; err == nil || !strings.Contains(err.Error(), "there is no agent /late") {
		t.Errorf("the reason to wait is %v", err)
	}
	if _, err := s.Add("/late", host.Agents, agent.NewKind("late", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "n", 42)
		return nil
	}), nil); err != nil {
		t.Fatal(err)
	}
	want(t, late, 42)
	select {
	case v := <-noLane.ch:
		t.Errorf("a lane that there is not brought %v", v)
	default:
	}
}

// Hosts that do not answer hold up nobody but who waits for them.
func TestUnreachable(t *testing.T) {
	h := newHome(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	dead := freePort(t)
	for _, at := range []string{mute.Addr().String(), dead} {
		link[int](h, "warp://"+at+"/unit/1", "level")
	}
	link[int](h, "ftp://x/unit/1", "level")
	s := newSite(t, "127.0.0.1:0", lanes)
	level, _, _ := link[int](h, s.node("/unit/1"), "level")
	want(t, level, 1)

	sender := h.add(func(*agent.Agent) {}).Agent()
	if err := sender.Send(s.node("/unit/1"), "level", 2); err != nil {
		t.Fatal(err)
	}
	want(t, level, 2)

	node, _, _ := route.Anywhere("warp://" + dead + "/unit/1")
	full := 0
	for range 1100 {
		err := h.Do(t.Context(), node, "level", []byte("3"))
		if errors.Is(err, peer.ErrBufferFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if full != 1100-1024 || h.Health.Count("command.dropped") != int64(full) {
		t.Errorf("%d of 1100 commands were refused, %d counted", full, h.Health.Count("command.dropped"))
	}
	st := h.status(dead, func(s far.Status) bool { return s.Waiting == 1024 && s.LastError != "" })
	if st.State != peer.Connecting || st.Dropped != int64(full) || st.Links != 1 {
		t.Errorf("status %+v", st)
	}
	deadline := time.Now().Add(patience)
	for !slices.ContainsFunc(h.Health.Active(), func(c health.Condition) bool { return c.Code == "peer."+dead }) {
		if time.Now().After(deadline) {
			t.Fatalf("no condition shows it: %v", h.Health.Active())
		}
		<-time.After(10 * time.Millisecond)
	}
}

// An agent's last command is sent also where the connection was hung up long ago, or never was one.
func TestLastCommand(t *testing.T) {
	leaktest.Check(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	h := &home{Host: newHost(), t: t}
	first := newSite(t, "127.0.0.1:0", lanes)
	others := far.Add(h.Host)
	h.add(func(a *agent.Agent) {
		a.Send(s.node("/unit/1"), "log", "on")
		a.OnStop(func() {
			a.Send(s.node("/unit/1"), "log", "off")
			if err := a.Send(first.node("/unit/1"), "log", "off"); err != nil {
				t.Error(err)
			}
		})
	})
	h.status(s.address(), connected)
	h.status(s.address(), func(s far.Status) bool { return s.State == peer.Idle })
	ctx, cancel := within()
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	others.Stop(ctx)
	s.wait(t, "the last command", func() bool { return slices.Equal(s.last, []string{"on", "off"}) })
	first.wait(t, "the only command", func() bool { return slices.Equal(first.last, []string{"off"}) })
}

package far_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/far"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
)

// until waits until it is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// far counts the agents that stand for those of other hosts.
func (h *home) far() (n int) {
	for a := range h.Nodes() {
		if a.URI().IsFar() {
			n++
		}
	}
	return n
}

func (h *home) conditions() string {
	var codes []string
	for _, c := range h.Health.Active() {
		codes = append(codes, c.Code)
	}
	return strings.Join(codes, " ")
}

// A reader that goes before its lane came leaves nothing behind: no link, no agent, no condition, no
// tries to connect.
func TestGivenUp(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	dead := freePort(t)
	_, a, one := link[int](h, s.node("/unit/1"), "nope")
	_, b, two := link[int](h, s.node("/unit/1"), "nope")
	_, c, three := link[int](h, "warp://"+dead+"/unit/1", "level")
	h.status(dead, func(s far.Status) bool { return s.LastError != "" })
	for _, want := range []string{"far.warp://" + s.address() + "/unit/1.nope", "peer." + dead} {
		until(t, want+" is no condition", func() bool { return strings.Contains(h.conditions(), want) })
	}
	if strings.Contains(h.conditions(), "link.") {
		t.Errorf("what these explain is shown too: %s", h.conditions())
	}
	h.turn(a, func() { (*one).Close() })
	if h.far() != 2 || !strings.Contains(h.conditions(), "far.") {
		t.Errorf("with one reader less: %d far agents, %s", h.far(), h.conditions())
	}
	h.turn(b, func() { (*two).Close() })
	h.turn(c, func() { (*three).Close() })
	until(t, "they are not given up", func() bool { return h.far() == 0 && h.conditions() == "" })
	for _, at := range []string{s.address(), dead} {
		h.status(at, func(s far.Status) bool { return s.State == peer.Idle && s.Links == 0 })
	}
}

// An agent of another host is here for as long as somebody uses it, and comes back.
func TestComesAndGoes(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	var a *agent.Agent
	x := h.add(func(b *agent.Agent) { a = b })
	for i := range 20 {
		h.turn(x, func() {
			for j := range 10 {
				agent.Link(a, s.node("/unit/1"), "level", func(int) {}).Close()
				agent.Link(a, s.node(fmt.Sprintf("/unit/%d-%d", i, j)), "level", func(int) {}).Close()
			}
		})
	}
	if err := h.Do(t.Context(), route.NodeURI(s.node("/unit/2")), "log", []byte("on")); err != nil {
		t.Fatal(err)
	}
	until(t, "far agents stay", func() bool { return h.far() == 0 })
	level, b, d := link[int](h, s.node("/unit/1"), "level")
	want(t, level, 1)
	s.do(t, "/unit/1", "level", "2")
	want(t, level, 2)
	if h.far() != 1 {
		t.Errorf("%d far agents, want 1", h.far())
	}
	h.turn(b, func() { (*d).Close() })
	until(t, "its agent stays", func() bool { return h.far() == 0 })
	s.wait(t, "unlinked", func() bool {
		return s.count("unlink /unit/1 level") == s.count("sync /unit/1 level")-s.count("link /unit/1 level")
	})
}

// However a host is spelled, it is one.
func TestSpellings(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	for _, scheme := range []string{"warp", "swim", "ws"} {
		level, _, _ := link[int](h, scheme+"://"+s.address()+"/unit/1", "level")
		want(t, level, 1)
	}
	if h.far() != 1 {
		t.Errorf("%d agents stand for one", h.far())
	}
}

// While the connections end, who sends is refused and does not wait.
func TestSendAtTheEnd(t *testing.T) {
	leaktest.Check(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	node := "warp://" + mute.Addr().String() + "/unit/1"
	h := &home{Host: newHost(), t: t}
	others := far.Add(h.Host)
	sender := h.add(func(*agent.Agent) {}).Agent()
	if err := sender.Send(node, "log", "1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := within()
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); others.Stop(ctx) }()
	until(t, "the connection does not end", func() bool {
		return errors.Is(sender.Send(node, "log", "2"), peer.ErrClientClosed)
	})
	if err := sender.Send("warp://"+freePort(t)+"/unit/1", "log", "3"); !errors.Is(err, host.ErrStopped) {
		t.Errorf("a command to another host: %v", err)
	}
	select {
	case <-ended:
		t.Error("the command that waits was given up before its time")
	default:
	}
	cancel()
	<-ended
	ctx, cancel = within()
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Error(err)
	}
}

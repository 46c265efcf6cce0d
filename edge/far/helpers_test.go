package far_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/far"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/warp"
	"selvage/edge/web"
)

// patience bounds the wait for what should come at once.
const patience = 30 * time.Second

func newHost() *host.Host {
	return host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// site is another host. Its agents are at /unit/:id.
type site struct {
	*host.Host
	web *web.Server

	mu      sync.Mutex
	conns   map[*peer.Conn]bool
	links   []string // requests for links, as "tag node lane"
	asked   []string // those with a priority or rate
	news    chan struct{}
	last    []string // what the lane log was sent
	stopped bool
}

func newSite(t *testing.T, address string, setup func(s *site, a *agent.Agent)) *site {
	t.Helper()
	s := &site{Host: newHost(), conns: map[*peer.Conn]bool{}, news: make(chan struct{}, 1)}
	p, err := route.ParsePattern("/unit/:id")
	if err != nil {
		t.Fatal(err)
	}
	kind := agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		agent.Command(a, "log", func(v string) error { s.note(func() { s.last = append(s.last, v) }); return nil })
		if setup != nil {
			setup(s, a)
		}
		return nil
	})
	if err := s.Route(p, kind, nil, nil); err != nil {
		t.Fatal(err)
	}
	door, err := web.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	s.web = web.Start(door, web.Options{Host: s.Host, Peer: peer.Options{Server: s}, Log: s.Log})
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *site) note(fn func()) {
	s.mu.Lock()
	fn()
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Request is peer.Server's; it counts what it passes on.
func (s *site) Request(l *peer.Link, e *warp.Envelope) {
	s.note(func() {
		s.conns[l.Conn()] = true
		s.links = append(s.links, fmt.Sprintf("%s %s %s", e.Tag, l.Node(), l.Lane()))
		if e.Prio != 0 || e.Rate != 0 {
			s.asked = append(s.asked, fmt.Sprintf("%s %s prio %g rate %g", e.Tag, l.Lane(), e.Prio, e.Rate))
		}
	})
	s.Host.Request(l, e)
}

// wait waits until what the site has heard is as it should be.
func (s *site) wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok := is()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.news:
		case <-deadline:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("%s: %d connections, links %q, log %q", what, len(s.conns), s.links, s.last)
		}
	}
}

func (s *site) count(request string) (n int) {
	for _, l := range s.links {
		if l == request {
			n++
		}
	}
	return n
}

func (s *site) address() string         { return s.web.Addr().String() }
func (s *site) node(name string) string { return "warp://" + s.address() + name }

func (s *site) stop(t *testing.T) {
	t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	ctx, cancel := within()
	defer cancel()
	if err := errors.Join(s.web.Stop(ctx), s.Host.Stop(ctx)); err != nil {
		t.Error(err)
	}
}

func (s *site) do(t *testing.T, node route.NodeURI, lane route.LaneName, body string) {
	t.Helper()
	if err := s.Do(t.Context(), node, lane, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// home is the host whose agents link to others.
type home struct {
	*host.Host
	t *testing.T
	n int
}

func newHome(t *testing.T) *home {
	leaktest.Check(t)
	h := &home{Host: newHost(), t: t}
	others := far.Add(h.Host)
	t.Cleanup(func() {
		ctx, cancel := within()
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
		others.Stop(ctx)
	})
	return h
}

// add makes an agent and returns how its turns are reached.
func (h *home) add(setup func(a *agent.Agent)) *host.Handle {
	h.t.Helper()
	h.n++
	kind := agent.NewKind("reader", 0, func(a *agent.Agent, _ int) error { setup(a); return nil })
	a, err := h.Add(route.NodeURI(fmt.Sprintf("/reader/%d", h.n)), host.Agents, kind, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *home) turn(a *host.Handle, fn func()) {
	h.t.Helper()
	done := make(chan error, 1)
	if err := a.Post(h.t.Context(), fn, func(err error) { done <- err }); err != nil {
		h.t.Fatal(err)
	}
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

// seen is what a reader was told, oldest first.
type seen[T any] struct {
	t  *testing.T
	ch chan T
}

func link[T any](h *home, node, lane string) (*seen[T], *host.Handle, **agent.Downlink) {
	s := &seen[T]{h.t, make(chan T, 10_000)}
	d := new(*agent.Downlink)
	a := h.add(func(a *agent.Agent) { *d = agent.Link(a, node, lane, func(v T) { s.ch <- v }) })
	return s, a, d
}

func (s *seen[T]) next() T {
	s.t.Helper()
	select {
	case v := <-s.ch:
		return v
	case <-time.After(patience):
		s.t.Fatal("nothing came")
		panic("not reached")
	}
}

func want[T comparable](t *testing.T, s *seen[T], values ...T) {
	t.Helper()
	for _, v := range values {
		if got := s.next(); got != v {
			t.Errorf("told %v, want %v", got, v)
		}
	}
}

// status waits until the status of a peer is as it should be.
func (h *home) status(address string, is func(far.Status) bool) far.Status {
	h.t.Helper()
	s, a, d := link[far.Status](h, "/peer/"+address, "status")
	defer h.turn(a, func() { (*d).Close() })
	for {
		if v := s.next(); is(v) {
			return v
		}
	}
}

func connected(s far.Status) bool { return s.State == peer.Connected }
func lost(s far.Status) bool      { return s.State == peer.Lost }

// reads waits until a lane of a far agent has these events as its state.
func (h *home) reads(t *testing.T, node, lane string, events ...string) {
	t.Helper()
	key, _, err := route.Anywhere(node)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		s, err := h.Read(t.Context(), key, route.LaneName(lane))
		var got []string
		for _, e := range s.Events {
			got = append(got, string(e))
		}
		if slices.Equal(got, events) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s is %q, %v, want %q", node, lane, got, err, events)
		}
		<-time.After(time.Millisecond)
	}
}

// ear reads a lane of any kind.
type ear struct {
	t    *testing.T
	tail *agent.Tail
	wake chan struct{}
}

func (e *ear) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// follow asks for a lane of a far agent that is there as a downlink of that kind does.
func (h *home) follow(node, lane string, kind agent.LaneKind) *ear {
	h.t.Helper()
	key, _, err := route.Anywhere(node)
	if err != nil {
		h.t.Fatal(err)
	}
	a, ok := h.Node(key)
	if !ok {
		h.t.Fatalf("there is no %s", key)
	}
	e := &ear{h.t, nil, make(chan struct{}, 1)}
	made := make(chan *agent.Lane, 1)
	if err := a.Do(func() {
		a.Offer(&agent.Wait{Lane: route.LaneName(lane), Kind: kind, Join: func(l *agent.Lane, _ error) {
			if l != nil {
				e.tail = l.Open(e)
				made <- l
			}
		}})
	}); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-made:
	case <-time.After(patience):
		h.t.Fatalf("%s %s was not made", node, lane)
	}
	return e
}

func (e *ear) skip() { e.tail.Skip() }

func (e *ear) take(n int) (bodies []string) {
	e.t.Helper()
	deadline := time.After(patience)
	for len(bodies) < n {
		b, ok := e.tail.Next()
		if ok {
			bodies = append(bodies, string(b))
			continue
		}
		select {
		case <-e.wake:
		case <-deadline:
			e.t.Fatalf("only %q came", bodies)
		}
	}
	return bodies
}

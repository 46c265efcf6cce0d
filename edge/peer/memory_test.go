package peer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/warp"
)

// inMemory is a real host at the other end of pipes.
type inMemory struct {
	*host.Host
	pipes  chan net.Conn
	closed chan struct{}

	mu    sync.Mutex
	conns []*peer.Conn
	asked []string // what came of links and syncs
}

// Request notes how a lane is asked for.
func (m *inMemory) Request(l *peer.Link, e *warp.Envelope) {
	m.mu.Lock()
	m.asked = append(m.asked, fmt.Sprintf("%s %v %v", e.Tag, e.Prio, e.Rate))
	m.mu.Unlock()
	m.Host.Request(l, e)
}

// newInMemory makes a host whose agents are set up so. Its command lanes keep so many bytes.
func newInMemory(t *testing.T, pending int, o peer.Options, setup func(a *agent.Agent)) *inMemory {
	t.Helper()
	m := &inMemory{
		Host:  host.New(host.Options{Clock: clock.New("test", func() bool { return true }), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Pending: pending}),
		pipes: make(chan net.Conn), closed: make(chan struct{}),
	}
	p, err := route.ParsePattern("/unit/:id")
	if err != nil {
		t.Fatal(err)
	}
	kind := agent.NewKind("unit", struct{}{}, func(a *agent.Agent, _ struct{}) error { setup(a); return nil })
	if err := m.Route(p, kind, nil, nil); err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := o
		o.Server = m
		c, err := peer.Upgrade(w, r, nil, o)
		if err != nil {
			t.Error(err)
			return
		}
		m.mu.Lock()
		m.conns = append(m.conns, c)
		m.mu.Unlock()
		c.Serve()
	})}
	go server.Serve(m)
	t.Cleanup(func() {
		server.Close()
		if err := m.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m *inMemory) Accept() (net.Conn, error) {
	select {
	case c := <-m.pipes:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}
func (m *inMemory) Close() error   { close(m.closed); return nil }
func (m *inMemory) Addr() net.Addr { return &net.UnixAddr{} }

func (m *inMemory) dial(context.Context) (*peer.Conn, error) {
	here, there := net.Pipe()
	m.pipes <- there
	return peer.DialOver(here, peer.Options{})
}

func (m *inMemory) last() *peer.Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.conns[len(m.conns)-1]
}

// open counts the connections that stand, and all.
func (m *inMemory) open() (open, all int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		if c.Context().Err() == nil {
			open++
		}
	}
	return open, len(m.conns)
}

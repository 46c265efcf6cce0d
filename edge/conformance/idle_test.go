package conformance_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"selvage/edge/conformance"
	"selvage/edge/web"
)

// In these sessions nothing is sent for a long time. They are replayed with the recorded pauses, in
// virtual time and so over pipes.
func TestIdleSessions(t *testing.T) {
	for _, name := range []string{"idle-timeout", "idle-server-traffic"} {
		s := session(t, name)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				w := start(t, &web.Listener{Listener: p}, listeners[s.Listener], anyUnit)
				w.dial = p.dial
				r := replay{t: t, w: w, session: s, paced: true, check: conformance.Check(t, "sessions/"+s.Name)}
				r.run()
				for n, c := range r.clients {
					c.mu.Lock()
					if c.pings < 4 { // in two minutes and more; 30 s is the least that routers are known to remember
						t.Errorf("connection %d was sent %d pings", n, c.pings)
					}
					c.mu.Unlock()
				}
			})
		})
	}
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- local{there}:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// local is a pipe of which each end is on this machine, as one on loopback is to a server.
type local struct{ net.Conn }

func (local) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

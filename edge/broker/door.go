package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"

	"selvage/edge/health"
)

const (
	connectTime = 10 * time.Second       // for a connection to say CONNECT
	acceptRetry = 200 * time.Millisecond // when the system has no more file descriptors
)

// door accepts connections for mochi, whose own listeners have no limit of those that never say
// CONNECT, do not close them at the end, stop accepting for good after a first error, and let a
// panic end the process.
type door struct {
	health *health.Board
	log    *slog.Logger
	limits Limits
	flow   *flow
	holds  *holds

	done    chan struct{}  // closed by Close
	begun   chan struct{}  // closed by Serve
	serving sync.WaitGroup // Serve, and one for each of listeners and conns

	establish listeners.EstablishFn // once begun is closed

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*conn]struct{}
	ended     bool
}

func newDoor(o Options, f *flow, h *holds) *door {
	d := &door{
		health: o.Health, log: o.Log, limits: o.Limits, flow: f, holds: h,
		done: make(chan struct{}), begun: make(chan struct{}), conns: map[*conn]struct{}{},
	}
	d.serving.Add(1)
	return d
}

func (d *door) Init(*slog.Logger) error { return nil }
func (d *door) ID() string              { return "tcp" }
func (d *door) Protocol() string        { return "tcp" }
func (d *door) Address() string         { return d.addresses() }

// addresses are those that are listened on.
func (d *door) addresses() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, ln := range d.listeners {
		all = append(all, ln.Addr().String())
	}
	return strings.Join(all, ", ")
}

// Serve hands each connection to establish, which returns at its end.
func (d *door) Serve(establish listeners.EstablishFn) {
	defer d.serving.Done()
	d.establish = establish
	close(d.begun)
	<-d.done
}

// open has those come in who come to ln.
func (d *door) open(ln net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		ln.Close()
		return
	}
	d.listeners = append(d.listeners, ln)
	d.serving.Go(func() { d.accept(ln) })
}

func (d *door) accept(ln net.Listener) {
	select {
	case <-d.begun:
	case <-d.done:
		return
	}
	for {
		raw, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			d.log.Debug("MQTT connection not accepted", "err", err)
			select {
			case <-d.done:
			case <-time.After(acceptRetry):
			}
		default:
			d.admit(raw)
		}
	}
}

// admit serves a connection, if there is room. Some more than clients are let in, to be told that
// they are too many.
func (d *door) admit(raw net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.conns) >= d.limits.Clients {
		d.full(raw.LocalAddr())
	}
	if d.ended || len(d.conns) >= d.limits.Clients+d.limits.Clients/10+1 {
		raw.Close()
		return
	}
	c := newConn(raw, d.limits, d.flow, d.holds)
	_ = raw.SetReadDeadline(time.Now().Add(connectTime)) // a connection that is closed already says so when it is read
	d.conns[c] = struct{}{}
	d.serving.Go(func() {
		defer d.leave(c)
		d.attend(c)
	})
}

// full is called with d.mu held.
func (d *door) full(at net.Addr) {
	d.health.Add("broker.refused", 1)
	d.health.Raise(health.Condition{
		Code:   "broker.clients",
		Text:   fmt.Sprintf("all %d connections of the MQTT broker are in use, and more are turned away", d.limits.Clients),
		Remedy: "see whose they are: ss -tn 'sport = :" + portOf(at) + "'; a client may open them and forget them; if all are needed, raise [broker] clients",
	})
}

func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// attend has mochi serve a connection. What panics there is the business of one client.
func (d *door) attend(c *conn) {
	defer func() {
		if p := recover(); p != nil {
			panicked(d.health, d.log, p)
		}
	}()
	if err := d.establish(d.ID(), c); err != nil {
		d.log.Debug("MQTT connection ended", "from", c.RemoteAddr(), "err", err)
	}
}

// panicked tells of a panic that was kept from ending the host.
func panicked(board *health.Board, log *slog.Logger, p any) {
	board.Add("broker.panic", 1)
	log.Error("the MQTT broker panicked over what a client sent, and goes on", "panic", p, "stack", string(debug.Stack()))
}

func (d *door) leave(c *conn) {
	c.settle()
	if c.inTurn { // mochi has panicked over it
		c.endTurn(net.ErrClosed)
	}
	close(c.left)
	c.letGo()
	c.Close()
	c.flushing.Wait()
	c.handing.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
	if len(d.conns)*10 <= d.limits.Clients*9 {
		d.health.Clear("broker.clients")
	}
}

// Close closes all connections and waits for them. mochi's closeClients would send a DISCONNECT,
// which no server may in MQTT 3.1.1, and can hang: it locks a list of clients twice for reading.
func (d *door) Close(listeners.CloseFn) {
	d.mu.Lock()
	if !d.ended {
		d.ended = true
		close(d.done)
		for _, ln := range d.listeners {
			ln.Close()
		}
		for c := range d.conns {
			c.Close()
		}
		d.health.Clear("broker.clients")
	}
	d.mu.Unlock()
	d.serving.Wait()
}

var _ listeners.Listener = (*door)(nil)

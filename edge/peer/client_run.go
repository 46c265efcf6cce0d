package peer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gorilla/websocket"
)

// The pause before another try, as SwimOS clients make it: from 0.5 s to 15 s, since what is really
// waited is spread around these. It begins anew after a connection that lasted.
const (
	firstPause = time.Second
	lastPause  = 10 * time.Second
	growth     = 1.8
	settled    = 5 * time.Second
)

const (
	hasty    = 500 * time.Millisecond // the least time between two tries, of which at most twice that is by chance
	idleTime = 2 * time.Second        // without links and commands, until the client hangs up
)

// spread returns a pause from half of p to one and a half of it.
func spread(p time.Duration) time.Duration { return p/2 + rand.N(p) }

// run keeps the connection while it is needed.
func (c *Client) run() {
	pause := firstPause
	early := false // the last try did not wait for the end of its pause
	for c.goesOn() {
		began := time.Now()
		conn, err := c.dial(c.ctx)
		var lasted time.Duration
		if err == nil {
			lasted, err = c.serve(conn)
		}
		if err == nil || lasted >= settled {
			pause, early = firstPause, false
		}
		if err != nil {
			c.failed(err)
			early = c.rest(began, spread(pause), !early)
			pause = min(time.Duration(float64(pause)*growth), lastPause)
		}
	}
}

// goesOn reports whether to connect, and ends the running otherwise.
func (c *Client) goesOn() bool {
	c.mu.Lock()
	defer c.tell()
	defer c.mu.Unlock()
	if !c.needed() || c.over || c.ctx.Err() != nil {
		c.running = false
		c.turn(Idle)
		return false
	}
	c.hurry = false
	if c.state == Idle {
		c.turn(Connecting)
	}
	return true
}

func (c *Client) failed(err error) {
	c.mu.Lock()
	if c.err == nil || c.ctx.Err() == nil { // that it was told to stop is not why
		c.err = err
	}
	c.over = c.closing
	if c.state == Connected {
		c.turn(Lost)
	}
	c.mu.Unlock()
	c.tell()
}

// rest makes a pause after the try that began then. It ends when nobody waits for its end, and early
// when somebody is in a hurry, if it may: of two pauses in a row one is kept, or who sends all the
// time would have a host that is away tried all the time.
func (c *Client) rest(began time.Time, pause time.Duration, may bool) (early bool) {
	ends := time.Now().Add(pause)
	t := time.NewTimer(pause)
	defer t.Stop()
	soonest := hasty + rand.N(hasty)
	for {
		c.mu.Lock()
		if c.closing {
			c.over = c.over || !c.hurry
		}
		over := c.closing || !c.needed()
		if c.hurry && may && !early {
			early = true
			t.Reset(min(max(soonest-time.Since(began), 0), time.Until(ends)))
		}
		c.mu.Unlock()
		if over {
			return early
		}
		select {
		case <-t.C:
			return early
		case <-c.look:
		case <-c.ctx.Done():
			return early
		}
	}
}

// session is a client's time with one connection. It is the stream of what the client sends there.
type session struct {
	client *Client
	conn   *Conn
	push   *Push

	// Guarded by client.mu.
	taken   bool // something was, in this step or the last
	written bool // nothing more was taken in the last step, so all before it is written
	doubt   int  // commands taken that may not be written
}

// Step hands over what is to be sent. When all has been taken it has itself called again, which
// happens after that was written.
func (s *session) Step(dst []byte) ([]byte, bool) {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.session != s:
	case len(c.out) > 0:
		o := c.out[0]
		c.out[0] = outgoing{}
		if c.out = c.out[1:]; len(c.out) == 0 {
			c.out = nil
		}
		s.taken, s.written = true, false
		if o.command {
			c.waiting--
			c.bytes -= len(o.text) + waitingSize
			s.doubt++
		}
		return append(dst, o.text...), true
	case s.taken:
		s.taken = false
		s.push.Wake()
	case !s.written:
		s.written, s.doubt = true, 0
		c.used = time.Now()
		c.poke()
	}
	return dst, false
}

// serve uses a connection until it is lost, which is the error, or not needed any more.
func (c *Client) serve(conn *Conn) (lasted time.Duration, err error) {
	began := time.Now()
	if len(c.Claims) > 0 {
		if err := conn.Authenticate(c.Claims); err != nil {
			conn.Close(websocket.CloseNormalClosure, "")
			return 0, err
		}
	}
	s := &session{client: c, conn: conn}
	s.push = conn.Push(s)
	c.mu.Lock()
	c.session = s
	c.used = began
	commands := c.out
	c.out = nil
	for _, l := range c.links {
		c.ask(l)
	}
	c.out = append(c.out, commands...)
	c.turn(Connected)
	s.push.Wake()
	c.mu.Unlock()
	c.tell()

	err = c.attend(s)
	lasted = time.Since(began)
	conn.Close(websocket.CloseNormalClosure, "")
	for _, l := range c.leave(s, err) {
		l.to.Lost(err)
	}
	return lasted, err
}

// attend returns when the connection has ended, which is the error, or is not needed any more.
func (c *Client) attend(s *session) error {
	idle := time.NewTimer(idleTime)
	defer idle.Stop()
	for {
		select {
		case <-s.conn.done:
			return fmt.Errorf("the connection to %s was lost: %w", c.Host, s.conn.ended)
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.look:
		case <-idle.C:
		}
		c.mu.Lock()
		left, ends := idleTime-time.Since(c.used), false
		if len(c.links) == 0 && len(c.out) == 0 && s.written {
			if ends = c.closing || left <= 0; ends {
				c.session = nil // in the same moment, or a command might be left behind
			}
			idle.Reset(max(left, 0))
		}
		c.mu.Unlock()
		if ends {
			return nil
		}
	}
}

// leave forgets the connection and returns the links that were asked for over it.
func (c *Client) leave(s *session, err error) (lost []*ClientLink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	if err == nil {
		c.turn(Idle)
	}
	c.dropped += int64(s.doubt)
	var commands []outgoing
	for _, o := range c.out {
		if o.command {
			commands = append(commands, o)
		}
	}
	c.out = commands
	for _, l := range c.links {
		if l.on {
			l.on = false
			lost = append(lost, l)
		}
	}
	return lost
}

var _ Stream = (*session)(nil)

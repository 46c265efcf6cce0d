package broker

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	enough    = 8 << 10 // bytes that wait to be written; with more, a client is behind
	keepSpare = 8 << 10 // bytes of an idle buffer
	closeTime = 500 * time.Millisecond
)

// conn is a connection whose Write does not wait for the client. mochi writes with the client's lock
// held, which whoever publishes to the client takes as well, so one that does not read would hold
// up all others. Instead the hook has the client's own goroutine wait for room before the lock is
// taken, and a client that reads nothing for Limits.Stall is disconnected.
type conn struct {
	net.Conn
	limits   Limits
	flow     *flow
	holds    *holds
	flushing sync.WaitGroup
	ctx      context.Context // ends when nothing more is taken
	cancel   context.CancelFunc
	intake   intake

	mu      sync.Mutex
	changed sync.Cond // less waits, or ended
	waiting outbox    // to be written
	writing int       // bytes being written
	writer  bool      // flush runs
	closing bool      // nothing more is taken
	ended   bool      // nothing more is written
	behind  bool      // somebody has waited for room, and not all has been written since
	seeking int       // wait for room in flow.writing
	mark    mark      // when that began

	outgoing []*body  // of large packets that are to be written
	bodies   uint64   // there were
	asks     []string // filters whose retained messages are to be sent
	hands    bool     // a goroutine of handing does so
	handing  sync.WaitGroup

	user    *User        // whose client it is, once it has logged in; only the client's reading goroutine asks
	client  string       // its identifier, once it has said CONNECT
	acks    []ack        // to be written later
	unacked atomic.Int64 // length of acks
	leaves  atomic.Bool  // closing, for who does not hold mu

	queue      queue                          // of the client's session
	turn       sync.Mutex                     // held while a message of the client with QoS 1 or 2 is handed out
	inTurn     bool                           // only the client's reading goroutine asks
	publishing *held                          // likewise
	ids        ids                            // only the client's reading goroutine asks
	asked      atomic.Pointer[map[*byte]bool] // see asksFor

	leaving  bool          // guarded by mu
	next     *conn         // has taken over the session; guarded by mu
	settling sync.Once     // closes settled
	settled  chan struct{} // closed when the session stands, or never will
	moves    *seat         // whose session it is about to take over; only the client's reading goroutine asks
	left     chan struct{} // closed when mochi has done with the connection
}

// flow is what goes through a broker.
type flow struct {
	bytes    atomic.Int64 // published by all clients
	messages atomic.Int64 // likewise
	behind   atomic.Int64 // connections
	queued   atomic.Int64 // bytes of messages with QoS 1 and 2 that are not acknowledged, or more

	recounted atomic.Int64 // when queued was, Unix nanoseconds
	reading   *budget
	writing   *budget
}

// mark is a point in what goes through.
type mark struct{ bytes, messages int64 }

func (f *flow) mark() mark { return mark{f.bytes.Load(), f.messages.Load()} }

func (f *flow) publish(size int64) {
	f.bytes.Add(size)
	f.messages.Add(1)
}

func newFlow(l Limits) *flow {
	return &flow{
		reading: newBudget(l.Reading, pace{time.Second, 50 * time.Millisecond, 1 << 20}),
		writing: newBudget(l.Writing, pace{l.Stall, l.Stall, 64 << 10}),
	}
}

func newConn(raw net.Conn, l Limits, f *flow, h *holds) *conn {
	c := &conn{
		Conn: raw, limits: l, flow: f, holds: h,
		settled: make(chan struct{}), left: make(chan struct{}),
	}
	c.changed.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Write takes all of b. mochi writes whole packets.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0, net.ErrClosed
	}
	if c.put(b); c.waiting.size > 0 {
		c.write()
	}
	return len(b), nil
}

// write has what waits written. c.mu is held.
func (c *conn) write() {
	if !c.writer && !c.ended {
		c.writer = true
		c.flushing.Go(c.flush)
	}
}

// await returns when there is room for one more packet, or the connection is closed.
func (c *conn) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting.size+c.writing >= enough && !c.closing {
		c.lag()
		c.changed.Wait()
	}
}

// lag notes that the client is behind. c.mu is held.
func (c *conn) lag() {
	if !c.behind {
		c.behind, c.mark = true, c.flow.mark()
		c.flow.behind.Add(1)
	}
}

// tooFar tells whether so much was published since the client fell behind that what mochi has put
// by for it may be as large as Limits allow. mochi bounds that only by number. All clients share the payloads, but
// each has its copy of what is around them.
func (c *conn) tooFar() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.behind {
		return false
	}
	now := c.flow.mark()
	return now.bytes-c.mark.bytes > c.limits.Behind ||
		(now.messages-c.mark.messages)*perMessage > min(c.limits.Behind, c.limits.BehindAll/max(1, c.flow.behind.Load()))
}

// flush writes what waits, then returns.
func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting.size > 0 && !c.ended {
		var parts []part
		parts, c.writing = c.waiting.take()
		for i, p := range parts {
			parts[i] = part{} // it is held no longer than its room
			c.send(p)
			if p.body != nil {
				c.written(p.body)
			} else {
				c.waiting.reuse(p)
			}
		}
		c.writing = 0
	}
	c.writer = false
	c.caughtUp()
	if c.closing {
		c.end()
	}
}

// send is called with c.mu held, and lets go of it meanwhile.
func (c *conn) send(p part) {
	for b := p.bytes; len(b) > 0 && !c.ended; {
		some := b[:min(len(b), enough)]
		b = b[len(some):]
		if !c.closing {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(c.limits.Stall)) // Write says what is wrong
		}
		c.mu.Unlock()
		_, err := c.Conn.Write(some)
		c.mu.Lock()
		if err != nil {
			c.end()
		}
		c.writing -= len(some)
		if p.body != nil {
			p.body.grant.got.Add(int64(len(some)))
		}
		c.changed.Broadcast()
	}
}

// caughtUp notes that the client is not behind any more, unless it waits for room. c.mu is held.
func (c *conn) caughtUp() {
	if c.seeking == 0 {
		c.forgive()
	}
}

// forgive is called with c.mu held.
func (c *conn) forgive() {
	if c.behind {
		c.behind = false
		c.flow.behind.Add(-1)
	}
}

// end is called with c.mu held.
func (c *conn) end() {
	if c.ended {
		return
	}
	c.close()
	c.ended = true
	c.waiting = outbox{}
	c.written(slices.Clone(c.outgoing)...)
	c.forgive()
	if t, ok := c.Conn.(*tls.Conn); ok {
		t.NetConn().Close() // else it would take leave first, for which it may wait long
	} else {
		c.Conn.Close()
	}
	c.changed.Broadcast()
}

// close is called with c.mu held.
func (c *conn) close() {
	c.closing = true
	c.leaves.Store(true)
	c.cancel()
	c.holds.wake()
}

// Close ends reading at once, and writing when what waits has been written, if that is soon.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return nil
	}
	c.close()
	c.changed.Broadcast()
	if !c.writer {
		c.end()
		return nil
	}
	// Both fail only on a connection that is closed.
	_ = c.Conn.SetReadDeadline(time.Now())
	_ = c.Conn.SetWriteDeadline(time.Now().Add(closeTime))
	return nil
}

// SetDeadline is for reading only: mochi means the client's keep-alive by it, up to a day.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return net.ErrClosed
	}
	return c.Conn.SetReadDeadline(t)
}

var _ net.Conn = (*conn)(nil)

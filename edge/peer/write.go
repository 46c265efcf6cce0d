package peer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	gather   = 32 << 10 // bytes of frames that go out in one write
	maxTurn  = 32       // frames a link may write before the next link's turn
	keepRoom = 64 << 10 // a larger write buffer is given back
	byeTime  = time.Second
)

// writeQueue holds what is to be written. A goroutine writes while there is something, and ends;
// so a quiet connection costs none. Links of equal prio take turns; those of a higher one go before
// those of a lower one, except that who was passed over maxPassed times gets a turn.
type writeQueue struct {
	flushes sync.WaitGroup
	hurried atomic.Int32 // outlets in ahead; changed with mu held

	mu       sync.Mutex
	ready    []outlet // of the lowest class, in which most connections have all their links
	ahead    *ranks   // of the others; nil before there is one
	ping     []byte   // a frame, as is
	pong     []byte   // the answer to the newest ping (RFC 6455, 5.5.3)
	flushing bool
	closed   bool
}

// outlet is something with frames to write. Step appends them, up to a turn's share, and has it
// queued again if more are left.
type outlet interface{ step(b *buffer) }

var buffers = sync.Pool{New: func() any { return &buffer{} }}

type buffer struct{ frames, text []byte }

// wake puts o in the queue.
func (c *Conn) wake(o outlet, class uint32) {
	q := &c.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if class == 0 {
		q.ready = append(q.ready, o)
	} else {
		if q.ahead == nil {
			q.ahead = new(ranks)
		}
		q.ahead.push(o, class)
		q.hurried.Add(1)
	}
	q.start(c)
}

// beat queues a ping or a pong. One that still waits is overtaken, for the other end may take nothing
// for long. The reading goroutine must not wait for that: two ends that did would wait for each other.
func (c *Conn) beat(op int, payload []byte) {
	q := &c.queue
	frame := appendFrame(nil, op, payload, c.mask)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if op == websocket.PingMessage {
		q.ping = frame
	} else {
		q.pong = frame
	}
	q.start(c)
}

func (q *writeQueue) start(c *Conn) {
	if !q.flushing {
		q.flushing = true
		q.flushes.Go(c.flush)
	}
}

func (q *writeQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.ready, q.ahead, q.ping, q.pong = true, nil, nil, nil, nil
	q.hurried.Store(0)
}

// first takes the outlet whose turn is next out of those ahead; nil when the queue was closed.
func (q *writeQueue) first() outlet {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ahead == nil {
		return nil
	}
	q.hurried.Add(-1)
	return q.ahead.pop()
}

// take hands over what is queued in the lowest class, in exchange for an empty slice, and appends ping
// and pong to dst; ok is false when nothing is queued in any class, and the writing ends.
func (q *writeQueue) take(empty []outlet, dst []byte) (ready []outlet, out []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dst = append(append(dst, q.pong...), q.ping...)
	if q.closed || len(q.ready) == 0 && len(dst) == 0 && q.hurried.Load() == 0 {
		q.flushing = false
		if !q.closed {
			q.ready = empty
		}
		return nil, dst, false
	}
	ready = q.ready
	q.ready, q.ping, q.pong = empty, nil, nil
	return ready, dst, true
}

// flush writes until nothing is queued.
func (c *Conn) flush() {
	b := buffers.Get().(*buffer)
	defer func() {
		if cap(b.frames) <= keepRoom && cap(b.text) <= keepRoom {
			buffers.Put(b)
		}
	}()
	var spare []outlet
	for {
		ready, out, ok := c.queue.take(spare[:0], b.frames[:0])
		if !ok {
			return
		}
		b.frames = out
		for i := range max(len(ready), 1) {
			for n := 0; n < maxPassed && c.queue.hurried.Load() > 0; n++ {
				if o := c.queue.first(); o != nil && !c.turn(o, b) {
					return
				}
			}
			if i < len(ready) {
				o := ready[i]
				ready[i] = nil
				if !c.turn(o, b) {
					return
				}
			}
		}
		spare = ready
		if !c.writeOut(b) {
			return
		}
	}
}

func (c *Conn) turn(o outlet, b *buffer) bool {
	o.step(b)
	return len(b.frames) < gather || c.writeOut(b)
}

// step appends what the link's reader is owed.
func (l *Link) step(b *buffer) {
	l.queued.Store(false)
	c := l.conn
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return
	}
	var now time.Time
	if l.limit != nil {
		now = time.Now()
	}
	before := l.up.Owed()
	i := 0
	for ; ; i++ {
		if i == maxTurn || len(b.frames) >= gather {
			l.Wake()
			break
		}
		limited := l.limit != nil && l.up.Owed() == 0 // answers, and the state that comes before one, go at once
		if limited && !l.limit.open(now) {
			l.await(now)
			break
		}
		text, ok := l.up.Step(b.text[:0])
		b.text = text
		if !ok {
			break
		}
		if limited {
			l.limit.spend(now)
		}
		b.frames = c.appendText(b.frames, text)
	}
	if paid := before - l.up.Owed(); paid > 0 {
		c.owed -= paid
		c.room.Broadcast()
	}
	missed := uint64(0)
	gone := c.forget(l)
	if gone || i > 1 || len(b.frames) >= gather { // who missed something has lagged, and finds more than one event
		missed = l.missed(gone)
	}
	c.mu.Unlock()
	l.tell(missed)
}

// writeOut writes the gathered frames. A connection that takes them no more ends by its reader.
func (c *Conn) writeOut(b *buffer) bool {
	if len(b.frames) == 0 {
		return true
	}
	_, err := c.net.Write(b.frames)
	b.frames = b.frames[:0]
	if err != nil {
		c.queue.close()
		c.mu.Lock()
		c.deaf = true
		c.room.Broadcast()
		c.mu.Unlock()
		c.net.SetReadDeadline(time.Now().Add(byeTime)) // why may still be on its way, in a close frame
		return false
	}
	return true
}

package peer

import (
	"sync"
	"time"
)

const (
	gather   = 32 << 10 // bytes of frames that go out in one write
	maxTurn  = 32       // frames a link may write before the next link's turn
	keepRoom = 64 << 10 // a larger write buffer is given back
	byeTime  = time.Second
)

// writeQueue holds what is to be written. A goroutine writes while there is something, and ends;
// so a quiet connection costs none.
type writeQueue struct {
	flushes sync.WaitGroup

	mu       sync.Mutex
	ready    []outlet
	out      []byte // whole frames that belong to no link
	flushing bool
	closed   bool
}

// outlet is something with frames to write. Step appends them, up to a turn's share, and has it
// queued again if more are left.
type outlet interface{ step(b *buffer) }

var buffers = sync.Pool{New: func() any { return &buffer{} }}

type buffer struct{ frames, text []byte }

// wake puts o in the queue.
func (c *Conn) wake(o outlet) {
	q := &c.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.ready = append(q.ready, o)
		q.start(c)
	}
}

// send queues a whole frame.
func (c *Conn) send(frame []byte) {
	q := &c.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.out = append(q.out, frame...)
		q.start(c)
	}
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
	q.closed, q.ready, q.out = true, nil, nil
}

// take hands over what is queued, in exchange for an empty slice; ok is false when the writing ends.
func (q *writeQueue) take(empty []outlet) (ready []outlet, out []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.ready) == 0 && len(q.out) == 0 {
		q.flushing = false
		if !q.closed {
			q.ready = empty
		}
		return nil, nil, false
	}
	ready, out = q.ready, q.out
	q.ready, q.out = empty, nil
	return ready, out, true
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
		ready, out, ok := c.queue.take(spare[:0])
		if !ok {
			return
		}
		b.frames = append(b.frames[:0], out...)
		for i, o := range ready {
			ready[i] = nil
			o.step(b)
			if len(b.frames) >= gather && !c.writeOut(b) {
				return
			}
		}
		spare = ready
		if !c.writeOut(b) {
			return
		}
	}
}

// step appends what the link's reader is owed.
func (l *Link) step(b *buffer) {
	l.queued.Store(false)
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	before := l.up.Owed()
	for i := 0; ; i++ {
		if i == maxTurn || len(b.frames) >= gather {
			l.Wake()
			break
		}
		text, ok := l.up.Step(b.text[:0])
		b.text = text
		if !ok {
			break
		}
		b.frames = c.appendText(b.frames, text)
	}
	if paid := before - l.up.Owed(); paid > 0 {
		c.owed -= paid
		c.room.Broadcast()
	}
	c.forget(l)
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

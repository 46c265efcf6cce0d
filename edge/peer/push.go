package peer

import (
	"sync/atomic"
)

// Stream is text for the other end, as much of it as there is now. Step appends the next message;
// ok is false when there is none. It is called by whoever writes to the connection, so it must not block.
type Stream interface {
	Step(dst []byte) (text []byte, ok bool)
}

// Push is a stream on its way over a connection: of many, each gets its turn, and what they have is
// written together. A stream that is waiting costs nothing, so it can drop what is overtaken.
type Push struct {
	conn   *Conn
	stream Stream
	queued atomic.Bool
}

// Push makes s a stream over the connection, until that ends. Nothing is written before the first Wake.
func (c *Conn) Push(s Stream) *Push { return &Push{conn: c, stream: s} }

// Wake says that the stream has news. It never waits for the other end.
func (p *Push) Wake() {
	if p.queued.CompareAndSwap(false, true) {
		p.conn.wake(p, 0)
	}
}

func (p *Push) step(b *buffer) {
	p.queued.Store(false)
	for i := 0; ; i++ {
		if i == maxTurn || len(b.frames) >= gather {
			p.Wake()
			return
		}
		text, ok := p.stream.Step(b.text[:0])
		b.text = text
		if !ok {
			return
		}
		b.frames = p.conn.appendText(b.frames, text)
	}
}

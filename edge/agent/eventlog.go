package agent

import (
	"unsafe"

	"selvage/edge/recon"
)

// defaultPending bounds in bytes what a lane of events keeps for readers that lag.
const defaultPending = 1 << 20

// eventLog is what a lane publishes that holds nothing: each event once, in order, to those who read it
// then. What it keeps for readers that lag is bounded; the oldest goes first, and is counted as lost.
// It is guarded by agent.mu.
type eventLog[T any] struct {
	lane  *Lane
	codec *recon.Codec[T]
	log   []event[T] // newest last; the last one's number is seq
	bytes int
	seq   uint64
	late  int // readers below seq
}

type event[T any] struct {
	val  T
	body []byte // its text, once somebody has asked for it
	size int    // in bytes
}

// newEvent makes an event of a value and its text, nil if nobody needs that now. size is that of a text which
// is not there, 0 for not known.
func newEvent[T any](v T, body []byte, size int) event[T] {
	switch {
	case body != nil:
		size = len(body)
	case size == 0:
		size = sizeOf(&v)
	}
	return event[T]{v, body, size}
}

// sizeOf returns about how much a value takes that nobody has printed: what it points to does not count,
// unless it is text or data as a whole.
func sizeOf[T any](v *T) int {
	size := int(unsafe.Sizeof(*v))
	switch v := any(v).(type) {
	case *string:
		size += len(*v)
	case *[]byte:
		size += len(*v)
	}
	return size
}

// apply publishes the events of one turn, and empties the slice they are in.
func (g *eventLog[T]) apply(events []event[T]) []event[T] {
	g.seq += uint64(len(events))
	if n := len(g.lane.readers()); n > 0 {
		for _, e := range events {
			g.bytes += e.size
		}
		g.log = append(g.log, events...)
		for g.bytes > g.lane.agent.pending() && len(g.log) > 1 {
			g.bytes -= g.log[0].size
			g.log[0] = event[T]{}
			g.log = g.log[1:]
		}
		g.late = n
	}
	clear(events)
	return events[:0]
}

func (g *eventLog[T]) next(t *Tail) ([]byte, bool) {
	e := g.upcoming(t)
	if e == nil {
		return nil, false
	}
	if e.body == nil {
		e.body, _ = printed(g.lane.agent, g.codec, e.val)
	}
	body := e.body
	g.pass(t)
	return body, true
}

// take returns the oldest event that t's reader has not had, with its text only if somebody asked for that.
func (g *eventLog[T]) take(t *Tail) (e event[T], ok bool) {
	at := g.upcoming(t)
	if at == nil {
		return e, false
	}
	e = *at
	g.pass(t)
	return e, true
}

// upcoming returns the oldest event that t's reader has not had; nil if there is none.
func (g *eventLog[T]) upcoming(t *Tail) *event[T] {
	if t.at >= g.seq {
		return nil
	}
	if missed := g.dropped(t); missed > 0 {
		t.lost += missed
		if t.at += missed; t.at == g.seq {
			g.caughtUp()
			return nil
		}
	}
	return &g.log[t.at-g.oldest()]
}

func (g *eventLog[T]) pass(t *Tail) {
	if t.at++; t.at == g.seq {
		g.caughtUp()
	}
}

// oldest is the place before the oldest event there is.
func (g *eventLog[T]) oldest() uint64 { return g.seq - uint64(len(g.log)) }

func (g *eventLog[T]) dropped(t *Tail) uint64 { return max(g.oldest(), t.at) - t.at }

func (g *eventLog[T]) due(t *Tail) uint64 {
	if t.at >= g.seq || len(g.log) == 0 {
		return 0
	}
	return max(t.at, g.oldest()) + 1
}

// state is what is still due: the lane holds nothing, but a reader that syncs is owed every event
// before it.
func (g *eventLog[T]) state(t *Tail) func() ([]byte, bool) {
	until := g.seq
	return func() ([]byte, bool) {
		if t.at >= until {
			return nil, false
		}
		return g.next(t)
	}
}

func (g *eventLog[T]) left(t *Tail) {
	t.lost += g.dropped(t)
	if t.at < g.seq {
		g.caughtUp()
	}
}

func (g *eventLog[T]) caughtUp() {
	if g.late--; g.late == 0 {
		clear(g.log)
		g.log, g.bytes = g.log[:0], 0
	}
}

// resume goes on where the lane of that name was before a restart. If that was of another type, what its
// readers had not taken is lost to them.
func (g *eventLog[T]) resume(old *Lane) {
	if was, ok := old.typed.(interface{ events() *eventLog[T] }); ok {
		g.log, g.bytes = was.events().log, was.events().bytes
	}
	g.seq = old.typed.now()
	g.late = 0
	for _, t := range g.lane.readers() {
		t.at = min(t.at, g.seq)
		if t.at < g.seq {
			g.late++
		}
	}
}

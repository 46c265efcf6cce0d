package agent

import (
	"reflect"
	"unsafe"

	"selvage/edge/recon"
)

// defaultPending bounds in bytes what a lane of events keeps for readers that lag.
const defaultPending = 1 << 20

// eventLane is a lane that shows events and holds nothing.
type eventLane[T any] struct {
	Lane
	holdsNothing
	codec *recon.Codec[T]
	turn  []event[T] // of this turn

	log eventLog[T] // guarded by agent.mu
}

func (l *eventLane[T]) init(a *Agent, name string) {
	l.codec = codecOf[T](a, name)
	l.log.lane, l.log.codec = &l.Lane, l.codec
}

// show publishes v at the end of the turn. size is how long its text is, 0 for not known.
func (l *eventLane[T]) show(v T, size int) (err error) {
	var body []byte
	switch {
	case l.isPrinted():
		body, err = l.codec.Append(nil, v)
	case size == 0:
		size, err = textSize(l.codec, v)
	}
	if err == nil {
		l.add(v, body, size)
	}
	return err
}

func (l *eventLane[T]) add(v T, body []byte, size int) {
	l.touch()
	l.turn = append(l.turn, event[T]{v, body, eventCost + int(unsafe.Sizeof(v)) + max(size, len(body))})
}

func (l *eventLane[T]) publish() { l.turn = l.log.apply(l.turn) }

func (l *eventLane[T]) events() *eventLog[T] { return &l.log }
func (l *eventLane[T]) nextEvent(t *Tail, _ bool) (T, bool) {
	e, ok := l.log.take(t)
	return e.val, ok
}
func (l *eventLane[T]) now() uint64                         { return l.log.seq }
func (l *eventLane[T]) next(t *Tail) ([]byte, bool)         { return l.log.next(t) }
func (l *eventLane[T]) due(t *Tail) uint64                  { return l.log.due(t) }
func (l *eventLane[T]) state(t *Tail) func() ([]byte, bool) { return l.log.state(t) }
func (l *eventLane[T]) left(t *Tail)                        { l.log.left(t) }
func (l *eventLane[T]) dropped(t *Tail) uint64              { return l.log.dropped(t) }
func (l *eventLane[T]) resume(old *Lane)                    { l.log.resume(old) }

// holdsNothing is of lanes that have nothing to remember.
type holdsNothing struct{}

func (holdsNothing) save(*Lane, Keeper) {}
func (holdsNothing) snapshot() Snapshot { return Snapshot{} }

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
	size int    // of all this in bytes, about
}

// eventCost is what an event takes beside its value and text, in bytes.
const eventCost = 32

// textSize returns how many bytes v takes beside itself, about: what its text takes, unless v points to nothing.
func textSize[T any](codec *recon.Codec[T], v T) (int, error) {
	if isFlat(reflect.TypeFor[T]()) {
		return 0, nil
	}
	text, err := codec.Append(nil, v)
	return len(text), err
}

// isFlat reports whether values of a type point to nothing.
func isFlat(t reflect.Type) bool {
	switch k := t.Kind(); k {
	case reflect.Array:
		return isFlat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !isFlat(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return k < reflect.Array // the numbers and bool
	}
}

// apply publishes the events of one turn, and empties the slice they are in.
func (g *eventLog[T]) apply(events []event[T]) []event[T] {
	g.seq += uint64(len(events))
	if n := g.lane.audience(); n > 0 {
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
		t.lose(missed)
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
	t.lose(g.dropped(t))
	if t.at < g.seq {
		g.caughtUp()
	}
}

func (g *eventLog[T]) caughtUp() {
	if g.late--; g.late == 0 {
		g.empty()
	}
}

func (g *eventLog[T]) empty() {
	clear(g.log)
	g.log, g.bytes = g.log[:0], 0
}

// resume goes on where the lane of that name was before a restart, with what setup has shown meanwhile. If that
// was of another type, what its readers had not taken is lost to them.
func (g *eventLog[T]) resume(old *Lane) {
	events := g.log
	g.log, g.bytes, g.seq = nil, 0, old.typed.now()
	if was, ok := old.typed.(interface{ events() *eventLog[T] }); ok {
		g.log, g.bytes = was.events().log, was.events().bytes
	}
	g.apply(events)
	g.late = 0
	for _, t := range g.lane.readers() {
		if t.at = min(t.at, g.seq); t.at < g.seq {
			g.late++
		}
	}
	if g.late == 0 {
		g.empty()
	}
}

package agent

import (
	"bytes"
	"fmt"

	"selvage/edge/recon"
)

// ValueLane holds one value of type T.
type ValueLane[T any] struct {
	Lane
	codec *recon.Codec[T]
	cur   T             // as this turn sees it
	rare  *rareValue[T] // what most value lanes do without

	// Guarded by agent.mu.
	pub  T
	body []byte // pub's Recon form once somebody asked for it
	seq  uint64
}

type rareValue[T any] struct {
	first   *T // the start value, when a remembered one took its place
	onSet   []func(old, now T) error
	lenient bool
	misfit  bool   // what was stored does not fit
	raw     []byte // the value as it came; nil if the agent set it
}

// more makes rare with agent.mu held, for readers look whether it is there.
func (l *ValueLane[T]) more() *rareValue[T] {
	if l.rare == nil {
		l.agent.mu.Lock()
		l.rare = new(rareValue[T])
		l.agent.mu.Unlock()
	}
	return l.rare
}

// Value makes a value lane that starts with initial, or with what is remembered of it. T is a
// type that recon.CodecOf knows; what it holds must not be altered once it is set.
func Value[T any](a *Agent, name string, initial T) *ValueLane[T] {
	l := &ValueLane[T]{codec: codecOf[T](a, name), cur: initial}
	l.stored = true
	a.add(&l.Lane, name, ValueKind, l)
	if s, ok := l.claim(); ok && s.Value != nil { // there may be a history and no value
		if v, err := l.codec.Decode(s.Value); err != nil {
			l.more().misfit = true
			l.fail(fmt.Errorf("what was stored does not fit and is left aside: %w", err))
		} else {
			l.more().first, l.cur = &initial, v
		}
	}
	l.pub, l.seq = l.cur, 1 // so that a reader at 0 is shown the start value
	return l
}

// Transient makes the lane forget its value when the host stops. It is for setup.
func (l *ValueLane[T]) Transient() *ValueLane[T] {
	l.stored = false
	r := l.rare
	if r == nil {
		return l
	}
	if r.first != nil {
		l.cur, l.pub, r.first = *r.first, *r.first, nil
		r.raw, l.body = nil, nil
	}
	if r.misfit {
		r.misfit = false
		l.mark(nil)
	}
	return l
}

// ReadOnly refuses commands from outside: only the agent itself sets the lane.
func (l *ValueLane[T]) ReadOnly() *ValueLane[T] {
	l.readOnly = true
	return l
}

// OnSet has fn run each time the value is set, by this agent or by a command, with the value
// before and now. An error refuses the value: the lane keeps what it had, nobody is told of the
// new one, and the error shows in health. If fn sets the lane itself, that is what it holds.
func (l *ValueLane[T]) OnSet(fn func(old, now T) error) *ValueLane[T] {
	l.more().onSet = append(l.more().onSet, fn)
	return l
}

// Get returns the value.
func (l *ValueLane[T]) Get() T { return l.cur }

// Set sets the value and runs the OnSet handlers.
func (l *ValueLane[T]) Set(v T) { l.mark(l.set(v)) }

func (l *ValueLane[T]) set(v T) error {
	if l.rare == nil || l.rare.raw == nil {
		return l.put(v)
	}
	before := l.rare.raw
	l.rare.raw = nil
	err := l.put(v)
	if err != nil {
		l.rare.raw = before
	}
	return err
}

func (l *ValueLane[T]) put(v T) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	asIs := l.rare != nil && l.rare.raw != nil
	if !asIs && !l.codec.IsBasic() && l.isPrinted() {
		if _, err := l.codec.Append(nil, v); err != nil {
			return err // or the store would forget a value that has a form
		}
	}
	old := l.cur
	l.cur = v
	if l.rare != nil {
		for _, fn := range l.rare.onSet {
			if err := fn(old, v); err != nil {
				l.cur = old
				return err
			}
		}
	}
	l.touch()
	return nil
}

func (l *ValueLane[T]) command(body []byte) error {
	if l.rare != nil && l.rare.lenient {
		return l.commandAsIs(body)
	}
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	return l.set(v)
}

func (l *ValueLane[T]) publish() {
	l.pub, l.body = l.cur, nil
	if l.rare != nil {
		l.body = l.rare.raw
	}
	l.seq++
}

// encoded returns the value's text, made when first asked for. A value that has none, for which
// its author's code is to blame, shows as empty.
func (l *ValueLane[T]) encoded() []byte {
	if l.body == nil {
		l.body = []byte{} // an absent value has no text, and is not asked for again
		if text, ok := printed(l.agent, l.codec, l.pub); ok && text != nil {
			l.body = text
		}
	}
	return l.body
}

func (l *ValueLane[T]) now() uint64 { return l.seq }

func (l *ValueLane[T]) next(t *Tail) ([]byte, bool) {
	if t.at >= l.seq {
		return nil, false
	}
	t.at = l.seq
	return l.encoded(), true
}

// asTyped reports whether the lane's value is of its type: a lenient one may show something else.
func (l *ValueLane[T]) asTyped() bool { return l.rare == nil || !l.rare.lenient }

func (l *ValueLane[T]) nextEvent(t *Tail, fresh bool) (v T, ok bool) {
	if t.at >= l.seq && !fresh {
		return v, false
	}
	t.at = l.seq
	return l.pub, true
}

func (l *ValueLane[T]) due(t *Tail) uint64 {
	if t.at >= l.seq {
		return 0
	}
	return l.seq
}

func (l *ValueLane[T]) state(t *Tail) func() ([]byte, bool) {
	t.at = l.seq
	done := false
	return func() ([]byte, bool) {
		if done {
			return nil, false
		}
		done, t.at = true, l.seq
		return l.encoded(), true
	}
}

func (l *ValueLane[T]) left(*Tail) {}

func (l *ValueLane[T]) save(lane *Lane, to Keeper) { to.Value(lane, l.encoded()) }

func (l *ValueLane[T]) snapshot() Snapshot { return Snapshot{Kind: ValueKind, Value: l.encoded()} }

// resume shows the value to all readers, unless it is what they were shown before. Of one without text
// nobody can tell.
func (l *ValueLane[T]) resume(old *Lane) {
	l.seq = max(l.seq, old.typed.now())
	if len(l.encoded()) == 0 || !bytes.Equal(l.encoded(), old.typed.snapshot().Value) {
		l.seq++
	}
}

// codecOf finds T's Recon form. A type without one is the author's mistake.
func codecOf[T any](a *Agent, name string) *recon.Codec[T] {
	c, err := recon.CodecOf[T]()
	if err != nil {
		panic(fmt.Sprintf("agent %s: lane %s: %v", a.uri, name, err))
	}
	return c
}

package agent

import (
	"errors"
	"fmt"
	"iter"

	"selvage/edge/recon"
)

// Lenient has the lane take whatever it is sent, as the lanes of SwimOS do, and show and remember it as it
// came. For what does not fit T, handlers and Get have T's zero value; Raw has what it is. It is for setup.
func (l *ValueLane[T]) Lenient() *ValueLane[T] {
	r := l.more()
	r.lenient = true
	s, ok := l.claim()
	if !ok || !l.stored || l.changed {
		return l
	}
	v, raw, err := asIs(l.codec, s.Value)
	if err != nil {
		return l
	}
	if r.misfit {
		first := l.cur
		r.first, r.misfit = &first, false
		l.mark(nil)
	}
	l.cur, l.pub, r.raw, l.body = v, v, raw, raw
	return l
}

// Raw returns the value as it came, also if it does not fit the lane's type.
func (l *ValueLane[T]) Raw() recon.Value {
	if l.rare != nil && l.rare.raw != nil {
		return parsed(l.rare.raw)
	}
	text, _ := l.codec.Append(nil, l.cur)
	return parsed(text)
}

// parsed reads back what was printed.
func parsed(text []byte) recon.Value {
	v, _ := recon.Parse(text)
	return v
}

// asIs reads a body for a lenient lane: as a T if it is one, and printed as it came.
func asIs[T any](codec *recon.Codec[T], body []byte) (v T, raw []byte, err error) {
	as, err := recon.Parse(body)
	if err != nil {
		return v, nil, err
	}
	v, _ = codec.Load(as) // the zero value if it does not fit
	return v, recon.Append([]byte{}, as), nil
}

// commandAsIs takes a command to a lenient lane.
func (l *ValueLane[T]) commandAsIs(body []byte) error {
	v, raw, err := asIs(l.codec, body)
	if err != nil {
		return err
	}
	before := l.rare.raw
	l.rare.raw = raw // for handlers
	if err = l.put(v); err != nil {
		l.rare.raw = before
	}
	return err
}

// Lenient has the lane take whatever commands it is sent, and show them as they came. For one that does not
// fit T its handler gets T's zero value; Raw has what it is.
func (l *CommandLane[T]) Lenient() *CommandLane[T] {
	l.lenient = true
	return l
}

// Raw returns, to the handler of a lenient lane, the command as it came.
func (l *CommandLane[T]) Raw() recon.Value { return parsed(l.raw) }

func (l *CommandLane[T]) commandAsIs(body []byte) error {
	v, raw, err := asIs(l.codec, body)
	if err != nil {
		return err
	}
	l.raw = raw
	err = l.on(v)
	l.raw = nil
	if err == nil {
		l.add(v, raw, 0)
	}
	return err
}

// lenientMap is what a lenient map lane has beside its entries.
type lenientMap struct {
	raw map[string][]byte // values as they came, by the keys' Recon text
}

// Lenient has the lane take any keys and values, as the lanes of SwimOS do, and show and remember them as
// they came. For what does not fit K or V, handlers, Get and All have the zero value; Raw has what it is.
// It is for setup.
func (l *MapLane[K, V]) Lenient() *MapLane[K, V] {
	l.lenient = &lenientMap{raw: map[string][]byte{}}
	s, ok := l.claim()
	if !ok || !l.stored || l.changed {
		return l
	}
	clear(l.cur)
	l.log.forget()
	if l.misfit {
		l.misfit = false
		l.mark(nil)
	}
	for _, e := range s.Entries {
		key, keyText, kerr := asIs(l.keys, e.Key)
		val, raw, verr := asIs(l.vals, e.Value)
		if err := errors.Join(kerr, verr); err != nil {
			l.fail(fmt.Errorf("the entry stored under %s is left aside: %w", e.Key, err))
			continue
		}
		l.hold(string(keyText), key, val, raw)
		l.lenient.put(string(keyText), raw)
	}
	return l
}

// hold makes a remembered entry one of the lane's.
func (l *MapLane[K, V]) hold(keyText string, key K, val V, text []byte) {
	it, err := newMapItem[K, V](keyText, key)
	if err != nil {
		l.fail(err)
		return
	}
	it.val, it.pub = val, val
	it.entry.body = appendUpdate(keyText, text)
	l.cur[keyText] = it
	l.log.list(&it.entry)
}

// Raw goes through the entries in the order of their keys, as they came, also those that do not fit the
// lane's types.
func (l *MapLane[K, V]) Raw() iter.Seq2[recon.Value, recon.Value] {
	items := l.ordered()
	return func(yield func(key, v recon.Value) bool) {
		for _, it := range items {
			if !yield(it.entry.key, l.rawOf(it)) {
				return
			}
		}
	}
}

func (l *MapLane[K, V]) rawOf(it *mapItem[K, V]) recon.Value {
	if l.lenient != nil {
		if raw := l.lenient.raw[it.entry.text]; raw != nil {
			return parsed(raw)
		}
	}
	text, _ := l.vals.Append(nil, it.val)
	return parsed(text)
}

// updateAsIs takes an update for a lenient lane.
func (l *MapLane[K, V]) updateAsIs(key, val recon.Value) error {
	k, _ := l.keys.Load(key) // the zero value if it does not fit
	v, _ := l.vals.Load(val)
	raw := recon.Append([]byte{}, val)
	return l.put(recon.Append(nil, key), k, v, raw, raw)
}

// put notes how a value came, nil for one that the agent set or that is no more, and returns what was noted before.
func (m *lenientMap) put(keyText string, raw []byte) (before []byte) {
	switch {
	case m == nil:
	case raw == nil:
		before = m.raw[keyText]
		delete(m.raw, keyText)
	default:
		before = m.raw[keyText]
		m.raw[keyText] = raw
	}
	return before
}

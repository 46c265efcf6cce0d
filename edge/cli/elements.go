package cli

import (
	"slices"

	"selvage/edge/recon"
)

// elements are those of a list lane as its reader keeps them: an element is looked up by its key,
// and its index says only where a new one goes. Hosts that name no key mean the index.
type elements struct {
	inOrder []*element
	byKey   map[string]*element // by the key's Recon text
}

type element struct {
	key   recon.Value
	text  string // of key, "" for none
	value recon.Value
}

// apply does ch and returns what came of it: an insert is told from a set, the index is the one
// that the element has here, and a value goes with it. It is false if nothing came of it.
func (l *elements) apply(ch change) (change, bool) {
	switch ch.kind {
	case setElement:
		return l.set(ch), true
	case moveElement, removeElement:
		was := ch.index
		if ch.kind == moveElement {
			was = ch.from
		}
		i := l.find(ch.key, was)
		if i < 0 {
			return ch, false
		}
		e := l.inOrder[i]
		l.inOrder = slices.Delete(l.inOrder, i, i+1)
		if ch.kind == removeElement {
			delete(l.byKey, e.text)
			ch.index = i
		} else {
			ch.from, ch.index = i, min(ch.index, len(l.inOrder))
			l.inOrder = slices.Insert(l.inOrder, ch.index, e)
		}
		ch.key, ch.value = e.key, e.value
	case clearAll:
		l.cut(0, len(l.inOrder))
	case dropFirst:
		l.cut(0, l.count(ch.n))
	case takeFirst:
		l.cut(l.count(ch.n), len(l.inOrder))
	}
	return ch, true
}

func (l *elements) set(ch change) change {
	text := keyText(ch.key)
	e := l.byKey[text]
	if text == "" && ch.index < len(l.inOrder) {
		e = l.inOrder[ch.index]
	}
	if e != nil {
		e.value = ch.value
		ch.key, ch.index = e.key, l.index(e, ch.index)
		return ch
	}
	ch.kind, ch.index = insertElement, min(ch.index, len(l.inOrder))
	l.insert(ch.index, &element{ch.key, text, ch.value})
	return ch
}

func (l *elements) insert(i int, e *element) {
	l.inOrder = slices.Insert(l.inOrder, i, e)
	if e.text == "" {
		return
	}
	if l.byKey == nil {
		l.byKey = map[string]*element{}
	}
	l.byKey[e.text] = e
}

// find returns the index of an element that is said to be at was, -1 if it is not there.
func (l *elements) find(key recon.Value, was int) int {
	if text := keyText(key); text != "" {
		if e := l.byKey[text]; e != nil {
			return l.index(e, was)
		}
		return -1
	}
	if was < len(l.inOrder) {
		return was
	}
	return -1
}

func (l *elements) index(e *element, was int) int {
	if was < len(l.inOrder) && l.inOrder[was] == e {
		return was
	}
	return slices.Index(l.inOrder, e)
}

func (l *elements) cut(from, to int) {
	for _, e := range l.inOrder[from:to] {
		delete(l.byKey, e.text)
	}
	l.inOrder = slices.Delete(l.inOrder, from, to)
}

func (l *elements) count(n int64) int { return int(min(max(n, 0), int64(len(l.inOrder)))) }

func keyText(key recon.Value) string {
	if key.IsAbsent() || key.Kind() == recon.KindExtant {
		return ""
	}
	return key.String()
}

// become makes the list equal to want, and tells the changes that this takes.
func (l *elements) become(want *elements, tell func(change) error) error {
	step := func(ch change) error {
		ch, _ = l.apply(ch)
		return tell(ch)
	}
	if len(want.inOrder) == 0 && len(l.inOrder) > 0 {
		return step(change{kind: clearAll})
	}
	for i, e := range slices.Backward(l.inOrder) {
		if want.byKey[e.text] != nil {
			continue
		}
		if err := step(change{kind: removeElement, key: e.key, index: i}); err != nil {
			return err
		}
	}
	place := make(map[string]int, len(want.inOrder))
	for i, e := range want.inOrder {
		place[e.text] = i
	}
	for i, e := range want.inOrder {
		if err := l.settle(i, e, place, step); err != nil {
			return err
		}
	}
	return nil
}

// settle has the element e at index i, where those before it are settled. One that stands in its
// way goes where it belongs if that is all it takes, so that one move is told as one.
func (l *elements) settle(i int, e *element, place map[string]int, step func(change) error) error {
	has := l.byKey[e.text]
	if has == nil {
		l.insert(i, &element{e.key, e.text, e.value})
		return step(change{kind: insertElement, key: e.key, value: e.value, index: i})
	}
	if now := l.inOrder[i]; now != has {
		ch := change{kind: moveElement, key: e.key, from: l.index(has, i), index: i}
		if l.inOrder[i+1] == has {
			ch = change{kind: moveElement, key: now.key, from: i, index: place[now.text]}
		}
		if err := step(ch); err != nil {
			return err
		}
	}
	if has.value.String() == e.value.String() {
		return nil
	}
	return step(change{kind: setElement, key: e.key, value: e.value, index: i})
}

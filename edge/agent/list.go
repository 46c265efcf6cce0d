package agent

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"unsafe"

	"selvage/edge/recon"
)

// ListLane holds values of type V in the order in which they were put. Each element has a key
// that it keeps for life: whoever names an element by it means that one, though its index may
// have changed meanwhile. Agents go by index; keys are for the wire and the store.
//
// What follows from an element's key is done as the reference does it, with three exceptions,
// in which the reference's readers and lane come to differ: an insert by the agent has a key of
// its own (the reference takes that of the element it pushes aside, and replaces that), a move by
// the agent tells the key it moves, and an event tells the index that an element has, not the one
// that a command named beside its key.
type ListLane[V any] struct {
	Lane
	vals  *recon.Codec[V]
	cur   []*listElement[V] // as this turn sees it
	byKey map[string]*listElement[V]
	ops   []listOp[V] // of this turn
	lazy  bool        // nobody needs the text of what this turn sets

	onUpdate []func(i int, old, now V) error
	onMove   []func(from, to int, v V) error
	onRemove []func(i int, old V) error
	onClear  []func() error

	log listLog[V] // guarded by agent.mu
}

type listElement[V any] struct {
	val  V
	item *listItem[V]
}

// List makes a list lane that starts empty, or with what is remembered of it.
func List[V any](a *Agent, name string) *ListLane[V] {
	l := &ListLane[V]{vals: codecOf[V](a, name), byKey: map[string]*listElement[V]{}}
	l.stored = true
	a.add(&l.Lane, name, ListKind, l)
	l.log.lane, l.log.vals, l.log.room = &l.Lane, l.vals, maxListLag
	if s, ok := l.claim(); ok {
		l.restore(s.Entries)
	}
	return l
}

func (l *ListLane[V]) restore(entries []Entry) {
	for _, e := range entries {
		rank, value, err := readListRow(e)
		var v V
		if err == nil {
			v, err = l.vals.Decode(value)
		}
		if err != nil {
			l.fail(fmt.Errorf("the element stored under key %s does not fit and is left aside: %w", e.Key, err))
			continue
		}
		key := string(e.Key)
		el := &listElement[V]{v, &listItem[V]{key: key, rank: rank, set: newListSet(0, key, v, value, 0)}}
		l.cur = append(l.cur, el)
		l.byKey[key] = el
	}
	slices.SortFunc(l.cur, func(x, y *listElement[V]) int {
		return cmp.Or(cmp.Compare(x.item.rank, y.item.rank), cmp.Compare(x.item.key, y.item.key))
	})
	for _, el := range l.cur {
		l.log.list(el.item)
	}
}

// Transient makes the lane forget its elements when the host stops. It is for setup.
func (l *ListLane[V]) Transient() *ListLane[V] {
	l.stored = false
	l.cur = nil
	clear(l.byKey)
	l.log.forget()
	return l
}

// ReadOnly refuses commands from outside: only the agent itself changes the lane.
func (l *ListLane[V]) ReadOnly() *ListLane[V] {
	l.readOnly = true
	return l
}

// OnUpdate has fn run each time an element is inserted or set, with its index, and its value
// before, which for a new one is V's zero value, and now. An error refuses it, as with
// ValueLane.OnSet. If a handler changes the list itself, what it was called for is done to the
// list as it leaves it, but what it sets that very element to stays.
func (l *ListLane[V]) OnUpdate(fn func(i int, old, now V) error) *ListLane[V] {
	l.onUpdate = append(l.onUpdate, fn)
	return l
}

// OnMove has fn run each time an element is moved. An error refuses the move.
func (l *ListLane[V]) OnMove(fn func(from, to int, v V) error) *ListLane[V] {
	l.onMove = append(l.onMove, fn)
	return l
}

// OnRemove has fn run each time an element is removed, alone or by Drop or Take, with the index
// it had before. An error refuses the removal.
func (l *ListLane[V]) OnRemove(fn func(i int, old V) error) *ListLane[V] {
	l.onRemove = append(l.onRemove, fn)
	return l
}

// OnClear has fn run each time all elements are removed at once. An error refuses it.
func (l *ListLane[V]) OnClear(fn func() error) *ListLane[V] {
	l.onClear = append(l.onClear, fn)
	return l
}

// Len returns how many elements there are.
func (l *ListLane[V]) Len() int { return len(l.cur) }

// Get returns the element at index i.
func (l *ListLane[V]) Get(i int) (V, bool) {
	if i < 0 || i >= len(l.cur) {
		var none V
		return none, false
	}
	return l.cur[i].val, true
}

// All goes through the elements in order.
func (l *ListLane[V]) All() iter.Seq2[int, V] {
	elements := slices.Clone(l.cur)
	return func(yield func(int, V) bool) {
		for i, e := range elements {
			if !yield(i, e.val) {
				return
			}
		}
	}
}

// Append puts v behind the last element and runs the OnUpdate handlers.
func (l *ListLane[V]) Append(v V) { l.mark(l.insert(len(l.cur), "", v)) }

// Insert puts v at index i, at most Len, and runs the OnUpdate handlers.
func (l *ListLane[V]) Insert(i int, v V) { l.mark(l.insert(i, "", v)) }

// Set sets the element at index i and runs the OnUpdate handlers.
func (l *ListLane[V]) Set(i int, v V) { l.mark(l.replace(i, v)) }

// Move takes the element at index from out and puts it where it has index to, and runs the OnMove
// handlers. A move to where it is does nothing.
func (l *ListLane[V]) Move(from, to int) { l.mark(l.move(from, to)) }

// Remove removes the element at index i and runs the OnRemove handlers.
func (l *ListLane[V]) Remove(i int) { l.mark(l.remove(i)) }

// Drop removes the first n elements.
func (l *ListLane[V]) Drop(n int) { l.mark(l.cut(listDrop, n)) }

// Take keeps the first n elements.
func (l *ListLane[V]) Take(n int) { l.mark(l.cut(listTake, n)) }

// Clear removes all elements.
func (l *ListLane[V]) Clear() { l.mark(l.clear()) }

func (l *ListLane[V]) insert(i int, key string, v V) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	if i < 0 || i > len(l.cur) {
		return fmt.Errorf("index %d is beyond the end: the next element has index %d", i, len(l.cur))
	}
	value, size, err := l.text(v)
	if err != nil {
		return err
	}
	var none V
	for _, fn := range l.onUpdate {
		if err := fn(i, none, v); err != nil {
			return err
		}
	}
	i = min(i, len(l.cur))
	if key == "" {
		key = l.newKey()
	} else if l.byKey[key] != nil {
		return fmt.Errorf("a handler has inserted the key %s itself", key)
	}
	e := &listElement[V]{val: v, item: &listItem[V]{key: key}}
	l.cur = slices.Insert(l.cur, i, e)
	l.byKey[key] = e
	l.addUpdate(listInsert, e, i, value, size)
	return nil
}

// text returns v's text, or if nobody needs that now how much v takes.
func (l *ListLane[V]) text(v V) (text []byte, size int, err error) {
	if !l.changed {
		l.lazy = !l.isPrinted()
	}
	if l.lazy {
		size, err = textSize(l.vals, v)
		return nil, size + int(unsafe.Sizeof(v)), err
	}
	text, err = l.vals.Append([]byte{}, v)
	return text, 0, err
}

// newKey makes the kind of key that the reference's server and clients make.
func (l *ListLane[V]) newKey() string {
	for {
		var b [6]byte
		rand.Read(b[:]) // never fails since Go 1.24
		key := recon.Data(b[:]).String()
		if l.byKey[key] == nil {
			return key
		}
	}
}

func (l *ListLane[V]) replace(i int, v V) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	if err := l.has(i); err != nil {
		return err
	}
	value, size, err := l.text(v)
	if err != nil {
		return err
	}
	e := l.cur[i]
	ops := len(l.ops)
	for _, fn := range l.onUpdate {
		if err := fn(i, e.val, v); err != nil {
			return err
		}
	}
	if i = l.index(e, i); i < 0 {
		return errors.New("a handler has removed the element that was to be set")
	}
	if slices.ContainsFunc(l.ops[ops:], func(op listOp[V]) bool { return op.set != nil && op.item == e.item }) {
		return nil // a handler has set it, and has the last word
	}
	e.val = v
	l.addUpdate(listReplace, e, i, value, size)
	return nil
}

func (l *ListLane[V]) move(from, to int) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	if err := cmp.Or(l.has(from), l.has(to)); err != nil {
		return err
	}
	if from == to {
		return nil
	}
	e := l.cur[from]
	for _, fn := range l.onMove {
		if err := fn(from, to, e.val); err != nil {
			return err
		}
	}
	from, to = l.index(e, from), min(to, len(l.cur)-1)
	if from < 0 || from == to {
		return nil // a handler has removed it, or moved it there itself
	}
	l.cur = slices.Insert(slices.Delete(l.cur, from, from+1), to, e)
	l.add(listOp[V]{kind: listMove, item: e.item, at: from, to: to})
	return nil
}

func (l *ListLane[V]) remove(i int) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	if err := l.has(i); err != nil {
		return err
	}
	e := l.cur[i]
	if err := l.mayRemove(i, e); err != nil {
		return err
	}
	l.take(e, i)
	return nil
}

func (l *ListLane[V]) mayRemove(i int, e *listElement[V]) error {
	for _, fn := range l.onRemove {
		if err := fn(i, e.val); err != nil {
			return err
		}
	}
	return nil
}

// take removes an element that was near index i, unless a handler has removed it already.
func (l *ListLane[V]) take(e *listElement[V], i int) {
	if i = l.index(e, i); i < 0 {
		return
	}
	l.cur = slices.Delete(l.cur, i, i+1)
	delete(l.byKey, e.item.key)
	l.add(listOp[V]{kind: listRemove, item: e.item, at: i})
}

// cut removes elements at one end. A refused removal keeps that element, and the cut is told as
// the removals it came to; so it is when a handler changes the list meanwhile.
func (l *ListLane[V]) cut(kind listOpKind, n int) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	from, to := 0, min(max(n, 0), len(l.cur))
	if kind == listTake {
		from, to = to, len(l.cur)
	}
	var refused error
	going := make([]*listElement[V], 0, to-from)
	ops := len(l.ops)
	for i, e := range slices.Clone(l.cur[from:to]) {
		if err := l.mayRemove(from+i, e); err != nil {
			refused = err
			continue
		}
		going = append(going, e)
	}
	if refused != nil || len(l.ops) != ops {
		for _, e := range going {
			l.take(e, from)
		}
		return refused
	}
	for _, e := range going {
		delete(l.byKey, e.item.key)
	}
	if kind == listDrop {
		clear(l.cur[:to]) // the front of the array lives on
		l.cur = l.cur[to:]
	} else {
		l.cur = slices.Delete(l.cur, from, to)
	}
	l.add(listOp[V]{kind: kind, at: n})
	return nil
}

func (l *ListLane[V]) clear() error {
	if err := l.mayChange(); err != nil {
		return err
	}
	for _, fn := range l.onClear {
		if err := fn(); err != nil {
			return err
		}
	}
	l.cur = nil
	clear(l.byKey)
	l.add(listOp[V]{kind: listClear})
	return nil
}

func (l *ListLane[V]) add(op listOp[V]) {
	l.touch()
	l.ops = append(l.ops, op)
}

func (l *ListLane[V]) addUpdate(kind listOpKind, e *listElement[V], i int, value []byte, size int) {
	l.add(listOp[V]{kind: kind, item: e.item, at: i, set: newListSet(i, e.item.key, e.val, value, size)})
}

// index finds where e is, first where it was; -1 says it is there no more.
func (l *ListLane[V]) index(e *listElement[V], was int) int {
	if was >= 0 && was < len(l.cur) && l.cur[was] == e {
		return was
	}
	return slices.Index(l.cur, e)
}

func (l *ListLane[V]) has(i int) error {
	if i < 0 || i >= len(l.cur) {
		return fmt.Errorf("there is no element %d: the list has %d", i, len(l.cur))
	}
	return nil
}

// command takes a list operation in the forms of the WARP list lane, its headers in any order:
// JS clients send the key first. A key tells the element; the index beside it may be out of
// date. An operation on a key that is gone does nothing.
func (l *ListLane[V]) command(body []byte) error {
	op, err := parseOp(body, listOps)
	if err != nil {
		return err
	}
	switch op.tag {
	case "clear":
		return l.clear()
	case "drop":
		return l.cut(listDrop, op.n)
	case "take":
		return l.cut(listTake, op.n)
	case "update":
		return l.commandUpdate(op)
	case "remove":
		i, err := op.index("index")
		if err != nil {
			return err
		}
		key, e := l.named(op.key)
		switch {
		case e != nil:
			i = l.index(e, i)
		case key != "":
			return nil
		}
		return l.remove(i)
	case "move":
		from, ferr := op.index("from")
		to, terr := op.index("to")
		if err := cmp.Or(ferr, terr); err != nil {
			return err
		}
		key, e := l.named(op.key)
		switch {
		case e != nil:
			from = l.index(e, from)
		case key != "":
			return nil
		}
		return l.move(from, to)
	}
	return nil
}

// commandUpdate sets the element that has the key. A key that no element has yet, or none at the
// end of the list, makes a new one; none elsewhere sets the element at the index.
func (l *ListLane[V]) commandUpdate(op laneOp) error {
	i, err := op.index("index")
	if err != nil {
		return err
	}
	val, err := l.vals.Load(op.val)
	if err != nil {
		return err
	}
	key, e := l.named(op.key)
	switch {
	case e != nil:
		return l.replace(l.index(e, i), val)
	case key == "" && i < len(l.cur):
		return l.replace(i, val)
	}
	return l.insert(i, key, val)
}

// named reads an operation's key: its Recon text, "" when it gives none, and the element that has it.
func (l *ListLane[V]) named(k recon.Value) (key string, e *listElement[V]) {
	if k.IsAbsent() || k.Kind() == recon.KindExtant {
		return "", nil
	}
	key = k.String()
	return key, l.byKey[key]
}

func (l *ListLane[V]) publish() {
	l.log.apply(l.ops)
	clear(l.ops)
	l.ops = l.ops[:0]
}

func (l *ListLane[V]) now() uint64                 { return l.log.seq }
func (l *ListLane[V]) next(t *Tail) ([]byte, bool) { return l.log.next(t) }
func (l *ListLane[V]) nextChanges(t *Tail, fresh bool, to []listOp[V]) []listOp[V] {
	return l.log.nextChanges(t, fresh, to)
}

func (l *ListLane[V]) due(t *Tail) uint64                  { return l.log.due(t) }
func (l *ListLane[V]) state(t *Tail) func() ([]byte, bool) { return l.log.state(t) }
func (l *ListLane[V]) left(t *Tail)                        { l.log.left(t) }
func (l *ListLane[V]) save(lane *Lane, to Keeper)          { l.log.save(to) }
func (l *ListLane[V]) snapshot() Snapshot                  { return l.log.snapshot() }
func (l *ListLane[V]) resume(old *Lane)                    { l.log.resume(old) }

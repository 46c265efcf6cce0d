package agent

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"selvage/edge/recon"
)

// MapLane holds values of type V by keys of type K. Two keys are the same when their Recon
// text is; they are kept in the order of recon.Compare.
type MapLane[K, V any] struct {
	Lane
	keys *recon.Codec[K]
	vals *recon.Codec[V]
	cur  map[string]*mapItem[K, V] // as this turn sees it, by the key's Recon text
	ops  []mapOp                   // of this turn
	text []byte                    // room to spell a key
	body []byte                    // room to print a value
	lazy bool                      // nobody needs the text of what this turn sets

	onUpdate []func(key K, old, now V) error
	onRemove []func(key K, old V) error
	onClear  []func() error
	lenient  *lenientMap // nil in most
	misfit   bool        // something of what was stored does not fit

	log mapLog // guarded by agent.mu
}

type mapItem[K, V any] struct {
	key   K
	val   V // as this turn sees it
	pub   V // guarded by agent.mu
	entry mapEntry
}

func newMapItem[K, V any](text string, key K) (*mapItem[K, V], error) {
	it := &mapItem[K, V]{key: key}
	var err error
	it.entry, err = newMapEntry(text)
	it.entry.of = it
	return it, err
}

// Map makes a map lane that starts empty, or with what is remembered of it.
func Map[K, V any](a *Agent, name string) *MapLane[K, V] {
	l := &MapLane[K, V]{keys: codecOf[K](a, name), vals: codecOf[V](a, name), cur: map[string]*mapItem[K, V]{}}
	l.stored = true
	a.add(&l.Lane, name, MapKind, l)
	l.log.lane, l.log.of = &l.Lane, l
	if s, ok := l.claim(); ok {
		l.restore(s.Entries)
	}
	return l
}

func (l *MapLane[K, V]) restore(entries []Entry) {
	for _, e := range entries {
		k, kerr := l.keys.Decode(e.Key)
		v, verr := l.vals.Decode(e.Value)
		if err := errors.Join(kerr, verr); err != nil {
			l.fail(fmt.Errorf("the entry stored under %s does not fit and is left aside: %w", e.Key, err))
			l.misfit = true
			continue
		}
		l.hold(string(e.Key), k, v, e.Value)
	}
}

// Transient makes the lane forget its entries when the host stops. It is for setup.
func (l *MapLane[K, V]) Transient() *MapLane[K, V] {
	l.stored = false
	clear(l.cur)
	if l.lenient != nil {
		clear(l.lenient.raw)
	}
	if l.misfit {
		l.misfit = false
		l.mark(nil)
	}
	l.log.forget()
	return l
}

// ReadOnly refuses commands from outside: only the agent itself changes the lane.
func (l *MapLane[K, V]) ReadOnly() *MapLane[K, V] {
	l.readOnly = true
	return l
}

// OnUpdate has fn run each time an entry is set, with its value before and now. An error refuses
// the update, and what fn sets the entry to is what it has, as with ValueLane.OnSet.
func (l *MapLane[K, V]) OnUpdate(fn func(key K, old, now V) error) *MapLane[K, V] {
	l.onUpdate = append(l.onUpdate, fn)
	return l
}

// OnRemove has fn run each time an entry is removed, alone or by Drop or Take. An error refuses the removal.
func (l *MapLane[K, V]) OnRemove(fn func(key K, old V) error) *MapLane[K, V] {
	l.onRemove = append(l.onRemove, fn)
	return l
}

// OnClear has fn run each time all entries are removed at once. An error refuses it.
func (l *MapLane[K, V]) OnClear(fn func() error) *MapLane[K, V] {
	l.onClear = append(l.onClear, fn)
	return l
}

// Get returns the value under key.
func (l *MapLane[K, V]) Get(key K) (V, bool) {
	if text, err := l.spell(key); err == nil {
		if it := l.cur[string(text)]; it != nil {
			return it.val, true
		}
	}
	var none V
	return none, false
}

// Len returns how many entries there are.
func (l *MapLane[K, V]) Len() int { return len(l.cur) }

// All goes through the entries in the order of their keys.
func (l *MapLane[K, V]) All() iter.Seq2[K, V] {
	items := l.ordered()
	return func(yield func(K, V) bool) {
		for _, it := range items {
			if !yield(it.key, it.val) {
				return
			}
		}
	}
}

// Set sets the value under key and runs the OnUpdate handlers.
func (l *MapLane[K, V]) Set(key K, v V) { l.mark(l.set(key, v)) }

// Remove removes the entry under key, if there is one, and runs the OnRemove handlers.
func (l *MapLane[K, V]) Remove(key K) { l.mark(l.remove(key)) }

// Clear removes all entries.
func (l *MapLane[K, V]) Clear() { l.mark(l.clear()) }

// Drop removes the first n entries in the order of their keys.
func (l *MapLane[K, V]) Drop(n int) { l.mark(l.cut(dropOp, n)) }

// Take keeps the first n entries in the order of their keys.
func (l *MapLane[K, V]) Take(n int) { l.mark(l.cut(takeOp, n)) }

func (l *MapLane[K, V]) spell(key K) (text []byte, err error) {
	l.text, err = l.keys.Append(l.text[:0], key)
	return l.text, err
}

func (l *MapLane[K, V]) set(key K, v V) (err error) {
	text, err := l.spell(key)
	if err != nil {
		return err
	}
	if !l.changed {
		l.lazy = !l.isPrinted()
	}
	var value []byte
	if !l.lazy {
		if l.body, err = l.vals.Append(l.body[:0], v); err != nil {
			return err
		}
		value = l.body
	}
	return l.put(text, key, v, value, nil)
}

// put sets an entry. value is its text, nil if nobody needs that now, and raw how it came, nil if the agent sets it.
func (l *MapLane[K, V]) put(text []byte, key K, v V, value, raw []byte) (err error) {
	if err := l.mayChange(); err != nil {
		return err
	}
	it := l.cur[string(text)]
	isNew := it == nil
	if isNew {
		if it, err = newMapItem[K, V](string(text), key); err != nil {
			return err
		}
	}
	var body []byte
	if value != nil {
		body = appendUpdate(it.entry.text, value) // before handlers, which may set other entries
	}
	keyText, ops := it.entry.text, len(l.ops)
	before := l.lenient.put(keyText, raw) // for handlers
	for _, fn := range l.onUpdate {
		if err := fn(key, it.val, v); err != nil {
			l.lenient.put(keyText, before)
			return err
		}
	}
	if len(l.ops) > ops { // handlers may have set this very entry, or removed it
		now := l.cur[keyText]
		sets := func(op mapOp) bool { return op.kind == updateOp && op.entry.text == keyText }
		if now != nil && slices.ContainsFunc(l.ops[ops:], sets) {
			return nil // who has the last word
		}
		if now == nil && !isNew {
			again := &mapItem[K, V]{key: key, entry: mapEntry{text: keyText, key: it.entry.key}}
			again.entry.of = again
			it, isNew = again, true
		}
		l.lenient.put(keyText, raw)
	}
	if isNew {
		l.cur[keyText] = it
	}
	it.val = v
	l.add(mapOp{kind: updateOp, entry: &it.entry, body: body})
	return nil
}

func (l *MapLane[K, V]) add(op mapOp) {
	l.touch()
	l.ops = append(l.ops, op)
}

func (l *MapLane[K, V]) remove(key K) error {
	text, err := l.spell(key)
	if err != nil {
		return err
	}
	return l.removeAt(text)
}

func (l *MapLane[K, V]) removeAt(text []byte) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	it := l.cur[string(text)]
	if it == nil {
		return nil
	}
	if err := l.mayRemove(it); err != nil {
		return err
	}
	l.take(it)
	return nil
}

func (l *MapLane[K, V]) mayRemove(it *mapItem[K, V]) error {
	for _, fn := range l.onRemove {
		if err := fn(it.key, it.val); err != nil {
			return err
		}
	}
	return nil
}

// take removes an entry, unless a handler has removed it already.
func (l *MapLane[K, V]) take(it *mapItem[K, V]) {
	if l.cur[it.entry.text] == it {
		l.delete(it)
		l.add(mapOp{kind: removeOp, entry: &it.entry})
	}
}

func (l *MapLane[K, V]) delete(it *mapItem[K, V]) {
	delete(l.cur, it.entry.text)
	l.lenient.put(it.entry.text, nil)
}

func (l *MapLane[K, V]) clear() error {
	if err := l.mayChange(); err != nil {
		return err
	}
	for _, fn := range l.onClear {
		if err := fn(); err != nil {
			return err
		}
	}
	clear(l.cur)
	if l.lenient != nil {
		clear(l.lenient.raw)
	}
	l.add(mapOp{kind: clearOp})
	return nil
}

// cut removes entries at one end. A refused removal keeps that entry, and the cut is told as
// the removals it came to; so it is when a handler changes the map meanwhile.
func (l *MapLane[K, V]) cut(kind opKind, n int) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	items := l.ordered()
	at := min(max(n, 0), len(items))
	if kind == dropOp {
		items = items[:at]
	} else {
		items = items[at:]
	}
	var refused error
	going := make([]*mapItem[K, V], 0, len(items))
	ops := len(l.ops)
	for _, it := range items {
		if l.cur[it.entry.text] != it {
			continue // a handler has removed it
		}
		if err := l.mayRemove(it); err != nil {
			refused = err
			continue
		}
		going = append(going, it)
	}
	if refused != nil || len(l.ops) != ops {
		for _, it := range going {
			l.take(it)
		}
		return refused
	}
	op := mapOp{kind: kind, n: n, cut: make([]*mapEntry, 0, len(going))}
	for _, it := range going {
		l.delete(it)
		op.cut = append(op.cut, &it.entry)
	}
	l.add(op)
	return nil
}

func (l *MapLane[K, V]) ordered() []*mapItem[K, V] {
	items := make([]*mapItem[K, V], 0, len(l.cur))
	for _, it := range l.cur {
		items = append(items, it)
	}
	slices.SortFunc(items, func(x, y *mapItem[K, V]) int { return x.entry.compare(&y.entry) })
	return items
}

// command takes a map operation in the forms of the WARP map lane.
func (l *MapLane[K, V]) command(body []byte) error {
	if key, v, ok := l.plainUpdate(body); ok && l.lenient == nil {
		return l.set(key, v)
	}
	op, err := parseOp(body, mapOps)
	if err != nil {
		return err
	}
	switch op.tag {
	case "clear":
		return l.clear()
	case "drop":
		return l.cut(dropOp, op.n)
	case "take":
		return l.cut(takeOp, op.n)
	}
	switch {
	case l.lenient == nil:
	case op.tag == "remove":
		return l.removeAt(recon.Append(nil, op.key))
	default:
		return l.updateAsIs(op.key, op.val)
	}
	key, err := l.keys.Load(op.key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if op.tag == "remove" {
		return l.remove(key)
	}
	val, err := l.vals.Load(op.val)
	if err != nil {
		return err
	}
	return l.set(key, val)
}

// plainUpdate reads an update whose key and value are a word or a number, without parsing the whole.
func (l *MapLane[K, V]) plainUpdate(body []byte) (key K, v V, ok bool) {
	rest, ok := bytes.CutPrefix(body, []byte(updateHead))
	if !ok {
		return key, v, false
	}
	name, value, ok := bytes.Cut(rest, []byte(") "))
	if !ok || !isPlain(name) || !isPlain(value) {
		return key, v, false
	}
	key, keyErr := l.keys.Decode(name)
	v, err := l.vals.Decode(value)
	return key, v, keyErr == nil && err == nil
}

// isPlain reports whether text is nothing but a word or a number: no operator, and no sign within.
func isPlain(text []byte) bool {
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-' && i == 0:
		default:
			return false
		}
	}
	return len(text) > 0
}

func (l *MapLane[K, V]) publish() {
	for _, op := range l.ops {
		if op.kind == updateOp {
			it := op.entry.of.(*mapItem[K, V])
			it.pub = it.val
		}
	}
	l.log.apply(l.ops)
	clear(l.ops)
	l.ops = l.ops[:0]
}

func (l *MapLane[K, V]) now() uint64                         { return l.log.seq }
func (l *MapLane[K, V]) next(t *Tail) ([]byte, bool)         { return l.log.next(t) }
func (l *MapLane[K, V]) due(t *Tail) uint64                  { return l.log.due(t) }
func (l *MapLane[K, V]) state(t *Tail) func() ([]byte, bool) { return l.log.state(t) }
func (l *MapLane[K, V]) left(t *Tail)                        { l.log.left(t) }
func (l *MapLane[K, V]) save(lane *Lane, to Keeper)          { l.log.save(to) }
func (l *MapLane[K, V]) snapshot() Snapshot                  { return l.log.snapshot() }
func (l *MapLane[K, V]) resume(old *Lane)                    { l.log.resume(old) }

func (l *MapLane[K, V]) print(e *mapEntry) ([]byte, bool) {
	return printed(l.agent, l.vals, e.of.(*mapItem[K, V]).pub)
}

// printed returns the text of what a lane has published. A value that has none, for which its author's code
// is to blame, shows as empty.
func printed[T any](a *Agent, codec *recon.Codec[T], v T) (text []byte, ok bool) {
	defer a.caught()
	var room [64]byte
	b, err := codec.Append(room[:0], v)
	if err != nil {
		panic(err)
	}
	return append(text, b...), true
}

// asTyped reports whether what the lane holds is of its types: a lenient one may show something else.
func (l *MapLane[K, V]) asTyped() bool { return l.lenient == nil }

func (l *MapLane[K, V]) nextChanges(t *Tail, fresh bool, to []mapChange[K, V]) []mapChange[K, V] {
	update := func(e *mapEntry) {
		it := e.of.(*mapItem[K, V])
		to = append(to, mapChange[K, V]{kind: updateOp, text: e.text, key: it.key, val: it.pub, order: e.key})
	}
	if fresh {
		l.log.skip(t)
		for _, e := range l.log.entries() {
			update(e)
		}
	}
	for s, ok := l.log.take(t, false); ok; s, ok = l.log.take(t, false) {
		switch s.kind {
		case updateOp:
			update(s.entry)
		case removeOp:
			to = append(to, mapChange[K, V]{kind: removeOp, text: s.entry.text})
		default:
			to = append(to, mapChange[K, V]{kind: s.kind, n: s.n})
		}
	}
	return to
}

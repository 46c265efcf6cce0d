package agent

import (
	"crypto/rand"
	"fmt"
	"iter"
	"slices"

	"selvage/edge/recon"
)

// ListDownlink follows a list lane and knows its elements.
type ListDownlink[V any] struct {
	Downlink
	vals *recon.Codec[V]
	cur  []listCopy[V]
	keys map[string]bool // of cur; true for one whose element does not fit V
	odd  int             // how many of these there are
	why  error           // the newest does not fit
	news []listOp[V]     // taken
	told []listNews[V]

	onUpdate func(i int, old, now V)
	onMove   func(from, to int, v V)
	onRemove func(i int, old V)
	onClear  func()
}

// listCopy is an element as the downlink knows it.
type listCopy[V any] struct {
	key string // as Recon text
	val V
}

// listNews is what a handler is told.
type listNews[V any] struct {
	kind     listOpKind // listInsert for any update
	at, to   int
	old, now V
}

// listSource is a lane that hands over operations as they are. fresh asks for its whole state.
type listSource[V any] interface {
	nextChanges(t *Tail, fresh bool, to []listOp[V]) []listOp[V]
}

// LinkList follows a list lane of an agent, of this host or of another one. Elements go over as they are if V is
// the lane's own type, see Link, and by way of Recon otherwise. One that does not fit V is a condition; it is
// V's zero value here, and not told.
func LinkList[V any](a *Agent, node, lane string, o ...LinkOptions) *ListDownlink[V] {
	d := &ListDownlink[V]{vals: codecOf[V](a, lane), keys: map[string]bool{}}
	d.open(a, d, node, lane, ListKind, o)
	return d
}

// OnUpdate has fn run for each element that there is, then for each that is inserted or set, with the
// index it had then, its value before, which for a new one is V's zero value, and now.
func (d *ListDownlink[V]) OnUpdate(fn func(i int, old, now V)) *ListDownlink[V] {
	d.inTurn()
	d.onUpdate = then3(d.onUpdate, fn)
	return d
}

// OnMove has fn run for each element that is moved.
func (d *ListDownlink[V]) OnMove(fn func(from, to int, v V)) *ListDownlink[V] {
	d.inTurn()
	d.onMove = then3(d.onMove, fn)
	return d
}

// OnRemove has fn run for each element that went, with the index it had.
func (d *ListDownlink[V]) OnRemove(fn func(i int, old V)) *ListDownlink[V] {
	d.inTurn()
	d.onRemove = then2(d.onRemove, fn)
	return d
}

// OnClear has fn run when all elements went at once: also when the lane shows them anew, which it does to
// a reader that lags too far behind.
func (d *ListDownlink[V]) OnClear(fn func()) *ListDownlink[V] {
	d.inTurn()
	d.onClear = then0(d.onClear, fn)
	return d
}

// Len returns how many elements there are.
func (d *ListDownlink[V]) Len() int { return len(d.cur) }

// Get returns the element at index i.
func (d *ListDownlink[V]) Get(i int) (v V, ok bool) {
	if i < 0 || i >= len(d.cur) {
		return v, false
	}
	return d.cur[i].val, true
}

// All goes through the elements in order.
func (d *ListDownlink[V]) All() iter.Seq2[int, V] {
	all := slices.Clone(d.cur)
	return func(yield func(int, V) bool) {
		for i, e := range all {
			if !yield(i, e.val) {
				return
			}
		}
	}
}

// Append sends the lane the command to put v behind the last element.
func (d *ListDownlink[V]) Append(v V) error { return d.Insert(len(d.cur), v) }

// Insert sends the lane the command to put v at index i.
func (d *ListDownlink[V]) Insert(i int, v V) error {
	var key [6]byte // as the clients of the reference make them
	rand.Read(key[:])
	return d.sendUpdate(i, recon.Data(key[:]).String(), v)
}

// Set sends the lane the command to set the element that is at index i here.
func (d *ListDownlink[V]) Set(i int, v V) error {
	if err := d.has(i); err != nil {
		return err
	}
	return d.sendUpdate(i, d.cur[i].key, v)
}

func (d *ListDownlink[V]) sendUpdate(i int, key string, v V) error {
	value, err := d.vals.Append(nil, v)
	if err != nil {
		return d.sendError(err)
	}
	body, _ := appendListUpdate(i, key, value)
	return d.send(body)
}

// Move sends the lane the command to move the element that is at index from here.
func (d *ListDownlink[V]) Move(from, to int) error {
	if err := d.has(from); err != nil {
		return err
	}
	return d.send(fmt.Appendf(nil, "@move(from:%d,to:%d,key:%s)", from, to, d.cur[from].key))
}

// Remove sends the lane the command to remove the element that is at index i here.
func (d *ListDownlink[V]) Remove(i int) error {
	if err := d.has(i); err != nil {
		return err
	}
	return d.send(fmt.Appendf(nil, "@remove(index:%d,key:%s)", i, d.cur[i].key))
}

// Clear sends the lane the command to remove all elements.
func (d *ListDownlink[V]) Clear() error { return d.send([]byte("@clear")) }

func (d *ListDownlink[V]) has(i int) error {
	if i < 0 || i >= len(d.cur) {
		return d.sendError(fmt.Errorf("there is no element %d: the list has %d", i, len(d.cur)))
	}
	return nil
}

func (d *ListDownlink[V]) take(t *Tail, in *intake) int {
	n := 0
	if d.fresh && len(d.cur) > 0 { // another lane than before, or the same after a while
		d.clear()
		n = 1
	}
	if l, same := t.lane.typed.(listSource[V]); same {
		d.news = l.nextChanges(t, d.fresh, d.news)
		return n + len(d.news)
	}
	d.bodies(t, in)
	return n
}

func (d *ListDownlink[V]) clear() {
	if len(d.cur) > 0 {
		d.cur, d.odd = nil, 0
		d.keys = map[string]bool{}
		d.told = append(d.told, listNews[V]{kind: listClear})
	}
}

func (d *ListDownlink[V]) load(bodies [][]byte) (err error) {
	for _, op := range d.news {
		switch op.kind {
		case listInsert, listReplace:
			v := op.set.val
			own(&v)
			d.update(op.at, op.item.key, v, true)
		case listMove:
			d.move(op.at, op.to, op.item.key)
		case listRemove:
			d.remove(op.at, op.item.key)
		default:
			d.cut(op.kind, op.at)
		}
	}
	d.news = nil
	for _, body := range bodies {
		if bad := d.read(body); bad != nil {
			err = bad
		}
	}
	if err == nil && d.odd > 0 {
		err = d.why
	}
	return err
}

// read does what an event says.
func (d *ListDownlink[V]) read(body []byte) error {
	op, err := parseOp(body, listOps)
	if err != nil {
		return err
	}
	key := op.key.String()
	switch op.tag {
	case "update":
		v, err := d.vals.Load(op.val)
		if err != nil {
			d.why = err
		}
		d.update(op.place("index"), key, v, err == nil)
	case "move":
		d.move(op.place("from"), op.place("to"), key)
	case "remove":
		d.remove(op.place("index"), key)
	case "clear":
		d.cut(listClear, 0)
	case "drop":
		d.cut(listDrop, op.n)
	case "take":
		d.cut(listTake, op.n)
	}
	return nil
}

// cut removes the elements at one end, or all.
func (d *ListDownlink[V]) cut(kind listOpKind, n int) {
	n = min(max(n, 0), len(d.cur))
	switch kind {
	case listDrop:
		for _, e := range d.cur[:n] {
			d.goes(0, e)
		}
		d.cur = slices.Delete(d.cur, 0, n)
	case listTake:
		for i, e := range slices.Backward(d.cur[n:]) {
			d.goes(n+i, e)
		}
		d.cur = slices.Delete(d.cur, n, len(d.cur))
	default:
		d.clear()
	}
}

// find returns where the element with a key is, first where it is said to be; -1 says that there is none.
func (d *ListDownlink[V]) find(i int, key string) int {
	if i < len(d.cur) && d.cur[i].key == key {
		return i
	}
	if _, known := d.keys[key]; !known {
		return -1
	}
	return slices.IndexFunc(d.cur, func(e listCopy[V]) bool { return e.key == key })
}

func (d *ListDownlink[V]) update(i int, key string, v V, fits bool) {
	n := listNews[V]{kind: listInsert, now: v}
	if at := d.find(i, key); at >= 0 {
		n.at, n.old = at, d.cur[at].val
		d.cur[at].val = v
	} else {
		n.at = min(i, len(d.cur))
		d.cur = slices.Insert(d.cur, n.at, listCopy[V]{key, v})
	}
	if d.forget(key); fits {
		d.keys[key] = false
		d.told = append(d.told, n)
	} else {
		d.keys[key] = true
		d.odd++
	}
}

func (d *ListDownlink[V]) forget(key string) {
	if d.keys[key] {
		d.odd--
	}
	delete(d.keys, key)
}

func (d *ListDownlink[V]) move(from, to int, key string) {
	if from = d.find(from, key); from < 0 {
		return
	}
	e := d.cur[from]
	to = min(to, len(d.cur)-1)
	d.cur = slices.Insert(slices.Delete(d.cur, from, from+1), to, e)
	d.told = append(d.told, listNews[V]{kind: listMove, at: from, to: to, now: e.val})
}

func (d *ListDownlink[V]) remove(i int, key string) {
	if i = d.find(i, key); i >= 0 {
		d.goes(i, d.cur[i])
		d.cur = slices.Delete(d.cur, i, i+1)
	}
}

// goes notes that an element goes, which had index i then.
func (d *ListDownlink[V]) goes(i int, e listCopy[V]) {
	d.told = append(d.told, listNews[V]{kind: listRemove, at: i, old: e.val})
	d.forget(e.key)
}

func (d *ListDownlink[V]) tell() {
	all := d.told
	d.told = nil
	for _, n := range all {
		switch {
		case d.closed:
			return
		case n.kind == listInsert && d.onUpdate != nil:
			d.onUpdate(n.at, n.old, n.now)
		case n.kind == listMove && d.onMove != nil:
			d.onMove(n.at, n.to, n.now)
		case n.kind == listRemove && d.onRemove != nil:
			d.onRemove(n.at, n.old)
		case n.kind == listClear && d.onClear != nil:
			d.onClear()
		}
	}
}

// Keyed goes through the elements in order, with their keys as Recon text. It is for agents that copy
// lanes from elsewhere.
func (l *ListLane[V]) Keyed() iter.Seq2[string, V] {
	elements := slices.Clone(l.cur)
	return func(yield func(string, V) bool) {
		for _, e := range elements {
			if !yield(e.item.key, e.val) {
				return
			}
		}
	}
}

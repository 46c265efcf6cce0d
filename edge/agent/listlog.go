package agent

import (
	"bytes"
	"fmt"
	"slices"
	"sort"

	"selvage/edge/recon"
)

// listLog is what a list lane publishes: its elements, and the operations that some reader has
// not had, in order. Of the sets of one element only the newest is kept: it moves nothing.
//
// The operations kept take at most as many bytes as the elements do, or room if that is more. A
// reader who lags further behind is told the state anew, which is then no longer than what he
// missed.
type listLog[V any] struct {
	lane *Lane
	vals *recon.Codec[V]
	room int

	items []*listItem[V]
	lent  bool // somebody goes through items: they are copied before their order changes
	size  int  // of items, in bytes

	slots   []listSlot[V] // by seq
	bytes   int           // of slots, at most
	seq     uint64
	turn    uint64                  // seq before the newest turn
	base    uint64                  // operations up to here are kept no more
	late    int                     // readers below seq
	readers map[*Tail]*listState[V] // those who were told anything; with a state, who has not heard all of that

	unsaved []*listItem[V]
	cleared bool // the store still has elements from before a clear
}

// maxListLag is the room in bytes that even a short list has for readers that lag.
const maxListLag = 256 << 10

// listCost is what an element or an operation takes beside its text, in bytes.
const listCost = 64

// listSlot is one operation.
type listSlot[V any] struct {
	listOp[V]
	seq  uint64
	body []byte // of what is no update, once somebody has asked for it
}

type listOpKind uint8

const (
	listInsert listOpKind = iota
	listReplace
	listMove
	listRemove
	listDrop
	listTake
	listClear
)

type listOp[V any] struct {
	kind   listOpKind
	item   *listItem[V] // of insert, replace, move and remove
	set    *listSet[V]  // of insert and replace
	at, to int          // at is the n of a drop or take
}

var listCleared = []byte("@clear")

func (s *listSlot[V]) overtaken() bool { return s.kind == listReplace && s.item.seq != s.seq }

// bodyOf returns an operation as an event.
func (g *listLog[V]) bodyOf(s *listSlot[V]) []byte {
	switch {
	case s.set != nil:
		return g.event(s.item, s.set)
	case s.body != nil:
	case s.kind == listMove:
		s.body = fmt.Appendf(nil, "@move(from:%d,to:%d,key:%s)", s.at, s.to, s.item.key)
	case s.kind == listRemove:
		s.body = fmt.Appendf(nil, "@remove(index:%d,key:%s)", s.at, s.item.key)
	case s.kind == listDrop:
		s.body = fmt.Appendf(nil, "@drop(%d)", s.at)
	case s.kind == listTake:
		s.body = fmt.Appendf(nil, "@take(%d)", s.at)
	default:
		s.body = listCleared
	}
	return s.body
}

func (s *listSlot[V]) cost() int {
	switch {
	case s.set != nil:
		return listCost + s.set.size
	case s.item != nil:
		return listCost + len(s.item.key)
	}
	return listCost
}

// list puts a remembered element behind the others.
func (g *listLog[V]) list(e *listItem[V]) {
	s := e.set
	e.set = newListSet(len(g.items), e.key, s.val, bytes.TrimPrefix(s.body[s.head:], []byte{' '}), 0)
	g.items = append(g.items, e)
	g.size += e.cost()
}

func (g *listLog[V]) forget() {
	g.items, g.lent, g.size, g.unsaved, g.cleared = nil, false, 0, nil, false
}

// apply publishes the operations of one turn.
func (g *listLog[V]) apply(ops []listOp[V]) {
	g.turn = g.seq
	for _, op := range ops {
		switch op.kind {
		case listReplace:
			g.replace(op)
		case listClear:
			g.clear()
		default:
			g.arrange(op)
		}
	}
	if g.seq != g.turn {
		g.late = len(g.lane.readers())
	}
	if g.bytes > g.most() { // the list is shorter now
		g.shrink()
	}
}

func (g *listLog[V]) replace(op listOp[V]) {
	e := op.item
	g.size -= e.cost()
	e.set = op.set
	g.size += e.cost()
	e.seq = g.seq + 1
	g.push(op)
	g.touch(e)
}

// arrange does an operation that changes which elements there are, or their order.
func (g *listLog[V]) arrange(op listOp[V]) {
	if g.lent {
		g.items, g.lent = slices.Clone(g.items), false
	}
	e, i := op.item, op.at
	switch op.kind {
	case listInsert:
		e.set = op.set
		g.items = slices.Insert(g.items, i, e)
		g.size += e.cost()
		g.push(op)
		g.rank(i)
	case listMove:
		g.items = slices.Insert(slices.Delete(g.items, i, i+1), op.to, e)
		g.push(op)
		g.rank(op.to)
	case listRemove:
		g.items = slices.Delete(g.items, i, i+1)
		g.push(op)
		g.drop(e)
	case listDrop:
		n := min(max(i, 0), len(g.items))
		g.push(op)
		for k, e := range g.items[:n] {
			g.drop(e)
			g.items[k] = nil
		}
		g.items = g.items[n:]
	case listTake:
		n := min(max(i, 0), len(g.items))
		g.push(op)
		for _, e := range g.items[n:] {
			g.drop(e)
		}
		g.items = slices.Delete(g.items, n, len(g.items))
	}
}

func (g *listLog[V]) drop(e *listItem[V]) {
	g.size -= e.cost()
	e.seq, e.gone = g.seq, true
	g.touch(e)
}

func (g *listLog[V]) touch(e *listItem[V]) {
	if g.lane.stored && !e.unsaved {
		e.unsaved = true
		g.unsaved = append(g.unsaved, e)
	}
}

// clear makes all that came before it moot, for readers and for the store.
func (g *listLog[V]) clear() {
	g.items, g.lent, g.size = nil, false, 0
	g.unsaved, g.cleared = nil, g.lane.stored
	g.slots, g.bytes, g.base = nil, 0, 0
	for t, s := range g.readers {
		if s != nil {
			*s = listState[V]{} // the clear says it all
			g.readers[t] = nil
		}
	}
	g.push(listOp[V]{kind: listClear})
}

func (g *listLog[V]) push(op listOp[V]) {
	g.seq++
	if len(g.lane.readers()) == 0 {
		return
	}
	s := listSlot[V]{listOp: op, seq: g.seq}
	g.slots = append(g.slots, s)
	if g.bytes += s.cost(); g.bytes > g.most() {
		g.shrink()
	}
}

func (g *listLog[V]) most() int { return max(g.room, g.size) }

// shrink throws out what no reader will be told, then the oldest operations until a half of
// their room is free. Those of the newest turn go only if they take more than all of it by
// themselves: a reader who had everything before them does not lag.
func (g *listLog[V]) shrink() {
	had := g.seq
	for _, t := range g.lane.readers() {
		had = min(had, t.at)
	}
	g.bytes = 0
	g.slots = slices.DeleteFunc(g.slots, func(s listSlot[V]) bool {
		if s.seq <= had || s.overtaken() {
			return true
		}
		g.bytes += s.cost()
		return false
	})
	room, n := g.most(), 0
	for n < len(g.slots) && (g.bytes > room || g.bytes > room/2 && g.slots[n].seq <= g.turn) {
		g.bytes -= g.slots[n].cost()
		g.base = g.slots[n].seq
		n++
	}
	g.slots = slices.Delete(g.slots, 0, n)
}

func (g *listLog[V]) next(t *Tail) ([]byte, bool) {
	if s := g.readers[t]; s != nil {
		if body, ok := g.nextOf(s); ok {
			return body, true
		}
		g.readers[t] = nil
	}
	if t.at < g.base {
		return g.nextOf(g.tell(t, true))
	}
	s, ok := g.take(t, true)
	return s.body, ok
}

// take returns the oldest operation that t's reader, who knows all before base, has not had, with its text if
// that is wanted.
func (g *listLog[V]) take(t *Tail, text bool) (op listSlot[V], ok bool) {
	if t.at >= g.seq {
		return op, false
	}
	g.note(t, nil)
	for i := g.after(t.at); i < len(g.slots); i++ {
		s := &g.slots[i]
		t.at = s.seq
		if s.overtaken() {
			continue
		}
		if op = *s; text {
			op.body = g.bodyOf(s)
		}
		if t.at == g.seq {
			g.caughtUp()
		}
		return op, true
	}
	t.at = g.seq
	g.caughtUp()
	return op, false
}

// nextChanges appends what t's reader has not had: all there is if it is fresh or lags too far.
func (g *listLog[V]) nextChanges(t *Tail, fresh bool, to []listOp[V]) []listOp[V] {
	lags := t.at < g.base || g.readers[t] != nil
	if lags {
		to = append(to, listOp[V]{kind: listClear})
	}
	if fresh || lags {
		g.skip(t)
		g.note(t, nil)
		for i, e := range g.items {
			to = append(to, listOp[V]{kind: listInsert, item: e, set: e.set, at: i})
		}
	}
	for s, ok := g.take(t, false); ok; s, ok = g.take(t, false) {
		to = append(to, s.listOp)
	}
	return to
}

func (g *listLog[V]) due(t *Tail) uint64 {
	switch {
	case g.readers[t] != nil:
		return t.at + 1 // in the middle of being told the state, which was there before anything else
	case t.at >= g.seq:
		return 0
	case t.at < g.base:
		return t.at + 1
	}
	for i := g.after(t.at); i < len(g.slots); i++ {
		if s := &g.slots[i]; !s.overtaken() {
			return s.seq
		}
	}
	return 0
}

// after returns the index of the first slot with a number above at.
func (g *listLog[V]) after(at uint64) int {
	return sort.Search(len(g.slots), func(i int) bool { return g.slots[i].seq > at })
}

// note remembers that t's reader has been told something, and what he is being told.
func (g *listLog[V]) note(t *Tail, s *listState[V]) {
	if g.readers == nil {
		g.readers = map[*Tail]*listState[V]{}
	}
	g.readers[t] = s
}

func (g *listLog[V]) left(t *Tail) {
	delete(g.readers, t)
	if t.at < g.seq {
		g.caughtUp()
	}
}

// skip has t's reader be told of nothing that was so far.
func (g *listLog[V]) skip(t *Tail) {
	if t.at < g.seq {
		t.at = g.seq
		g.caughtUp()
	}
}

func (g *listLog[V]) caughtUp() {
	if g.late--; g.late == 0 {
		clear(g.slots)
		g.slots, g.bytes = g.slots[:0], 0
	}
}

// listState goes through the elements as they were ordered at its start. So a reader gets to
// their end however slowly he reads and however fast they change; what he costs meanwhile is that
// order. Elements are told with their newest value.
type listState[V any] struct {
	anew  bool // the reader knows another list, which he is told to forget first
	items []*listItem[V]
	told  int
}

// tell begins to tell t's reader the state; operations that come from now on are told behind it.
func (g *listLog[V]) tell(t *Tail, anew bool) *listState[V] {
	g.skip(t)
	g.lent = true
	s := &listState[V]{anew: anew, items: g.items}
	g.note(t, s)
	return s
}

func (g *listLog[V]) nextOf(s *listState[V]) ([]byte, bool) {
	if s.anew {
		s.anew = false
		return listCleared, true
	}
	if s.told == len(s.items) {
		return nil, false
	}
	i := s.told
	s.told++
	return g.update(s.items[i], i), true
}

// state tells a reader who lags, or has not heard all of another state, to forget what he has:
// updates alone would leave him with elements that are gone.
func (g *listLog[V]) state(t *Tail) func() ([]byte, bool) {
	telling, known := g.readers[t]
	s := g.tell(t, known && (telling != nil || t.at < g.seq))
	return func() ([]byte, bool) {
		body, ok := g.nextOf(s)
		if !ok && g.readers[t] == s {
			g.readers[t] = nil
		}
		return body, ok
	}
}

func (g *listLog[V]) save(to Keeper) {
	if g.cleared {
		to.Clear(g.lane)
	}
	for _, e := range g.unsaved {
		e.unsaved = false
		if row := g.row(e); e.gone {
			to.Remove(g.lane, row.Key)
		} else {
			to.Entry(g.lane, row.Key, row.Value)
		}
	}
	clear(g.unsaved)
	g.unsaved, g.cleared = g.unsaved[:0], false
}

func (g *listLog[V]) snapshot() Snapshot {
	s := Snapshot{Kind: ListKind}
	for _, e := range g.items {
		s.Entries = append(s.Entries, g.row(e))
	}
	return s
}

// resume shows all readers the whole state anew, and the store as well if it has not seen all of it.
func (g *listLog[V]) resume(old *Lane) {
	if old.unsaved {
		g.cleared = true
		for _, e := range g.items {
			g.touch(e)
		}
	}
	g.seq = max(g.seq, old.typed.now()) + 1
	g.base, g.slots, g.bytes, g.late = g.seq, nil, 0, len(g.lane.readers())
	for _, t := range g.lane.readers() {
		g.note(t, nil)
	}
}

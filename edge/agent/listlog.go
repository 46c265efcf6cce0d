package agent

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"selvage/edge/recon"
)

// listLog is what a list lane publishes: its elements, and the operations that some reader has
// not had, in order. Of the sets of one element only the newest is kept: it moves nothing.
//
// The operations kept take at most as many bytes as the elements do, or room if that is more. A
// reader who lags further behind is told the state anew, which is then no longer than what he
// missed.
type listLog struct {
	lane *Lane
	room int

	items []*listItem
	lent  bool // somebody goes through items: they are copied before their order changes
	size  int  // of items, in bytes

	slots   []listSlot // by seq
	bytes   int        // of slots, at most
	seq     uint64
	turn    uint64               // seq before the newest turn
	base    uint64               // operations up to here are kept no more
	late    int                  // readers below seq
	readers map[*Tail]*listState // those who were told anything; with a state, who has not heard all of that

	unsaved []*listItem
	cleared bool // the store still has elements from before a clear
}

// maxListLag is the room in bytes that even a short list has for readers that lag.
const maxListLag = 256 << 10

// listCost is what an element or an operation takes beside its text, in bytes.
const listCost = 64

type listItem struct {
	key     string // as Recon text
	body    []byte // its newest update as an event, shared by links and store
	head    int    // how much of body is header, which tells
	index   int    // the index that it had then
	rank    int64  // its place in the store's order
	seq     uint64 // of its newest set, or of its removal
	gone    bool
	unsaved bool
}

// listSlot is one operation.
type listSlot struct {
	seq  uint64
	item *listItem // what a set has set: a newer set or the removal of it overtakes the slot
	body []byte    // of any other operation
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

type listOp struct {
	kind   listOpKind
	item   *listItem
	at, to int // at is the n of a drop or take
	body   []byte
	head   int
}

var listCleared = []byte("@clear")

func appendListHead(b []byte, index int, key string) []byte {
	b = strconv.AppendInt(append(b, "@update(index:"...), int64(index), 10)
	return append(append(append(b, ",key:"...), key...), ')')
}

func appendListUpdate(index int, key string, value []byte) (body []byte, head int) {
	body = appendListHead(make([]byte, 0, 32+len(key)+len(value)), index, key)
	head = len(body)
	return recon.AppendBehind(body, value), head
}

// update returns the element as an update event at that index.
func (e *listItem) update(index int) []byte {
	if e.index == index {
		return e.body
	}
	rest := e.body[e.head:]
	b := make([]byte, 0, 32+len(e.key)+len(rest))
	return append(appendListHead(b, index, e.key), rest...)
}

func (e *listItem) value() []byte { return bytes.TrimPrefix(e.body[e.head:], []byte{' '}) }

func (e *listItem) cost() int { return listCost + len(e.key) + len(e.body) }

const listRowHead = "@rank("

// row is the element as the store has it. An operation rewrites the rows of the elements it names.
func (e *listItem) row() Entry {
	b := strconv.AppendInt([]byte(listRowHead), e.rank, 10)
	return Entry{Key: []byte(e.key), Value: append(append(b, ')'), e.body[e.head:]...)}
}

func readListRow(row Entry) (*listItem, error) {
	rest, ok := bytes.CutPrefix(row.Value, []byte(listRowHead))
	rank, value, closed := bytes.Cut(rest, []byte{')'})
	n, err := strconv.ParseInt(string(rank), 10, 64)
	if !ok || !closed || err != nil {
		return nil, fmt.Errorf("want %sn) before its value, read %.40q", listRowHead, row.Value)
	}
	e := &listItem{key: string(row.Key), rank: n}
	e.body, e.head = appendListUpdate(0, e.key, bytes.TrimPrefix(value, []byte{' '}))
	return e, nil
}

func (s listSlot) overtaken() bool { return s.item != nil && s.item.seq != s.seq }

func (s listSlot) event() []byte {
	if s.item != nil {
		return s.item.body
	}
	return s.body
}

func (s listSlot) cost() int { return listCost + len(s.event()) }

// list puts a remembered element behind the others.
func (g *listLog) list(e *listItem) {
	e.index = len(g.items)
	e.body, e.head = appendListUpdate(e.index, e.key, e.value())
	g.items = append(g.items, e)
	g.size += e.cost()
}

func (g *listLog) forget() {
	g.items, g.lent, g.size, g.unsaved, g.cleared = nil, false, 0, nil, false
}

// apply publishes the operations of one turn.
func (g *listLog) apply(ops []listOp) {
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

func (g *listLog) replace(op listOp) {
	e := op.item
	g.size -= e.cost()
	e.body, e.head, e.index = op.body, op.head, op.at
	g.size += e.cost()
	e.seq = g.seq + 1
	g.push(listSlot{item: e})
	g.touch(e)
}

// arrange does an operation that changes which elements there are, or their order.
func (g *listLog) arrange(op listOp) {
	if g.lent {
		g.items, g.lent = slices.Clone(g.items), false
	}
	e, i := op.item, op.at
	switch op.kind {
	case listInsert:
		e.body, e.head, e.index = op.body, op.head, i
		g.items = slices.Insert(g.items, i, e)
		g.size += e.cost()
		g.push(listSlot{body: op.body})
		g.rank(i)
	case listMove:
		g.items = slices.Insert(slices.Delete(g.items, i, i+1), op.to, e)
		g.push(listSlot{body: fmt.Appendf(nil, "@move(from:%d,to:%d,key:%s)", i, op.to, e.key)})
		g.rank(op.to)
	case listRemove:
		g.items = slices.Delete(g.items, i, i+1)
		g.push(listSlot{body: fmt.Appendf(nil, "@remove(index:%d,key:%s)", i, e.key)})
		g.drop(e)
	case listDrop:
		n := min(max(i, 0), len(g.items))
		g.push(listSlot{body: fmt.Appendf(nil, "@drop(%d)", i)})
		for k, e := range g.items[:n] {
			g.drop(e)
			g.items[k] = nil
		}
		g.items = g.items[n:]
	case listTake:
		n := min(max(i, 0), len(g.items))
		g.push(listSlot{body: fmt.Appendf(nil, "@take(%d)", i)})
		for _, e := range g.items[n:] {
			g.drop(e)
		}
		g.items = slices.Delete(g.items, n, len(g.items))
	}
}

func (g *listLog) drop(e *listItem) {
	g.size -= e.cost()
	e.seq, e.gone = g.seq, true
	g.touch(e)
}

func (g *listLog) touch(e *listItem) {
	if g.lane.stored && !e.unsaved {
		e.unsaved = true
		g.unsaved = append(g.unsaved, e)
	}
}

// clear makes all that came before it moot, for readers and for the store.
func (g *listLog) clear() {
	g.items, g.lent, g.size = nil, false, 0
	g.unsaved, g.cleared = nil, g.lane.stored
	g.slots, g.bytes, g.base = nil, 0, 0
	for t, s := range g.readers {
		if s != nil {
			*s = listState{} // the clear says it all
			g.readers[t] = nil
		}
	}
	g.push(listSlot{body: listCleared})
}

func (g *listLog) push(s listSlot) {
	g.seq++
	s.seq = g.seq
	if len(g.lane.readers()) == 0 {
		return
	}
	g.slots = append(g.slots, s)
	if g.bytes += s.cost(); g.bytes > g.most() {
		g.shrink()
	}
}

func (g *listLog) most() int { return max(g.room, g.size) }

// shrink throws out what no reader will be told, then the oldest operations until a half of
// their room is free. Those of the newest turn go only if they take more than all of it by
// themselves: a reader who had everything before them does not lag.
func (g *listLog) shrink() {
	had := g.seq
	for _, t := range g.lane.readers() {
		had = min(had, t.at)
	}
	g.bytes = 0
	g.slots = slices.DeleteFunc(g.slots, func(s listSlot) bool {
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

func (g *listLog) next(t *Tail) ([]byte, bool) {
	if s := g.readers[t]; s != nil {
		if body, ok := s.next(); ok {
			return body, true
		}
		g.readers[t] = nil
	}
	if t.at >= g.seq {
		return nil, false
	}
	if t.at < g.base {
		return g.tell(t, true).next()
	}
	g.note(t, nil)
	for i := g.after(t.at); i < len(g.slots); i++ {
		s := g.slots[i]
		t.at = s.seq
		if s.overtaken() {
			continue
		}
		if t.at == g.seq {
			g.caughtUp()
		}
		return s.event(), true
	}
	t.at = g.seq
	g.caughtUp()
	return nil, false
}

func (g *listLog) due(t *Tail) uint64 {
	switch {
	case g.readers[t] != nil:
		return t.at + 1 // in the middle of being told the state, which was there before anything else
	case t.at >= g.seq:
		return 0
	case t.at < g.base:
		return t.at + 1
	}
	for i := g.after(t.at); i < len(g.slots); i++ {
		if s := g.slots[i]; !s.overtaken() {
			return s.seq
		}
	}
	return 0
}

// after returns the index of the first slot with a number above at.
func (g *listLog) after(at uint64) int {
	return sort.Search(len(g.slots), func(i int) bool { return g.slots[i].seq > at })
}

// note remembers that t's reader has been told something, and what he is being told.
func (g *listLog) note(t *Tail, s *listState) {
	if g.readers == nil {
		g.readers = map[*Tail]*listState{}
	}
	g.readers[t] = s
}

func (g *listLog) left(t *Tail) {
	delete(g.readers, t)
	if t.at < g.seq {
		g.caughtUp()
	}
}

func (g *listLog) caughtUp() {
	if g.late--; g.late == 0 {
		clear(g.slots)
		g.slots, g.bytes = g.slots[:0], 0
	}
}

// listState goes through the elements as they were ordered at its start. So a reader gets to
// their end however slowly he reads and however fast they change; what he costs meanwhile is that
// order. Elements are told with their newest value.
type listState struct {
	anew  bool // the reader knows another list, which he is told to forget first
	items []*listItem
	told  int
}

// tell begins to tell t's reader the state; operations that come from now on are told behind it.
func (g *listLog) tell(t *Tail, anew bool) *listState {
	if t.at < g.seq {
		t.at = g.seq
		g.caughtUp()
	}
	g.lent = true
	s := &listState{anew: anew, items: g.items}
	g.note(t, s)
	return s
}

func (s *listState) next() ([]byte, bool) {
	if s.anew {
		s.anew = false
		return listCleared, true
	}
	if s.told == len(s.items) {
		return nil, false
	}
	i := s.told
	s.told++
	return s.items[i].update(i), true
}

// state tells a reader who lags, or has not heard all of another state, to forget what he has:
// updates alone would leave him with elements that are gone.
func (g *listLog) state(t *Tail) func() ([]byte, bool) {
	telling, known := g.readers[t]
	s := g.tell(t, known && (telling != nil || t.at < g.seq))
	return func() ([]byte, bool) {
		body, ok := s.next()
		if !ok && g.readers[t] == s {
			g.readers[t] = nil
		}
		return body, ok
	}
}

func (g *listLog) save(to Keeper) {
	if g.cleared {
		to.Clear(g.lane)
	}
	for _, e := range g.unsaved {
		e.unsaved = false
		if row := e.row(); e.gone {
			to.Remove(g.lane, row.Key)
		} else {
			to.Entry(g.lane, row.Key, row.Value)
		}
	}
	clear(g.unsaved)
	g.unsaved, g.cleared = g.unsaved[:0], false
}

func (g *listLog) snapshot() Snapshot {
	s := Snapshot{Kind: ListKind}
	for _, e := range g.items {
		s.Entries = append(s.Entries, e.row())
	}
	return s
}

// resume shows all readers the whole state anew, and the store as well if it has not seen all of it.
func (g *listLog) resume(old *Lane) {
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

package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"

	"selvage/edge/recon"
)

// mapLog is what a map lane publishes: its entries in order, and the changes that some reader
// has not had, of each key only the newest.
type mapLog struct {
	lane *Lane
	of   mapPrinter

	sorted []*mapEntry // in the order of their keys; never altered, so that a sync may go through it at leisure
	added  []*mapEntry // not in sorted yet
	gone   int         // how many of these are gone

	slots   []mapSlot // by seq
	seq     uint64
	late    int // readers below seq
	compact int // length of slots at which the overtaken ones are thrown out

	unsaved []*mapEntry
	cleared bool // the store still has entries from before a clear
	blank   bool // a value has no text
}

// mapPrinter is a map lane, which knows its Go types.
type mapPrinter interface {
	print(e *mapEntry) (value []byte, ok bool)
}

type mapEntry struct {
	of      any         // the mapItem that it is part of
	text    string      // the key's Recon text
	key     recon.Value // the same, for its order
	body    []byte      // the entry as an update event, shared by links and store; nil until one of them asks
	seq     uint64      // of its newest change
	born    uint64      // of its first, 0 for a remembered one
	listed  bool        // in sorted or added
	gone    bool
	unsaved bool
}

// mapSlot is one change. An update whose entry has a newer change is overtaken.
type mapSlot struct {
	seq   uint64
	kind  opKind
	n     int       // of drop and take
	entry *mapEntry // of update and remove
	body  []byte    // of what is no update, once somebody has asked for it
}

type opKind uint8

const (
	updateOp opKind = iota
	removeOp
	clearOp
	dropOp
	takeOp
)

func (k opKind) String() string {
	return [...]string{"update", "remove", "clear", "drop", "take"}[k]
}

type mapOp struct {
	kind  opKind
	n     int         // of drop and take
	entry *mapEntry   // of update and remove
	body  []byte      // of an update that was printed
	cut   []*mapEntry // what a drop or take removed
}

// compare orders entries as all do who cut a map: by their keys, and such as count as equal, as 1e19 and
// 10000000000000000000 do, by how they are written.
func (e *mapEntry) compare(o *mapEntry) int {
	return cmp.Or(recon.Compare(e.key, o.key), cmp.Compare(e.text, o.text))
}

const updateHead = "@update(key:"

func newMapEntry(text string) (mapEntry, error) {
	if recon.IsIdentString(text) && text != "true" && text != "false" {
		return mapEntry{text: text, key: recon.String(text)}, nil
	}
	key, err := recon.ParseString(text)
	if err != nil {
		return mapEntry{}, fmt.Errorf("key %s: %w", text, err)
	}
	return mapEntry{text: text, key: key}, nil
}

func appendUpdate(key string, value []byte) []byte {
	b := make([]byte, 0, len(updateHead)+len(key)+2+len(value))
	b = append(b, updateHead...)
	b = append(b, key...)
	b = append(b, ')')
	return recon.AppendBehind(b, value)
}

// event returns an entry as an update.
func (g *mapLog) event(e *mapEntry) []byte {
	if e.body == nil {
		value, ok := g.of.print(e)
		e.body, g.blank = appendUpdate(e.text, value), g.blank || !ok
	}
	return e.body
}

func (g *mapLog) value(e *mapEntry) []byte {
	return bytes.TrimPrefix(g.event(e)[len(updateHead)+len(e.text)+1:], []byte{' '})
}

// bodyOf returns a change as an event.
func (g *mapLog) bodyOf(s *mapSlot) []byte {
	switch {
	case s.kind == updateOp:
		return g.event(s.entry)
	case s.body != nil:
	case s.kind == removeOp:
		s.body = []byte("@remove(key:" + s.entry.text + ")")
	case s.kind == clearOp:
		s.body = mapCleared
	default:
		s.body = fmt.Appendf(nil, "@%s(%d)", s.kind, s.n)
	}
	return s.body
}

var mapCleared = []byte("@clear")

func (g *mapLog) list(e *mapEntry) {
	e.listed = true
	g.added = append(g.added, e)
}

func (g *mapLog) forget() { g.sorted, g.added, g.gone, g.unsaved, g.cleared = nil, nil, 0, nil, false }

// apply publishes the operations of one turn.
func (g *mapLog) apply(ops []mapOp) {
	before := g.seq
	for _, op := range ops {
		switch op.kind {
		case updateOp:
			g.update(op.entry, op.body)
		case removeOp:
			g.remove(op.entry)
		case clearOp:
			g.clear()
		case dropOp, takeOp:
			g.cut(op)
		}
	}
	if g.seq != before {
		g.late = len(g.lane.readers())
	}
	if g.gone > max(64, (len(g.sorted)+len(g.added))/2) {
		g.entries() // entries that came and went must not pile up
	}
}

func (g *mapLog) update(e *mapEntry, body []byte) {
	e.body = body
	g.push(mapSlot{kind: updateOp, entry: e})
	e.seq = g.seq
	if !e.listed {
		e.born = g.seq
		g.list(e)
	}
	g.touch(e)
}

func (g *mapLog) remove(e *mapEntry) {
	g.push(mapSlot{kind: removeOp, entry: e})
	g.drop(e)
}

func (g *mapLog) drop(e *mapEntry) {
	e.seq, e.gone = g.seq, true
	g.gone++
	g.touch(e)
}

func (g *mapLog) touch(e *mapEntry) {
	if g.lane.stored && !e.unsaved {
		e.unsaved = true
		g.unsaved = append(g.unsaved, e)
	}
}

func (g *mapLog) clear() {
	for _, list := range [][]*mapEntry{g.sorted, g.added} {
		for _, e := range list {
			e.gone, e.unsaved = true, false
		}
	}
	g.sorted, g.added, g.gone = nil, nil, 0
	g.unsaved, g.cleared = nil, g.lane.stored
	g.slots = g.slots[:0] // what came before shows no more
	g.push(mapSlot{kind: clearOp})
}

// cut relays a drop or take word for word only if all readers have everything before it: to
// others, who are never told of updates that were overtaken or are in the middle of a sync, "the
// first n" may be other keys.
func (g *mapLog) cut(op mapOp) {
	behind := func(t *Tail) bool { return t.syncing || t.at < g.seq }
	if len(g.slots) > 0 || slices.ContainsFunc(g.lane.readers(), behind) {
		for _, e := range op.cut {
			g.remove(e)
		}
		return
	}
	g.push(mapSlot{kind: op.kind, n: op.n})
	for _, e := range op.cut {
		g.drop(e)
	}
}

func (g *mapLog) push(s mapSlot) {
	if len(g.slots) >= max(g.compact, 64) {
		g.throwOut()
	}
	g.seq++
	s.seq = g.seq
	if len(g.lane.readers()) > 0 {
		g.slots = append(g.slots, s)
	}
}

// throwOut removes the slots that no reader will be told of: those that all have had, overtaken
// updates, and removals of entries that whoever has not had the removal never knew.
func (g *mapLog) throwOut() {
	places := make([]uint64, 0, len(g.lane.readers()))
	for _, t := range g.lane.readers() {
		places = append(places, t.at)
	}
	slices.Sort(places)
	g.slots = slices.DeleteFunc(g.slots, func(s mapSlot) bool {
		if len(places) == 0 || s.seq <= places[0] || s.overtaken() {
			return true
		}
		if s.kind != removeOp {
			return false
		}
		i, _ := slices.BinarySearch(places, s.entry.born)
		return i == len(places) || places[i] >= s.seq
	})
	g.compact = 2 * len(g.slots)
}

func (s *mapSlot) overtaken() bool { return s.kind == updateOp && s.entry.seq != s.seq }

// news reports whether the slot removes an entry that a reader at place at has never seen.
func (s *mapSlot) news(at uint64) bool { return s.kind == removeOp && s.entry.born > at }

func (g *mapLog) next(t *Tail) ([]byte, bool) {
	s, ok := g.take(t, true)
	return s.body, ok
}

// take returns the oldest change that t's reader has not had, with its text if that is wanted.
func (g *mapLog) take(t *Tail, text bool) (change mapSlot, ok bool) {
	if t.at >= g.seq {
		return change, false
	}
	from := t.at
	for i := g.after(from); i < len(g.slots); i++ {
		s := &g.slots[i]
		t.at = s.seq
		if s.overtaken() || s.news(from) {
			continue
		}
		if change = *s; text {
			change.body = g.bodyOf(s)
		}
		if t.at == g.seq {
			g.caughtUp()
		}
		return change, true
	}
	t.at = g.seq
	g.caughtUp()
	return change, false
}

func (g *mapLog) due(t *Tail) uint64 {
	if t.at >= g.seq {
		return 0
	}
	for i := g.after(t.at); i < len(g.slots); i++ {
		if s := &g.slots[i]; !s.overtaken() && !s.news(t.at) {
			return s.seq
		}
	}
	return 0
}

// after returns the index of the first slot with a number above at.
func (g *mapLog) after(at uint64) int {
	return sort.Search(len(g.slots), func(i int) bool { return g.slots[i].seq > at })
}

func (g *mapLog) left(t *Tail) {
	if t.at < g.seq {
		g.caughtUp()
	}
}

// skip has t's reader be told of nothing that was so far.
func (g *mapLog) skip(t *Tail) {
	if t.at < g.seq {
		t.at = g.seq
		g.caughtUp()
	}
}

func (g *mapLog) caughtUp() {
	if g.late--; g.late == 0 {
		clear(g.slots)
		g.slots = g.slots[:0]
	}
}

// entries returns the entries in the order of their keys. The slice is never altered.
func (g *mapLog) entries() []*mapEntry {
	if len(g.added) > 0 || g.gone > 0 {
		all := make([]*mapEntry, 0, len(g.sorted)+len(g.added))
		for _, list := range [][]*mapEntry{g.sorted, g.added} {
			for _, e := range list {
				if !e.gone {
					all = append(all, e)
				}
			}
		}
		slices.SortFunc(all, (*mapEntry).compare)
		g.sorted, g.added, g.gone = all, nil, 0
	}
	return g.sorted
}

// state tells a reader that syncs while it lags what is gone, before it tells what there is.
func (g *mapLog) state(t *Tail) func() ([]byte, bool) {
	var gone [][]byte
	for i := g.after(t.at); i < len(g.slots); i++ {
		if s := &g.slots[i]; s.kind != updateOp && !s.news(t.at) {
			gone = append(gone, g.bodyOf(s))
		}
	}
	g.skip(t)
	entries := g.entries()
	return func() ([]byte, bool) {
		if len(gone) > 0 {
			body := gone[0]
			gone = gone[1:]
			return body, true
		}
		for len(entries) > 0 {
			e := entries[0]
			entries = entries[1:]
			if !e.gone {
				return g.event(e), true
			}
		}
		return nil, false
	}
}

func (g *mapLog) save(to Keeper) {
	if g.cleared {
		to.Clear(g.lane)
	}
	for _, e := range g.unsaved {
		e.unsaved = false
		if e.gone {
			to.Remove(g.lane, []byte(e.text))
		} else {
			to.Entry(g.lane, []byte(e.text), g.value(e))
		}
	}
	clear(g.unsaved)
	g.unsaved, g.cleared = g.unsaved[:0], false
}

func (g *mapLog) snapshot() Snapshot {
	s := Snapshot{Kind: MapKind}
	for _, e := range g.entries() {
		s.Entries = append(s.Entries, Entry{Key: []byte(e.text), Value: g.value(e)})
	}
	return s
}

// resume shows all readers the whole state anew, unless they know it, and the store as well if it has not
// seen all of it.
func (g *mapLog) resume(old *Lane) {
	if old.unsaved {
		g.cleared = true
		for _, e := range g.entries() {
			g.touch(e)
		}
	}
	g.seq, g.slots, g.late = max(g.seq, old.typed.now()), nil, 0
	if len(g.lane.readers()) == 0 || g.isKnown(old) {
		return
	}
	g.push(mapSlot{kind: clearOp})
	for _, e := range g.entries() {
		g.push(mapSlot{kind: updateOp, entry: e})
		e.seq, e.born = g.seq, g.seq
	}
	g.late = len(g.lane.readers())
}

// isKnown reports whether all readers have been told just what there is.
func (g *mapLog) isKnown(old *Lane) bool {
	same := func(x, y Entry) bool { return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value) }
	lags := func(t *Tail) bool { return t.at < old.typed.now() }
	if slices.ContainsFunc(g.lane.readers(), lags) || !slices.EqualFunc(g.snapshot().Entries, old.typed.snapshot().Entries, same) || g.blank {
		return false
	}
	for _, e := range g.entries() {
		e.born = 0 // whoever reads knows it
	}
	for _, t := range g.lane.readers() {
		t.at = g.seq
	}
	return true
}

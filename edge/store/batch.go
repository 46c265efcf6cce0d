package store

import (
	"slices"

	"selvage/edge/clock"
)

// Batch collects what one commit is to save. Of several changes to one value or one entry only the
// last is kept. It belongs to the writer and must not be used after Save has returned.
type Batch struct {
	rows    []row
	values  map[LaneID]int   // lane → its place in rows
	entries map[entryKey]int // likewise
	cleared map[LaneID]int   // how often each lane was cleared
	lanes   []laneRow        // lanes to create
	points  []feedPoint      // for the feed, in their order
	cursors map[string]uint64
	waiting int   // bytes of points
	dropped int64 // points, since too many waited
	failing bool  // the last commit, so that this must not grow without end
	final   bool  // the commit of Close
}

type entryKey struct {
	lane LaneID
	key  string
}

type op uint8

const (
	setValue op = iota
	setEntry
	removeEntry
)

// row is one row to write. An entry counts only if its lane was not cleared since: rows are not
// searched for what a Clear drops.
type row struct {
	op      op
	lane    LaneID
	key     string
	body    []byte
	at      clock.Stamp
	cleared int // how often the lane was cleared before this
}

const (
	keepRows = 4096    // rows a Batch keeps room for between commits
	keepBody = 1 << 20 // bytes of bodies likewise

	maxWaiting = 8 << 20 // bytes of points that wait while commits fail
	pointCost  = 96      // what a point takes beside its body
)

func newBatch() *Batch {
	b := new(Batch)
	b.empty()
	return b
}

func (b *Batch) empty() {
	*b = Batch{values: map[LaneID]int{}, entries: map[entryKey]int{}, cleared: map[LaneID]int{}, cursors: map[string]uint64{}, final: b.final, failing: b.failing}
}

// Value sets the value of a value lane. The batch copies what it is given.
func (b *Batch) Value(id LaneID, body []byte, at clock.Stamp) {
	i, ok := b.values[id]
	if !ok {
		i = b.add()
		b.values[id] = i
	}
	b.rows[i].fill(setValue, id, "", body, at, 0)
}

// Point keeps a value of a value lane in its history; it is the lane's value too, unless a newer one is known
// and it is late. The batch copies what it is given.
func (b *Batch) Point(id LaneID, body []byte, at clock.Stamp, late bool) {
	b.points = append(b.points, feedPoint{lane: id, late: late, body: append([]byte{}, body...), at: at})
	if b.waiting += pointCost + len(body); b.failing && b.waiting > maxWaiting {
		b.drop()
	}
}

// Owe has the point before kept however long commits fail: somebody waits for it, and would take the next commit
// that works for one that has it. Who owes sees to it that these are not too many.
func (b *Batch) Owe() {
	if n := len(b.points); n > 0 {
		b.points[n-1].owed = true
	}
}

// drop gives up the older half of the points, but for those that are owed, when commits fail for long.
func (b *Batch) drop() {
	before, n := len(b.points), 0
	b.points = slices.DeleteFunc(b.points, func(p feedPoint) bool {
		n++
		return n <= before/2 && !p.owed
	})
	b.dropped += int64(before - len(b.points))
	b.waiting = 0
	for i := range b.points {
		b.waiting += pointCost + len(b.points[i].body)
	}
}

// Cursor notes how far a reader has confirmed the feed.
func (b *Batch) Cursor(name string, seq uint64) { b.cursors[name] = seq }

// Entry sets one entry of a map lane. The batch copies what it is given.
func (b *Batch) Entry(id LaneID, key, body []byte, at clock.Stamp) {
	i, k := b.entry(id, key)
	b.rows[i].fill(setEntry, id, k, body, at, b.cleared[id])
}

// Remove removes one entry of a map lane.
func (b *Batch) Remove(id LaneID, key []byte) {
	i, k := b.entry(id, key)
	b.rows[i].fill(removeEntry, id, k, nil, clock.Stamp{}, b.cleared[id])
}

// Clear removes all entries of a map lane, those given before in this batch too.
func (b *Batch) Clear(id LaneID) { b.cleared[id]++ }

func (b *Batch) entry(id LaneID, key []byte) (int, string) {
	if i, ok := b.entries[entryKey{id, string(key)}]; ok {
		return i, b.rows[i].key
	}
	i, k := b.add(), string(key)
	b.entries[entryKey{id, k}] = i
	return i, k
}

// add returns the place of a new row. It may hold the body of an old one, whose memory fill reuses.
func (b *Batch) add() int {
	n := len(b.rows)
	if n < cap(b.rows) {
		b.rows = b.rows[:n+1]
	} else {
		b.rows = append(b.rows, row{})
	}
	return n
}

func (r *row) fill(o op, id LaneID, key string, body []byte, at clock.Stamp, cleared int) {
	*r = row{op: o, lane: id, key: key, body: append(r.body[:0], body...), at: at, cleared: cleared}
}

// live tells whether r still counts.
func (b *Batch) live(r *row) bool { return r.op == setValue || r.cleared == b.cleared[r.lane] }

// changes is how many rows and points wait in b.
func (b *Batch) changes() int { return len(b.rows) + len(b.points) }

// nothing tells whether there is nothing to write.
func (b *Batch) nothing() bool {
	return len(b.rows) == 0 && len(b.cleared) == 0 && len(b.lanes) == 0 && len(b.points) == 0 && len(b.cursors) == 0
}

// reset empties b after a commit and keeps memory worth keeping.
func (b *Batch) reset() {
	kept := 0
	for i := range b.rows {
		kept += cap(b.rows[i].body)
		b.rows[i].key = ""
	}
	if len(b.rows) > keepRows || kept > keepBody {
		b.empty()
		return
	}
	b.rows = b.rows[:0]
	clear(b.values)
	clear(b.entries)
	clear(b.cleared)
	clear(b.lanes)
	b.lanes = b.lanes[:0]
	clear(b.cursors)
	clear(b.points)
	b.points, b.waiting = b.points[:0], 0
	if cap(b.points) > keepRows {
		b.points = nil
	}
}

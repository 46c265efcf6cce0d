package agent

import (
	"slices"

	"selvage/edge/route"
)

// Snapshot is a lane's state as text, as the store keeps it.
type Snapshot struct {
	Kind    LaneKind
	Value   []byte
	Entries []Entry
}

// Entry is one entry of a map lane or element of a list lane.
type Entry struct{ Key, Value []byte }

// Keeper is the store as an agent sees it: what to remember of a lane. It must not keep l's lock waiting.
type Keeper interface {
	Value(l *Lane, body []byte)
	Entry(l *Lane, key, value []byte)
	Remove(l *Lane, key []byte)
	Clear(l *Lane)
}

// Save hands over all that has changed in stored lanes since the last call. Turns are never cut
// in two: either all that a turn set is handed over, or nothing of it.
func (a *Agent) Save(to Keeper) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.lanes.all() {
		if l.unsaved {
			l.unsaved = false
			l.typed.save(l, to)
		}
	}
}

// RowID is where the store keeps the lane, 0 until SetRowID was called; both are for the Keeper.
func (l *Lane) RowID() int64      { return l.rowID }
func (l *Lane) SetRowID(id int64) { l.rowID = id }

// reset takes the agent back to before setup, and remembers what its stored lanes published.
func (a *Agent) reset() (before []*Lane) {
	a.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	before = slices.Collect(a.lanes.all())
	a.lanes = laneList{}
	if len(before) > 0 {
		a.more().stored = make(map[route.LaneName]Snapshot)
	}
	for _, l := range before {
		if l.stored {
			a.rare.stored[l.name] = l.typed.snapshot()
		}
	}
	return before
}

// adopt gives the readers of the lanes before a restart to those after it. A lane that did not
// come back stays as an orphan, with its readers, until a later turn makes it anew.
func (a *Agent) adopt(before []*Lane) {
	for _, old := range before {
		a.mu.Lock()
		l := a.lane(old.name)
		if l == nil || l.kind != old.kind {
			old.orphan = true
			a.lanes.add(old)
			l = nil
		}
		a.mu.Unlock()
		if l != nil {
			a.inherit(l, old)
		}
	}
}

// inherit makes l what old was: where the store keeps it, and the readers.
func (a *Agent) inherit(l, old *Lane) {
	a.mu.Lock()
	l.rowID = old.rowID
	if old.more().heir = l; old.rare.stale != nil { // until l says otherwise
		l.more().stale = old.rare.stale
	}
	l.unsaved = l.unsaved || old.unsaved
	unsaved := l.unsaved && l.stored
	l.setReaders(append(slices.Clip(l.readers()), old.readers()...))
	for _, t := range old.readers() {
		t.lane = l
	}
	if l.kind == old.kind {
		l.typed.resume(old)
	}
	tails := l.readers()
	a.mu.Unlock()
	if unsaved {
		a.rt.Changed() // a commit may have passed while the lane was away
	}
	for _, t := range tails {
		t.reader.Wake()
	}
}

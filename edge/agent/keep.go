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
	Point(l *Lane, p Point) // of the history of a value lane; it is its value too, unless it is late
	Entry(l *Lane, key, value []byte)
	Remove(l *Lane, key []byte)
	Clear(l *Lane)
	Note(book route.NodeURI, key, value []byte) // see Agent.Note
}

// Save hands over all that has changed in stored lanes since the last call. Turns are never cut
// in two: either all that a turn set is handed over, or nothing of it.
func (a *Agent) Save(to Keeper) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.saveNotes(to)
	for l := range a.lanes.all() {
		if !l.unsaved {
			continue
		}
		l.unsaved = false
		if r := l.rare; r != nil && r.wipe {
			r.wipe = false
			to.Clear(l)
		}
		if !l.saveKept(to) && l.stored {
			l.typed.save(l, to)
		}
	}
}

// RowID is where the store keeps the lane, 0 until SetRowID was called; both are for the Keeper.
func (l *Lane) RowID() int64      { return l.rowID }
func (l *Lane) SetRowID(id int64) { l.rowID = id }

// reset takes the agent back to before setup. Until that makes them anew its lanes stay as they are, for their
// readers and the store.
func (a *Agent) reset() {
	a.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = false
	for l := range a.lanes.all() {
		l.phase = orphan
	}
}

// orphan finds the lane of a name that is not made anew yet. a.mu is held.
func (a *Agent) orphan(name route.LaneName) *Lane {
	for l := range a.lanes.all() {
		if l.name == name && l.phase == orphan {
			return l
		}
	}
	return nil
}

// handover is what remains to be done, without a.mu, when lanes have taken the places of others.
type handover struct {
	tails   []*Tail
	leavers []leaver
	after   []func()
	unsaved bool
}

func (h *handover) end() {
	for _, v := range h.leavers {
		v.end()
	}
	for _, t := range h.tails {
		t.reader.Wake()
	}
	for _, do := range h.after {
		do()
	}
}

// join ends the making of a lane: those who wait for it get it.
func (l *Lane) join() {
	a := l.agent
	r := a.few()
	if delete(r.stored, l.name); len(r.stored) == 0 && r.stored != nil {
		r.stored = nil
	}
	waiting := r.waiting[l.name]
	delete(r.waiting, l.name)
	defer func() {
		if len(waiting) > 0 { // one of them had the agent panic; the others wait on
			r.waiting[l.name] = append(r.waiting[l.name], waiting...)
		}
	}()
	for len(waiting) > 0 {
		w := waiting[0]
		waiting = waiting[1:]
		a.Offer(w)
	}
	a.rt.Made(l)
}

// inherit makes l what old was: where the store keeps it, and the readers. Those of a lane of another kind are
// ended, so that they ask anew. a.mu is held.
func (a *Agent) inherit(l, old *Lane, h *handover) {
	a.lanes.remove(old)
	old.more().heir = l
	if l.rowID == 0 {
		l.rowID = old.rowID
	}
	if l.stored && old.unsaved {
		l.unsaved, h.unsaved = true, true // a commit may have passed while the lane was away
	}
	if l.kind != old.kind {
		h.leavers = old.dismiss(h.leavers)
		return
	}
	if l.keptBefore(old) {
		l.unsaved, h.unsaved = true, true
	}
	if old.rare.wipe {
		l.more().wipe = true
	}
	readers := old.readers()
	old.setReaders(nil)
	l.setReaders(append(slices.Clip(l.readers()), readers...))
	for _, t := range readers {
		t.lane = l
	}
	l.typed.resume(old)
	h.tails = append(h.tails, readers...)
	if on := l.handlers(linked); len(on) > 0 {
		for range readers {
			h.after = append(h.after, func() { l.tell(on) })
		}
	}
	if why := l.whyStale(); (why == nil) != (old.whyStale() == nil) {
		h.after = append(h.after, func() { tellStale(readers, why) })
	}
}

// leaver is a reader whose lane has ended, and who goes on then because of that.
type leaver struct{ tail, next *Tail }

// dismiss takes away all who read l, who are to be ended when a.mu, which is held, is not any more. They still
// have it, to take what was published last.
func (l *Lane) dismiss(leavers []leaver) []leaver {
	for _, t := range l.readers() {
		leavers = append(leavers, leaver{t, t.part()})
	}
	l.setReaders(nil)
	return leavers
}

func (v leaver) end() {
	v.next.wake()
	v.tail.end()
}

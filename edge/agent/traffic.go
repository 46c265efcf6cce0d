package agent

import "sync/atomic"

// Traffic is what goes over an agent's links: how many there are now, and what went since it was made.
type Traffic struct {
	Links    int
	Events   uint64
	Commands uint64
}

// downlinks counts what an agent hears and sends. One that does neither needs no counters.
type downlinks struct {
	links            atomic.Int64
	events, commands atomic.Uint64
	follows          following // in turns only
}

func (a *Agent) downlinks() *downlinks {
	if a.down.Load() == nil {
		a.down.CompareAndSwap(nil, new(downlinks))
	}
	return a.down.Load()
}

// Downlinks returns what the agent followed and sent.
func (a *Agent) Downlinks() Traffic {
	d := a.down.Load()
	if d == nil {
		return Traffic{}
	}
	return Traffic{Links: int(d.links.Load()), Events: d.events.Load(), Commands: d.commands.Load()}
}

// Readers calls fn with each reader of the agent's lanes and a number that is its own, and returns how
// many events readers have taken in all. fn must not block, nor call the agent.
func (a *Agent) Readers(fn func(l *Lane, id uint64, r Reader)) (events uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.lanes.all() {
		for _, t := range l.readers() {
			fn(l, t.id, t.reader)
		}
	}
	if a.reads == nil {
		return 0
	}
	return a.reads.events
}

// IsRead reports whether any lane of the agent has a reader.
func (a *Agent) IsRead() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.lanes.all() {
		if len(l.readers()) > 0 {
			return true
		}
	}
	return false
}

// IsRead reports whether the lane has a reader.
func (l *Lane) IsRead() bool {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	return l.audience() > 0
}

// audience returns how many read the lane, or will at the end of the turn that makes it anew. agent.mu is held.
func (l *Lane) audience() int {
	n := len(l.readers())
	if l.phase == coming {
		if old := l.agent.orphan(l.name); old != nil && old.kind == l.kind {
			n += len(old.readers())
		}
	}
	return n
}

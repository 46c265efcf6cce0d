package host

import (
	"iter"
	"math/rand/v2"
	"time"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/route"
)

// Load is what an agent has done since it was made.
type Load struct {
	Created time.Time
	Busy    time.Duration // in turns; by sample where there are thousands of them a second
	Up      agent.Traffic // links of others to its lanes, what they were told, and the commands it took
	Down    agent.Traffic // what it followed and sent

	State     string        // idle, queued, running, restarting or stopped
	Mail      int           // what waits for a turn,
	MailBytes int           // and what it takes
	Restarts  uint64        // after panics
	Turn      time.Duration // that the turn takes which is over the budget now, 0 if none is
}

// stopwatch takes the time of a worker's runs. To look at a clock costs as much as a small turn, so of
// many runs it takes some, by chance, and each counts for as many as were expected between two.
type stopwatch struct {
	weight uint32
	begun  time.Time // of the run that was taken last
}

const (
	soon   = 200 * time.Microsecond // between two looks is too often,
	late   = time.Millisecond       // too seldom
	rarest = 64
)

// start returns how many runs the one that begins now counts for, 0 if its time is not taken.
func (w *stopwatch) start() time.Duration {
	weight := w.weight
	if weight > 1 && rand.Uint32()%weight != 0 {
		return 0
	}
	now := time.Now()
	switch gap := now.Sub(w.begun); {
	case gap < soon && weight < rarest:
		w.weight *= 2
	case gap > late && weight > 1:
		w.weight /= 2
	}
	w.begun = now
	return time.Duration(weight)
}

// Load returns what the agent at uri has done, if there is one.
func (h *Host) Load(uri route.NodeURI) (Load, bool) {
	h.mu.RLock()
	c := h.cells[uri]
	h.mu.RUnlock()
	if c == nil {
		return Load{}, false
	}
	return c.load(), true
}

// Loads goes through the agents that exist, with what they have done.
func (h *Host) Loads() iter.Seq2[*agent.Agent, Load] {
	h.mu.RLock()
	all := make([]*cell, 0, len(h.cells))
	for _, c := range h.cells {
		all = append(all, c)
	}
	h.mu.RUnlock()
	return func(yield func(*agent.Agent, Load) bool) {
		for _, c := range all {
			if !yield(&c.agent, c.load()) {
				return
			}
		}
	}
}

func (c *cell) load() Load {
	l := Load{Created: time.UnixMilli(c.born), Down: c.agent.Downlinks()}
	c.mu.Lock()
	l.Busy, l.Up.Commands = c.busy, c.commands
	l.State = c.state.String()
	if c.box != nil {
		l.Mail, l.MailBytes = len(c.box.waiting()), c.box.bytes
	}
	if c.rare != nil {
		l.Restarts = c.rare.count
	}
	c.mu.Unlock()
	l.Up.Events = c.agent.Readers(func(_ *agent.Lane, _ uint64, r agent.Reader) {
		if _, remote := r.(*peer.Link); remote {
			l.Up.Links++
		}
	})
	l.Turn = c.host.sched.watch.turnOf(c)
	return l
}

// Links returns the numbers of the links that others have to a lane. None is used twice.
func Links(lane *agent.Lane) (ids []uint64) {
	lane.Agent().Readers(func(l *agent.Lane, id uint64, r agent.Reader) {
		if _, remote := r.(*peer.Link); remote && l == lane {
			ids = append(ids, id)
		}
	})
	return ids
}

package agent

// defaultPending bounds in bytes what a lane of events keeps for readers that lag.
const defaultPending = 1 << 20

// eventLog is what a lane publishes that holds nothing: each event once, in order, to those who read it
// then. What it keeps for readers that lag is bounded; the oldest goes first, and is counted as lost.
// It is guarded by agent.mu.
type eventLog struct {
	lane  *Lane
	log   [][]byte // newest last; the last one's number is seq
	bytes int
	seq   uint64
	late  int // readers below seq
}

// apply publishes the events of one turn, and empties the slice they are in.
func (g *eventLog) apply(events [][]byte) [][]byte {
	g.seq += uint64(len(events))
	if n := len(g.lane.readers()); n > 0 {
		for _, b := range events {
			g.bytes += len(b)
		}
		g.log = append(g.log, events...)
		for g.bytes > g.lane.agent.pending() && len(g.log) > 1 {
			g.bytes -= len(g.log[0])
			g.log[0] = nil
			g.log = g.log[1:]
		}
		g.late = n
	}
	clear(events)
	return events[:0]
}

func (g *eventLog) next(t *Tail) ([]byte, bool) {
	if t.at >= g.seq {
		return nil, false
	}
	if missed := g.dropped(t); missed > 0 {
		t.lost += missed
		if t.at += missed; t.at == g.seq {
			g.caughtUp()
			return nil, false
		}
	}
	body := g.log[t.at-g.oldest()]
	t.at++
	if t.at == g.seq {
		g.caughtUp()
	}
	return body, true
}

// oldest is the place before the oldest event there is.
func (g *eventLog) oldest() uint64 { return g.seq - uint64(len(g.log)) }

func (g *eventLog) dropped(t *Tail) uint64 { return max(g.oldest(), t.at) - t.at }

func (g *eventLog) due(t *Tail) uint64 {
	if t.at >= g.seq || len(g.log) == 0 {
		return 0
	}
	return max(t.at, g.oldest()) + 1
}

// state is what is still due: the lane holds nothing, but a reader that syncs is owed every event
// before it.
func (g *eventLog) state(t *Tail) func() ([]byte, bool) {
	until := g.seq
	return func() ([]byte, bool) {
		if t.at >= until {
			return nil, false
		}
		return g.next(t)
	}
}

func (g *eventLog) left(t *Tail) {
	t.lost += g.dropped(t)
	if t.at < g.seq {
		g.caughtUp()
	}
}

func (g *eventLog) caughtUp() {
	if g.late--; g.late == 0 {
		clear(g.log)
		g.log, g.bytes = g.log[:0], 0
	}
}

// resume goes on where the lane of that name was before a restart.
func (g *eventLog) resume(old *Lane) {
	if was, ok := old.typed.(interface{ events() *eventLog }); ok {
		g.log, g.bytes = was.events().log, was.events().bytes
	}
	g.seq = old.typed.now()
	g.late = 0
	for _, t := range g.lane.readers() {
		t.at = min(t.at, g.seq)
		if t.at < g.seq {
			g.late++
		}
	}
}

package far

import (
	"time"

	"selvage/edge/agent"
	"selvage/edge/recon"
)

// A lane that shows an event when it is synced is looked at again after a pause, and up to that often if events
// come faster than calm meanwhile; then it is taken for a value lane that changes all the time. A lane of events
// would have to have one in each of the moments, of 20 to 100 µs, between a request and its answer.
const (
	maxLooks  = 16
	lookPause = 2 * time.Millisecond
	calm      = 10 * time.Millisecond // from one event to the next
)

// become takes in that somebody wants the state of what was followed for its events.
func (l *lane) become(kind agent.LaneKind) {
	switch l.kind = kind; {
	case l.link == nil: // it is asked for in a while
	case l.made == nil || l.replica.syncing:
		l.close()
		l.open()
	default:
		l.again()
	}
}

// again asks for the state of a lane that is linked.
func (l *lane) again() {
	l.replica.begin()
	l.marks = true
	l.link.Sync()
}

// look asks for it after a pause, in which is seen how often it changes.
func (l *lane) look() {
	l.replica.begin()
	l.waits, l.since = true, time.Now()
	from := l.from
	l.node.agent.After(lookPause, func() {
		if l.from == from && l.waits {
			l.waits, l.marks = false, true
			l.link.Sync()
		}
	})
}

func (l *lane) linked() {
	if l.marks {
		l.marks = false
		r := &l.replica
		if l.calm = r.told == 0 || time.Since(l.since) > time.Duration(r.told)*calm; r.told > 0 {
			l.seen = r.value
		}
		r.begin()
	}
}

// tell finds out what kind of lane it is, if somebody wants its state, and reports whether it has. A value lane
// shows its value at each sync, even one that was never set. So may a lane of events, if one comes at that very
// moment; hence what shows one is looked at again, until it shows none, or the newest once more.
func (l *lane) tell() bool {
	r := &l.replica
	if l.known || l.kind == agent.CommandKind {
		return true
	}
	if l.kind == agent.ValueKind && r.told > 0 {
		same := l.looks > 0 && l.calm && r.told == 1 && recon.Equal(r.value, l.seen)
		if l.looks++; !same && l.looks < maxLooks {
			l.seen = r.value
			l.look()
			return false
		}
	}
	l.known, l.seen = true, recon.Value{}
	if r.told == 0 && l.kind == agent.ValueKind || r.wrong != nil && l.made != nil {
		l.kind = agent.CommandKind
	}
	if l.made != nil { // for events, so far
		if l.kind == agent.CommandKind {
			l.made.ForEvents(false)
		} else {
			l.made.End()
			l.made = nil
		}
	}
	return true
}

package twin

import (
	"errors"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// set gives a channel its reading. One whose device says when it was may be of before the one there is: it goes
// into the history alone. One that came before is left out.
func (t *Twin) set(l *agent.ValueLane[device.Reading], r device.Reading, came clock.Stamp) {
	held := l.Get()
	switch {
	case r.At.Boot != "" || !r.At.Trusted: // of this host's clock: it is the newest, whatever that was set to meanwhile
	case r == held:
		return
	case isLate(r.At, held.At, came):
		err := l.Record(r, r.At)
		if err != nil && !errors.Is(err, agent.ErrNoHistory) { // without one there is no use for it
			t.agent.Health().Add("history.dropped", 1)
		}
		return
	}
	l.Set(r)
}

// isLate reports whether a reading is older than the one that is held. One from beyond the present says nothing:
// the clock that it has its time from was wrong.
func isLate(at, held, came clock.Stamp) bool {
	return held.Trusted && at.Wall < held.Wall && !(came.Trusted && held.Wall > came.Wall+int64(agent.MostAhead))
}

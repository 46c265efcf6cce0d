package peer

import (
	"math"
	"time"
)

const (
	tick     = 10 * time.Millisecond // a link is looked at no more often because of its rate
	maxRate  = 1e6                   // events a second; who asks for more gets what there is
	maxEvery = 100 * 365 * 24 * time.Hour
)

// limiter keeps a link to its rate: one event each 1/rate s, and above 100/s several each 10 ms or
// more. So any second has at most 2 % more than the rate, and one event. There is no credit for time
// in which nothing came, but an event that its timer brings late does not put off those after it.
//
// SwimOS reads the header, and limits nothing by it.
type limiter struct {
	rate  float64 // events a second
	every time.Duration
	share int // events in that time

	due   time.Time   // from when on a new share may be begun
	left  int         // of the present one
	timer *time.Timer // runs while the link waits for due
}

// newLimiter returns nil for a rate that is no limit: zero, below it, none at all or huge.
func newLimiter(rate float64) *limiter {
	if !(rate > 0 && rate < maxRate) { // nor is it NaN
		return nil
	}
	share := max(math.Ceil(rate*tick.Seconds()), 1)
	every := min(share/rate*float64(time.Second), float64(maxEvery))
	return &limiter{rate: rate, every: time.Duration(every), share: int(share)}
}

// open reports whether an event may go out now.
func (m *limiter) open(now time.Time) bool { return m.left > 0 || !now.Before(m.due) }

// spend counts an event that goes out now.
func (m *limiter) spend(now time.Time) {
	if late := now.Sub(m.due); late >= 0 {
		if late >= tick {
			m.due = now
		}
		m.due = m.due.Add(m.every)
		m.left = m.share
	}
	m.left--
}

// throttle makes rate the link's own. It is called with conn.mu held, as are await and hurry.
func (l *Link) throttle(rate float64) {
	if l.limit != nil && l.limit.rate == rate {
		return
	}
	l.hurry()
	l.limit = newLimiter(rate)
}

// await has the link queued when its next share is due. Until then it counts as queued, so that news
// costs nothing.
func (l *Link) await(now time.Time) {
	if !l.up.Open() || !l.queued.CompareAndSwap(false, true) {
		return
	}
	m := l.limit
	if wait := m.due.Sub(now); m.timer == nil {
		m.timer = time.AfterFunc(wait, func() { l.conn.wake(l, l.class.Load()) })
	} else {
		m.timer.Reset(wait)
	}
}

// hurry ends the waiting of a link, that it may be queued for another reason.
func (l *Link) hurry() {
	if l.limit != nil && l.limit.timer != nil && l.limit.timer.Stop() {
		l.queued.Store(false)
	}
}

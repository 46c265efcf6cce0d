package device

import (
	"math/rand/v2"
	"time"
)

// schedule is a device's grid of due times. The first measurement is made at once, since people wait
// for it; the grid begins at a random moment of the next period, so that devices, and hosts switched
// on together, spread by themselves. The grid does not drift: a late measurement does not move the
// next one.
type schedule struct {
	every time.Duration // 0 = never
	grid  time.Time     // the last grid point handed out; zero before the first
}

// next returns the first grid point after now, and how many were passed over. Asking between two
// points, after an order or a retry, moves nothing.
func (s *schedule) next(now time.Time) (due time.Time, missed int64) {
	switch {
	case s.every <= 0:
		return time.Time{}, 0
	case s.grid.IsZero():
		s.grid = now.Add(s.every/2 + time.Duration(rand.Float64()*float64(s.every/2)))
	case !s.grid.After(now):
		missed = int64(now.Sub(s.grid) / s.every)
		s.grid = s.grid.Add(time.Duration(missed+1) * s.every)
	}
	return s.grid, missed
}

const (
	firstPause = 500 * time.Millisecond
	// maxPause lets a device that was plugged in again be seen within 5 s.
	maxPause = 5 * time.Second
	// maxBusPause is the same for a bus: looking for a file costs next to nothing.
	maxBusPause = 3 * time.Second
	// costShare keeps a device that fails slowly, by time-out, from taking more than a fifth of its
	// bus: it pauses four times as long as its last attempt took.
	costShare = 4
)

// pause is the circuit breaker: how long to leave a device alone after its nth failure in a row,
// the last of which took cost. A device that is read often is tried again as often at first.
func pause(n int, every, cost, limit time.Duration) time.Duration {
	p := firstPause
	if every > 0 {
		p = min(p, every)
	}
	for ; n > 1 && p < limit; n-- {
		p *= 2
	}
	p = max(min(p, limit), costShare*cost)
	// Up to a tenth less, so that devices that failed together do not come back together.
	return p - time.Duration(rand.Float64()*float64(p)/10)
}

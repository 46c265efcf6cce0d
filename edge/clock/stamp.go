package clock

import (
	"math"
	"time"
)

// BootID names one run of the kernel.
type BootID string

// Never is the age of a moment that is not known.
const Never = time.Duration(math.MaxInt64)

// Stamp is a moment. The zero Stamp is "never".
type Stamp struct {
	Boot    BootID
	Mono    time.Duration // since that boot; only compares within it
	Wall    int64         // Unix nanoseconds as the wall clock showed them, 0 = unknown
	Trusted bool          // Wall is right
}

// At is the moment that somebody names whose clock is right.
func At(t time.Time) Stamp { return Stamp{Wall: t.UnixNano(), Trusted: true} }

// IsZero tells whether s is the zero Stamp.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// Time returns the wall time, or the zero time when it is unknown.
func (s Stamp) Time() time.Time {
	if s.Wall == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.Wall)
}

// Age returns how long before now s was, never less than 0. Within one boot it counts monotonic time,
// so a step of the wall clock does not matter; across boots it needs the wall time of both and
// returns Never when one is unknown.
func (s Stamp) Age(now Stamp) time.Duration {
	if s.Boot == now.Boot && s.Boot != "" {
		return max(0, now.Mono-s.Mono)
	}
	if s.Wall == 0 || now.Wall == 0 {
		return Never
	}
	return max(0, time.Duration(now.Wall-s.Wall))
}

// Until returns how long after s the moment t is by the wall clock, less than 0 if it has passed.
func (s Stamp) Until(t time.Time) time.Duration { return t.Sub(s.Time()) }

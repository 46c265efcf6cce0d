package alarm

import "time"

// steps is how finely a trail knows when a value was what: a change is forgotten within Within and a step of it.
const steps = 60

// trail is the range of the values of the last while, in bounded memory.
type trail struct {
	within time.Duration
	ranges []valueRange // the oldest first, at most one for each step
}

type valueRange struct {
	from, to time.Time // of its first and last value
	min, max float64
}

func (t *trail) add(now time.Time, v float64) {
	if t.within == 0 {
		return
	}
	if n := len(t.ranges); n > 0 && now.Sub(t.ranges[n-1].from) < t.within/steps {
		r := &t.ranges[n-1]
		r.to, r.min, r.max = now, min(r.min, v), max(r.max, v)
		return
	}
	t.ranges = append(t.ranges, valueRange{now, now, v, v})
}

// span returns how far apart the greatest and the least value are.
func (t *trail) span(now time.Time) float64 {
	for len(t.ranges) > 0 && now.Sub(t.ranges[0].to) > t.within {
		t.ranges = t.ranges[1:]
	}
	if len(t.ranges) == 0 {
		return 0
	}
	least, greatest := t.ranges[0].min, t.ranges[0].max
	for _, r := range t.ranges {
		least, greatest = min(least, r.min), max(greatest, r.max)
	}
	return greatest - least
}

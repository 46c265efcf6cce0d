package store

import (
	"math"
	"time"
)

// Latency tells how long something took, of all times in the last minute.
type Latency struct {
	Count         int64
	P50, P99, Max time.Duration // P50 and P99 are up to 9 % too long; 0 without any
}

const (
	slotTime  = 10 * time.Second
	slotCount = 6 // a minute

	// A latency is counted in one of 8 buckets for each doubling, from 64 µs to 17 minutes.
	perDoubling = 8
	shortest    = 64 * time.Microsecond
	bucketCount = 24 * perDoubling
)

// latencies count how long something took in the last minute, in about 5 kB however often that was.
type latencies struct {
	slots [slotCount]slot
}

// slot is what came in so many seconds.
type slot struct {
	since  time.Time
	max    time.Duration
	counts [bucketCount]uint32
}

func (l *latencies) add(now time.Time, d time.Duration) {
	s := &l.slots[now.Unix()/int64(slotTime/time.Second)%slotCount]
	if now.Sub(s.since).Abs() >= slotTime {
		*s = slot{since: now.Truncate(slotTime)}
	}
	s.max = max(s.max, d)
	s.counts[bucketOf(d)]++
}

func bucketOf(d time.Duration) int {
	if d <= shortest {
		return 0
	}
	return min(int(math.Ceil(perDoubling*math.Log2(float64(d)/float64(shortest)))), bucketCount-1)
}

// longestIn is the longest time that counts in a bucket.
func longestIn(bucket int) time.Duration {
	return time.Duration(float64(shortest) * math.Exp2(float64(bucket)/perDoubling))
}

// at sums up the slots that are not older than a minute.
func (l *latencies) at(now time.Time) (sum Latency) {
	var counts [bucketCount]int64
	for i := range l.slots {
		s := &l.slots[i]
		if now.Sub(s.since).Abs() > slotTime*slotCount {
			continue
		}
		sum.Max = max(sum.Max, s.max)
		for b, n := range s.counts {
			counts[b] += int64(n)
			sum.Count += int64(n)
		}
	}
	quantile := func(q float64) time.Duration {
		left := int64(math.Ceil(q * float64(sum.Count)))
		for b, n := range counts {
			if left -= n; left <= 0 && b < bucketCount-1 { // the last has all that took longer
				return min(longestIn(b), sum.Max)
			}
		}
		return sum.Max
	}
	if sum.Count > 0 {
		sum.P50, sum.P99 = quantile(0.5), quantile(0.99)
	}
	return sum
}

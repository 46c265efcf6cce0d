package peer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestNoLimit(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), maxRate, math.MaxFloat64} {
		if m := newLimiter(rate); m != nil {
			t.Errorf("a rate of %v limits to %d each %v", rate, m.share, m.every)
		}
	}
}

// Any rate that is a limit gives whole events, further apart than what a timer can do, and a due time
// that can be waited for.
func TestLimitOfAnyRate(t *testing.T) {
	now := time.Now()
	for rate := math.SmallestNonzeroFloat64; rate < maxRate; rate *= 1.7 {
		m := newLimiter(rate)
		if m == nil || m.share < 1 || m.every < tick || !m.open(now) {
			t.Fatalf("rate %g: %+v", rate, m)
		}
		if got := float64(m.share) / m.every.Seconds(); m.every < maxEvery && math.Abs(got/rate-1) > 1e-6 {
			t.Errorf("rate %g comes to %g", rate, got)
		}
		for range m.share {
			m.spend(now)
		}
		if m.open(now) || !m.due.After(now) {
			t.Errorf("rate %g: open again at once, due in %v", rate, m.due.Sub(now))
		}
	}
}

// Whenever events come and however late the timer is, no second has more than 2 % over the rate and
// one event. Where there is always one waiting, the rate is reached.
func TestLimitHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []float64{0.1, 1, 3, 99, 100, 101, 150, 1000, 12345} {
		for _, busy := range []bool{true, false} {
			m := newLimiter(rate)
			now := time.Unix(1e9, 0)
			begin := now
			var sent []time.Time
			for n := 0; len(sent) < int(20*rate)+20; n++ {
				for m.open(now) && len(sent) < int(20*rate)+20 {
					m.spend(now)
					sent = append(sent, now)
					if !busy && r.IntN(3) == 0 {
						break
					}
				}
				if wait := m.due.Sub(now); wait > 0 && m.left == 0 {
					now = now.Add(wait + time.Duration(r.Int64N(int64(tick)))) // as timers do
				}
				if !busy {
					now = now.Add(time.Duration(r.ExpFloat64() * 2 / rate * float64(time.Second)))
				}
			}
			allowed := int(rate*1.02) + 1
			for i := range sent {
				if j := i + allowed; j < len(sent) && sent[j].Sub(sent[i]) < time.Second {
					t.Fatalf("rate %v, busy %v: %d events in %v", rate, busy, allowed+1, sent[j].Sub(sent[i]))
				}
			}
			if got := float64(len(sent)) / sent[len(sent)-1].Sub(begin).Seconds(); busy && got < 0.99*rate {
				t.Errorf("rate %v: with something always waiting %.2f went out", rate, got)
			}
		}
	}
}

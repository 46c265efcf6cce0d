package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"selvage/edge/series"
)

// TestRolled: roll-ups are what one gets by going through all points, whether these are sealed, late or
// dropped by then.
func TestRolled(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	r := rand.New(rand.NewPCG(1, 2))
	type value struct {
		at time.Time
		v  float64
	}
	var all []value
	for i := range 40 {
		save(t, s, func(b *Batch) {
			for j := range 50 {
				at, late := moment(i*5000+j*100), r.IntN(20) == 0
				if late {
					at = moment(r.IntN(i*5000 + 1))
				}
				v := math.Round(r.NormFloat64()*1000) / 100
				switch r.IntN(10) {
				case 0:
					b.Point(a, fmt.Appendf(nil, "{value:%v,quality:bad}", v), at, late)
					continue
				case 1:
					b.Point(a, []byte(`"a text"`), at, late)
					continue
				case 2:
					b.Point(a, fmt.Append(nil, v), at, late)
				default:
					b.Point(a, fmt.Appendf(nil, "{value:%v,unit:Cel,quality:good}", v), at, late)
				}
				all = append(all, value{at.Time(), v})
			}
		})
		if i%15 == 14 {
			seal(t, s)
		}
	}
	check := func(from, to time.Time, step time.Duration) {
		t.Helper()
		got, err := s.Rolled("/n", "a", from, to, step)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int64]*series.Span{}
		for _, x := range all {
			if at := x.at.UnixMilli(); !x.at.Before(from) && (to.IsZero() || x.at.Before(to)) {
				start := at - at%step.Milliseconds()
				w := want[start]
				if w == nil {
					w = &series.Span{Start: start, Min: math.Inf(1), Max: math.Inf(-1)}
					want[start] = w
				}
				w.Count, w.Sum, w.Min, w.Max = w.Count+1, w.Sum+x.v, min(w.Min, x.v), max(w.Max, x.v)
			}
		}
		last := int64(math.MinInt64)
		for _, g := range got {
			w := want[g.Start]
			if w == nil || g.Count != w.Count || g.Min != w.Min || g.Max != w.Max || math.Abs(g.Sum-w.Sum) > 1e-9*math.Abs(w.Sum)+1e-12 || g.Start <= last {
				t.Fatalf("by %v: %+v, want %+v", step, g, w)
			}
			last = g.Start
			delete(want, g.Start)
		}
		if len(want) > 0 {
			t.Errorf("by %v: %d spans are missing", step, len(want))
		}
	}
	for _, step := range []time.Duration{time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 90 * time.Second, 7 * time.Second} {
		check(time.Time{}, time.Time{}, step)
	}
	from := moment(0).Time().Truncate(time.Hour).Add(5 * time.Hour)
	check(from, from.Add(9*time.Hour), time.Hour)
	check(from, from.Add(9*time.Hour), 10*time.Second)

	save(t, s, func(*Batch) {
		s.writer.c.run("DELETE FROM block") // as retention does
	})
	seal(t, s)
	check(time.Time{}, time.Time{}, time.Hour)
}

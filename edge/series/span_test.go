package series_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"selvage/edge/series"
)

func TestSpan(t *testing.T) {
	s := series.Span{Start: 60000}
	if !math.IsNaN(s.Mean()) {
		t.Errorf("mean of nothing = %v, want NaN", s.Mean())
	}
	for _, v := range []float64{3, math.NaN(), -1, math.Inf(1), math.Inf(-1), 4} {
		s.Add(v)
	}
	if want := (series.Span{Start: 60000, Count: 3, Min: -1, Max: 4, Sum: 6}); s != want || s.Mean() != 2 {
		t.Errorf("span = %+v, mean %v, want %+v, 2", s, s.Mean(), want)
	}
	hour := series.Span{Start: 0}
	hour.Merge(series.Span{Start: 1})
	hour.Merge(s)
	hour.Merge(series.Span{Start: 2, Count: 1, Min: -5, Max: -5, Sum: -5})
	if want := (series.Span{Count: 4, Min: -5, Max: 4, Sum: 1}); hour != want {
		t.Errorf("merged = %+v, want %+v", hour, want)
	}
}

// TestSumIsRight holds 1e-9 of the sum over a million values, in one span and merged from many.
func TestSumIsRight(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, next := range map[string]func() float64{
		"tenths":       func() float64 { return 0.1 },
		"temperatures": func() float64 { return math.Round(2000+100*random.NormFloat64()) / 100 },
	} {
		whole, minutes, minute := series.Span{}, series.Span{}, series.Span{}
		exact := new(big.Float).SetPrec(160)
		for i := range 1000000 {
			v := next()
			whole.Add(v)
			minute.Add(v)
			exact.Add(exact, big.NewFloat(v))
			if i%1000 == 999 {
				minutes.Merge(minute)
				minute = series.Span{}
			}
		}
		want, _ := exact.Float64()
		for how, s := range map[string]series.Span{"added": whole, "merged": minutes} {
			if off := math.Abs(s.Sum-want) / want; off > 1e-9 || s.Count != 1000000 {
				t.Errorf("%s, %s: sum of %d is off by %.1e of %v", name, how, s.Count, off, want)
			}
		}
	}
}

func TestSpansRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	odd := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), 1e300, -5e-324, 0.1, 1 << 53, 12345678.25, 1e15, 1e16}
	for _, c := range []struct {
		name  string
		n     int
		value func() float64
		most  float64 // bytes a span
	}{
		{"none", 0, nil, 0},
		{"one", 1, func() float64 { return 21.5 }, 0},
		{"minutes of a sensor", 1440, func() float64 { return math.Round(2150+10*random.NormFloat64()) / 100 }, 11},
		{"any floats", 500, func() float64 { return math.Float64frombits(random.Uint64()) }, 0},
		{"odd ones", 500, func() float64 { return odd[random.IntN(len(odd))] }, 0},
		{"as many as there can be", series.MaxPoints, func() float64 { return 1 }, 0.1},
	} {
		spans := make([]series.Span, c.n)
		for i := range spans {
			s := &spans[i]
			s.Start = int64(i) * 60000
			if c.most == 0 {
				*s = series.Span{Start: int64(random.Uint64()), Count: random.Uint64(), Min: c.value(), Max: c.value(), Sum: c.value()}
				continue
			}
			for range 60 {
				s.Add(c.value())
			}
		}
		block := series.AppendSpans(nil, spans)
		got, err := series.ReadSpans([]series.Span{{Start: 9}}, block)
		if err != nil || len(got) != c.n+1 || got[0].Start != 9 {
			t.Fatalf("%s: %d spans, %v", c.name, len(got), err)
		}
		for i, g := range got[1:] {
			w := spans[i]
			if g.Start != w.Start || g.Count != w.Count || !sameBits(g.Min, w.Min) || !sameBits(g.Max, w.Max) || !sameBits(g.Sum, w.Sum) {
				t.Fatalf("%s: span %d: %+v comes back as %+v", c.name, i, w, g)
			}
		}
		per := float64(len(block)) / float64(max(c.n, 1))
		t.Logf("%s: %.2f bytes a span", c.name, per)
		if c.most > 0 && per > c.most {
			t.Errorf("%s: %.2f bytes a span, want at most %v", c.name, per, c.most)
		}
		for i := range block {
			if _, err := series.ReadSpans(nil, block[:i]); err == nil {
				t.Fatalf("%s: cut to %d bytes: no error", c.name, i)
			}
		}
	}
	if _, err := series.ReadSpans(nil, series.Append(nil, nil)); err == nil || !strings.Contains(err.Error(), "kind or version") {
		t.Errorf("a block of points read as spans: %v", err)
	}
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

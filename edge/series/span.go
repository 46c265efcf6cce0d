package series

import "math"

// Span sums up the values of one bucket of time. The zero Span with a Start is an empty one.
type Span struct {
	Start         int64 // of the bucket, ms since 1970
	Count         uint64
	Min, Max, Sum float64 // 0 while Count is
}

// Add takes in a value. What is not a number, and infinities, are left out.
//
// Plain addition will do: each rounds by 2^-53 of the sum so far at most, so a million values of one
// sign come out right to 1.2e-10 of their sum, and others to as much of the sum of their sizes.
func (s *Span) Add(v float64) {
	if math.IsNaN(v - v) {
		return
	}
	if s.Count == 0 {
		s.Min, s.Max = v, v
	}
	s.Count++
	s.Min, s.Max, s.Sum = min(s.Min, v), max(s.Max, v), s.Sum+v
}

// Merge takes in the values of another span, such as a minute of this hour. Start stays.
func (s *Span) Merge(o Span) {
	switch {
	case o.Count == 0:
	case s.Count == 0:
		s.Count, s.Min, s.Max, s.Sum = o.Count, o.Min, o.Max, o.Sum
	default:
		s.Count += o.Count
		s.Min, s.Max, s.Sum = min(s.Min, o.Min), max(s.Max, o.Max), s.Sum+o.Sum
	}
}

// Mean returns the mean, NaN of an empty span.
func (s *Span) Mean() float64 {
	if s.Count == 0 {
		return math.NaN()
	}
	return s.Sum / float64(s.Count)
}

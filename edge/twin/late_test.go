package twin

import (
	"testing"
	"time"

	"selvage/edge/clock"
)

func TestIsLate(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) clock.Stamp { return clock.At(now.Add(d)) }
	ours := func(d time.Duration) clock.Stamp {
		s := at(d)
		s.Boot, s.Mono = "b", time.Hour
		return s
	}
	unknown := clock.Stamp{Boot: "b", Mono: time.Hour, Wall: 1}
	for _, tt := range []struct {
		name           string
		at, held, came clock.Stamp
		want           bool
	}{
		{"older", at(-2 * time.Minute), at(-time.Minute), ours(0), true},
		{"older than one of our clock", at(-2 * time.Minute), ours(-time.Minute), ours(0), true},
		{"newer", at(-time.Minute), at(-2 * time.Minute), ours(0), false},
		{"as old", at(-time.Minute), at(-time.Minute), ours(0), false},
		{"the first", at(-time.Minute), clock.Stamp{}, ours(0), false},
		{"what is held is of next year", at(-time.Minute), at(365 * 24 * time.Hour), ours(0), false},
		{"nobody knows when it is", at(-2 * time.Minute), at(-time.Minute), unknown, true},
		{"nobody knows when what is held was", at(-time.Minute), unknown, ours(0), false},
	} {
		if got := isLate(tt.at, tt.held, tt.came); got != tt.want {
			t.Errorf("%s: late is %v", tt.name, got)
		}
	}
}

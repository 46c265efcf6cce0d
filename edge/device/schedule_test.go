package device

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestScheduleKeepsItsGrid(t *testing.T) {
	start := time.Now()
	s := schedule{every: 10 * time.Second}
	first, _ := s.next(start)
	if d := first.Sub(start); d < 5*time.Second || d > 10*time.Second {
		t.Errorf("the grid begins after %v, want 5 to 10 s", d)
	}
	for _, c := range []struct {
		name   string
		now    time.Time
		want   time.Duration // after first
		missed int64
	}{
		{"before the point is due", first.Add(-time.Second), 0, 0},
		{"on time", first, 10 * time.Second, 0},
		{"late", first.Add(13 * time.Second), 20 * time.Second, 0},
		{"very late", first.Add(55 * time.Second), 60 * time.Second, 3},
	} {
		due, missed := s.next(c.now)
		if due.Sub(first) != c.want || missed != c.missed {
			t.Errorf("%s: next after %v, %d missed, want %v, %d", c.name, due.Sub(first), missed, c.want, c.missed)
		}
	}
	if due, _ := new(schedule).next(start); !due.IsZero() {
		t.Errorf("a device without a period is due at %v", due)
	}
}

// Devices switched on together do not stay together.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		seen := map[time.Duration]bool{}
		var quarters [4]int
		for range 200 {
			s := schedule{every: 8 * time.Second}
			due, _ := s.next(start)
			phase := due.Sub(start) - 4*time.Second
			seen[phase.Round(time.Millisecond)] = true
			quarters[min(3, phase/time.Second)]++
		}
		if len(seen) < 150 {
			t.Errorf("200 devices share %d moments", len(seen))
		}
		for i, n := range quarters {
			if n < 20 {
				t.Errorf("%d of 200 devices in quarter %d, want about 50", n, i)
			}
		}
	})
}

func TestPause(t *testing.T) {
	const every = 10 * time.Second
	for _, c := range []struct {
		name        string
		n           int
		every, cost time.Duration
		want        time.Duration // less up to a tenth
	}{
		{"first", 1, every, 0, 500 * time.Millisecond},
		{"grows", 3, every, 0, 2 * time.Second},
		{"ends", 1000, every, 0, maxPause},
		{"as often as it is read", 1, 100 * time.Millisecond, 0, 100 * time.Millisecond},
		{"costly", 1, every, time.Second, 4 * time.Second},
		{"very costly", 9, every, 2 * time.Second, 8 * time.Second},
	} {
		for range 50 {
			if got := pause(c.n, c.every, c.cost, maxPause); got > c.want || got < c.want*9/10 {
				t.Errorf("%s: pause %v, want %v or up to a tenth less", c.name, got, c.want)
			}
		}
	}
}

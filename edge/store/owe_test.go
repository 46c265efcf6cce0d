package store

import (
	"strings"
	"testing"
	"time"

	"selvage/edge/health"
)

// TestOwedPointsStay: while commits fail the oldest points go when there are too many, but however long commits fail, what somebody waits for is there after the one that works.
func TestOwedPointsStay(t *testing.T) {
	board := health.NewBoard()
	s := openWith(t, Options{Dir: t.TempDir(), Health: board})
	owed, other := s.Lane("/n", "owed", "value"), s.Lane("/n", "other", "value")
	flush(t, s)
	onWriter(t, s, "PRAGMA query_only = ON")
	body := []byte(strings.Repeat("x", 100_000))
	for part := range 2 { // the second comes while commits fail
		s.Mark(saverFunc(func(b *Batch) {
			for i := part * 200; i < (part+1)*200; i++ {
				b.Point(other, body, moment(i), false)
				if i%10 == 0 {
					b.Point(owed, []byte("1"), moment(i), false)
					b.Owe()
				}
			}
		}))
		if err := s.Flush(t.Context()); err == nil {
			t.Fatal("a Flush to a database that cannot be written succeeded")
		}
	}
	onWriter(t, s, "PRAGMA query_only = OFF")
	if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "points of the history were lost") {
		t.Errorf("the first Flush that works says %v", err)
	}
	if got := strings.Count(history(t, s, "/n", "owed", time.Time{}, time.Time{}), "="); got != 40 {
		t.Errorf("%d of 40 owed points are there", got)
	}
	left := strings.Count(history(t, s, "/n", "other", time.Time{}, time.Time{}), "=")
	if dropped := int(board.Count("history.dropped")); dropped == 0 || left+dropped != 400 {
		t.Errorf("of 400 others %d are there and %d counted as dropped", left, dropped)
	}
}

package cli

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What does not stop takes half of the time, and leaves the rest to what is stopped after it.
func TestStopLeavesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stops
		left := time.Duration(-1)
		s.add(func(ctx context.Context) error {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			return ctx.Err()
		})
		s.add(half(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		if err := s.stop(); err == nil {
			t.Error("what did not stop in time is not told")
		}
		if left != stopTime/2 {
			t.Errorf("%v are left of %v, want half", left, stopTime)
		}
	})
}

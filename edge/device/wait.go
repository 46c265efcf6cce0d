package device

import (
	"context"
	"time"
)

// Wait lets time pass, as a chip needs between a command and its answer. It returns early with ctx's
// error when ctx ends.
func Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

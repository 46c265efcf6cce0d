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
	if speed, ok := ctx.Value(speedKey{}).(float64); ok {
		d = time.Duration(float64(d) / speed)
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

type speedKey struct{}

// Faster returns a context in which Wait takes a part of its time: a recording may be played faster than it was made.
func Faster(ctx context.Context, speed float64) context.Context {
	if speed <= 1 {
		return ctx
	}
	return context.WithValue(ctx, speedKey{}, speed)
}

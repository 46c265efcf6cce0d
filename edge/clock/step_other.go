//go:build !linux

package clock

import "context"

// Watch has nobody to ask on this system; it waits for ctx to end.
func (c *Clock) Watch(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

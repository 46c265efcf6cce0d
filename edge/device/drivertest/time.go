package drivertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"selvage/edge/device"
)

// pulse is how long a driver may keep at it when its time is up: a trigger on a pin is not cut short.
const pulse = 10 * time.Microsecond

// oneUse is what the manager gives a time for: who is overheard may have nothing to tell yet, and is asked again.
func oneUse(ctx context.Context, d device.Device) (device.Sample, error) {
	if s, ok := d.(device.Overheard); ok {
		return s.Read(ctx)
	}
	return use(ctx, d)
}

// keepsWithinItsTime: who does not return when his time is up keeps the bus from everybody else.
func keepsWithinItsTime(t testing.TB, r *rig) {
	patience := r.patience()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d, err := r.open(ctx)
	if err != nil {
		t.Fatalf("open within the %v that the manager gives it: %v; its Config may have a method Within", patience, err)
	}
	defer d.Close()
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := oneUse(ctx, d); err != nil {
		t.Errorf("a use within the %v that the manager gives it: %v; its Config may have a method Within", patience, err)
	}
	<-time.After(pause)
	start := time.Now()
	if _, err := oneUse(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	whole := time.Since(start)
	for part := range time.Duration(8) {
		within := whole * part / 8
		for _, cut := range []struct {
			by error
			on func() (context.Context, context.CancelFunc)
		}{
			{context.DeadlineExceeded, func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), within) }},
			{context.Canceled, func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(within, cancel)
				return ctx, cancel
			}},
		} {
			<-time.After(pause)
			ctx, cancel := cut.on()
			start := time.Now()
			_, err := oneUse(ctx, d)
			late := time.Since(start) - within
			cancel()
			switch {
			case r.port != nil && late > slice+10*time.Millisecond, r.port == nil && late > pulse:
				t.Errorf("given %v, it took %v; use device.Wait", within, within+late)
			case err == nil, errors.Is(err, cut.by):
			case r.port != nil && cut.by == context.DeadlineExceeded:
				heard(t, "given "+within.String(), err)
			default:
				t.Errorf("given %v of %v: error %v, want %v", within, whole, err, cut.by)
			}
		}
	}
	<-time.After(pause)
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := oneUse(ctx, d); err != nil {
		t.Errorf("after its time was too short: %v", err)
	}
}

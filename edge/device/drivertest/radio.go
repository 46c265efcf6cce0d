package drivertest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"selvage/edge/device"
)

// hearWithin is how long a device of a Case may take to be heard.
const hearWithin = 30 * time.Second

// radio stands between a driver and an adapter. It can be gone, and keep away what is heard.
type radio struct {
	device.RadioBus
	gone   atomic.Bool
	silent atomic.Bool
	heard  int // listeners
}

func newRadio(t testing.TB, c Case) *radio {
	t.Helper()
	bus, err := c.Radio(t.Context())
	if err != nil {
		t.Fatalf("the adapter of the case does not open: %v", err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return &radio{RadioBus: bus}
}

func (r *radio) Err() error {
	if r.gone.Load() {
		return errGone
	}
	return r.RadioBus.Err()
}

func (r *radio) Hear(from device.RadioAddress, hear func(device.Advert)) (stop func()) {
	r.heard++
	end := r.RadioBus.Hear(from, func(a device.Advert) {
		if !r.silent.Load() && !r.gone.Load() {
			hear(a)
		}
	})
	return func() {
		end()
		r.heard--
	}
}

// soon reads, what is heard until there is something, as the manager does.
func soon(ctx context.Context, s device.Sensor) (device.Sample, error) {
	if _, heard := s.(device.Overheard); !heard {
		return s.Read(ctx)
	}
	for end := time.Now().Add(hearWithin); ; <-time.After(time.Second) {
		sample, err := s.Read(ctx)
		if err != nil || len(sample) > 0 || time.Now().After(end) {
			return sample, err
		}
	}
}

func reportsGoneRadio(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	r.radio.gone.Store(true)
	if _, err := use(t.Context(), d); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("use while the adapter is gone: %v does not wrap its error, which the manager looks for", err)
	}
	if _, err := r.open(t.Context()); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("open while the adapter is gone: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close while the adapter is gone: %v", err)
	}
	if r.radio.heard != 0 {
		t.Errorf("%d listeners are left after Close", r.radio.heard)
	}
	r.radio.gone.Store(false) // plugged in again
	if s, err := use(t.Context(), r.mustOpen(t)); err != nil || len(s) == 0 {
		t.Errorf("plugged in again: %v, %v", s, err)
	}
}

// waitsForSilent checks that silence is no error at once, and one with a remedy in the end.
func waitsForSilent(t testing.TB, r *rig) {
	r.radio.silent.Store(true)
	d, err := r.open(t.Context())
	if err != nil {
		t.Fatalf("open while nothing is heard: %v; a device that speaks seldom is waited for", err)
	}
	defer d.Close()
	s, ok := d.(device.Overheard)
	if !ok {
		t.Fatal("it is no device.Overheard")
	}
	if sample, err := s.Read(t.Context()); err != nil || len(sample) > 0 {
		t.Errorf("read before anything is heard: %v, %v, want nothing", sample, err)
	}
	for range 24 * 60 {
		<-time.After(time.Minute)
		if _, err = s.Read(t.Context()); err != nil {
			break
		}
	}
	needsRemedy(t, "nothing is heard for a day", err)
	r.radio.silent.Store(false)
	<-time.After(hearWithin)
	if sample, err := s.Read(t.Context()); err != nil || len(sample) == 0 {
		t.Errorf("heard at last: %v, %v", sample, err)
	}
}

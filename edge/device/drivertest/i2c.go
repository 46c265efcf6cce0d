package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

// pause is what the manager leaves between two attempts, and more than any chip takes to get over half a command.
const pause = time.Second

// reportsEveryNAK has each byte of each transfer refused once: the address, each byte written, and the address of the
// read behind them. The chip has what came before.
func reportsEveryNAK(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	opening := r.bus.n
	last, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	if opening == 0 {
		t.Error("opening makes no transfer; ask the chip who it is, so that a wrong address is found at once")
	}
	for i, s := range slices.Clone(r.bus.shapes) {
		for _, arrive := range places(s) {
			k := i + 1
			what := fmt.Sprintf("a NAK at byte %d of transfer %d", arrive, k)
			<-time.After(pause)
			r.bus.heal()
			r.cold()
			r.bus.instead = func(n int, addr uint16, w, _ []byte) (bool, error) {
				if n != k {
					return false, nil
				}
				if arrive > 0 {
					_ = r.bus.Bus.Tx(addr, w[:min(arrive, len(w))], nil)
				}
				return true, errNAK
			}
			d, err := r.open(t.Context())
			if k <= opening {
				needsRemedy(t, "open with "+what, err)
				<-time.After(pause)
				if d, err = r.open(t.Context()); err != nil {
					t.Errorf("after %s it does not open: %v", what, err)
					continue
				}
			} else if err != nil {
				t.Fatalf("open: %v", err)
			} else {
				_, err = use(t.Context(), d)
				needsRemedy(t, "use with "+what, err)
				<-time.After(pause)
			}
			now, err := use(t.Context(), d)
			if err != nil {
				t.Errorf("after %s the next use fails, too: %v", what, err)
			} else {
				agrees(t, "after "+what, d, last, now)
				last = now
			}
			_ = d.Close()
		}
	}
}

// places are after how many bytes of a transfer a NAK may come. Of a long one, such as a picture, the ends do.
func places(s shape) []int {
	var at []int
	for i := range s.w {
		if i < 16 || i >= s.w-2 {
			at = append(at, i)
		}
	}
	if s.r > 0 {
		at = append(at, s.w) // the address of the read
	}
	if at == nil {
		at = []int{0}
	}
	return at
}

// agrees compares two samples of a quiet world: a value far from the one before is a wrong one.
func agrees(t testing.TB, what string, d device.Device, before, now device.Sample) {
	t.Helper()
	s, ok := d.(device.Sensor)
	if !ok {
		return
	}
	for _, c := range s.Channels() {
		a, b := find(before, c.Name), find(now, c.Name)
		if a == nil || b == nil || c.Form != device.Number || a.Err != nil || b.Err != nil || b.Doubt != "" {
			continue
		}
		if span := c.Max - c.Min; span > 0 && math.Abs(a.Value-b.Value) > span/20 {
			t.Errorf("%s: %s is %v, and was %v just before; a wrong value is worse than an error", what, c.Name, b.Value, a.Value)
		}
	}
}

func find(s device.Sample, channel string) *device.Measure {
	i := slices.IndexFunc(s, func(m device.Measure) bool { return m.Channel == channel })
	if i < 0 {
		return nil
	}
	return &s[i]
}

// cold takes the chip's power away for a moment, so that it is as when it was opened first: of one that has its settings
// already, a driver may ask less.
func (r *rig) cold() {
	if p, ok := r.bus.Bus.(interface{ PowerOff() }); ok {
		p.PowerOff()
	}
}

// leavesStuckBus: each transfer on a stuck bus costs everybody on it the kernel's time-out.
func leavesStuckBus(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	opening := r.bus.n
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	all := r.bus.n
	for k := 1; k <= all; k++ {
		<-time.After(pause)
		r.bus.heal()
		r.cold()
		r.bus.before = func(n int) error {
			if n < k {
				return nil
			}
			return fmt.Errorf("drivertest: %w", device.ErrBusStuck)
		}
		d, err := r.open(t.Context())
		if err == nil && k > opening {
			_, err = use(t.Context(), d)
			_ = d.Close()
		}
		var f *device.Fault
		if !errors.Is(err, device.ErrBusStuck) || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("the bus is stuck from transfer %d on: error %v, want one that wraps device.ErrBusStuck, with a remedy", k, err)
		}
		if r.bus.n > k {
			t.Errorf("%d more transfers after one that found the bus stuck (%d)", r.bus.n-k, k)
		}
	}
}

// takesOnesForSilence: an adapter that does not report that nobody acknowledged reads the idle bus.
func takesOnesForSilence(t testing.TB, r *rig) {
	idle := func(_ int, _ uint16, _, r []byte) (bool, error) {
		for i := range r {
			r[i] = 0xFF
		}
		return true, nil
	}
	d := r.mustOpen(t)
	last, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	base, shapes := r.bus.n, slices.Clone(r.bus.shapes)
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	again := slices.Clone(r.bus.shapes[base:])

	if slices.ContainsFunc(shapes, func(s shape) bool { return s.r > 0 }) {
		r.bus.instead = idle
		_, err := r.open(t.Context())
		needsRemedy(t, "open where only ones come", err)
	}
	if slices.ContainsFunc(again, func(s shape) bool { return s.r > 0 }) {
		r.bus.instead = idle
		_, err := use(t.Context(), d)
		needsRemedy(t, "use when only ones come", err)
	}
	for i, s := range again {
		if s.r == 0 {
			continue
		}
		<-time.After(pause)
		r.bus.heal()
		r.bus.instead = func(n int, addr uint16, w, p []byte) (bool, error) {
			if n != i+1 {
				return false, nil
			}
			return idle(n, addr, w, p)
		}
		now, err := use(t.Context(), d)
		if err == nil {
			agrees(t, fmt.Sprintf("with ones in transfer %d of a use", i+1), d, last, now)
		}
	}
	<-time.After(pause)
	r.bus.heal()
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("after only ones came: %v", err)
	}
}

func refusesAnotherChip(t testing.TB, r *rig) {
	if r.c.Other == nil {
		t.Skip("the chip has no identity to ask for")
	}
	d := r.mustOpen(t)
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	r.bus.Bus = r.c.Other()
	_, err := r.open(t.Context())
	var f *device.Fault
	if !errors.As(err, &f) || f.Remedy == "" || f.Text == "" {
		t.Errorf("open with another chip: error %v, want a *device.Fault that names what was found and what to do", err)
	}
	for range 3 {
		<-time.After(pause)
		if s, err := use(t.Context(), d); err == nil {
			t.Errorf("with another chip in its place it reads %+v", s)
		}
	}
}

// isFound tries what a scan does: a Config that has Addresses says where its chip may be, one that has Probe tells
// whether it is there.
func isFound(t testing.TB, r *rig) {
	config := r.c.Config
	if config == nil {
		config = r.driver.Defaults
	}
	if a, ok := config.(interface{ Addresses() []uint16 }); ok && len(a.Addresses()) == 0 {
		t.Error("Addresses is empty")
	}
	prober, ok := config.(interface {
		Probe(context.Context, i2c.Bus, uint16) (string, error)
	})
	if !ok {
		t.Skip("its Config has no Probe")
	}
	var addr uint16
	r.bus.instead = func(_ int, a uint16, _, _ []byte) (bool, error) {
		addr = a
		return false, nil
	}
	dev := r.mustOpen(t)
	<-time.After(pause)
	r.bus.instead = func(_ int, _ uint16, w, _ []byte) (bool, error) {
		if len(w) > 2 { // longer than a register's number or a command
			t.Errorf("Probe wrote % x; it must not change what it finds", w)
		}
		return false, nil
	}
	if model, err := prober.Probe(t.Context(), r.bus, addr); err != nil || model == "" {
		t.Errorf("Probe of the right chip at 0x%02x: %q, %v", addr, model, err)
	}
	r.bus.heal()
	if _, err := use(t.Context(), dev); err != nil {
		t.Errorf("after a Probe the next use fails: %v", err)
	}
	r.bus.before = func(int) error { return errNAK }
	if model, err := prober.Probe(t.Context(), r.bus, addr); err == nil {
		t.Errorf("Probe where nobody answers: %q, no error", model)
	}
	if r.c.Other != nil {
		r.bus.heal()
		r.bus.Bus = r.c.Other()
		if model, err := prober.Probe(t.Context(), r.bus, addr); err == nil {
			t.Errorf("Probe of another chip: %q, no error", model)
		}
	}
}

// survivesPowerCut: a chip whose power was away for a moment has forgotten its settings.
func survivesPowerCut(t testing.TB, r *rig) {
	p, ok := r.bus.Bus.(interface{ PowerOff() })
	if !ok {
		t.Skip("the case's bus has no method PowerOff()")
	}
	d := r.mustOpen(t)
	r.bus.heal()
	last, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	all := r.bus.n
	for k := range all + 1 { // before a use, and behind each of its transfers
		<-time.After(pause)
		r.bus.heal()
		if k == 0 {
			p.PowerOff()
		}
		r.bus.after = func(n int, _ []byte) {
			if n == k {
				p.PowerOff()
			}
		}
		for try := range 12 {
			if try >= 3 && err != nil { // as the manager does
				_ = d.Close()
				var again device.Device
				if again, err = r.open(t.Context()); err == nil {
					d = again
				}
			}
			if err == nil || try < 3 {
				var now device.Sample
				if now, err = use(t.Context(), d); err == nil {
					agrees(t, fmt.Sprintf("after a power cut behind transfer %d", k), d, last, now)
					last = now
				}
			}
			<-time.After(pause)
		}
		if err != nil {
			t.Errorf("after a power cut behind transfer %d, and opened again: %v", k, err)
		}
	}
}

// notMisled flips each bit that a driver reads once, also while it opens: a wrong calibration is wrong for good.
func notMisled(t testing.TB, r *rig) {
	if !r.c.Steady {
		t.Skip("the driver does not read twice")
	}
	last, err := use(t.Context(), r.mustOpen(t))
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	for bit := 0; ; bit++ {
		r.heal()
		flipped := r.flips(bit)
		d, err := r.open(t.Context())
		if err == nil {
			var now device.Sample
			if now, err = use(t.Context(), d); err == nil {
				agrees(t, fmt.Sprintf("with bit %d flipped on the way", bit), d, last, now)
				last = now
			}
			_ = d.Close()
		}
		if !*flipped {
			break
		}
	}
}

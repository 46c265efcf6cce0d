package drivertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

// bus counts transfers and makes some of them fail.
type bus struct {
	i2c.Bus
	n       int               // transfers so far
	shapes  []shape           // of the transfers so far
	before  func(n int) error // may refuse transfer n, counted from 1
	instead func(n int, addr uint16, w, r []byte) (done bool, err error)
	after   func(n int, r []byte)
}

// shape is how many bytes a transfer writes and reads.
type shape struct{ w, r int }

func (b *bus) Tx(addr uint16, w, r []byte) error {
	b.n++
	b.shapes = append(b.shapes, shape{len(w), len(r)})
	if b.before != nil {
		if err := b.before(b.n); err != nil {
			return err
		}
	}
	if b.instead != nil {
		if done, err := b.instead(b.n, addr, w, r); done {
			return err
		}
	}
	if err := b.Bus.Tx(addr, w, r); err != nil {
		return err
	}
	if b.after != nil {
		b.after(b.n, r)
	}
	return nil
}

// heal ends all trouble and counts from the beginning.
func (b *bus) heal() {
	b.n, b.shapes, b.before, b.instead, b.after = 0, nil, nil, nil, nil
}

var errNAK = fmt.Errorf("drivertest: %w", device.ErrNoAnswer)

func needsRemedy(t testing.TB, what string, err error) {
	t.Helper()
	var f *device.Fault
	switch {
	case err == nil:
		t.Errorf("%s: no error; a value that was not read must not be reported", what)
	case !errors.Is(err, device.ErrNoAnswer):
		t.Errorf("%s: %v does not wrap the bus's error, which the manager looks for", what, err)
	case !errors.As(err, &f) || f.Remedy == "":
		t.Errorf("%s: %v has no remedy; use device.Unanswered", what, err)
	}
}

func comesBack(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	gone := true
	r.bus.before = func(int) error {
		if gone {
			return errNAK
		}
		return nil
	}
	for range 3 {
		if _, err := use(t.Context(), d); err == nil {
			t.Error("no error while unplugged")
		}
	}
	if _, err := r.open(t.Context()); err == nil {
		t.Error("it opens while unplugged")
	}
	gone = false
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("plugged in again: %v", err)
	}
}

func cutsWaits(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	start := r.bus.n
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	all := r.bus.n - start
	for k := 1; k <= all; k++ {
		ctx, cancel := context.WithCancel(t.Context())
		base := r.bus.n
		var at time.Time
		r.bus.after = func(n int, _ []byte) {
			if n == base+k {
				at = time.Now()
				cancel()
			}
		}
		_, err := use(ctx, d)
		if at.IsZero() {
			cancel()
			break // the first use had more to do
		}
		if took := time.Since(at); took > 0 {
			t.Errorf("the context ended in transfer %d and the driver waited %v more; use device.Wait", k, took)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the context ended in transfer %d: error %v, want context.Canceled", k, err)
		}
		cancel()
		r.bus.after = nil
		<-time.After(time.Second) // whatever the chip still did is done
	}
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("after measurements cut short: %v", err)
	}
}

func findsFlippedBits(t testing.TB, r *rig) {
	if !r.c.Checksums {
		t.Skip("what the chip sends has no checksums")
	}
	d := r.mustOpen(t)
	for bit := 0; ; bit++ {
		flipped := false
		seen := 0
		r.bus.after = func(_ int, p []byte) {
			if i := bit - seen; i >= 0 && i < 8*len(p) {
				p[i/8] ^= 1 << (i % 8)
				flipped = true
			}
			seen += 8 * len(p)
		}
		_, err := use(t.Context(), d)
		if !flipped {
			break
		}
		if !errors.Is(err, device.ErrGarbled) {
			t.Errorf("bit %d flipped on the way: error %v, want one that wraps device.ErrGarbled", bit, err)
		}
	}
}

// pin counts accesses and can refuse them.
type pin struct {
	gpio.PinIO
	n    int
	fail error
}

func (p *pin) In(pull gpio.Pull, edge gpio.Edge) error {
	p.n++
	if p.fail != nil {
		return p.fail
	}
	return p.PinIO.In(pull, edge)
}

func (p *pin) Out(l gpio.Level) error {
	p.n++
	if p.fail != nil {
		return p.fail
	}
	return p.PinIO.Out(l)
}

func (p *pin) Read() gpio.Level {
	p.n++
	return p.PinIO.Read()
}

// edgePin is a pin that tells its edges.
type edgePin struct {
	*pin
	edges device.EdgePin
}

func (p *edgePin) Watch(pull gpio.Pull, settle time.Duration, edge func(device.Edge)) error {
	p.n++
	if p.fail != nil {
		return p.fail
	}
	return p.edges.Watch(pull, settle, edge)
}

func (p *edgePin) Level() (gpio.Level, error) {
	p.n++
	if p.fail != nil {
		return false, p.fail
	}
	return p.edges.Level()
}

func reportsPin(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	r.pin.fail = errors.New("drivertest: the line is busy")
	_, err := use(t.Context(), d)
	var f *device.Fault
	if !errors.Is(err, r.pin.fail) || !errors.As(err, &f) || f.Remedy == "" {
		t.Errorf("a pin that refuses: error %v, want a *device.Fault with a remedy that wraps the pin's", err)
	}
	r.pin.fail = nil
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("after the pin is free again: %v", err)
	}
}

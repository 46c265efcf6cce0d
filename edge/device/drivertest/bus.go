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

// cutsWaits ends the context in each transfer of a use.
func cutsWaits(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	r.heal()
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	for k := 1; k <= r.transfers(); k++ {
		r.heal()
		ctx, cancel := context.WithCancel(t.Context())
		var at time.Time
		r.after(func(n int, _ []byte) {
			if n == k {
				at = time.Now()
				cancel()
			}
		})
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
		r.heal()
		<-time.After(pause) // whatever the chip still did is done
	}
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("after measurements cut short: %v", err)
	}
}

// findsFlippedBits flips each bit that a driver reads once, also while it opens; what it reads then may have no checksum,
// such as a status, but must not lead to a wrong value.
func findsFlippedBits(t testing.TB, r *rig) {
	if !r.c.Checksums {
		t.Skip("what the chip sends has no checksums")
	}
	for bit := 0; ; bit++ {
		r.heal()
		r.cold()
		flipped := r.flips(bit)
		d, err := r.open(t.Context())
		opening := *flipped
		if err == nil {
			var now device.Sample
			now, err = use(t.Context(), d)
			_ = d.Close()
			if !*flipped {
				break
			}
			if err == nil {
				r.heal()
				d := r.mustOpen(t)
				whole, err := use(t.Context(), d)
				if err != nil {
					t.Fatalf("on a working wire: %v", err)
				}
				agrees(t, fmt.Sprintf("with bit %d flipped on the way", bit), d, whole, now)
			}
		}
		if !*flipped {
			t.Fatalf("on a working wire: %v", err)
		}
		if !opening && !errors.Is(err, device.ErrGarbled) {
			t.Errorf("bit %d flipped on the way: error %v, want one that wraps device.ErrGarbled", bit, err)
		}
		<-time.After(pause)
	}
}

// flips turns a bit of what is read round, counted from now, and tells whether it has.
func (r *rig) flips(bit int) (flipped *bool) {
	flipped, seen := new(bool), 0
	r.after(func(_ int, p []byte) {
		if i := bit - seen; i >= 0 && i < 8*len(p) {
			p[i/8] ^= 1 << (i % 8)
			*flipped = true
		}
		seen += 8 * len(p)
	})
	return flipped
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

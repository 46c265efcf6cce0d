package drivertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// spiPort counts transfers and makes some of them fail.
type spiPort struct {
	spi.Port
	connects int
	n        int                   // transfers so far
	before   func(n int) error     // may refuse transfer n, counted from 1
	after    func(n int, r []byte) // may change what came
}

func (p *spiPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	p.connects++
	c, err := p.Port.Connect(f, mode, bits)
	return &spiConn{c, p}, err
}

func (p *spiPort) heal() { p.n, p.before, p.after = 0, nil, nil }

type spiConn struct {
	spi.Conn
	port *spiPort
}

func (c *spiConn) Tx(w, r []byte) error {
	p := c.port
	p.n++
	if p.before != nil {
		if err := p.before(p.n); err != nil {
			return err
		}
	}
	if err := c.Conn.Tx(w, r); err != nil {
		return err
	}
	if p.after != nil {
		p.after(p.n, r)
	}
	return nil
}

var errSPIGone = fmt.Errorf("drivertest: %w", device.ErrBusGone)

// connectsOnce: what a driver found when it was opened is only true with the speed and mode it set then, and a device that
// is opened again must set them again, as another may have been on the bus in between.
func connectsOnce(t testing.TB, r *rig) {
	for range 2 {
		r.spi.connects = 0
		d := r.mustOpen(t)
		if _, err := use(t.Context(), d); err != nil {
			t.Fatalf("on a working wire: %v", err)
		}
		if r.spi.connects != 1 {
			t.Errorf("Connect was called %d times from opening to use, want once", r.spi.connects)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// reportsEveryFailure: there is no acknowledge on SPI, but the kernel's driver may fail.
func reportsEveryFailure(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	opening := r.spi.n
	last, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	all := r.spi.n
	if opening == 0 {
		t.Error("opening makes no transfer; ask the chip who it is, so that a wrong chip select is found at once")
	}
	for k := 1; k <= all; k++ {
		<-time.After(pause)
		r.spi.heal()
		r.spi.before = func(n int) error {
			if n == k {
				return errSPIGone
			}
			return nil
		}
		d, err := r.open(t.Context())
		if err == nil && k > opening {
			_, err = use(t.Context(), d)
		}
		var f *device.Fault
		if !errors.Is(err, device.ErrBusGone) || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("transfer %d fails: error %v, want one that wraps the bus's, with a remedy; use device.SPIChip", k, err)
		}
		if k <= opening {
			continue
		}
		<-time.After(pause)
		now, err := use(t.Context(), d)
		if err != nil {
			t.Errorf("after transfer %d failed the next use does, too: %v", k, err)
		} else {
			agrees(t, "after a transfer failed", d, last, now)
		}
		_ = d.Close()
	}
}

// takesOnesForNobody: where no chip drives the line, ones come, or zeros; and zeros may be a value.
func takesOnesForNobody(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	if _, err := use(t.Context(), d); err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	r.spi.after = func(_ int, in []byte) {
		for i := range in {
			in[i] = 0xFF
		}
	}
	_, err := r.open(t.Context())
	needsRemedy(t, "open where only ones come", err)
	_, err = use(t.Context(), d)
	needsRemedy(t, "use when only ones come", err)
	r.spi.heal()
	<-time.After(pause)
	if _, err := use(t.Context(), d); err != nil {
		t.Errorf("after only ones came: %v", err)
	}
}

// bearsPowerCut: a chip whose power was away for a moment has forgotten its settings.
func bearsPowerCut(t testing.TB, r *rig) {
	p, ok := r.spi.Port.(interface{ PowerOff() })
	if !ok {
		t.Skip("the case's port has no method PowerOff()")
	}
	d := r.mustOpen(t)
	r.spi.heal()
	last, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	all := r.spi.n
	for k := range all + 1 { // before a use, and behind each of its transfers
		<-time.After(pause)
		r.spi.heal()
		if k == 0 {
			p.PowerOff()
		}
		r.spi.after = func(n int, _ []byte) {
			if n == k {
				p.PowerOff()
			}
		}
		for range 4 {
			var now device.Sample
			if now, err = use(t.Context(), d); err == nil {
				agrees(t, "after a power cut", d, last, now)
			}
			<-time.After(pause)
		}
		if err != nil {
			t.Errorf("after a power cut behind transfer %d, four uses later: %v", k, err)
		}
	}
}

// refusesAnotherOnSPI: no chip on SPI says what it is, but what another says to this one's questions does not fit.
func refusesAnotherOnSPI(t testing.TB, r *rig) {
	if r.c.OtherSPI == nil {
		t.Skip("what another chip says may be what this one says")
	}
	d := r.mustOpen(t)
	r.spi = &spiPort{Port: r.c.OtherSPI()}
	_, err := r.open(t.Context())
	var f *device.Fault
	if !errors.As(err, &f) || f.Remedy == "" || f.Text == "" {
		t.Errorf("open with another chip: error %v, want a *device.Fault that says so and what to do", err)
	}
	_ = d.Close()
}

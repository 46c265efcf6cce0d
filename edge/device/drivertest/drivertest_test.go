package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// config says what is wrong with the driver under test; the zero config is a good driver.
type config struct {
	MuteNAK, BareNAK, NoCRC, DeafWait, LateContext, StrangeChannel, NaN, BadClose, WrongName, NoAsk, SilentOpen bool
	Ones, AnyChip, Insists, HasSettings, Writes, Slow, Leaves                                                   bool
}

func (config) Check(func(key, problem, remedy string)) {}

type sloppy struct {
	c      config
	bus    i2c.Bus
	closed bool
	fresh  bool // the chip was told its settings
}

func init() {
	device.RegisterI2C("sloppy", config{}, func(ctx context.Context, bus i2c.Bus, c config) (*sloppy, error) {
		d := &sloppy{c: c, bus: bus}
		if c.Leaves {
			go func() { <-make(chan bool) }()
		}
		if c.NoAsk {
			return d, nil
		}
		_, err := d.ask(ctx)
		if c.SilentOpen {
			err = nil
		}
		return d, err
	})
}

func (d *sloppy) ask(ctx context.Context) (byte, error) {
	if err := ctx.Err(); err != nil && !d.c.LateContext {
		return 0, err
	}
	var r [2]byte
	w := []byte{0, 0}
	if d.c.HasSettings {
		w[1] = 3
	}
	if d.fresh || !d.c.HasSettings {
		w = w[:1]
	}
	if err := d.bus.Tx(7, w, nil); err != nil {
		if d.c.Insists {
			_ = d.bus.Tx(7, w, nil)
		}
		return 0, d.unanswered(err)
	}
	d.fresh = true
	if d.c.DeafWait {
		time.Sleep(time.Millisecond)
	} else if err := device.Wait(ctx, time.Millisecond); err != nil {
		return 0, err
	}
	if err := d.bus.Tx(7, nil, r[:]); err != nil {
		return 0, d.unanswered(err)
	}
	switch c := (device.Chip{Bus: d.bus, Addr: 7}); {
	case device.Ones(r[:]) && !d.c.Ones:
		return 0, c.Idle()
	case r[0] != ^r[1] && !d.c.NoCRC:
		return 0, c.Garbled("value")
	case r[0] > 10 && !d.c.AnyChip:
		return 0, c.Other(fmt.Sprintf("a chip that says %d", r[0]), "a sloppy one", "")
	}
	return r[0], nil
}

func (d *sloppy) unanswered(err error) error {
	switch {
	case d.c.MuteNAK:
		return nil
	case d.c.BareNAK:
		return err
	}
	return device.Unanswered(d.bus, 7, err)
}

func (d *sloppy) Info() device.Info {
	if d.c.WrongName {
		return device.Info{}
	}
	return device.Info{Driver: "sloppy"}
}

func (d *sloppy) Channels() []device.Channel {
	return []device.Channel{{Name: "value", Unit: "1", Max: 10}}
}

func (d *sloppy) Read(ctx context.Context) (device.Sample, error) {
	if d.c.Slow {
		if err := device.Wait(ctx, 2*device.DefaultTimeout); err != nil {
			return nil, err
		}
	}
	v, err := d.ask(ctx)
	switch {
	case err != nil:
		return nil, err
	case d.c.StrangeChannel:
		return device.Sample{{Channel: "other"}}, nil
	case d.c.NaN:
		return device.Sample{{Channel: "value", Value: math.NaN()}}, nil
	}
	return device.Sample{{Channel: "value", Value: float64(v)}}, nil
}

func (d *sloppy) Close() error {
	if d.closed && d.c.BadClose {
		return errors.New("closed already")
	}
	d.closed = true
	return nil
}

// chip answers with its value and the complement of it. Its value is 5; a driver that HasSettings has told it to
// answer 3 more.
type chip struct{ value, more byte }

func (*chip) String() string                  { return "chip" }
func (*chip) SetSpeed(physic.Frequency) error { return nil }
func (c *chip) PowerOff()                     { c.more = 0 }
func (c *chip) Tx(_ uint16, w, r []byte) error {
	if len(w) == 2 {
		c.more = w[1]
	}
	copy(r, []byte{c.value + c.more, ^(c.value + c.more)})
	return nil
}

func five() i2c.Bus  { return &chip{value: 5} }
func fifty() i2c.Bus { return &chip{value: 50} }

// Probe is what a scan asks.
func (c config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	if c.Writes {
		_ = bus.Tx(addr, []byte{0, 1, 2}, nil)
	}
	_, err := (&sloppy{c: c, bus: bus}).ask(ctx)
	return "Sloppy", err
}

// recorder stands in for a test that is expected to fail.
type recorder struct {
	testing.TB
	faults []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.faults = append(r.faults, fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// wantFault holds a driver to a rule and looks that its fault is found.
func wantFault(t *testing.T, rule string, c Case, fault string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{TB: t}
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(rec) {
					panic(p)
				}
			}()
			d, _ := device.Lookup(c.Driver)
			for _, r := range rules {
				if r.name == rule && (r.on == device.NoWire || r.on == d.Wire) {
					r.rule(rec, newRig(rec, c, d))
				}
			}
		}()
		if !strings.Contains(strings.Join(rec.faults, "\n"), fault) {
			t.Errorf("%+v: found %q, want %q", c.Config, rec.faults, fault)
		}
	})
}

func TestGoodDriver(t *testing.T) {
	Run(t, Case{Driver: "sloppy", Bus: five, Other: fifty, Checksums: true, Steady: true})
}

func TestSloppyDrivers(t *testing.T) {
	for _, c := range []struct {
		rule   string
		config config
		fault  string
	}{
		{"says what it is", config{WrongName: true}, "want its registered name"},
		{"measures what it declares", config{StrangeChannel: true}, "which Channels does not declare"},
		{"measures what it declares", config{NaN: true}, "what cannot be told is an Err"},
		{"obeys a context that has ended", config{LateContext: true}, "transfers after the context had ended"},
		{"closes twice", config{BadClose: true}, "Close number 2"},
		{"reports a NAK at every byte", config{MuteNAK: true, NoCRC: true}, "no error"},
		{"reports a NAK at every byte", config{BareNAK: true}, "has no remedy"},
		{"reports a NAK at every byte", config{NoAsk: true}, "opening makes no transfer"},
		{"leaves a stuck bus alone", config{Insists: true}, "1 more transfers"},
		{"takes ones for silence", config{Ones: true}, "open where only ones come"},
		{"refuses another chip", config{AnyChip: true}, "open with another chip: error <nil>"},
		{"refuses another chip", config{AnyChip: true}, "with another chip in its place it reads"},
		{"is found by its Probe", config{Writes: true}, "Probe wrote 00 01 02"},
		{"is found by its Probe", config{AnyChip: true}, "Probe of another chip"},
		{"comes back after being unplugged", config{SilentOpen: true}, "it opens while unplugged"},
		{"comes back after a power cut", config{HasSettings: true}, "value is 5, and was 8 just before"},
		{"keeps within its time", config{DeafWait: true}, "given 125µs, it took 1ms"},
		{"keeps within its time", config{Slow: true}, "a use within the 1s"},
		{"cuts its waits short", config{DeafWait: true}, "waited 1ms more"},
		{"finds every flipped bit", config{NoCRC: true}, "bit 16 flipped"},
		{"is not misled by a flipped bit", config{NoCRC: true}, "with bit 16 flipped on the way: value is 4"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wantFault(t, c.rule, Case{Driver: "sloppy", Config: c.config, Bus: five, Other: fifty, Checksums: true, Steady: true}, c.fault)
		})
	}
}

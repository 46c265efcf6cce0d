// Package pca9685 is for the NXP PCA9685, which has sixteen outputs with pulses of any width, for lamps, fans and servos,
// on an I²C bus. Each output is a device of its own; all of one chip have one frequency.
//
// Wiring: VDD 2.3 to 5.5 V; OE to ground; V+ of a board is for servos only. A0 to A5 give the addresses 0x40 to 0x7F. A
// lamp or fan needs a transistor; the pulses of a servo are 1 to 2 ms long, which are 5 to 10 % at 50 Hz.
//
// Source: NXP, PCA9685, revision 4 of 16 April 2015: registers in table 4, restart in section 7.3.1.1, full on and full
// off in section 7.3.3, prescaler in equation 1.
//
// It is not periph's driver: that resets all outputs of the chip when it is opened, and sleeps without a context.
package pca9685

import (
	"context"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("pca9685", Config{Address: 0x40, Frequency: 1000}, Open) }

// Registers.
const (
	regMode     = 0x00
	regSub1     = 0x02 // three further addresses and that of all chips, which nobody changes
	regLED0     = 0x06 // on low, on high, off low, off high, of each output
	regPrescale = 0xFE

	outputs = 16
	steps   = 4096 // of a period
	full    = 0x10 // bit 12 of on or off: without any pulse
)

// Bits of the mode.
const (
	restart   = 1 << 7
	increment = 1 << 5 // registers are counted up
	sleep     = 1 << 4

	oscillator = 25e6 // Hz, its own
	wakeTime   = 500 * time.Microsecond
)

// signature is what the four addresses are after power-on.
var signature = [4]byte{0xE2, 0xE4, 0xE8, 0xE0}

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{} `doc:"One of the sixteen outputs of an NXP PCA9685: a lamp, fan or servo, from 0 to 100 %." example:"fan"`
	Address   uint16   `toml:"address" doc:"the chip's address on the bus, from 0x40 on as A0 to A5 say"`
	Output    int      `toml:"output" doc:"which output of the chip, from 0 to 15"`
	Frequency float64  `toml:"frequency" doc:"pulses a second, 24 to 1526 Hz, the same for all outputs of the chip; a servo wants 50"`
	Safe      float64  `toml:"safe" doc:"what it does on start, on stop and when nobody commands it, in %"`
}

// Addresses are those that A0 to A5 can give it, but for that of all chips, and those that the bus keeps for itself.
func (Config) Addresses() []uint16 {
	var all []uint16
	for a := uint16(0x40); a < 0x78; a++ {
		if a != 0x70 {
			all = append(all, a)
		}
	}
	return all
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x40 || c.Address > 0x77 || c.Address == 0x70 {
		fault("address", fmt.Sprintf("a PCA9685 is not used at 0x%02x", c.Address), "use 0x40 to 0x77, but not 0x70, at which all of them answer")
	}
	if c.Output < 0 || c.Output >= outputs {
		fault("output", fmt.Sprintf("it has no output %d", c.Output), "use 0 to 15")
	}
	if !(c.Frequency >= 24 && c.Frequency <= 1526) {
		fault("frequency", fmt.Sprintf("it does not make %g pulses a second", c.Frequency), "use 24 to 1526; 50 for a servo, 1000 for a lamp")
	}
	if !(c.Safe >= 0 && c.Safe <= 100) {
		fault("safe", fmt.Sprintf("%g %% is not a safe state", c.Safe), "use 0 to 100")
	}
}

// Probe reads the four further addresses, which are as they are after power-on.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	c := device.Chip{Bus: bus, Addr: addr}
	var has [4]byte
	for i := range has { // one by one: after power-on the chip does not count up
		if err := c.Tx(ctx, []byte{regSub1 + byte(i)}, has[i:i+1]); err != nil {
			return "", err
		}
	}
	switch {
	case device.Ones(has[:]):
		return "", c.Idle()
	case has != signature:
		return "", c.Other(fmt.Sprintf("something else (registers 2 to 5 are % x)", has), "a PCA9685", "")
	}
	return model, nil
}

const model = "NXP PCA9685"

// Dev is one output of a chip.
type Dev struct {
	chip device.Chip
	c    Config
}

// Open looks whether the chip is a PCA9685, and sets its frequency if it has another. That stops all its outputs for
// half a millisecond.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	if _, err := c.Probe(ctx, bus, c.Address); err != nil {
		return nil, err
	}
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}
	mode, scale, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	if mode&^restart == increment && scale == prescale(c.Frequency) {
		return d, nil
	}
	return d, d.begin(ctx, mode)
}

// Info tells the chip's address and which output it is.
func (d *Dev) Info() device.Info {
	return d.chip.Info("pca9685", fmt.Sprintf("%s, output %d", model, d.c.Output), "")
}

// Takes is how much of the time the output is on, in %.
func (d *Dev) Takes() device.Channel {
	return device.Channel{Name: "duty", Unit: "%", Min: 0, Max: 100, Resolution: 0.1}
}

// Safe is the configured safe state.
func (d *Dev) Safe() device.Value { return device.Of(d.c.Safe) }

// Close leaves the output as it is: the safe state was written before.
func (d *Dev) Close() error { return nil }

// Out sets the output and reads it back. A chip that lost its power sleeps, and is begun with again.
func (d *Dev) Out(ctx context.Context, v device.Value) error {
	mode, scale, err := d.look(ctx)
	switch {
	case err != nil:
		return err
	case mode&sleep != 0 || mode&increment == 0:
		if err := d.begin(ctx, mode); err != nil {
			return err
		}
	case scale != prescale(d.c.Frequency):
		return &device.Fault{
			Text: fmt.Sprintf("the PCA9685 at 0x%02x on %s has %.0f Hz, not %.0f Hz: another of its outputs wants that",
				d.chip.Addr, d.chip.Bus, oscillator/steps/float64(int(scale)+1), d.c.Frequency),
			Remedy: "give all outputs of one chip the same frequency",
		}
	}
	reg := byte(regLED0 + 4*d.c.Output)
	want := pulse(v.Number)
	if err := d.chip.Tx(ctx, append([]byte{reg}, want[:]...), nil); err != nil {
		return err
	}
	var has [4]byte
	if err := d.chip.Read(ctx, []byte{reg}, has[:]); err != nil {
		return err
	}
	if has != want {
		return d.chip.Lost()
	}
	return nil
}

// look reads mode and prescaler.
func (d *Dev) look(ctx context.Context) (mode, scale byte, err error) {
	var m, p [1]byte
	if err = d.chip.Read(ctx, []byte{regMode}, m[:]); err != nil {
		return 0, 0, err
	}
	// The prescaler is never all ones: that would be under 24 Hz, which we do not set.
	err = d.chip.Read(ctx, []byte{regPrescale}, p[:])
	return m[0], p[0], err
}

// begin sets the frequency, for which the chip must sleep, and has outputs that were on go on.
func (d *Dev) begin(ctx context.Context, mode byte) error {
	for _, w := range [][]byte{
		{regMode, mode&^(restart|0xF) | sleep},
		{regPrescale, prescale(d.c.Frequency)},
		{regMode, increment},
	} {
		if err := d.chip.Tx(ctx, w, nil); err != nil {
			return err
		}
	}
	if err := device.Wait(ctx, wakeTime); err != nil {
		return err
	}
	return d.chip.Tx(ctx, []byte{regMode, restart | increment}, nil)
}

// prescale is round(25 MHz / (4096 · f)) − 1 (equation 1).
func prescale(hz float64) byte {
	return byte(min(max(math.Round(oscillator/(steps*hz))-1, 3), 254))
}

// pulse is the registers for a part of the period, in %: on at its begin, off when the part is over.
func pulse(percent float64) [4]byte {
	n := int(math.Round(percent * steps / 100))
	switch {
	case n <= 0:
		return [4]byte{3: full}
	case n >= steps:
		return [4]byte{1: full}
	}
	return [4]byte{2: byte(n), 3: byte(n >> 8)}
}

var _ device.Output = (*Dev)(nil)

// Package bh1750 is for the ROHM BH1750FVI, which measures illuminance on an I²C bus.
//
// Wiring: VCC to 3.3 V (2.4 to 3.6 V; many boards have a regulator and take 5 V), GND, SDA, SCL; ADDR to GND or open for
// address 0x23, to VCC for 0x5C. Range: 0 to 121,000 lx; above 54,000 lx it is measured with less sensitivity.
//
// Source: ROHM, BH1750FVI technical note, 2011.11, Rev. D: instructions and measuring times on pages 5 to 7, the
// measurement time register on page 11. Written for Selvage: the driver of periph.io/x/devices v3.7.4 sleeps without a
// context, and ends its range at 54,612 lx without saying so.
package bh1750

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("bh1750", Config{Address: 0x23}, Open) }

const (
	opPowerOn = 0x01
	opReset   = 0x07 // sets the data register to zero; not while powered down
	opOnce    = 0x20 // measure once with a resolution of 1 lx, then power down
	opRough   = 0x23 // with one of 4 lx
	opTimeHi  = 0x40 // the upper three bits of the measurement time register
	opTimeLo  = 0x60 // and its lower five

	usual = 69 // the measurement time register after a start
	brief = 31 // its least

	// measureTime is the longest measurement with the usual time.
	measureTime = 180 * time.Millisecond
	roughTime   = 24 * time.Millisecond

	saturated = 0xFFFF
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"ROHM BH1750: illuminance." example:"daylight"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x23 with ADDR at GND or open, 0x5C with ADDR at VCC"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != 0x23 && c.Address != 0x5C {
		fault("address", fmt.Sprintf("a BH1750 does not answer at 0x%02x", c.Address), "use 0x23 or 0x5C")
	}
}

// Addresses are those it may have.
func (Config) Addresses() []uint16 { return []uint16{0x23, 0x5C} }

// Dev is one chip.
type Dev struct {
	chip  device.Chip
	usual bool // its measurement time register surely has the usual value
}

// Open resets the data register. The chip has no identity; that the register is zero then is all there is to ask.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}}
	for _, op := range []byte{opPowerOn, opReset} {
		if err := d.chip.Tx(ctx, []byte{op}, nil); err != nil {
			return nil, err
		}
	}
	var r [2]byte
	if err := d.chip.Steady(ctx, "data", nil, r[:]); err != nil {
		return nil, err
	}
	if device.Ones(r[:]) {
		return nil, d.chip.Idle()
	}
	if r != [2]byte{} {
		return nil, d.chip.Other(fmt.Sprintf("another chip (it has 0x%x after a reset)", r), "a BH1750", "")
	}
	return d, d.within(ctx, usual)
}

// within sets the measurement time register. The chip takes one instruction in a transfer.
func (d *Dev) within(ctx context.Context, t byte) error {
	d.usual = false
	for _, op := range []byte{opTimeHi | t>>5, opTimeLo | t&0x1F} {
		if err := d.chip.Tx(ctx, []byte{op}, nil); err != nil {
			return err
		}
	}
	d.usual = t == usual
	return nil
}

// Info tells the chip's address. It has no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("bh1750", "ROHM BH1750FVI", "") }

// Channels is illuminance in lx.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "illuminance", Unit: "lx", Min: 0, Max: 121_000, Resolution: 0.1}}
}

// Read makes one measurement, which takes 180 ms, in bright sunlight a second of half that time, and in the dark a rough
// one of 24 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	for range 2 {
		n, t, err := d.measure(ctx)
		if err != nil {
			return nil, err
		}
		if n != 0 {
			return decode(n, t), nil
		}
		// It is dark, or the chip's power was away and the register is what it is after a start.
		rough, err := d.once(ctx, opRough, roughTime)
		switch {
		case err != nil:
			return nil, err
		case rough == saturated:
			return nil, d.chip.Idle()
		case rough == 0:
			return decode(0, t), nil
		}
		d.usual = false
	}
	return nil, d.chip.Lost()
}

// measure returns a count, and the measurement time register it was measured with.
func (d *Dev) measure(ctx context.Context) (n uint16, t byte, err error) {
	if !d.usual {
		if err := d.within(ctx, usual); err != nil {
			return 0, 0, err
		}
	}
	if n, err = d.once(ctx, opOnce, measureTime); err != nil || n != saturated {
		return n, usual, err
	}
	// Bright sunlight, or an adapter that does not report that nobody acknowledges: with less sensitivity they differ.
	if err := d.within(ctx, brief); err != nil {
		return 0, 0, err
	}
	switch n, err = d.once(ctx, opOnce, measureTime*brief/usual); {
	case err != nil:
		return 0, 0, err
	case n == saturated:
		return 0, 0, d.chip.Idle()
	}
	return n, brief, d.within(ctx, usual)
}

// once has the chip measure once, after which it powers itself down.
func (d *Dev) once(ctx context.Context, op byte, pause time.Duration) (uint16, error) {
	if err := d.chip.Tx(ctx, []byte{op}, nil); err != nil {
		return 0, err
	}
	if err := device.Wait(ctx, pause); err != nil {
		return 0, err
	}
	var r [2]byte
	err := d.chip.Steady(ctx, "data", nil, r[:])
	return binary.BigEndian.Uint16(r[:]), err
}

// Close has nothing to do: after a measurement the chip powers itself down.
func (d *Dev) Close() error { return nil }

// decode turns a count, measured with a value of the measurement time register, into lx.
func decode(n uint16, t byte) device.Sample {
	return device.Sample{{Channel: "illuminance", Value: float64(n) / 1.2 * usual / float64(t)}}
}

var _ device.Sensor = (*Dev)(nil)

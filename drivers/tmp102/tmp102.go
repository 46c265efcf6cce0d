// Package tmp102 is for the Texas Instruments TMP102 and for the LM75 and its many kin (LM75A, LM75B, DS75, TMP75,
// TMP105, …), which measure temperature on an I²C bus.
//
// Wiring: V+ to 3.3 V, GND, SDA, SCL; the address is 0x48, more by how A0 to A2 are connected (the TMP102 has one such
// pin: to GND, V+, SDA, SCL for 0x48 to 0x4B); ALERT or OS open. Ranges: TMP102 −40 to 125 °C in steps of 0.0625 °C, LM75
// −55 to 125 °C in steps of 0.5 °C or finer.
//
// Source: Texas Instruments, TMP102 data sheet SBOS397: registers, one-shot conversion, table of temperatures;
// LM75 data sheet SNIS153: table of temperatures, registers; NXP, LM75B data sheet; Texas Instruments, TMP75 data sheet
// SBOS288: the bits R1 and R0. Written for Selvage: the driver of periph.io/x/devices v3.7.4 loses errors of the bus while
// it configures the chip, and takes the 0 °C of a chip that has not measured for a value.
package tmp102

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("tmp102", Config{Address: 0x48}, Open) }

const (
	regTemperature = 0
	regConfig      = 1

	// The configuration, as two bytes. Resolution reads as ones in a TMP102 and as zeros in the LM75 after a start; the
	// lowest four bits are zero.
	oneShot    = 0x8000 // starts a conversion, and reads as one when it is done
	resolution = 0x6000
	shutdown   = 0x0100
	rate4      = 0x0080
	unused     = 0x000F

	// convertTime is the longest a conversion takes.
	convertTime = 35 * time.Millisecond
	// patience is how often a chip that is still at it is asked again.
	patience = 5
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Texas Instruments TMP102: temperature." example:"case"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x48, 0x49, 0x4A or 0x4B with ADD0 at GND, V+, SDA or SCL"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x48 || c.Address > 0x4B {
		fault("address", fmt.Sprintf("a TMP102 does not answer at 0x%02x", c.Address), "use 0x48 to 0x4B")
	}
}

// Addresses are those it may have. It has no identity to probe for.
func (Config) Addresses() []uint16 { return []uint16{0x48, 0x49, 0x4A, 0x4B} }

// Dev is one TMP102.
type Dev struct{ chip device.Chip }

// Open looks whether the configuration is one that a TMP102 can have, and shuts it down until it is read.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{device.Chip{Bus: bus, Addr: c.Address}}
	config, err := d.config(ctx)
	if err != nil {
		return nil, err
	}
	if config&resolution != resolution || config&unused != 0 {
		return nil, d.chip.Other(fmt.Sprintf("another chip (configuration 0x%04x)", config), "a TMP102",
			`an LM75 or one of its kin has driver = "lm75"`)
	}
	return d, d.set(ctx, shutdown)
}

func (d *Dev) config(ctx context.Context) (uint16, error) { return word(ctx, d.chip, regConfig) }

func (d *Dev) set(ctx context.Context, mode uint16) error {
	v := mode | resolution | rate4
	return d.chip.Tx(ctx, []byte{regConfig, byte(v >> 8), byte(v)}, nil)
}

// word reads a register of two bytes.
func word(ctx context.Context, c device.Chip, reg byte) (uint16, error) {
	var r [2]byte
	err := c.Steady(ctx, "register", []byte{reg}, r[:])
	if err == nil && device.Ones(r[:]) {
		err = c.Idle()
	}
	return binary.BigEndian.Uint16(r[:]), err
}

// Info tells the chip's address. It has no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("tmp102", "Texas Instruments TMP102", "") }

// Channels is temperature in °C.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "temperature", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.0625}}
}

// Read makes one conversion, which takes 35 ms, and leaves the chip shut down.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := d.set(ctx, shutdown|oneShot); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, convertTime); err != nil {
		return nil, err
	}
	if err := d.converted(ctx); err != nil {
		return nil, err
	}
	t, err := word(ctx, d.chip, regTemperature)
	if err != nil {
		return nil, err
	}
	if t == 0 {
		// It is 0 °C, or the chip's power was away just now and it has not measured.
		if err := d.converted(ctx); err != nil {
			return nil, err
		}
	}
	return decode(t), nil
}

// converted waits for the end of the conversion.
func (d *Dev) converted(ctx context.Context) error {
	for range patience {
		config, err := d.config(ctx)
		switch {
		case err != nil:
			return err
		case config&shutdown == 0: // as after a start
			return d.chip.Lost()
		case config&oneShot != 0:
			return nil
		}
		if err := device.Wait(ctx, convertTime/4); err != nil {
			return err
		}
	}
	return d.chip.Unready("conversion", convertTime+patience*convertTime/4)
}

// Close has nothing to do: between conversions the chip is shut down.
func (d *Dev) Close() error { return nil }

// decode takes a temperature in 1/256 °C, in two's complement. What a chip does not resolve is zero.
func decode(t uint16) device.Sample {
	return device.Sample{{Channel: "temperature", Value: float64(int16(t)) / 256}}
}

var _ device.Sensor = (*Dev)(nil)

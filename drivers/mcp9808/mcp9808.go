// Package mcp9808 is for the Microchip MCP9808, which measures temperature on an I²C bus.
//
// Wiring: VDD to 3.3 V (2.7 to 5.5 V), GND, SDA, SCL; A0 to A2 to GND for address 0x18, to VDD to add 1, 2 and 4; Alert
// open. Range: −40 to 125 °C, ±0.25 °C typical.
//
// Source: Microchip, MCP9808 data sheet DS25095A: registers in section 5.1, conversion in equation 5-1, conversion time in
// section 5.2.4. Written for Selvage: the driver of periph.io/x/devices v3.7.4 loses the bus's error and does not ask the
// chip who it is.
package mcp9808

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("mcp9808", Config{Address: 0x18}, Open) }

const (
	regConfig       = 1
	regTemperature  = 5
	regManufacturer = 6
	regDevice       = 7

	microchip = 0x0054
	mcp9808   = 0x04 // the high byte of regDevice; the low one is the revision

	// settings are a hysteresis of 6 °C, which matters to nobody as the alert output is off. After a start it is 0 °C, so
	// it tells whether the power was away.
	settings = 0x0600

	// convertTime is how long the first conversion after a start takes, 250 ms, with a margin. Until then the
	// temperature is 0 °C.
	convertTime = 300 * time.Millisecond
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Microchip MCP9808: temperature." example:"tank"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x18, plus 1, 2 and 4 for A0, A1 and A2 at VDD"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x18 || c.Address > 0x1F {
		fault("address", fmt.Sprintf("an MCP9808 does not answer at 0x%02x", c.Address), "use 0x18 to 0x1F")
	}
}

// Addresses are those it may have.
func (Config) Addresses() []uint16 { return []uint16{0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F} }

// Probe asks what is at an address for its maker and its type.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: addr}}
	return model, d.identify(ctx)
}

const model = "Microchip MCP9808"

// Dev is one chip.
type Dev struct {
	chip     device.Chip
	revision byte
	ready    time.Time // when it has measured since it was set
}

// Open asks the chip who it is.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}}
	return d, d.set(ctx)
}

func (d *Dev) identify(ctx context.Context) error {
	maker, err := d.reg(ctx, regManufacturer)
	if err != nil {
		return err
	}
	id, err := d.reg(ctx, regDevice)
	if err != nil {
		return err
	}
	if maker != microchip || id>>8 != mcp9808 {
		return d.chip.Other(fmt.Sprintf("another chip (maker 0x%04x, id 0x%04x)", maker, id), "an MCP9808", "")
	}
	d.revision = byte(id)
	return nil
}

// set looks who is there and has it measure all the time.
func (d *Dev) set(ctx context.Context) error {
	if err := d.identify(ctx); err != nil {
		return err
	}
	err := d.chip.Tx(ctx, []byte{regConfig, settings >> 8, settings & 0xFF}, nil)
	d.ready = time.Now().Add(convertTime)
	return err
}

func (d *Dev) reg(ctx context.Context, reg byte) (uint16, error) {
	var r [2]byte
	err := d.chip.Steady(ctx, "register", []byte{reg}, r[:])
	if err == nil && device.Ones(r[:]) {
		err = d.chip.Idle()
	}
	return binary.BigEndian.Uint16(r[:]), err
}

// Info tells the chip's address and revision. It has no serial number.
func (d *Dev) Info() device.Info {
	return d.chip.Info("mcp9808", fmt.Sprintf("%s rev. %d", model, d.revision), "")
}

// Channels is temperature in °C.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "temperature", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.0625}}
}

// Read takes the newest of the four conversions that the chip makes in a second.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	for range 2 {
		if err := device.Wait(ctx, time.Until(d.ready)); err != nil {
			return nil, err
		}
		t, err := d.reg(ctx, regTemperature)
		if err != nil {
			return nil, err
		}
		// What has its settings still now had power when it measured.
		config, err := d.reg(ctx, regConfig)
		if err != nil {
			return nil, err
		}
		if config == settings {
			return decode(t), nil
		}
		if err := d.set(ctx); err != nil {
			return nil, err
		}
	}
	return nil, d.chip.Lost()
}

// Close has nothing to do: the chip needs 0.2 mA while it measures.
func (d *Dev) Close() error { return nil }

// decode takes 13 bits of two's complement in 1/16 °C; the three bits above them compare it with limits.
func decode(t uint16) device.Sample {
	return device.Sample{{Channel: "temperature", Value: float64(int16(t<<3)>>3) / 16}}
}

var _ device.Sensor = (*Dev)(nil)

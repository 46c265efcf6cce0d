// Package sht3x is for the Sensirion SHT30, SHT31 and SHT35, which measure temperature and relative humidity on an I²C
// bus.
//
// Wiring: VDD to 3.3 V (2.15 to 5.5 V), GND, SDA, SCL; ADDR to GND for address 0x44, to VDD for 0x45; nRESET open.
// Ranges: −40 to 125 °C, 0 to 100 %.
//
// Source: Sensirion, Datasheet SHT3x-DIS, version 7: timing in table 4, single shots in section
// 4.3, break in 4.8, reset in 4.9, status in 4.11, checksum in 4.12, conversion in 4.13.
package sht3x

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sensirion"
	"selvage/edge/device"
)

func init() { device.RegisterI2C("sht3x", Config{Address: 0x44}, Open) }

const (
	cmdBreak   = 0x3093 // ends what somebody may have left it doing
	cmdReset   = 0x30A2 // ends its heating
	cmdStatus  = 0xF32D
	cmdMeasure = 0x2400 // both quantities, high repeatability, without clock stretching

	breakTime   = time.Millisecond
	resetTime   = 2 * time.Millisecond  // 1.5 ms at most
	measureTime = 16 * time.Millisecond // 15.5 ms at most
	statusTime  = time.Millisecond      // our margin for a command that measures nothing
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Sensirion SHT30, SHT31 or SHT35: temperature and relative humidity." example:"air"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x44 with ADDR at GND, 0x45 with ADDR at VDD"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != 0x44 && c.Address != 0x45 {
		fault("address", fmt.Sprintf("an SHT3x does not answer at 0x%02x", c.Address), "use 0x44 or 0x45")
	}
}

// Addresses are those it may have.
func (Config) Addresses() []uint16 { return []uint16{0x44, 0x45} }

// Probe asks for the status, which has a checksum. The SHT4x, at the same addresses, has no such command.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	d := Dev{sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: addr}}}
	return model, d.status(ctx)
}

const model = "Sensirion SHT3x"

// Dev is one chip.
type Dev struct{ chip sensirion.Chip }

// Open has the chip end what it may be doing and asks for its status, which proves that an SHT3x is there.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: c.Address}}}
	for _, step := range []struct {
		cmd   uint16
		pause time.Duration
	}{{cmdBreak, breakTime}, {cmdReset, resetTime}} {
		if err := d.chip.Command(ctx, step.cmd); err != nil {
			return nil, d.orSHT4x(ctx, err)
		}
		if err := device.Wait(ctx, step.pause); err != nil {
			return nil, err
		}
	}
	if err := d.status(ctx); err != nil {
		return nil, d.orSHT4x(ctx, err)
	}
	return d, nil
}

// orSHT4x names the chip that is taken for this one most often: it has the same addresses and other commands.
func (d *Dev) orSHT4x(ctx context.Context, err error) error {
	if !errors.Is(err, device.ErrNoAnswer) {
		return err
	}
	const cmdSerial = 0x89 // of the SHT4x: Datasheet SHT4x, table 8
	if d.chip.Tx(ctx, []byte{cmdSerial}, nil) != nil || device.Wait(ctx, statusTime) != nil {
		return err
	}
	if _, none := d.chip.Words(ctx, "serial number", "serial number"); none != nil {
		return err
	}
	return d.chip.Other("an SHT4x", "an SHT3x", `write driver = "sht4x"`)
}

func (d *Dev) status(ctx context.Context) error {
	_, err := d.chip.Ask(ctx, cmdStatus, statusTime, "status")
	return err
}

// Info tells the chip's address. Its data sheet knows no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("sht3x", model, "") }

// Channels are temperature in °C and relative humidity in %, with the ranges of tables 1 and 2.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.01},
	}
}

// Read makes one measurement, which takes 16 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	w, err := d.chip.Ask(ctx, cmdMeasure, measureTime, "temperature", "humidity")
	if err != nil {
		return nil, err
	}
	return decode(w[0], w[1]), nil
}

// Close has nothing to do: a chip that is not asked sleeps.
func (d *Dev) Close() error { return nil }

// decode turns the two words of a measurement into °C and %.
func decode(t, rh uint16) device.Sample {
	return device.Sample{
		{Channel: "temperature", Value: sensirion.Celsius(t)},
		{Channel: "humidity", Value: sensirion.Percent(rh)},
	}
}

var _ device.Sensor = (*Dev)(nil)

// Package vl53l0x is for the STMicroelectronics VL53L0X, which measures the distance to what is before it by the time that
// infrared light takes, on an I²C bus.
//
// Wiring: a board with its own regulator takes 3.3 or 5 V at VIN; SDA and SCL; XSHUT stays free or is pulled up. Its
// address is 0x29. It reaches 1.2 m, 2 m to a white wall in the dark, and sees a cone of 25°.
//
// The datasheet names almost no register: settings and their order are those of ST's own programming interface
// (STSW-IMG005, version 1.0.2: VL53L0X_DataInit, StaticInit, PerformRefCalibration and PerformSingleRangingMeasurement, with
// the table of vl53l0x_tuning.h, "update 02/11/2015_v36"), as they are also published in Pololu's library vl53l0x-arduino.
//
// Source: STMicroelectronics, VL53L0X, DocID029104: identification in its table of reference registers; UM2039 for the
// steps and the meaning of the range status.
package vl53l0x

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("vl53l0x", Config{Address: 0x29, Budget: 33 * time.Millisecond}, Open)
}

const (
	address = 0x29
	model   = "STMicroelectronics VL53L0X"

	modelID    = 0xEE // in register 0xC0
	moduleID   = 0xAA // in register 0xC1
	farthest   = 2.0  // m
	nothingFar = 8190 // mm and more: nothing was seen

	// look is the time between two looks whether the chip is ready, and patience that in which calibration is.
	look     = 5 * time.Millisecond
	patience = 100 * time.Millisecond
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}      `doc:"STMicroelectronics VL53L0X: the distance to what is before it, up to 2 m." example:"level"`
	Address uint16        `toml:"address" doc:"its address on the bus, which is 0x29"`
	Budget  time.Duration `toml:"budget" doc:"the time for one measurement, from 20ms to 500ms; four times as long is twice as exact"`
}

// Addresses has the only one that it has after power-on.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Within is the time for a measurement with the settings given anew before it.
func (c Config) Within() time.Duration { return time.Second + 3*c.Budget }

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("a VL53L0X does not answer at 0x%02x", c.Address), "use 0x29")
	}
	if c.Budget < 20*time.Millisecond || c.Budget > 500*time.Millisecond {
		fault("budget", fmt.Sprintf("one measurement cannot take %v", c.Budget), `"33ms" is usual, "200ms" is more exact`)
	}
}

// Probe reads what identifies it.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	c := device.Chip{Bus: bus, Addr: addr}
	var id [2]byte
	if err := c.Read(ctx, []byte{0xC0}, id[:]); err != nil {
		return "", err
	}
	if id != [2]byte{modelID, moduleID} {
		return "", c.Other(fmt.Sprintf("something else (ids %02x and %02x)", id[0], id[1]), "a VL53L0X", "")
	}
	return model, nil
}

// Dev is one chip.
type Dev struct {
	chip  device.Chip
	c     Config
	stop  byte // what a measurement is begun with, as the chip itself tells
	ready bool // it has its settings, and is on its first page of registers
}

// Open asks the chip who it is, and gives it its settings, which takes about a tenth of a second.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	if _, err := c.Probe(ctx, bus, c.Address); err != nil {
		return nil, err
	}
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info("vl53l0x", model, "") }

// Channels are the distance in m, and whether there is anything at all in reach.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "distance", Unit: "m", Max: farthest, Resolution: 0.001},
		{Name: "target", Form: device.Boolean},
	}
}

// Close has nothing to do: the chip sleeps between measurements.
func (d *Dev) Close() error { return nil }

// Read makes one measurement. A chip that was left in the middle of something, or has lost its power, is given its
// settings again first.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if !d.ready {
		if err := d.prepare(ctx); err != nil {
			return nil, err
		}
	}
	d.ready = false
	if err := d.writes(ctx, [][2]byte{{0x80, 1}, {0xFF, 1}, {0x00, 0}, {0x91, d.stop}, {0x00, 1}, {0xFF, 0}, {0x80, 0}, {regStart, 1}}); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, d.c.Budget); err != nil {
		return nil, err
	}
	if err := d.until(ctx, regInterrupt, 7, d.c.Budget+patience, "distance"); err != nil {
		return nil, err
	}
	var r [12]byte
	if err := d.chip.Read(ctx, []byte{regResult}, r[:]); err != nil {
		return nil, err
	}
	steps, err := d.get(ctx, regSequence)
	if err != nil {
		return nil, err
	}
	if steps != allSteps {
		return nil, d.chip.Lost()
	}
	if err := d.set(ctx, regClear, 1); err != nil {
		return nil, err
	}
	d.ready = true
	return decode(r), nil
}

// decode turns the result, which has the status in its first byte and the distance in mm in its last two, into m.
func decode(r [12]byte) device.Sample {
	mm := binary.BigEndian.Uint16(r[10:])
	distance, target := device.Measure{Channel: "distance", Value: float64(mm) / 1000}, true
	// The status as in VL53L0X_get_pal_range_status.
	switch status := r[0] >> 3 & 0xF; {
	case status == 4 || mm >= nothingFar:
		target = false
		distance.Err = &device.Fault{
			Text:   "nothing that reflects enough is in reach",
			Remedy: "that is so if what is before it is farther than 1 to 2 m, black, or a mirror at an angle; or its window is dirty",
		}
	case status == 11: // valid
	case status == 6 || status == 9:
		distance.Doubt = "it may be farther than it can measure, from where light comes back too late"
	case status == 8 || status == 10:
		distance.Doubt = "it may be too close"
	case status >= 1 && status <= 3:
		target = false
		distance.Err = &device.Fault{
			Text:   fmt.Sprintf("the chip's laser does not work (status %d)", status),
			Remedy: "switch its power off and on; if it comes back, look for a weak supply, or the chip is broken",
		}
	default:
		target = false
		distance.Err = &device.Fault{
			Text:   fmt.Sprintf("the chip has no result (status %d)", status),
			Remedy: "switch its power off and on; sunlight into its window does so, too",
		}
	}
	if distance.Err != nil {
		distance.Value = 0
	}
	return device.Sample{distance, {Channel: "target", Value: device.Flag(target)}}
}

var _ device.Sensor = (*Dev)(nil)

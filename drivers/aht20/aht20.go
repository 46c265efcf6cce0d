// Package aht20 is for the ASAIR AHT20, which measures temperature and relative humidity on an I²C bus. The AHT21 and the
// AHT25 answer alike; the older AHT10 has no checksum and is not for this driver.
//
// Wiring: VDD to 3.3 V (2.0 to 5.5 V), GND, SDA, SCL. Its address is 0x38. Ranges: −40 to 85 °C, 0 to 100 %.
//
// Source: ASAIR, Data Sheet AHT20: commands, timing and checksum in section 5.4, conversion in section 6. Written for
// Selvage: the driver of periph.io/x/devices v3.7.4 sleeps without a context.
package aht20

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("aht20", Config{Address: address}, Open) }

const (
	address = 0x38

	busy       = 1 << 7 // in the status, the first byte of any answer
	calibrated = 1 << 3

	measureTime = 80 * time.Millisecond
	calibTime   = 10 * time.Millisecond
	// patience is how often a chip that is still at it is asked again.
	patience = 5
)

var (
	cmdCalibrate = []byte{0xBE, 0x08, 0x00}
	cmdMeasure   = []byte{0xAC, 0x33, 0x00}
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"ASAIR AHT20: temperature and relative humidity." example:"hall"`
	Address uint16   `toml:"address" doc:"its address on the bus, which is always 0x38"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("an AHT20 does not answer at 0x%02x", c.Address), "use 0x38")
	}
}

// Addresses is the one it has.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Dev is one chip.
type Dev struct{ chip device.Chip }

// Open has the chip calibrate itself if it has not, and measures once: it has no identity, and only the checksum of a
// measurement proves that an AHT20 is there.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{device.Chip{Bus: bus, Addr: c.Address}}
	var status [1]byte
	if err := d.chip.Read(ctx, nil, status[:]); err != nil {
		return nil, err
	}
	if status[0]&calibrated == 0 {
		if err := d.calibrate(ctx); err != nil {
			return nil, err
		}
	}
	if _, err := d.Read(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Dev) calibrate(ctx context.Context) error {
	if err := d.chip.Tx(ctx, cmdCalibrate, nil); err != nil {
		return err
	}
	return device.Wait(ctx, calibTime)
}

// Info tells the chip's address. It has no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("aht20", "ASAIR AHT20", "") }

// Channels are temperature in °C and relative humidity in %, with the ranges of section 1.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: -40, Max: 85, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.024},
	}
}

// Read makes one measurement, which takes 80 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := d.chip.Tx(ctx, cmdMeasure, nil); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, measureTime); err != nil {
		return nil, err
	}
	for range patience {
		var r [7]byte
		if err := d.chip.Read(ctx, nil, r[:]); err != nil {
			return nil, err
		}
		s, state := decode(r)
		switch state {
		case done:
			return s, nil
		case garbled:
			return nil, d.chip.Garbled("measurement")
		case forgetful:
			if err := d.calibrate(ctx); err != nil {
				return nil, err
			}
			return nil, d.chip.Lost()
		}
		if err := device.Wait(ctx, measureTime/8); err != nil {
			return nil, err
		}
	}
	return nil, d.chip.Unready("measurement", measureTime+patience*measureTime/8)
}

// Close has nothing to do: a chip that is not asked sleeps.
func (d *Dev) Close() error { return nil }

// state is what an answer tells.
type state uint8

const (
	done state = iota
	measuring
	garbled
	forgetful // it has lost its calibration, or has not measured since it got power
)

// decode takes an answer: status, 20 bits of humidity, 20 bits of temperature, checksum.
func decode(r [7]byte) (device.Sample, state) {
	rh := uint32(r[1])<<12 | uint32(r[2])<<4 | uint32(r[3])>>4
	t := uint32(r[3]&0x0F)<<16 | uint32(r[4])<<8 | uint32(r[5])
	switch {
	case crc(r[:6]) != r[6]:
		return nil, garbled
	case r[0]&busy != 0:
		return nil, measuring
	case r[0]&calibrated == 0, t == 0 && rh == 0:
		return nil, forgetful
	}
	return device.Sample{
		{Channel: "temperature", Value: float64(t)/(1<<20)*200 - 50},
		{Channel: "humidity", Value: float64(rh) / (1 << 20) * 100},
	}, done
}

// crc is CRC-8 with polynomial 0x31, start 0xFF, not reflected.
func crc(p []byte) byte {
	c := byte(0xFF)
	for _, b := range p {
		c ^= b
		for range 8 {
			if c&0x80 != 0 {
				c = c<<1 ^ 0x31
			} else {
				c <<= 1
			}
		}
	}
	return c
}

var _ device.Sensor = (*Dev)(nil)

// Package sht4x is for the Sensirion SHT40, SHT41 and SHT45, which measure temperature and relative
// humidity on an I²C bus.
//
// Source: Sensirion, Datasheet SHT4x, version 6, 2023: commands in table 8, timing in table 5,
// checksum in section 4.4, conversion in section 4.6.
package sht4x

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("sht4x", Config{Address: 0x44}, Open) }

const (
	cmdMeasure = 0xFD // both quantities, high precision
	cmdSerial  = 0x89

	// measureTime is the longest a high-precision measurement takes, 8.3 ms, rounded up.
	measureTime = 10 * time.Millisecond
	// serialTime is our margin for a command that measures nothing; the datasheet gives no figure.
	serialTime = time.Millisecond
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Sensirion SHT40, SHT41 or SHT45: temperature and relative humidity." example:"air"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x44 for types -A, 0x45 for -B, 0x46 for -C"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x44 || c.Address > 0x46 {
		fault("address", fmt.Sprintf("an SHT4x does not answer at 0x%02x", c.Address), "use 0x44, 0x45 or 0x46")
	}
}

// Addresses are those of the types -A, -B and -C.
func (Config) Addresses() []uint16 { return []uint16{0x44, 0x45, 0x46} }

// Probe asks for the serial number. Two words with right checksums are no accident: not even
// zeros have one that is zero.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	d, err := Open(ctx, bus, Config{Address: addr})
	if err != nil {
		return "", err
	}
	return d.Info().Model, nil
}

// Dev is one chip.
type Dev struct {
	bus    i2c.Bus
	addr   uint16
	serial uint32
}

// Open asks the chip for its serial number, which proves that an SHT4x is there.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{bus: bus, addr: c.Address}
	hi, lo, err := d.ask(ctx, cmdSerial, serialTime, "first half of the serial number", "second half of the serial number")
	if err != nil {
		return nil, err
	}
	d.serial = uint32(hi)<<16 | uint32(lo)
	return d, nil
}

// Info tells the chip's address and serial number.
func (d *Dev) Info() device.Info {
	return device.Info{
		Driver: "sht4x", Wire: d.bus.String(), Address: fmt.Sprintf("0x%02x", d.addr),
		Model: "Sensirion SHT4x", Serial: fmt.Sprintf("%08x", d.serial),
	}
}

// Channels are temperature in °C and relative humidity in %, with the ranges of tables 1 and 2.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.01},
	}
}

// Read makes one high-precision measurement, which takes 10 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	t, rh, err := d.ask(ctx, cmdMeasure, measureTime, "temperature", "humidity")
	if err != nil {
		return nil, err
	}
	return decode(t, rh), nil
}

// Close has nothing to do: a chip that is not asked sleeps.
func (d *Dev) Close() error { return nil }

// ask sends a command, gives the chip time and reads the two words it answers with.
func (d *Dev) ask(ctx context.Context, cmd byte, pause time.Duration, first, second string) (a, b uint16, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	if err := d.bus.Tx(d.addr, []byte{cmd}, nil); err != nil {
		return 0, 0, device.Unanswered(d.bus, d.addr, err)
	}
	if err := device.Wait(ctx, pause); err != nil {
		return 0, 0, err
	}
	var r [6]byte
	if err := d.bus.Tx(d.addr, nil, r[:]); err != nil {
		return 0, 0, device.Unanswered(d.bus, d.addr, err)
	}
	if device.Ones(r[:]) {
		return 0, 0, device.Chip{Bus: d.bus, Addr: d.addr}.Idle()
	}
	if crc(r[0], r[1]) != r[2] {
		return 0, 0, device.Garbled(d.bus, d.addr, first)
	}
	if crc(r[3], r[4]) != r[5] {
		return 0, 0, device.Garbled(d.bus, d.addr, second)
	}
	return binary.BigEndian.Uint16(r[0:]), binary.BigEndian.Uint16(r[3:]), nil
}

// decode turns the two words of a measurement into °C and %. The humidity formula reaches a little
// below 0 and above 100 by design; the datasheet asks to clip it.
func decode(t, rh uint16) device.Sample {
	return device.Sample{
		{Channel: "temperature", Value: -45 + 175*float64(t)/65535},
		{Channel: "humidity", Value: min(max(-6+125*float64(rh)/65535, 0), 100)},
	}
}

// crc is CRC-8 with polynomial 0x31, start 0xFF, not reflected, over one word.
func crc(hi, lo byte) byte {
	c := byte(0xFF)
	for _, b := range [2]byte{hi, lo} {
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

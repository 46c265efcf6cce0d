// Package sht4x is for the Sensirion SHT40, SHT41 and SHT45, which measure temperature and relative
// humidity on an I²C bus.
//
// Wiring: VDD 1.08 to 3.6 V, SDA, SCL, GND; the address is the type's, -A, -B or -C. Ranges: −40 to 125 °C, 0 to 100 %.
//
// Source: Sensirion, Datasheet SHT4x, version 6, 2023: commands in table 8, timing in table 5,
// checksum in section 4.4 (that of package sensirion), conversion in section 4.6.
package sht4x

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sensirion"
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
	chip   sensirion.Chip
	serial uint32
}

// Open asks the chip for its serial number, which proves that an SHT4x is there.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: c.Address}}}
	w, err := d.ask(ctx, cmdSerial, serialTime, "first half of the serial number", "second half of the serial number")
	if err != nil {
		return nil, err
	}
	d.serial = uint32(w[0])<<16 | uint32(w[1])
	return d, nil
}

// Info tells the chip's address and serial number.
func (d *Dev) Info() device.Info {
	return d.chip.Info("sht4x", "Sensirion SHT4x", fmt.Sprintf("%08x", d.serial))
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
	w, err := d.ask(ctx, cmdMeasure, measureTime, "temperature", "humidity")
	if err != nil {
		return nil, err
	}
	return decode(w[0], w[1]), nil
}

// Close has nothing to do: a chip that is not asked sleeps.
func (d *Dev) Close() error { return nil }

// ask sends a command, gives the chip time and reads the two words it answers with.
func (d *Dev) ask(ctx context.Context, cmd byte, pause time.Duration, first, second string) ([]uint16, error) {
	if err := d.chip.Tx(ctx, []byte{cmd}, nil); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, pause); err != nil {
		return nil, err
	}
	return d.chip.Words(ctx, first, second)
}

// decode turns the two words of a measurement into °C and %. The humidity formula reaches a little
// below 0 and above 100 by design; the datasheet asks to clip it.
func decode(t, rh uint16) device.Sample {
	return device.Sample{
		{Channel: "temperature", Value: -45 + 175*float64(t)/65535},
		{Channel: "humidity", Value: min(max(-6+125*float64(rh)/65535, 0), 100)},
	}
}

var _ device.Sensor = (*Dev)(nil)

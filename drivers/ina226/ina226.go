// Package ina226 is for the Texas Instruments INA226, which measures the voltage of a supply, and the current through a
// shunt in it, on an I²C bus.
//
// Wiring: VS 2.7 to 5.5 V; the shunt between IN+ and IN-, in the plus or the minus line; VBUS, up to 36 V, to what is
// supplied. The shunt may have up to 81.9 mV: 0.1 Ω is good for 0.8 A, 2 mΩ for 40 A. A0 and A1 give the addresses 0x40 to
// 0x4F.
//
// Current and power are computed from the two voltages that the chip measures: its own registers for them say the same
// with less resolution, and are 0 after a loss of power, as the calibration they need is lost then.
//
// Source: Texas Instruments, INA226, SBOS547A: registers in section 7.6, settings in tables 5 to 8.
package ina226

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("ina226", Config{Address: 0x40, Shunt: 0.1}, Open) }

// Registers.
const (
	regConfig = 0x00
	regShunt  = 0x01 // 2.5 µV a step, with a sign
	regBus    = 0x02 // 1.25 mV a step
	regMask   = 0x06 // its flags
	regMaker  = 0xFE
	regDie    = 0xFF
)

const (
	maker = 0x5449 // "TI"
	die   = 0x2260

	// measure is the mean of 16 samples of 1.1 ms of each voltage, once. Bit 14 always reads as 1.
	measure = 0x4000 | 2<<9 | 4<<6 | 4<<3 | 3
	// measureTime is 16 times the longest conversion of each, 1.21 ms.
	measureTime = 39 * time.Millisecond

	ready    = 1 << 3 // of the flags: converted since they were last read or a measurement was started
	overflow = 1 << 2 // a computation in the chip did not fit

	shuntLimit = 1<<15 - 1 // steps of the shunt's voltage: 81.92 mV
	busLimit   = 36        // V that the chip bears
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Texas Instruments INA226: voltage, current and power of a supply up to 36 V." example:"battery"`
	Address uint16   `toml:"address" doc:"its address on the bus, 0x40 to 0x4f as A0 and A1 say"`
	Shunt   float64  `toml:"shunt" doc:"the shunt's resistance, in Ω"`
}

// Addresses are those that its pins A0 and A1 can give it.
func (Config) Addresses() []uint16 {
	all := make([]uint16, 16)
	for i := range all {
		all[i] = 0x40 + uint16(i)
	}
	return all
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x40 || c.Address > 0x4F {
		fault("address", fmt.Sprintf("an INA226 does not answer at 0x%02x", c.Address), "use 0x40 to 0x4f")
	}
	if !(c.Shunt >= 1e-6 && c.Shunt <= 1e3) {
		fault("shunt", fmt.Sprintf("a shunt does not have %g Ω", c.Shunt), "give its resistance in Ω: 0.1 if R100 is printed on it, 0.002 for R002")
	}
}

// Probe reads the numbers of maker and die.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	c := device.Chip{Bus: bus, Addr: addr}
	m, err := read(ctx, c, regMaker)
	if err != nil {
		return "", err
	}
	n, err := read(ctx, c, regDie)
	switch {
	case err != nil:
		return "", err
	case m == 0xFFFF && n == 0xFFFF:
		return "", c.Idle()
	case m == maker && n != die:
		return "", c.Other(fmt.Sprintf("another chip of Texas Instruments (die %04x)", n), "an INA226", "")
	case m != maker:
		return "", c.Other(fmt.Sprintf("something else, such as an INA219 (ids %04x and %04x)", m, n), "an INA226", "check the address, or use driver = \"ina219\"")
	}
	return model226, nil
}

const model226 = "Texas Instruments INA226"

// Dev is one chip.
type Dev struct {
	chip device.Chip
	c    Config
}

// Open asks the chip for its maker and die.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	if _, err := c.Probe(ctx, bus, c.Address); err != nil {
		return nil, err
	}
	return &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info("ina226", model226, "") }

// Channels are voltage in V, measured at VBUS, current in A, which is negative from IN- to IN+, and power in W.
func (d *Dev) Channels() []device.Channel {
	most := (shuntLimit + 1) * 2.5e-6 / d.c.Shunt
	return []device.Channel{
		{Name: "voltage", Unit: "V", Min: 0, Max: busLimit, Resolution: 0.00125},
		{Name: "current", Unit: "A", Min: -most, Max: most, Resolution: 2.5e-6 / d.c.Shunt},
		{Name: "power", Unit: "W", Min: -most * busLimit, Max: most * busLimit, Resolution: 1e-5 / d.c.Shunt},
	}
}

// Read has both voltages measured once, each as the mean of 16 samples, which takes 39 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := d.chip.Tx(ctx, []byte{regConfig, measure >> 8, measure & 0xFF}, nil); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, measureTime); err != nil {
		return nil, err
	}
	has, err := read(ctx, d.chip, regConfig)
	if err != nil {
		return nil, err
	}
	flags, err := read(ctx, d.chip, regMask)
	if err != nil {
		return nil, err
	}
	bus, err := read(ctx, d.chip, regBus)
	if err != nil {
		return nil, err
	}
	shunt, err := read(ctx, d.chip, regShunt)
	if err == nil && shunt == 0xFFFF { // a step below 0, or nobody
		shunt, err = read(ctx, d.chip, regShunt)
	}
	switch {
	case err != nil:
		return nil, err
	case has == 0xFFFF || flags == 0xFFFF || bus == 0xFFFF: // bit 15 of the latter is always 0
		return nil, d.chip.Idle()
	case has != measure:
		return nil, d.chip.Lost()
	case flags&ready == 0:
		return nil, d.chip.Unready("voltage", measureTime)
	}
	return decode(int16(shunt), bus, flags, d.c.Shunt), nil
}

// Close has nothing to do: the chip goes on to wait for the next measurement.
func (d *Dev) Close() error { return nil }

func read(ctx context.Context, c device.Chip, reg byte) (uint16, error) {
	var r [2]byte
	if err := c.Tx(ctx, []byte{reg}, r[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(r[:]), nil
}

// decode turns the registers into V, A and W. The voltage of the bus has no sign: bit 15 is always 0.
func decode(shunt int16, bus, flags uint16, ohm float64) device.Sample {
	volt := float64(bus&0x7FFF) * 1.25e-3
	ampere := float64(shunt) * 2.5e-6 / ohm
	var doubt string
	switch {
	case shunt == shuntLimit || shunt <= -shuntLimit:
		doubt = fmt.Sprintf("at the end of what a shunt of %g Ω can measure, or beyond it", ohm)
	case flags&overflow != 0:
		doubt = "the chip says that a number did not fit"
	}
	return device.Sample{
		{Channel: "voltage", Value: volt},
		{Channel: "current", Value: ampere, Doubt: doubt},
		{Channel: "power", Value: volt * ampere, Doubt: doubt},
	}
}

var _ device.Sensor = (*Dev)(nil)

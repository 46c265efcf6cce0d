// Package ina219 is for the Texas Instruments INA219, which measures the voltage of a supply, and the current through a
// shunt in it, on an I²C bus.
//
// Wiring: VS 3 to 5.5 V; the shunt between VIN+ and VIN-, in the plus line, which may have up to 26 V; most boards have
// one of 0.1 Ω, which is good for 3.2 A. Pins A0 and A1 give the addresses 0x40 to 0x4F.
//
// Current and power are computed from the two voltages that the chip measures: its own registers for them say the same
// with less resolution, and are 0 after a loss of power, as the calibration they need is lost then.
//
// Source: Texas Instruments, INA219, SBOS448G: registers in section 8.6, settings in tables 4 to 6, the times of
// conversions in table 5.
//
// It is not periph's driver: that drops the bus's error, and so whether the chip or the whole bus is gone, and leaves the
// chip with a calibration and a mode it is not asked for again.
package ina219

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("ina219", Config{Address: 0x40, Shunt: 0.1}, Open) }

// Registers.
const (
	regConfig = 0x00
	regShunt  = 0x01 // 10 µV a step, with a sign
	regBus    = 0x02 // 4 mV a step in bits 15 to 3
)

const (
	reset   = 0x8000
	powerOn = 0x399F // the configuration after power-on: 32 V, ±320 mV, 12 bits, continuous

	// measure is 32 V, ±320 mV, the mean of 16 samples of each voltage, once.
	measure = 0x2000 | 3<<11 | 0xC<<7 | 0xC<<3 | 3
	// measureTime is twice 8.51 ms, and a tenth for the tolerance of the clock.
	measureTime = 19 * time.Millisecond

	ready    = 1 << 1 // of the bus voltage register: converted since it was started
	overflow = 1 << 0 // a computation in the chip did not fit

	shuntLimit = 32000 // steps of the shunt's voltage: ±320 mV
	busLimit   = 26    // V that the chip bears
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Texas Instruments INA219: voltage, current and power of a supply up to 26 V." example:"battery"`
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
		fault("address", fmt.Sprintf("an INA219 does not answer at 0x%02x", c.Address), "use 0x40 to 0x4f")
	}
	if !(c.Shunt >= 1e-6 && c.Shunt <= 1e3) {
		fault("shunt", fmt.Sprintf("a shunt does not have %g Ω", c.Shunt), "give its resistance in Ω: 0.1 if R100 is printed on it, 0.01 for R010")
	}
}

// Probe reads the configuration, which is what it is after power-on or as this driver leaves it.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	c := device.Chip{Bus: bus, Addr: addr}
	has, err := read(ctx, c, regConfig)
	switch {
	case err != nil:
		return "", err
	case has != powerOn && has != measure:
		return "", stranger(c, has)
	}
	return model219, nil
}

// stranger says what a configuration register that is not an INA219's may be.
func stranger(c device.Chip, has uint16) error {
	switch has {
	case 0xFFFF:
		return c.Idle()
	case 0x4127: // INA226, SBOS547A, table 2
		return c.Other("an INA226 or one like it (configuration 4127)", "an INA219", "check the address, or use driver = \"ina226\"")
	}
	return c.Other(fmt.Sprintf("something else (configuration %04x)", has), "an INA219", "")
}

const model219 = "Texas Instruments INA219"

// Dev is one chip.
type Dev struct {
	chip device.Chip
	c    Config
}

// Open resets the chip and looks whether its configuration then is an INA219's, which has no number that says what it is.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}
	if err := d.chip.Tx(ctx, []byte{regConfig, reset >> 8, 0}, nil); err != nil {
		return nil, err
	}
	has, err := read(ctx, d.chip, regConfig)
	if err != nil {
		return nil, err
	}
	if has != powerOn {
		return nil, stranger(d.chip, has)
	}
	return d, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info("ina219", model219, "") }

// Channels are voltage in V, measured at VIN-, current in A, which is negative from VIN- to VIN+, and power in W.
func (d *Dev) Channels() []device.Channel {
	most := shuntLimit * 10e-6 / d.c.Shunt
	return []device.Channel{
		{Name: "voltage", Unit: "V", Min: 0, Max: busLimit, Resolution: 0.004},
		{Name: "current", Unit: "A", Min: -most, Max: most, Resolution: 10e-6 / d.c.Shunt},
		{Name: "power", Unit: "W", Min: -most * busLimit, Max: most * busLimit, Resolution: 4e-5 / d.c.Shunt},
	}
}

// Read has both voltages measured once, each as the mean of 16 samples, which takes 19 ms.
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
	case has == 0xFFFF || bus == 0xFFFF: // the latter would be 32.8 V
		return nil, d.chip.Idle()
	case has != measure:
		return nil, d.chip.Lost()
	case bus&ready == 0:
		return nil, d.chip.Unready("voltage", measureTime)
	}
	return decode(int16(shunt), bus, d.c.Shunt), nil
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

// decode turns the two registers into V, A and W.
func decode(shunt int16, bus uint16, ohm float64) device.Sample {
	volt := float64(bus>>3) * 4e-3
	ampere := float64(shunt) * 10e-6 / ohm
	var doubt string
	switch {
	case shunt >= shuntLimit || shunt <= -shuntLimit:
		doubt = fmt.Sprintf("at the end of what a shunt of %g Ω can measure, or beyond it", ohm)
	case bus&overflow != 0:
		doubt = "the chip says that a number did not fit"
	}
	return device.Sample{
		{Channel: "voltage", Value: volt},
		{Channel: "current", Value: ampere, Doubt: doubt},
		{Channel: "power", Value: volt * ampere, Doubt: doubt},
	}
}

var _ device.Sensor = (*Dev)(nil)

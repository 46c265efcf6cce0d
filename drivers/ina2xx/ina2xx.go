// Package ina2xx is for the Texas Instruments INA219 and INA226, which measure the voltage of a supply, and the current
// through a shunt in it, on an I²C bus.
//
// Wiring of the INA219: VS 3 to 5.5 V; the shunt between VIN+ and VIN-, in the plus line, which may have up to 26 V; most
// boards have one of 0.1 Ω, which is good for 3.2 A. Of the INA226: VS 2.7 to 5.5 V; the shunt between IN+ and IN-, in the
// plus or the minus line; VBUS, up to 36 V, to what is supplied. Its shunt may have up to 81.9 mV: 0.1 Ω is good for 0.8 A,
// 2 mΩ for 40 A. Of both, A0 and A1 give the addresses 0x40 to 0x4F.
//
// Current and power are computed from the two voltages that the chip measures: its own registers for them say the same
// with less resolution, and are 0 after a loss of power, as the calibration they need is lost then.
//
// Source: Texas Instruments, INA219, SBOS448G: registers in section 8.6, settings in tables 4 to 6, the times of
// conversions in table 5; INA226, SBOS547A: registers in section 7.6, settings in tables 5 to 8.
//
// It is not periph's driver, which is for the INA219 only: that drops the bus's error, and so whether the chip or the whole
// bus is gone, and leaves the chip with a calibration and a mode it is not asked for again.
package ina2xx

import (
	"context"
	"encoding/binary"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("ina219", INA219{Address: 0x40, Shunt: 0.1}, func(ctx context.Context, bus i2c.Bus, c INA219) (*Dev, error) {
		return open(ctx, device.Chip{Bus: bus, Addr: c.Address}, &ina219, c.Shunt)
	})
	device.RegisterI2C("ina226", INA226{Address: 0x40, Shunt: 0.1}, func(ctx context.Context, bus i2c.Bus, c INA226) (*Dev, error) {
		return open(ctx, device.Chip{Bus: bus, Addr: c.Address}, &ina226, c.Shunt)
	})
}

// INA219 is one [device.…] table of the host file.
type INA219 struct {
	_       struct{} `doc:"Texas Instruments INA219: voltage, current and power of a supply up to 26 V." example:"battery"`
	Address uint16   `toml:"address" doc:"its address on the bus, 0x40 to 0x4f as A0 and A1 say"`
	Shunt   float64  `toml:"shunt" doc:"the shunt's resistance, in Ω"`
}

// INA226 is one [device.…] table of the host file.
type INA226 struct {
	_       struct{} `doc:"Texas Instruments INA226: voltage, current and power of a supply up to 36 V." example:"battery"`
	Address uint16   `toml:"address" doc:"its address on the bus, 0x40 to 0x4f as A0 and A1 say"`
	Shunt   float64  `toml:"shunt" doc:"the shunt's resistance, in Ω"`
}

// Addresses are those that its pins A0 and A1 can give it.
func (INA219) Addresses() []uint16 { return addresses() }

// Addresses are those that its pins A0 and A1 can give it.
func (INA226) Addresses() []uint16 { return addresses() }

func addresses() []uint16 {
	all := make([]uint16, 16)
	for i := range all {
		all[i] = 0x40 + uint16(i)
	}
	return all
}

// Check names what cannot work.
func (c INA219) Check(fault func(key, problem, remedy string)) {
	check(&ina219, c.Address, c.Shunt, fault)
}

// Check names what cannot work.
func (c INA226) Check(fault func(key, problem, remedy string)) {
	check(&ina226, c.Address, c.Shunt, fault)
}

func check(p *part, addr uint16, ohm float64, fault func(key, problem, remedy string)) {
	if addr < 0x40 || addr > 0x4F {
		fault("address", fmt.Sprintf("an %s does not answer at 0x%02x", p.name, addr), "use 0x40 to 0x4f")
	}
	if !(ohm >= 1e-6 && ohm <= 1e3) {
		fault("shunt", fmt.Sprintf("a shunt does not have %g Ω", ohm), "give its resistance in Ω: 0.1 if R100 is printed on it, 0.01 for R010, 0.002 for R002")
	}
}

// Probe reads the configuration, which is what it is after power-on or as this driver leaves it.
func (INA219) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	chip := device.Chip{Bus: bus, Addr: addr}
	has, err := read(ctx, chip, regConfig)
	if err == nil && has != powerOn219 && has != ina219.measure {
		err = not219(chip, has)
	}
	if err != nil {
		return "", err
	}
	return ina219.model(), nil
}

// Probe reads the numbers of maker and die.
func (INA226) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	if err := ask226(ctx, device.Chip{Bus: bus, Addr: addr}); err != nil {
		return "", err
	}
	return ina226.model(), nil
}

// Dev is one chip.
type Dev struct {
	chip device.Chip
	part *part
	ohm  float64
}

func open(ctx context.Context, chip device.Chip, p *part, ohm float64) (*Dev, error) {
	if err := p.identify(ctx, chip); err != nil {
		return nil, err
	}
	return &Dev{chip: chip, part: p, ohm: ohm}, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info(d.part.driver, d.part.model(), "") }

// Channels are voltage in V, current in A, which is negative from the minus pin to the plus pin, and power in W.
func (d *Dev) Channels() []device.Channel {
	p := d.part
	amps, step := p.most/d.ohm, p.shuntStep/d.ohm
	return []device.Channel{
		{Name: "voltage", Unit: "V", Min: 0, Max: p.busMost, Resolution: p.busStep},
		{Name: "current", Unit: "A", Min: -amps, Max: amps, Resolution: step},
		{Name: "power", Unit: "W", Min: -amps * p.busMost, Max: amps * p.busMost, Resolution: step * 4},
	}
}

// Read has both voltages measured once, each as the mean of 16 samples, which takes 19 ms with an INA219 and 39 ms with an
// INA226.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	p := d.part
	if err := d.chip.Tx(ctx, []byte{regConfig, byte(p.measure >> 8), byte(p.measure)}, nil); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, p.measureTime); err != nil {
		return nil, err
	}
	has, err := read(ctx, d.chip, regConfig)
	if err != nil {
		return nil, err
	}
	flags, err := read(ctx, d.chip, p.regFlags)
	if err != nil {
		return nil, err
	}
	bus := flags
	if p.regFlags != regBus {
		if bus, err = read(ctx, d.chip, regBus); err != nil {
			return nil, err
		}
	}
	shunt, err := read(ctx, d.chip, regShunt)
	if err == nil && shunt == 0xFFFF { // a step below 0, or nobody
		shunt, err = read(ctx, d.chip, regShunt)
	}
	switch {
	case err != nil:
		return nil, err
	case has == 0xFFFF || flags == 0xFFFF || bus == 0xFFFF: // an INA219 would have 32.8 V; bit 15 of the INA226's is always 0
		return nil, d.chip.Idle()
	case has != p.measure:
		return nil, d.chip.Lost()
	case flags&p.ready == 0:
		return nil, d.chip.Unready("voltage", p.measureTime)
	}
	return p.decode(int16(shunt), bus, flags, d.ohm), nil
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

// decode turns the registers into V, A and W.
func (p *part) decode(shunt int16, bus, flags uint16, ohm float64) device.Sample {
	volt := float64(bus&p.busMask>>p.busShift) * p.busStep
	ampere := float64(shunt) * p.shuntStep / ohm
	var doubt string
	switch {
	case int(shunt) >= p.limit || int(shunt) <= -p.limit:
		doubt = fmt.Sprintf("at the end of what a shunt of %g Ω can measure, or beyond it", ohm)
	case flags&p.overflow != 0:
		doubt = "the chip says that a number did not fit"
	}
	return device.Sample{
		{Channel: "voltage", Value: volt},
		{Channel: "current", Value: ampere, Doubt: doubt},
		{Channel: "power", Value: volt * ampere, Doubt: doubt},
	}
}

var _ device.Sensor = (*Dev)(nil)

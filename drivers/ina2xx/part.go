package ina2xx

import (
	"context"
	"fmt"
	"time"

	"selvage/edge/device"
)

// Registers.
const (
	regConfig = 0x00
	regShunt  = 0x01 // with a sign
	regBus    = 0x02
	regMask   = 0x06 // flags of the INA226
	regMaker  = 0xFE // of the INA226, as the die
	regDie    = 0xFF
)

const (
	reset      = 0x8000
	powerOn219 = 0x399F // the configuration of an INA219 after power-on: 32 V, ±320 mV, 12 bits, continuous
	powerOn226 = 0x4127 // that of an INA226 (SBOS547A, table 2)

	maker = 0x5449 // "TI"
	die   = 0x2260
)

// part is what the two chips differ in.
type part struct {
	driver, name string
	identify     func(context.Context, device.Chip) error

	measure     uint16 // the configuration that has both voltages measured once, as the mean of 16 samples
	measureTime time.Duration

	regFlags        byte
	ready, overflow uint16 // flags: converted since it was started; a computation in the chip did not fit

	shuntStep float64 // V
	limit     int     // steps of the shunt's voltage that it does not go beyond
	most      float64 // V at that limit

	busMask, busShift uint16
	busStep           float64 // V
	busMost           float64 // V that the chip bears
}

func (p *part) model() string { return "Texas Instruments " + p.name }

var ina219 = part{
	driver: "ina219", name: "INA219", identify: ask219,
	measure:     0x2000 | 3<<11 | 0xC<<7 | 0xC<<3 | 3, // 32 V, ±320 mV
	measureTime: 19 * time.Millisecond,                // twice 8.51 ms, and a tenth for the tolerance of the clock
	regFlags:    regBus, ready: 1 << 1, overflow: 1 << 0,
	shuntStep: 10e-6, limit: 32000, most: 0.32,
	busMask: 0xFFF8, busShift: 3, busStep: 4e-3, busMost: 26,
}

var ina226 = part{
	driver: "ina226", name: "INA226", identify: ask226,
	measure:     0x4000 | 2<<9 | 4<<6 | 4<<3 | 3, // samples of 1.1 ms; bit 14 always reads as 1
	measureTime: 39 * time.Millisecond,           // 16 times the longest conversion of each, 1.21 ms
	regFlags:    regMask, ready: 1 << 3, overflow: 1 << 2,
	shuntStep: 2.5e-6, limit: 1<<15 - 1, most: 0.08192,
	busMask: 0x7FFF, busStep: 1.25e-3, busMost: 36,
}

// ask219 resets the chip and looks whether its configuration then is an INA219's, which has no number that says what it is.
func ask219(ctx context.Context, chip device.Chip) error {
	if err := chip.Tx(ctx, []byte{regConfig, reset >> 8, 0}, nil); err != nil {
		return err
	}
	has, err := read(ctx, chip, regConfig)
	if err == nil && has != powerOn219 {
		err = not219(chip, has)
	}
	return err
}

// not219 says what a configuration that is not an INA219's may be.
func not219(chip device.Chip, has uint16) error {
	switch has {
	case 0xFFFF:
		return chip.Idle()
	case powerOn226:
		return chip.Other("an INA226 or one like it (configuration 4127)", "an INA219", "check the address, or use driver = \"ina226\"")
	}
	return chip.Other(fmt.Sprintf("something else (configuration %04x)", has), "an INA219", "")
}

// ask226 asks the chip for its maker and die.
func ask226(ctx context.Context, chip device.Chip) error {
	m, err := read(ctx, chip, regMaker)
	if err != nil {
		return err
	}
	n, err := read(ctx, chip, regDie)
	switch {
	case err != nil:
		return err
	case m == 0xFFFF && n == 0xFFFF:
		return chip.Idle()
	case m == maker && n != die:
		return chip.Other(fmt.Sprintf("another chip of Texas Instruments (die %04x)", n), "an INA226", "")
	case m != maker:
		return chip.Other(fmt.Sprintf("something else, such as an INA219 (ids %04x and %04x)", m, n), "an INA226", "check the address, or use driver = \"ina219\"")
	}
	return nil
}

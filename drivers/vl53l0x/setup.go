package vl53l0x

import (
	"context"
	"time"

	"selvage/edge/device"
)

// Registers of the first page, which 0xFF selects with 0.
const (
	regStart     = 0x00
	regSequence  = 0x01
	regGPIO      = 0x0A
	regClear     = 0x0B
	regInterrupt = 0x13
	regResult    = 0x14
	regLimit     = 0x44 // the least signal of a result, in 1/128 million counts a second
	regLimits    = 0x60
	regTimeout   = 0x71 // of the final range, in macro periods
	regPolarity  = 0x84
	regPads      = 0x89
	regSpads     = 0xB0

	// allSteps are DSS, pre-range and final range, without MSRC and TCC.
	allSteps = 0xE8
)

// tuning is ST's table of settings, as register and value in pairs.
var tuning = [...]byte{
	0xFF, 0x01, 0x00, 0x00,
	0xFF, 0x00, 0x09, 0x00, 0x10, 0x00, 0x11, 0x00, 0x24, 0x01, 0x25, 0xFF, 0x75, 0x00,
	0xFF, 0x01, 0x4E, 0x2C, 0x48, 0x00, 0x30, 0x20,
	0xFF, 0x00, 0x30, 0x09, 0x54, 0x00, 0x31, 0x04, 0x32, 0x03, 0x40, 0x83, 0x46, 0x25, 0x60, 0x00, 0x27, 0x00, 0x50, 0x06,
	0x51, 0x00, 0x52, 0x96, 0x56, 0x08, 0x57, 0x30, 0x61, 0x00, 0x62, 0x00, 0x64, 0x00, 0x65, 0x00, 0x66, 0xA0,
	0xFF, 0x01, 0x22, 0x32, 0x47, 0x14, 0x49, 0xFF, 0x4A, 0x00,
	0xFF, 0x00, 0x7A, 0x0A, 0x7B, 0x00, 0x78, 0x21,
	0xFF, 0x01, 0x23, 0x34, 0x42, 0x00, 0x44, 0xFF, 0x45, 0x26, 0x46, 0x05, 0x40, 0x40, 0x0E, 0x06, 0x20, 0x1A, 0x43, 0x40,
	0xFF, 0x00, 0x34, 0x03, 0x35, 0x44,
	0xFF, 0x01, 0x31, 0x04, 0x4B, 0x09, 0x4C, 0x05, 0x4D, 0x04,
	0xFF, 0x00, 0x44, 0x00, 0x45, 0x20, 0x47, 0x08, 0x48, 0x28, 0x67, 0x00, 0x70, 0x04, 0x71, 0x01, 0x72, 0xFE, 0x76, 0x00,
	0x77, 0x00,
	0xFF, 0x01, 0x0D, 0x01,
	0xFF, 0x00, 0x80, 0x01, 0x01, 0xF8,
	0xFF, 0x01, 0x8E, 0x01, 0x00, 0x01, 0xFF, 0x00, 0x80, 0x00,
}

// prepare gives the chip its settings and has it calibrate itself for its temperature.
func (d *Dev) prepare(ctx context.Context) error {
	d.ready = false
	// It may be in the middle of a measurement, on another page.
	if err := d.writes(ctx, [][2]byte{{0xFF, 0}, {0x80, 0}, {regStart, 0}}); err != nil {
		return err
	}
	if err := device.Wait(ctx, d.c.Budget+look); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.dataInit, d.spads, d.staticInit, d.calibrate} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.ready = true
	return nil
}

// dataInit: pads for 2.8 V and above, the number a measurement is begun with, the limits of what is a result.
func (d *Dev) dataInit(ctx context.Context) (err error) {
	if err = d.change(ctx, regPads, 0, 1); err != nil {
		return err
	}
	if err = d.writes(ctx, [][2]byte{{0x88, 0}, {0x80, 1}, {0xFF, 1}, {0x00, 0}}); err != nil {
		return err
	}
	if d.stop, err = d.get(ctx, 0x91); err != nil {
		return err
	}
	if err = d.writes(ctx, [][2]byte{{0x00, 1}, {0xFF, 0}, {0x80, 0}}); err != nil {
		return err
	}
	if err = d.change(ctx, regLimits, 0, 0x12); err != nil {
		return err
	}
	if err = d.chip.Tx(ctx, []byte{regLimit, 0, 0x20}, nil); err != nil { // 0.25 million counts a second
		return err
	}
	return d.set(ctx, regSequence, 0xFF)
}

// spads switches on as many of the good reference detectors as ST found right for this chip.
func (d *Dev) spads(ctx context.Context) error {
	if err := d.writes(ctx, [][2]byte{{0x80, 1}, {0xFF, 1}, {0x00, 0}, {0xFF, 6}}); err != nil {
		return err
	}
	if err := d.change(ctx, 0x83, 0, 4); err != nil {
		return err
	}
	if err := d.writes(ctx, [][2]byte{{0xFF, 7}, {0x81, 1}, {0x80, 1}, {0x94, 0x6B}, {0x83, 0}}); err != nil {
		return err
	}
	if err := d.until(ctx, 0x83, 0xFF, patience, "number of detectors"); err != nil {
		return err
	}
	if err := d.set(ctx, 0x83, 1); err != nil {
		return err
	}
	info, err := d.get(ctx, 0x92)
	if err != nil {
		return err
	}
	if err := d.writes(ctx, [][2]byte{{0x81, 0}, {0xFF, 6}}); err != nil {
		return err
	}
	if err := d.change(ctx, 0x83, 4, 0); err != nil {
		return err
	}
	if err := d.writes(ctx, [][2]byte{{0xFF, 1}, {0x00, 1}, {0xFF, 0}, {0x80, 0}}); err != nil {
		return err
	}

	var good [6]byte
	if err := d.chip.Tx(ctx, []byte{regSpads}, good[:]); err != nil {
		return err
	}
	if err := d.writes(ctx, [][2]byte{{0xFF, 1}, {0x4F, 0}, {0x4E, 0x2C}, {0xFF, 0}, {0xB6, 0xB4}}); err != nil {
		return err
	}
	use := chosen(good, int(info&0x7F), info&0x80 != 0)
	return d.chip.Tx(ctx, append([]byte{regSpads}, use[:]...), nil)
}

// chosen keeps the first n good detectors, of those with an aperture if that is the kind to use: from number 12 on.
func chosen(good [6]byte, n int, aperture bool) (use [6]byte) {
	first := 0
	if aperture {
		first = 12
	}
	for i := first; i < 48 && n > 0; i++ {
		if bit := byte(1) << (i % 8); good[i/8]&bit != 0 {
			use[i/8] |= bit
			n--
		}
	}
	return use
}

// staticInit: the table, an interrupt for each result, and the time for a measurement.
func (d *Dev) staticInit(ctx context.Context) error {
	for i := 0; i < len(tuning); i += 2 {
		if err := d.set(ctx, tuning[i], tuning[i+1]); err != nil {
			return err
		}
	}
	if err := d.set(ctx, regGPIO, 4); err != nil {
		return err
	}
	if err := d.change(ctx, regPolarity, 0x10, 0); err != nil {
		return err
	}
	if err := d.writes(ctx, [][2]byte{{regClear, 1}, {regSequence, allSteps}}); err != nil {
		return err
	}
	t := finalTimeout(d.c.Budget)
	return d.chip.Tx(ctx, []byte{regTimeout, byte(t >> 8), byte(t)}, nil)
}

// calibrate has the chip set its voltage, then its phase, for the temperature it has now.
func (d *Dev) calibrate(ctx context.Context) error {
	for _, c := range []struct{ steps, start byte }{{0x01, 0x41}, {0x02, 0x01}} {
		if err := d.writes(ctx, [][2]byte{{regSequence, c.steps}, {regStart, c.start}}); err != nil {
			return err
		}
		if err := d.until(ctx, regInterrupt, 7, patience, "calibration"); err != nil {
			return err
		}
		if err := d.writes(ctx, [][2]byte{{regClear, 1}, {regStart, 0}}); err != nil {
			return err
		}
	}
	return d.set(ctx, regSequence, allSteps)
}

// Times of VL53L0X_set_measurement_timing_budget_micro_seconds, in µs, and what the table above sets: macro periods of
// 14 and 10 clocks of the laser, 38 of them for MSRC, 151 for the pre-range.
const (
	macroPre   = 53384 // ns: 2304 · 14 · 1.655
	macroFinal = 38131 // ns: 2304 · 10 · 1.655
	msrcPeriod = 38
	prePeriods = 151
	overhead   = 1320 + 960 + 2*690 + 660 + 550 // start, end, DSS twice, pre-range, final range
)

// finalTimeout is the register for the timeout of the final range, which has what the other steps leave of the budget.
// As its clock differs from theirs, it is counted in its own periods, to which those of the pre-range are added.
func finalTimeout(budget time.Duration) uint16 {
	msrc := (msrcPeriod*macroPre + macroPre/2) / 1000
	pre := (prePeriods*macroPre + macroPre/2) / 1000
	rest := int(budget/time.Microsecond) - overhead - 2*msrc - pre
	return packTimeout((max(rest, 0)*1000+macroFinal/2)/macroFinal + prePeriods)
}

// packTimeout writes n as mantissa · 2^exponent + 1, the exponent in the high byte (VL53L0X_encode_timeout).
func packTimeout(n int) uint16 {
	exponent := 0
	for n--; n > 0xFF; n >>= 1 {
		exponent++
	}
	return uint16(exponent<<8 | max(n, 0))
}

func (d *Dev) set(ctx context.Context, reg, v byte) error {
	return d.chip.Tx(ctx, []byte{reg, v}, nil)
}

func (d *Dev) get(ctx context.Context, reg byte) (byte, error) {
	var r [1]byte
	err := d.chip.Tx(ctx, []byte{reg}, r[:])
	return r[0], err
}

func (d *Dev) writes(ctx context.Context, all [][2]byte) error {
	for _, w := range all {
		if err := d.chip.Tx(ctx, w[:], nil); err != nil {
			return err
		}
	}
	return nil
}

// change clears and sets bits of a register.
func (d *Dev) change(ctx context.Context, reg, clear, set byte) error {
	v, err := d.get(ctx, reg)
	if err != nil {
		return err
	}
	return d.set(ctx, reg, v&^clear|set)
}

// until looks at a register until one of some bits is there.
func (d *Dev) until(ctx context.Context, reg, bits byte, within time.Duration, what string) error {
	for range within/look + 1 {
		v, err := d.get(ctx, reg)
		switch {
		case err != nil:
			return err
		case v == 0xFF:
			return d.chip.Idle()
		case v&bits != 0:
			return nil
		}
		if err := device.Wait(ctx, look); err != nil {
			return err
		}
	}
	return d.chip.Unready(what, within)
}

// Package ads1115 is for the Texas Instruments ADS1115, which measures four voltages, or differences of two of them,
// with 16 bits on an I²C bus.
//
// Wiring: VDD 2 to 5.5 V; ADDR to GND, VDD, SDA or SCL gives address 0x48, 0x49, 0x4A or 0x4B. No input may be more than
// 0.3 V above VDD or below GND, whatever the range: a higher voltage needs a divider.
//
// Source: Texas Instruments, ADS111x, SBAS444D: registers in section 9.6, data format in section 9.5.4, the tolerance of
// the data rate (±10 %) in section 7.5.
//
// It is not periph's driver ads1x15: that sleeps without a context, and cannot tell a chip that lost its power, or none
// at all, from one that measures.
package ads1115

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("ads1115", Config{
		Address: 0x48, Rate: 128,
		Channel: map[string]Input{
			"voltage-0": {Input: "0"}, "voltage-1": {Input: "1"}, "voltage-2": {Input: "2"}, "voltage-3": {Input: "3"},
		},
	}, Open)
}

// Registers.
const (
	regConversion = 0x00
	regConfig     = 0x01
	regLow        = 0x02 // threshold of the comparator
	regHigh       = 0x03

	// What the thresholds are after power-on. We never set them, nor does most other software.
	powerOnLow  = 0x8000
	powerOnHigh = 0x7FFF
)

// Bits of the configuration register (table 8).
const (
	start        = 1 << 15 // when read: no conversion is going on
	muxShift     = 12
	gainShift    = 9
	single       = 1 << 8
	rateShift    = 5
	noComparator = 3
)

// muxes are the inputs and their codes.
var muxes = map[string]uint16{"0-1": 0, "0-3": 1, "1-3": 2, "2-3": 3, "0": 4, "1": 5, "2": 6, "3": 7}

// ranges are the full scales in V, in the order of their codes.
var ranges = []float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256}

// rates are the conversions a second, in the order of their codes.
var rates = []int{8, 16, 32, 64, 128, 250, 475, 860}

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}         `doc:"Texas Instruments ADS1115: four voltages, or differences of two." example:"adc"`
	Address uint16           `toml:"address" doc:"its address on the bus: 0x48 with ADDR at GND, 0x49 at VDD, 0x4a at SDA, 0x4b at SCL"`
	Rate    int              `toml:"rate" doc:"conversions a second: 8, 16, 32, 64, 128, 250, 475 or 860; fewer have less noise"`
	Channel map[string]Input `toml:"channel" doc:"One voltage; its name is that of its lane." example:"battery" default:"voltage-0 to voltage-3, the four inputs"`
}

// Input is one table [device.NAME.channel.NAME].
type Input struct {
	Input string  `toml:"input" doc:"0, 1, 2 or 3 against ground, or a difference: 0-1, 0-3, 1-3 or 2-3" example:"0-1"`
	Range float64 `toml:"range" doc:"the highest voltage to measure, in V: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256" default:"4.096"`
}

// Addresses are those that the pin ADDR can give it.
func (Config) Addresses() []uint16 { return []uint16{0x48, 0x49, 0x4A, 0x4B} }

// Within is the time for a conversion of each channel.
func (c Config) Within() time.Duration {
	return time.Second + time.Duration(len(c.Channel))*2*time.Second/time.Duration(max(c.Rate, 1))
}

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if !slices.Contains(c.Addresses(), c.Address) {
		fault("address", fmt.Sprintf("an ADS1115 does not answer at 0x%02x", c.Address), "use 0x48, 0x49, 0x4a or 0x4b")
	}
	if !slices.Contains(rates, c.Rate) {
		fault("rate", fmt.Sprintf("it does not make %d conversions a second", c.Rate), "use 8, 16, 32, 64, 128, 250, 475 or 860")
	}
	if len(c.Channel) == 0 {
		fault("channel", "there is nothing to measure", "add a table such as [device.adc.channel.battery]")
	}
	for name := range c.Channel {
		if !laneName.MatchString(name) {
			fault("channel."+name, fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter")
		}
	}
}

// Check names what cannot work.
func (i Input) Check(fault func(key, problem, remedy string)) {
	if _, ok := muxes[i.Input]; !ok {
		fault("input", fmt.Sprintf("it has no input %q", i.Input), `use "0" to "3" against ground, or "0-1", "0-3", "1-3" or "2-3"`)
	}
	if i.Range != 0 && !slices.Contains(ranges, i.Range) {
		fault("range", fmt.Sprintf("it has no range of %g V", i.Range), "use 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256")
	}
}

// span is the full scale in V.
func (i Input) span() float64 {
	if i.Range == 0 {
		return 4.096
	}
	return i.Range
}

// word is what starts a conversion of the input.
func (i Input) word(rate int) uint16 {
	return start | muxes[i.Input]<<muxShift | uint16(slices.Index(ranges, i.span()))<<gainShift |
		single | uint16(slices.Index(rates, rate))<<rateShift | noComparator
}

// Probe reads the thresholds, which are what they are after power-on.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error) {
	c := device.Chip{Bus: bus, Addr: addr}
	low, err := read(ctx, c, regLow)
	if err != nil {
		return "", err
	}
	high, err := read(ctx, c, regHigh)
	switch {
	case err != nil:
		return "", err
	case low == 0xFFFF && high == 0xFFFF:
		return "", c.Idle()
	case low != powerOnLow || high != powerOnHigh:
		return "", c.Other(fmt.Sprintf("something else (registers 2 and 3 are %04x and %04x)", low, high), "an ADS1115",
			"check the address; if it is one that another program used with thresholds, switch its power off and on")
	}
	return model1115, nil
}

const model1115 = "Texas Instruments ADS1115"

// Dev is one chip.
type Dev struct {
	chip  device.Chip
	c     Config
	names []string
	busy  time.Time // until when a conversion that was not waited for may go on
}

// Open looks whether the comparator's thresholds are those of an ADS1115, which has no number that says what it is.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	if _, err := c.Probe(ctx, bus, c.Address); err != nil {
		return nil, err
	}
	return &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c, names: slices.Sorted(maps.Keys(c.Channel))}, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info("ads1115", model1115, "") }

// Channels are voltages in V, by name.
func (d *Dev) Channels() []device.Channel {
	all := make([]device.Channel, len(d.names))
	for i, name := range d.names {
		span := d.c.Channel[name].span()
		all[i] = device.Channel{Name: name, Unit: "V", Min: -span, Max: span, Resolution: span / (1 << 15)}
	}
	return all
}

// Read measures one channel after the other.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := device.Wait(ctx, time.Until(d.busy)); err != nil {
		return nil, err
	}
	var s device.Sample
	for _, name := range d.names {
		in := d.c.Channel[name]
		raw, err := d.convert(ctx, in.word(d.c.Rate))
		if err != nil {
			return nil, err
		}
		m := decode(raw, in.span())
		m.Channel = name
		s = append(s, m)
	}
	return s, nil
}

// convert makes one conversion. The configuration is read back: after a loss of power it is another one, and the
// result is of another input in another range.
func (d *Dev) convert(ctx context.Context, word uint16) (int16, error) {
	if err := d.chip.Tx(ctx, []byte{regConfig, byte(word >> 8), byte(word)}, nil); err != nil {
		return 0, err
	}
	// A tenth more than the time of one conversion, and 50 µs to wake up.
	long := time.Second*11/10/time.Duration(d.c.Rate) + 50*time.Microsecond
	d.busy = time.Now().Add(long)
	if err := device.Wait(ctx, long); err != nil {
		return 0, err
	}
	v, err := read(ctx, d.chip, regConversion)
	if err == nil && v == 0xFFFF { // a step below 0, or nobody
		v, err = read(ctx, d.chip, regConversion)
	}
	if err != nil {
		return 0, err
	}
	has, err := read(ctx, d.chip, regConfig)
	switch {
	case err != nil:
		return 0, err
	case has == 0xFFFF:
		return 0, d.chip.Idle()
	case has == word&^start:
		return 0, d.chip.Unready("conversion", long)
	case has != word:
		return 0, d.chip.Lost()
	}
	return int16(v), nil
}

// Close has nothing to do: the chip sleeps between conversions.
func (d *Dev) Close() error { return nil }

func read(ctx context.Context, c device.Chip, reg byte) (uint16, error) {
	var r [2]byte
	if err := c.Tx(ctx, []byte{reg}, r[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(r[:]), nil
}

// decode turns a conversion into V. At the end of the scale the voltage may be any higher one (section 9.5.4).
func decode(raw int16, span float64) device.Measure {
	m := device.Measure{Value: float64(raw) * span / (1 << 15)}
	switch raw {
	case 1<<15 - 1:
		m.Doubt = fmt.Sprintf("at the end of its range of %g V or above it", span)
	case -1 << 15:
		m.Doubt = fmt.Sprintf("at the end of its range of -%g V or below it", span)
	}
	return m
}

var _ device.Sensor = (*Dev)(nil)

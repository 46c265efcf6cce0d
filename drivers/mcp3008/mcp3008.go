// Package mcp3008 is for the Microchip MCP3008, which measures eight voltages, or differences of two of them, with 10
// bits on an SPI bus. The MCP3004 is the same with the inputs 0 to 3.
//
// Wiring: VDD 2.7 to 5.5 V, with a Raspberry Pi 3.3 V; VREF is the highest voltage it can measure, mostly tied to VDD;
// CLK to SCLK, DOUT to MISO, DIN to MOSI, CS to CE0 for /dev/spidev0.0. No input may be above VDD or below ground.
//
// Source: Microchip, MCP3004/3008, DS21295D: inputs in table 5-2, code in equation 4-2, the three bytes of a conversion
// in figure 6-1, speed in the electrical characteristics.
package mcp3008

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

func init() {
	all := map[string]Input{}
	for i := range 8 {
		all[fmt.Sprintf("voltage-%d", i)] = Input{Input: fmt.Sprint(i)}
	}
	device.RegisterSPI("mcp3008", Config{Reference: 3.3, Channel: all}, Open)
}

const (
	// speed is what it can follow at 2.7 V: 1.35 MHz.
	speed = 1350 * physic.KiloHertz

	begin    = 1      // the start bit, last of the first byte, so that the answer ends with the last
	nullBit  = 1 << 2 // of the second byte that comes: always 0 ahead of the ten bits
	steps    = 1 << 10
	fullCode = steps - 1
)

// codes are the inputs and what selects them: single or differential, then the number.
var codes = map[string]byte{
	"0": 8, "1": 9, "2": 10, "3": 11, "4": 12, "5": 13, "6": 14, "7": 15,
	"0-1": 0, "1-0": 1, "2-3": 2, "3-2": 3, "4-5": 4, "5-4": 5, "6-7": 6, "7-6": 7,
}

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{}         `doc:"Microchip MCP3008: eight voltages, or differences of two." example:"adc"`
	Reference float64          `toml:"reference" doc:"the voltage at VREF, in V"`
	Channel   map[string]Input `toml:"channel" doc:"One voltage; its name is that of its lane." example:"battery" default:"voltage-0 to voltage-7, the eight inputs"`
}

// Input is one table [device.NAME.channel.NAME].
type Input struct {
	Input string `toml:"input" doc:"0 to 7 against ground, or a difference above zero: 0-1, 1-0, 2-3, 3-2, 4-5, 5-4, 6-7 or 7-6" example:"0"`
}

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if !(c.Reference >= 0.25 && c.Reference <= 5.5) {
		fault("reference", fmt.Sprintf("a reference of %g V cannot be", c.Reference), "measure the voltage at VREF, which is 0.25 to 5.5 V")
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
	if _, ok := codes[i.Input]; !ok {
		fault("input", fmt.Sprintf("it has no input %q", i.Input), `use "0" to "7" against ground, or a pair of neighbours such as "0-1"`)
	}
}

// Dev is one chip.
type Dev struct {
	chip  device.SPIChip
	c     Config
	names []string
}

// Open makes one conversion, whose bit 10 must be 0: the chip has no number that says what it is.
func Open(ctx context.Context, port spi.Port, c Config) (*Dev, error) {
	chip, err := device.Connect(port, speed, spi.Mode0)
	if err != nil {
		return nil, err
	}
	d := &Dev{chip: chip, c: c, names: slices.Sorted(maps.Keys(c.Channel))}
	if _, err := d.convert(ctx, codes["0"]); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells the bus.
func (d *Dev) Info() device.Info { return d.chip.Info("mcp3008", "Microchip MCP3008") }

// Channels are voltages in V, by name.
func (d *Dev) Channels() []device.Channel {
	all := make([]device.Channel, len(d.names))
	for i, name := range d.names {
		all[i] = device.Channel{Name: name, Unit: "V", Max: d.c.Reference, Resolution: d.c.Reference / steps}
	}
	return all
}

// Read measures one channel after the other.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	var s device.Sample
	for _, name := range d.names {
		code, err := d.convert(ctx, codes[d.c.Channel[name].Input])
		if err != nil {
			return nil, err
		}
		m := decode(code, d.c.Reference)
		m.Channel = name
		s = append(s, m)
	}
	return s, nil
}

// Close has nothing to do: the chip sleeps between conversions.
func (d *Dev) Close() error { return nil }

// convert makes one conversion. A line that nobody drives is mostly read as ones; one that is pulled low cannot be told
// from an input at 0 V.
func (d *Dev) convert(ctx context.Context, input byte) (uint16, error) {
	var r [3]byte
	if err := d.chip.Tx(ctx, []byte{begin, input << 4, 0}, r[:]); err != nil {
		return 0, err
	}
	if r[1]&nullBit != 0 {
		return 0, d.chip.Idle(fmt.Sprintf("the bit that is always 0 came as 1 (% x)", r))
	}
	return uint16(r[1]&3)<<8 | uint16(r[2]), nil
}

// decode turns a code into V (equation 4-2).
func decode(code uint16, reference float64) device.Measure {
	m := device.Measure{Value: float64(code) * reference / steps}
	if code == fullCode {
		m.Doubt = fmt.Sprintf("at the end of its range of %g V or above it", reference)
	}
	return m
}

var _ device.Sensor = (*Dev)(nil)

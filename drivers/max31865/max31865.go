// Package max31865 is for the Maxim (Analog Devices) MAX31865, which measures the temperature of a platinum resistor
// (Pt100, Pt1000) on an SPI bus.
//
// Wiring: VDD 3.0 to 3.6 V; SCLK, SDI to MOSI, SDO to MISO, CS to CE0 for /dev/spidev0.0. The resistor has two, three or
// four wires, and the board solder bridges that must fit them. The reference resistor is mostly 430 Ω on boards for a
// Pt100 and 4300 Ω for a Pt1000; its value is printed on it (4300 is 430 Ω).
//
// Source: Maxim, MAX31865, 19-6478: registers in tables 1 to 7, the cycle of fault detection in table 3, examples in table
// 9, conversion times in the electrical characteristics; IEC 60751 for the constants of Callendar and Van Dusen.
package max31865

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

func init() {
	device.RegisterSPI("max31865", Config{Wires: 2, Resistor: 100, Reference: 430, Mains: 50}, Open)
}

const speed = 5 * physic.MegaHertz

// Registers. A write has bit 7 set.
const (
	regConfig = 0x00
	regFault  = 0x07
	write     = 0x80
	registers = 8
)

// Bits of the configuration.
const (
	bias       = 1 << 7 // current through the resistor
	oneShot    = 1 << 5 // clears itself
	threeWire  = 1 << 4
	detect     = 1 << 2 // one cycle of fault detection; clears itself
	clearFault = 1 << 1 // clears itself
	filter50   = 1 << 0 // 50 Hz rather than 60
)

const (
	// settle is 10.5 time constants of a board's 430 Ω and 0.1 µF, and 1 ms, rounded up as for wires with more; the
	// detection of faults takes less than 1 ms (600 µs).
	settle = 10 * time.Millisecond
	// convert is the longest conversion: 66 ms with the filter at 50 Hz, 55 ms at 60 Hz.
	convert50 = 66 * time.Millisecond
	convert60 = 55 * time.Millisecond

	steps = 1 << 15 // of the ratio to the reference
)

// Constants of IEC 60751.
const (
	a = 3.9083e-3
	b = -5.775e-7
	c = -4.183e-12

	coldest, hottest = -200, 850 // °C in which they hold
)

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{} `doc:"Maxim MAX31865: the temperature of a platinum resistor (Pt100, Pt1000)." example:"boiler"`
	Wires     int      `toml:"wires" doc:"how many wires the resistor has: 2, 3 or 4"`
	Resistor  float64  `toml:"resistor" doc:"its resistance at 0 °C, in Ω: 100 for a Pt100, 1000 for a Pt1000"`
	Reference float64  `toml:"reference" doc:"the board's reference resistor, in Ω"`
	Mains     int      `toml:"mains" doc:"the frequency of the mains whose hum is filtered out: 50 or 60 Hz"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Wires < 2 || c.Wires > 4 {
		fault("wires", fmt.Sprintf("no resistor has %d wires", c.Wires), "use 2, 3 or 4")
	}
	if !(c.Resistor >= 10 && c.Resistor <= 10000) {
		fault("resistor", fmt.Sprintf("no platinum resistor has %g Ω", c.Resistor), "use 100 for a Pt100, 1000 for a Pt1000")
	}
	if !(c.Reference > c.Resistor && c.Reference <= 100*c.Resistor) {
		fault("reference", fmt.Sprintf("%g Ω is no reference for %g Ω", c.Reference, c.Resistor), "read it off the board: mostly 430 for a Pt100, 4300 for a Pt1000")
	}
	if c.Mains != 50 && c.Mains != 60 {
		fault("mains", fmt.Sprintf("no mains have %d Hz", c.Mains), "use 50 or 60")
	}
}

// settings are the bits that stay.
func (c Config) settings() byte {
	var s byte
	if c.Wires == 3 {
		s |= threeWire
	}
	if c.Mains == 50 {
		s |= filter50
	}
	return s
}

// Dev is one chip.
type Dev struct {
	chip device.SPIChip
	c    Config
}

// Open writes the configuration and reads it back; the chip has no number that says what it is.
func Open(ctx context.Context, port spi.Port, c Config) (*Dev, error) {
	chip, err := device.Connect(port, speed, spi.Mode1)
	if err != nil {
		return nil, err
	}
	d := &Dev{chip: chip, c: c}
	if err := d.set(ctx, clearFault); err != nil {
		return nil, err
	}
	r, err := d.get(ctx)
	if err != nil {
		return nil, err
	}
	if got := r[regConfig]; got != c.settings() {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("what answers on %s does not keep a MAX31865's configuration: %02x came for %02x", port, got, c.settings()),
			Remedy: "check the driver, the chip select, and MOSI and MISO; long wires disturb, too",
			Err:    device.ErrOtherChip,
		}
	}
	return d, nil
}

// Info tells the bus.
func (d *Dev) Info() device.Info { return d.chip.Info("max31865", "Maxim MAX31865") }

// Channels are the temperature in °C and the resistance in Ω.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: coldest, Max: hottest, Resolution: 0.01},
		{Name: "resistance", Unit: "Ohm", Min: 0, Max: d.c.Reference, Resolution: d.c.Reference / steps},
	}
}

// Read looks for faults and makes one conversion, with current through the resistor only as long as it takes, since it
// warms it.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	long := convert50
	if d.c.Mains == 60 {
		long = convert60
	}
	for _, s := range []struct {
		bits byte
		wait time.Duration
	}{
		{bias | clearFault, settle},
		{bias | detect, time.Millisecond},
		{bias | oneShot, long},
	} {
		if err := d.set(ctx, s.bits); err != nil {
			return nil, err
		}
		if err := device.Wait(ctx, s.wait); err != nil {
			return nil, err
		}
	}
	r, err := d.get(ctx)
	if err != nil {
		return nil, err
	}
	switch got := r[regConfig]; {
	case got == bias|oneShot|d.c.settings():
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the MAX31865 on %s did not finish in %v", d.Info().Wire, long),
			Remedy: "switch its power off and on",
			Err:    device.ErrNotReady,
		}
	case got != bias|d.c.settings():
		return nil, d.chip.Lost("MAX31865")
	}
	if err := d.set(ctx, 0); err != nil {
		return nil, err
	}
	return decode(uint16(r[1])<<8|uint16(r[2]), r[regFault], d.c), nil
}

// Close has nothing to do: no current flows between measurements.
func (d *Dev) Close() error { return nil }

// set writes the configuration, with some bits on top of what stays.
func (d *Dev) set(ctx context.Context, bits byte) error {
	return d.chip.Tx(ctx, []byte{write | regConfig, bits | d.c.settings()}, make([]byte, 2))
}

// get reads all registers.
func (d *Dev) get(ctx context.Context) (r [registers]byte, err error) {
	in := make([]byte, 1+registers)
	if err := d.chip.Tx(ctx, make([]byte, 1+registers), in); err != nil {
		return r, err
	}
	switch {
	case device.Ones(in[1:]):
		return r, d.chip.Idle("only ones came")
	case device.Zeros(in[1:]): // the high threshold is never set, and ones after power-on
		return r, d.chip.Idle("only zeros came")
	}
	return [registers]byte(in[1:]), nil
}

// faults are the bits of the register of faults (table 7) and what they mean.
var faults = []struct {
	bit  byte
	text string
}{
	{1 << 7, "the resistance is above all that it can measure: a wire is broken"},
	{1 << 6, "the resistance is 0: its wires touch"},
	{1 << 5, "a wire is broken (REFIN- too high)"},
	{1 << 4, "a wire is broken, or touches ground (REFIN- too low with FORCE- open)"},
	{1 << 3, "a wire touches ground (RTDIN- too low with FORCE- open)"},
	{1 << 2, "a voltage from outside is on its wires, or there is no supply"},
}

// decode turns the ratio, whose bit 0 tells that there is a fault, into °C and Ω.
func decode(ratio uint16, faulty byte, c Config) device.Sample {
	ohm := float64(ratio>>1) * c.Reference / steps
	s := device.Sample{{Channel: "temperature"}, {Channel: "resistance", Value: ohm}}
	if ratio&1 != 0 || faulty != 0 {
		var why []string
		for _, f := range faults {
			if faulty&f.bit != 0 {
				why = append(why, f.text)
			}
		}
		if why == nil {
			why = []string{"the chip says that there is a fault, and not which"}
		}
		err := &device.Fault{
			Text:   "no temperature: " + strings.Join(why, "; "),
			Remedy: "check the resistor's wires and screws, the key wires of its table, and the solder bridges of the board",
		}
		s[0].Err, s[1] = err, device.Measure{Channel: "resistance", Err: err}
		return s
	}
	t, ok := celsius(ohm / c.Resistor)
	s[0].Value = t
	if !ok {
		s[0].Doubt = "outside what a platinum resistor is specified for; check the keys resistor and reference"
	}
	return s
}

// resistance is that at t °C over that at 0 °C, by Callendar and Van Dusen.
func resistance(t float64) float64 {
	r := 1 + a*t + b*t*t
	if t < 0 {
		r += c * (t - 100) * t * t * t
	}
	return r
}

// celsius is its inverse; ok tells whether it is in the range for which the constants are. Above 0 °C it is the solution
// of a quadratic equation; below, five steps of Newton's from there are more than enough.
func celsius(r float64) (t float64, ok bool) {
	root := a*a - 4*b*(1-r)
	if root < 0 {
		return hottest, false
	}
	t = (a - math.Sqrt(root)) / (-2 * b)
	if t < 0 {
		for range 5 {
			slope := a + 2*b*t + c*t*t*(4*t-300)
			t -= (resistance(t) - r) / slope
		}
	}
	return min(max(t, -273.15), 1000), t >= coldest && t <= hottest
}

var _ device.Sensor = (*Dev)(nil)

// Package device is for anything with a driver: the contract drivers keep, the registry they are
// found in, and the manager that reads sensors and sets outputs, one owner goroutine per bus.
//
// A driver makes one measurement when asked and turns bytes into units. Everything else is done here
// once for all of them: when to read, how long to wait, what to do when nothing answers, and what to
// tell people about it. Only a bus's owner touches the bus, so drivers need no locks.
package device

import (
	"context"
	"math"
)

// A Device is one opened chip, pin or kernel interface. Its methods are called by one goroutine.
type Device interface {
	// Info tells what was found when the device was opened.
	Info() Info
	// Close lets go of the device. It may be called twice, and does not close the bus.
	Close() error
}

// A Sensor measures.
type Sensor interface {
	Device
	// Channels lists what Read may return; it does not change while the device is open, but for an Overheard.
	Channels() []Channel
	// Read makes one measurement. It blocks until the measurement is done, fails or ctx ends.
	// An error of the whole measurement is returned; an error of one quantity is in its Measure.
	Read(ctx context.Context) (Sample, error)
}

// An Output is something that can be set: a relay, a dimmer, a line of a display. Each is a device of its own, also
// where a chip has many.
type Output interface {
	Device
	// Takes says what Out takes: Boolean for a switch; Number with its Unit and range, such as 0 to 100 %; Text for
	// a display. Its name does not matter. It does not change while the device is open.
	Takes() Channel
	// Out sets the output and returns when the wire has the new state. It is only called with what Takes allows.
	Out(ctx context.Context, v Value) error
	// Safe is the state applied after opening until told otherwise, when stopping, and when the
	// agent that commands the output is lost. It is one that Takes allows.
	Safe() Value
}

// Info says what a device is. Empty fields are unknown.
type Info struct {
	Driver  string // registered name: "sht4x"
	Wire    string // where it is: "/dev/i2c-1", "GPIO17"
	Address string // on that wire: "0x44"
	Model   string // "Sensirion SHT4x"
	Serial  string // as the device itself tells it
}

// Form is the kind of value a channel carries.
type Form uint8

const (
	Number  Form = iota // Reading.Value
	Boolean             // Reading.Value is 0 or 1
	Text                // Reading.Text
)

var formNames = [...]string{"number", "boolean", "text"}

func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return "unknown"
}

// Channel describes one quantity that a sensor measures, or what an output takes.
type Channel struct {
	Name       string  // lane name: "temperature"
	Unit       Unit    // UCUM; empty for Boolean and Text
	Form       Form    //
	Min, Max   float64 // what the device can measure or take, in Unit; both 0 = no limits
	Resolution float64 // smallest step worth showing, in Unit; 0 = as it comes
	Total      bool    // it counts from 0 when the device is opened; a twin adds that to what it had
}

// quality judges a number against the channel's range. A value outside it is still what the device
// said, so it is doubtful rather than useless.
func (c *Channel) quality(v float64) (Quality, string) {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return Bad, "not a number"
	case (c.Min != 0 || c.Max != 0) && (v < c.Min || v > c.Max):
		return Uncertain, "outside " + formatNumber(c.Min) + " to " + formatValue(c.Max, c.Unit)
	}
	return Good, ""
}

// round cuts v to the decimals of the channel's resolution. Digits below it are noise that would be
// stored, sent and shown.
func (c *Channel) round(v float64) float64 {
	if !(c.Resolution > 0) || c.Resolution >= 1 {
		return v
	}
	// 1e-9 keeps log10(0.001) = -2.9999999999999996 from losing a decimal.
	scale := math.Pow(10, math.Ceil(-math.Log10(c.Resolution)-1e-9))
	if r := math.Round(v*scale) / scale; !math.IsInf(r, 0) {
		return r
	}
	return v
}

// Measure is one quantity of a measurement.
type Measure struct {
	Channel string
	Value   float64 // in the channel's unit; 0 or 1 for Boolean
	Text    string  // for Text
	Doubt   string  // why the value may be wrong, such as that it is what the chip has after power-on; "" for none
	Err     error   // this quantity failed, the others may be fine
}

// Sample is what one measurement gave: all its quantities belong to the same moment.
type Sample []Measure

// Flag returns the value a Boolean channel carries.
func Flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

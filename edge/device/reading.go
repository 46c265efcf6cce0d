package device

import (
	"math"
	"strconv"

	"selvage/edge/clock"
)

// Quality says how far a reading can be relied on.
type Quality uint8

const (
	Good      Quality = iota
	Uncertain         // a value, with a doubt named in Reason: out of range, old, being settled
	Bad               // no usable value; Reason says why
)

var qualityNames = [...]string{"good", "uncertain", "bad"}

func (q Quality) String() string {
	if int(q) < len(qualityNames) {
		return qualityNames[q]
	}
	return "bad"
}

// Reading is one value of one channel, with its unit, its time and how good it is. The zero Reading
// stands for "no reading yet" and is bad.
type Reading struct {
	Value   float64 // in Unit; 0 or 1 for Boolean
	Text    string  // for Text
	Form    Form
	Unit    Unit
	At      clock.Stamp // when the measurement ended
	Quality Quality
	Reason  string // why the quality is not Good
}

// IsZero tells whether r is the zero Reading: nothing has been read yet.
func (r Reading) IsZero() bool { return r == Reading{} }

// Moment returns when the measurement ended: the reading's time in the history of its lane.
func (r Reading) Moment() clock.Stamp { return r.At }

// Bad tells whether r holds no usable value.
func (r Reading) Bad() bool { return r.Quality >= Bad || r.IsZero() }

// Bool returns the value of a Boolean reading; a number counts as true when it is not 0. A bad
// reading is false.
func (r Reading) Bool() bool { return !r.Bad() && r.Value != 0 }

// String writes the reading for people: "21.5 °C", "on", or the reason there is no value.
func (r Reading) String() string {
	switch {
	case r.IsZero():
		return noReading
	case r.Quality >= Bad:
		if r.Reason == "" {
			return "bad reading"
		}
		return r.Reason
	case r.Form == Text:
		return r.Text
	case r.Form == Boolean:
		if r.Value != 0 {
			return "on"
		}
		return "off"
	}
	return formatValue(r.Value, r.Unit)
}

const noReading = "no reading yet"

// formatNumber keeps seven digits, more than any sensor has, and no exponent where people expect none.
func formatNumber(v float64) string {
	if a := math.Abs(v); a >= 1e6 && a < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 7, 64)
}

func formatValue(v float64, u Unit) string {
	s := formatNumber(v)
	if symbol := u.Symbol(); symbol != "" {
		s += " " + symbol
	}
	return s
}

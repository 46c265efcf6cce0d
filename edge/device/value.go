package device

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"selvage/edge/recon"
)

// Value is what an output is told, and what it does. The zero Value is the number 0.
type Value struct {
	Form   Form
	Number float64 // in the output's unit; 0 or 1 for Boolean
	Text   string  // for Text; of another form it is the word that a person wrote, and may be empty
}

// On is the value of a switch.
func On(on bool) Value { return Value{Form: Boolean, Number: Flag(on)} }

// Of is the value of an output that takes numbers, in its unit.
func Of(number float64) Value { return Value{Number: number} }

// Words is the value of an output that takes text.
func Words(text string) Value { return Value{Form: Text, Text: text} }

// Bool tells whether the value is true, or a number other than 0.
func (v Value) Bool() bool { return v.Form != Text && v.Number != 0 }

// String writes the value for people, without a unit: "on", "42.5", or its text.
func (v Value) String() string {
	switch v.Form {
	case Text:
		return v.Text
	case Boolean:
		if v.Number != 0 {
			return "on"
		}
		return "off"
	}
	return formatNumber(v.Number)
}

// AppendRecon prints the value as plain Recon: true or false, a number, a text.
func (v Value) AppendRecon(dst []byte) ([]byte, error) {
	switch v.Form {
	case Text:
		return recon.AppendString(dst, v.Text), nil
	case Boolean:
		return strconv.AppendBool(dst, v.Number != 0), nil
	}
	return recon.Append(dst, recon.Float(v.Number)), nil
}

// LoadRecon reads what AppendRecon printed. The words on and off are a switch's, as they are shown; an output that
// takes text gets them as they were written.
func (v *Value) LoadRecon(r recon.Value) error {
	text, isText := r.Text()
	switch {
	case r.Kind() == recon.KindBool:
		on, _ := r.Bool()
		*v = On(on)
		v.Text = strconv.FormatBool(on)
	case isText && (text == "on" || text == "off"):
		*v = On(text == "on")
		v.Text = text
	case isText:
		*v = Words(text)
	default:
		n, ok := r.Float()
		if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("want true or false, on or off, a number or a text, read %.40s", r)
		}
		*v = Of(n)
		v.Text = r.String()
	}
	return nil
}

// Fit returns v as an output that takes c takes it, or why it does not: "want 0 to 100 %, not 130".
func (c *Channel) Fit(v Value) (Value, error) {
	switch {
	case c.Form == Text && v.Text == "":
		return Words(v.String()), nil
	case c.Form == Text:
		return Words(v.Text), nil
	case c.Form != v.Form, math.IsNaN(v.Number), math.IsInf(v.Number, 0),
		c.Form == Number && (c.Min != 0 || c.Max != 0) && (v.Number < c.Min || v.Number > c.Max):
		return Value{}, errors.New("want " + c.wanted() + ", not " + v.written())
	}
	return Value{Form: c.Form, Number: v.Number}, nil
}

// wanted names what an output takes.
func (c *Channel) wanted() string {
	switch {
	case c.Form == Boolean:
		return "true or false, on or off"
	case c.Min != 0 || c.Max != 0:
		return formatNumber(c.Min) + " to " + formatValue(c.Max, c.Unit)
	case c.Unit.Symbol() != "":
		return "a number in " + c.Unit.Symbol()
	}
	return "a number"
}

// written is the value as whoever wrote it may know it.
func (v Value) written() string {
	if v.Text != "" {
		return fmt.Sprintf("%.40s", v.Text)
	}
	return v.String()
}

var (
	_ recon.Appender = Value{}
	_ recon.Loader   = (*Value)(nil)
)

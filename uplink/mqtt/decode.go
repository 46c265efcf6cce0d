package mqtt

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
)

const (
	number  = device.Number
	boolean = device.Boolean
	text    = device.Text
)

// maxText is the length of a text reading in bytes. Mailboxes count mail, not what it holds.
const maxText = 4 << 10

// channel is a Channel made ready.
type channel struct {
	name     string
	path     path
	form     device.Form
	unit     device.Unit
	words    words
	times    float64 // a number is multiplied by
	by       float64 // and divided by
	optional bool
}

// scaled says how to multiply by scale. 3 tenths are 3/10: multiplied by 0.1 they would be
// 0.30000000000000004, and all those digits be stored, sent and shown.
func scaled(scale float64) (times, by float64) {
	if scale == 0 {
		return 1, 1
	}
	if by = math.Round(1 / scale); math.Abs(by) > 1 && math.Abs(by*scale-1) < 1e-12 {
		return 1, by
	}
	return scale, 1
}

func (c Channel) form() (device.Form, error) {
	switch c.Form {
	case "":
		if c.On != "" {
			return boolean, nil
		}
		return number, nil
	case "number":
		return number, nil
	case "boolean":
		return boolean, nil
	case "text":
		return text, nil
	}
	return 0, fmt.Errorf("there is no form %q", c.Form)
}

// words are what on and off are called; empty stands for the usual ones.
type words struct{ on, off string }

var (
	usualOn  = []string{"on", "true", "1", "online"}
	usualOff = []string{"off", "false", "0", "offline"}
)

func (w words) parse(s []byte) (on, ok bool) {
	if w.on != "" {
		on = string(s) == w.on
		return on, on || string(s) == w.off
	}
	for i := range usualOn {
		if equalFold(s, usualOn[i]) {
			return true, true
		}
		if equalFold(s, usualOff[i]) {
			return false, true
		}
	}
	return false, false
}

func equalFold(s []byte, word string) bool {
	return len(s) == len(word) && strings.EqualFold(string(s), word)
}

func (w words) String() string {
	if w.on != "" {
		return fmt.Sprintf("neither %q nor %q", w.on, w.off)
	}
	return "neither on nor off"
}

// problem is why something cannot be taken as it should, "" if it can.
type problem string

// payload is what came on a topic.
type payload struct{ raw []byte }

// newPayload checks a payload as a whole; where a path leads into it, it must be JSON.
func newPayload(raw []byte, wantJSON bool) (payload, problem) {
	switch {
	case !utf8.Valid(raw):
		return payload{}, problem(shorten(raw) + " is not UTF-8")
	case wantJSON && !isJSON(raw):
		return payload{}, problem(shorten(raw) + " is not JSON")
	}
	return payload{raw}, ""
}

// scalar is what a path leads to.
type scalar struct {
	text   []byte
	absent bool // nothing is there, or null
	group  bool // an object or a list
}

// at returns the value at p. A payload that is not known to be JSON has only the empty path.
func (pl payload) at(p path) scalar {
	if len(p.steps) == 0 {
		return scalar{text: bytes.TrimSpace(pl.raw)}
	}
	v, ok := p.find(pl.raw)
	switch {
	case !ok || v[0] == 'n':
		return scalar{absent: true}
	case v[0] == '{' || v[0] == '[':
		return scalar{text: v, group: true}
	case v[0] != '"':
		return scalar{text: v}
	}
	return scalar{text: unquote(v)}
}

// read makes a reading of the payload; it has no time yet. What is optional may not be found.
func (c *channel) read(pl payload) (r device.Reading, found bool, why problem) {
	s := pl.at(c.path)
	switch {
	case s.absent && c.optional:
		return r, false, ""
	case s.absent:
		return r, false, problem(fmt.Sprintf("%s has no %s", shorten(pl.raw), c.path))
	case s.group:
		return r, false, problem(fmt.Sprintf("%s at %s is not a single value", shorten(s.text), c.path))
	}
	r.Form = c.form
	switch c.form {
	case text:
		if len(s.text) == 0 || len(s.text) > maxText {
			return r, false, problem(fmt.Sprintf("%s is a text of %d bytes, not of 1 to %d", shorten(s.text), len(s.text), maxText))
		}
		r.Text = string(s.text)
	case boolean:
		on, known := c.words.parse(s.text)
		if !known {
			return r, false, problem(fmt.Sprintf("%s is %v", shorten(s.text), c.words))
		}
		r.Value = device.Flag(on)
	default:
		v, ok := parseNumber(s.text)
		if v = v * c.times / c.by; !ok || math.IsInf(v, 0) {
			return r, false, problem(shorten(s.text) + " is not a number")
		}
		r.Value, r.Unit = v, c.unit
	}
	return r, true, ""
}

// parseNumber reads a decimal number. strconv alone would take nan, infinity, hex and 1_000.
func parseNumber(s []byte) (float64, bool) {
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(s), 64)
	return v, err == nil
}

// read tells on from off.
func (w switched) read(pl payload) (on bool, why problem) {
	s := pl.at(w.path)
	if s.absent {
		return false, problem(fmt.Sprintf("%s has no %s", shorten(pl.raw), w.path))
	}
	on, ok := w.words.parse(s.text)
	if !ok {
		return false, problem(fmt.Sprintf("%s is %v", shorten(s.text), w.words))
	}
	return on, ""
}

// shorten shows what came on a line of a terminal.
func shorten(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return strconv.Quote(string(raw))
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(raw[cut]) {
		cut--
	}
	return strconv.Quote(string(raw[:cut])) + "…"
}

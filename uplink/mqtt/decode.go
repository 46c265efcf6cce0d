package mqtt

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
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
	path     jsonpath.Path
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
	case wantJSON && !jsonpath.Valid(raw):
		return payload{}, problem(shorten(raw) + " is not JSON")
	}
	return payload{raw}, ""
}

// at returns the value at p; null is as good as nothing. A payload that is not known to be JSON has only the empty path.
func (pl payload) at(p jsonpath.Path) jsonpath.Value {
	if p.Whole() {
		return jsonpath.Value{Text: bytes.TrimSpace(pl.raw)}
	}
	v := p.Find(pl.raw)
	v.Absent = v.Absent || v.Null
	return v
}

// read makes a reading of the payload; it has no time yet. What is optional may not be found.
func (c *channel) read(pl payload) (r device.Reading, found bool, why problem) {
	s := pl.at(c.path)
	switch {
	case s.Absent && c.optional:
		return r, false, ""
	case s.Absent:
		return r, false, problem(fmt.Sprintf("%s has no %s", shorten(pl.raw), c.path))
	case s.Group:
		return r, false, problem(fmt.Sprintf("%s at %s is not a single value", shorten(s.Text), c.path))
	}
	r.Form = c.form
	switch c.form {
	case text:
		if len(s.Text) == 0 || len(s.Text) > maxText {
			return r, false, problem(fmt.Sprintf("%s is a text of %d bytes, not of 1 to %d", shorten(s.Text), len(s.Text), maxText))
		}
		r.Text = string(s.Text)
	case boolean:
		on, known := c.words.parse(s.Text)
		if !known {
			return r, false, problem(fmt.Sprintf("%s is %v", shorten(s.Text), c.words))
		}
		r.Value = device.Flag(on)
	default:
		v, ok := jsonpath.Number(s.Text)
		if v = v * c.times / c.by; !ok || math.IsInf(v, 0) {
			return r, false, problem(shorten(s.Text) + " is not a number")
		}
		r.Value, r.Unit = v, c.unit
	}
	return r, true, ""
}

// read tells on from off.
func (w switched) read(pl payload) (on bool, why problem) {
	s := pl.at(w.path)
	if s.Absent {
		return false, problem(fmt.Sprintf("%s has no %s", shorten(pl.raw), w.path))
	}
	on, ok := w.words.parse(s.Text)
	if !ok {
		return false, problem(fmt.Sprintf("%s is %v", shorten(s.Text), w.words))
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

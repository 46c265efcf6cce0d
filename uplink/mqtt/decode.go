package mqtt

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/form"
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

// payload is what came on a topic, or a line of it.
type payload struct {
	raw  []byte
	json bool // it is JSON as a whole, and not text that may happen to be

	when  clock.Stamp // its readings were
	doubt string      // why they were not then, or are not what they seem to be
}

// newPayload checks a payload as a whole; where a path leads into it, it must be JSON.
func newPayload(raw []byte, wantJSON bool) (payload, problem) {
	switch {
	case !utf8.Valid(raw):
		return payload{}, problem(shorten(raw) + " is not UTF-8")
	case wantJSON && !jsonpath.Valid(raw):
		return payload{}, problem(shorten(raw) + " is not JSON")
	}
	return payload{raw: raw}, ""
}

// The forms of a payload that Map.Payload names.
const (
	asJSON  = "json"
	asText  = "text"
	cbor    = "cbor"
	influx  = "influx"
	asRecon = "recon"
)

// read returns what a message says: one payload, or one for each line of influx. Lines that can be read are returned
// also where there is a problem with others.
func (m *mapping) read(raw []byte) ([]payload, problem) {
	if m.form != cbor && !utf8.Valid(raw) {
		return nil, problem(shorten(raw) + " is not UTF-8")
	}
	texts, err := [][]byte{raw}, error(nil)
	switch {
	case m.match != nil:
		texts[0], err = form.Match(m.match, raw)
	case m.form == cbor:
		texts[0], err = form.CBOR(raw)
	case m.form == influx:
		texts, err = form.Influx(raw)
	case m.form == asRecon:
		texts[0], err = form.Recon(raw)
	default:
		pl, why := newPayload(raw, m.json || m.form == asJSON)
		if why != "" {
			return nil, why
		}
		pl.json = m.form == asJSON
		return []payload{pl}, ""
	}
	var all []payload
	for _, text := range texts {
		if text != nil {
			all = append(all, payload{raw: text, json: true})
		}
	}
	if err != nil {
		return all, problem(fmt.Sprintf("%s cannot be read as %s: %v", shorten(raw), cmp.Or(m.form, asText), err))
	}
	return all, ""
}

// tell returns those of the payloads of one message that say something at p, or one that does not.
func tell(all []payload, p jsonpath.Path) []payload {
	if len(all) < 2 { // as nearly always
		return all
	}
	some := slices.DeleteFunc(slices.Clone(all), func(pl payload) bool { return pl.at(p).Absent })
	if len(some) == 0 {
		return all[:1]
	}
	return some
}

// at returns the value at p; null is as good as nothing. A payload that is not known to be JSON has only the empty path.
func (pl payload) at(p jsonpath.Path) jsonpath.Value {
	if p.Whole() && !pl.json {
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

package roster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
)

// maxText is how long a text reading may be, in bytes.
const maxText = 1 << 10

// Read notes what the channel of a source has: v is nil, a bool, a string, or a json.Number. Nothing is noted for nil.
// What the channel cannot have becomes a bad reading that says why.
func (n *Note) Read(source string, c device.Channel, v any) {
	if v == nil {
		return
	}
	c, ok := n.channel(source, c)
	if !ok {
		return
	}
	r := device.Reading{Form: c.Form, Unit: c.Unit, At: n.at}
	switch why := fill(&r, v); {
	case why != "":
		n.bad(c.Name, why)
	default:
		n.report.Readings = append(n.report.Readings, device.NamedReading{Channel: c.Name, Reading: r})
	}
}

// Bad notes why the channel of a source has nothing that can be read.
func (n *Note) Bad(source string, c device.Channel, why string) {
	if c, ok := n.channel(source, c); ok {
		n.bad(c.Name, why)
	}
}

func (n *Note) bad(channel, why string) {
	n.report.Readings = append(n.report.Readings, device.NamedReading{
		Channel: channel, Reading: device.Reading{Quality: device.Bad, Reason: why, At: n.at},
	})
}

// Doubtful is Read for a number that may not be what it seems to be.
func (n *Note) Doubtful(source string, c device.Channel, v any, doubt string) {
	before := len(n.report.Readings)
	n.Read(source, c, v)
	if len(n.report.Readings) > before {
		if r := &n.report.Readings[before].Reading; r.Quality == device.Good {
			r.Quality, r.Reason = device.Uncertain, doubt
		}
	}
}

// channel finds the channel of a source, or adds it. Its form stays what it was at first; its unit may change, when
// somebody sets the device to another one.
func (n *Note) channel(source string, c device.Channel) (device.Channel, bool) {
	d := &n.member.device
	name, isNew, ok := n.claim("channel ", source, c.Name, mostChannels-len(d.Channels))
	if !ok {
		return c, false
	}
	c.Name = name
	i, _ := slices.BinarySearchFunc(d.Channels, name, func(c device.Channel, name string) int { return strings.Compare(c.Name, name) })
	if isNew {
		d.Channels = slices.Insert(d.Channels, i, c)
		return c, true
	}
	known := &d.Channels[i]
	if known.Form == device.Number && c.Form == device.Number && known.Unit != c.Unit && c.Unit != "" {
		known.Unit = c.Unit
		n.changed = true
	}
	return *known, true
}

// Form is the form that a channel for v has: that of a number for a json.Number, for one.
func Form(v any) device.Form {
	switch v := v.(type) {
	case bool:
		return device.Boolean
	case string:
		if _, ok := Switched(v); ok {
			return device.Boolean
		}
		return device.Text
	}
	return device.Number
}

// Switched reads ON and OFF, in letters of any size.
func Switched(s string) (on, ok bool) {
	switch {
	case strings.EqualFold(s, "on"):
		return true, true
	case strings.EqualFold(s, "off"):
		return false, true
	}
	return false, false
}

// fill gives r what v is, or says why it cannot be.
func fill(r *device.Reading, v any) (why string) {
	text := Plain(v)
	switch r.Form {
	case device.Boolean:
		on, ok := flag(text)
		if !ok {
			return Brief([]byte(text)) + " is neither on nor off"
		}
		r.Value = device.Flag(on)
	case device.Text:
		if len(text) == 0 || len(text) > maxText || !utf8.ValidString(text) {
			return fmt.Sprintf("%s is not a text of 1 to %d bytes", Brief([]byte(text)), maxText)
		}
		r.Text = text
	default:
		value, ok := jsonpath.Number([]byte(strings.TrimSpace(text)))
		if _, isBool := v.(bool); !ok || isBool {
			return Brief([]byte(text)) + " is not a number"
		}
		r.Value = value
	}
	return ""
}

// Plain writes v, which is of a kind that Read takes, as the text of a payload would be.
func Plain(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return ""
}

// flag reads a boolean as it is written in payloads.
func flag(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "on", "true", "1":
		return true, true
	case "off", "false", "0":
		return false, true
	}
	return false, false
}

// maxJSON is how long JSON may be; the status of a device with many components has some kB.
const maxJSON = 64 << 10

// Decode reads JSON. Numbers stay as they are written; ok is false for what is no JSON, or too long or deep to be meant.
func Decode(payload []byte) (v any, ok bool) {
	if len(payload) > maxJSON || !jsonpath.Valid(payload) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

// Object is Decode for an object; nil if there is none.
func Object(payload []byte) map[string]any {
	v, _ := Decode(payload)
	object, _ := v.(map[string]any)
	return object
}

// Brief shows what came on a line of a terminal.
func Brief(raw []byte) string {
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

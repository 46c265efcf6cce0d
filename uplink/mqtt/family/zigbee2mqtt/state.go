package zigbee2mqtt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// attribute is one value of a state.
type attribute struct {
	key    string // those of an object within: "color-x", as Zigbee2MQTT calls them where each has its topic
	value  jsonpath.Value
	quoted bool
}

// said is what a device said in one message.
type said struct {
	attributes []attribute
	at         clock.Stamp // zero if it does not say when it was
	whole      bool        // a state, not an attribute on a topic of its own
}

// leftOut are attributes that say nothing of what a device measures or does; "update-state" is a part of update.
func leftOut(key string) bool {
	switch key, _, _ = strings.Cut(key, "-"); key {
	case "last_seen", "elapsed", "device", "update", "update_available":
		return true
	}
	return false
}

// whole is the path to all of a JSON text.
var whole jsonpath.Path

// attributes lists what is in a state, by key. Deeper than in objects within it there is nothing that is exposed.
func attributes(object map[string]json.RawMessage) (all []attribute) {
	add := func(key string, raw json.RawMessage) (group bool) {
		v := whole.Find(raw)
		if !v.Group && !v.Null && len(v.Text) > 0 && len(key) <= maxName {
			all = append(all, attribute{key, v, raw[0] == '"'})
		}
		return raw[0] == '{'
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if leftOut(key) || !add(key, object[key]) {
			continue
		}
		var inner map[string]json.RawMessage
		_ = json.Unmarshal(object[key], &inner) // it is an object
		for _, part := range slices.Sorted(maps.Keys(inner)) {
			add(key+"-"+part, inner[part])
		}
	}
	return all
}

// report has a device report attributes. It is met first if it was not, or has new ones.
func (n *network) report(name string, s said, to family.Sink) {
	t, known := n.things[name]
	if !known {
		if len(n.things) >= maxDevices {
			n.tooMany(to)
			return
		}
		t = n.unlisted(name)
	}
	fresh := n.learn(t, s.attributes, to)
	if len(t.list) == 0 {
		return
	}
	t.whole = t.whole || s.whole
	if fresh {
		n.things[name] = t
		to.Meet(n.device(t))
	}
	if !known {
		n.presence(t, "", to)
	}
	var r family.Report
	for _, a := range s.attributes {
		if f := t.fields[a.key]; f != nil {
			f.report(a.value, s.at, &r)
		}
	}
	if len(r.Readings) > 0 || len(r.States) > 0 {
		to.Report(t.id, r)
	}
}

// learn has a thing know attributes that are not exposed, and reports whether there were some.
func (n *network) learn(t *thing, all []attribute, to family.Sink) (fresh bool) {
	for _, a := range all {
		if _, known := t.fields[a.key]; known {
			continue
		}
		if len(t.fields) >= maxFields {
			to.Doubt(family.Problem{
				Kind: "attributes", Text: fmt.Sprintf("%s/%s has more than %d attributes, and %.40q was left out", n.base, t.name, maxFields, a.key),
				Remedy: "see who else publishes there; filtered_attributes in Zigbee2MQTT leaves attributes out",
			})
			return fresh
		}
		fresh = t.guess(a, all) || fresh
	}
	return fresh
}

func (n *network) tooMany(to family.Sink) {
	to.Doubt(family.Problem{
		Kind: "devices", Text: fmt.Sprintf("%s has more than %d devices, and the others were left out", n.base, maxDevices),
		Remedy: "see who publishes to ever new topics below " + n.base,
	})
}

// report adds what a value says to r.
func (f *field) report(v jsonpath.Value, at clock.Stamp, r *family.Report) {
	value, why := f.read(v)
	switch {
	case why != "":
		r.Readings = append(r.Readings, bad(f.lane, "%s", why))
	case value == nil:
	case f.output:
		r.States = append(r.States, family.State{Output: f.name, Value: *value})
	default:
		reading := device.Reading{Value: value.Number, Text: value.Text, Form: value.Form, Unit: f.channel.Unit, At: at}
		if c := f.channel; c.Form == device.Number && c.Min < c.Max && (reading.Value < c.Min || reading.Value > c.Max) {
			reading.Quality = device.Uncertain
			reading.Reason = fmt.Sprintf("outside %v to %v", c.Min, c.Max)
		}
		r.Readings = append(r.Readings, device.NamedReading{Channel: f.lane, Reading: reading})
	}
}

func bad(channel, format string, args ...any) device.NamedReading {
	return device.NamedReading{Channel: channel, Reading: device.Reading{Quality: device.Bad, Reason: fmt.Sprintf(format, args...)}}
}

// maxText is the length of a text in bytes.
const maxText = 4 << 10

const absoluteZero = -273.15 // °C; a sensor without a measurement sends −327.68, the 0x8000 of the Zigbee cluster library

// read makes a value of what was published; none if it says nothing.
func (f *field) read(v jsonpath.Value) (value *device.Value, why string) {
	text := string(v.Text)
	switch f.channel.Form {
	case device.Text:
		if len(text) > maxText {
			return nil, fmt.Sprintf("%.40q and so on are more than %d bytes", text, maxText)
		}
		w := device.Words(text)
		return &w, ""
	case device.Boolean:
		on := text == "true" || text != "false" && text == f.on
		if !on && text != "false" && text != f.off {
			return nil, fmt.Sprintf("%.40q is neither %.40q nor %.40q", text, f.on, f.off)
		}
		b := device.On(on)
		return &b, ""
	}
	number, ok := jsonpath.Number(v.Text)
	switch {
	case !ok && f.presets:
		return nil, "" // a word in place of a number, such as "previous" for the level after switching on
	case !ok || math.IsInf(number, 0):
		return nil, fmt.Sprintf("%.40q is not a number", text)
	case f.channel.Unit == "Cel" && number < absoluteZero:
		return nil, fmt.Sprintf("%v °C is no temperature, but what a sensor sends that has none", number)
	}
	d := device.Of(number)
	return &d, ""
}

// moment reads last_seen in any of its forms: ISO 8601 in UTC or local time, or milliseconds since 1970. It is zero where
// there is none, or it cannot be: there was no Zigbee2MQTT before 2018.
func moment(lastSeen json.RawMessage) clock.Stamp {
	if len(lastSeen) == 0 {
		return clock.Stamp{}
	}
	text := whole.Find(lastSeen).Text
	t, err := time.Parse(time.RFC3339, string(text))
	if ms, ok := jsonpath.Number(text); ok {
		t, err = time.UnixMilli(int64(min(max(ms, 0), 1e14))), nil
	}
	if err != nil || t.Year() < 2018 || t.Year() > 2261 { // the last that fits nanoseconds since 1970
		return clock.Stamp{}
	}
	return clock.At(t.Truncate(time.Millisecond))
}

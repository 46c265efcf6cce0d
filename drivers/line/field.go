package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"selvage/edge/device"
)

// field is a value as it came: a text, or what JSON has in its place.
type field struct{ v any }

// fields takes the channels out of one line. One that has none of them, such as a greeting, gives none.
func (d *Dev) fields(text string) map[string]field {
	found := map[string]field{}
	if d.match != nil {
		groups := d.match.FindStringSubmatch(text)
		for _, name := range d.names {
			if i := d.match.SubexpIndex(d.c.Channel[name].field(name)); groups != nil && i > 0 && groups[i] != "" {
				found[name] = field{groups[i]}
			}
		}
		return found
	}
	start := strings.IndexByte(text, '{')
	if start < 0 {
		return nil
	}
	var object map[string]any
	in := json.NewDecoder(bytes.NewReader([]byte(text[start:])))
	in.UseNumber()
	if in.Decode(&object) != nil {
		return nil
	}
	for _, name := range d.names {
		if v := at(object, d.c.Channel[name].field(name)); v != nil {
			found[name] = field{v}
		}
	}
	return found
}

// at finds what is at a place such as air.temp or list.0. A key that itself has dots is found, too.
func at(v any, place string) any {
	object, ok := v.(map[string]any)
	if ok && object[place] != nil {
		return object[place]
	}
	key, rest, more := strings.Cut(place, ".")
	switch v := v.(type) {
	case map[string]any:
		if more {
			return at(v[key], rest)
		}
	case []any:
		i, err := strconv.ParseUint(key, 10, 31)
		switch {
		case err != nil || i >= uint64(len(v)):
		case more:
			return at(v[i], rest)
		default:
			return v[i]
		}
	}
	return nil
}

// measure reads a field as its channel's form.
func (f field) measure(c device.Channel, how Channel) device.Measure {
	m := device.Measure{Channel: c.Name}
	text := fmt.Sprint(f.v)
	switch c.Form {
	case device.Text:
		m.Text = text
	case device.Boolean:
		switch strings.ToLower(text) {
		case "1", "true", "on", "yes", "open", "high":
			m.Value = 1
		case "0", "false", "off", "no", "closed", "low":
		default:
			m.Err = fmt.Errorf("%q is neither on nor off", text)
		}
	default:
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if how.Scale != 0 {
			v *= how.Scale
		}
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			m.Err = fmt.Errorf("%q is no number", text)
			break
		}
		m.Value = v
	}
	return m
}

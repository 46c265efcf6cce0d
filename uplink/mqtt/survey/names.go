package survey

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// quantities are names of what is measured, rather than of where.
var quantities = []string{
	"temperature", "temp", "humidity", "hum", "pressure", "co2", "voc", "pm25", "pm10", "lux", "illuminance", "battery", "rssi", "power",
	"energy", "voltage", "current", "frequency", "level", "state", "status", "value", "set", "command", "availability", "online", "uptime", "version",
}

func isQuantity(level string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(level), isGap), func(w string) bool { return slices.Contains(quantities, w) })
}

func isGap(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// suffixes are the ends of names that say the unit for sure. A name without one does not: a temperature may be in °F,
// a voltage in mV.
var suffixes = map[string]string{
	"hpa": "hPa", "kpa": "kPa", "mbar": "mbar", "kwh": "kWh", "wh": "Wh", "kw": "kW", "mv": "mV", "ma": "mA", "mah": "mAh", "lux": "lx", "lx": "lx",
	"ppm": "ppm", "ppb": "ppb", "percent": "%", "pct": "%", "dbm": "dBm", "hz": "Hz", "khz": "kHz", "rpm": "rpm", "celsius": "°C", "fahrenheit": "°F",
	"rssi": "dBm", "tempc": "°C", "tempf": "°F",
}

// unitOf is the unit that a name says, "" if it does not.
func unitOf(name string) device.Unit {
	words := strings.FieldsFunc(strings.ToLower(name), isGap)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	if n := len(words); n > 1 && strings.HasPrefix(words[n-2], "temp") && (last == "c" || last == "f") {
		return family.Unit("°" + last)
	}
	return family.Unit(suffixes[last])
}

// isTime tells whether a member says when the others were: a name of that kind, with what the key at of a mapping reads.
func isTime(name string, v any) bool {
	if !slices.Contains([]string{"time", "timestamp", "ts", "datetime", "last_seen", "at"}, strings.ToLower(name)) {
		return false
	}
	switch v := v.(type) {
	case string:
		_, err := time.Parse(time.RFC3339, v)
		return err == nil
	case json.Number:
		n, err := v.Float64()
		return err == nil && (n >= 1e9 && n < 1e10 || n >= 1e12 && n < 1e13)
	}
	return false
}

// pathText writes a path as the config has it, "" if none can be written.
func pathText(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case strings.ContainsAny(name, `.[]$"' `) || name == "":
			b.WriteString(`["` + name + `"]`)
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	var p jsonpath.Path
	if p.UnmarshalText([]byte(b.String())) != nil {
		return ""
	}
	return b.String()
}

// plain keeps what stands in a node URI, and in the name of a lane, as it is.
func plain(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, family.Slug(text)), "-")
}

// laneOf makes the name of a channel.
func laneOf(text string) string { return family.Lane(plain(text)) }

// bare writes a name in the header of a table.
func bare(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || isGap(r) && r != '-' && r != '_'
	}) || name == "" {
		return quote(name)
	}
	return name
}

// quote writes a TOML string. It is one of JSON, but for a character that only JSON has as it is.
func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text has a form
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007F`)
}

package tasmota

import (
	"strconv"
	"strings"
	"unicode"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// maxDepth is how deep a SENSOR is looked into; devices have three levels.
const maxDepth = 6

// sensor takes a SENSOR, or what STATUS8 and STATUS10 answer.
func (u *unit) sensor(n *roster.Note, m family.Message, to family.Sink) {
	o := object(m, to)
	if inner, ok := o["StatusSNS"].(map[string]any); ok {
		o = inner
	}
	told(n, o)
	u.sense(n, o)
}

func (u *unit) sense(n *roster.Note, o map[string]any) {
	for _, key := range unitKeys {
		if text, ok := o[key].(string); ok {
			u.units[key] = family.Unit(text)
		}
	}
	for _, key := range sorted(o) {
		switch _, isText := o[key].(string); {
		case key == "Time" || key == "Epoch" || isText && strings.HasSuffix(key, "Unit"):
		case strings.HasSuffix(key, "Received"): // a bridge's
		case u.shutter(n, key, o[key]):
		default:
			u.walk(n, []string{key}, o[key])
		}
	}
}

// walk notes what stands at a path.
func (u *unit) walk(n *roster.Note, path []string, v any) {
	if len(path) > maxDepth || n.Full() {
		return
	}
	path = path[:len(path):len(path)]
	switch v := v.(type) {
	case map[string]any:
		if id, ok := v["Id"].(string); ok {
			path[len(path)-1] = identified(path[len(path)-1], id)
		}
		for _, key := range sorted(v) {
			u.walk(n, append(path, key), v[key])
		}
	case []any:
		for i, item := range v {
			u.walk(n, append(path, strconv.Itoa(i+1)), item)
		}
	default:
		u.leaf(n, path, v)
	}
}

// identified names a sensor of several by its ID, in place of its number among them.
func identified(name, id string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || number(name[i+1:], 99) == 0 || family.Slug(id) == "" {
		return name
	}
	return name[:i+1] + id
}

// leaf notes a single value.
func (u *unit) leaf(n *roster.Note, path []string, v any) {
	source := strings.Join(path, ".")
	c := device.Channel{Name: u.nameOf(source, path)}
	unit, measured := u.unit(path)
	text, isText := v.(string)
	if _, numeric := jsonpath.Number([]byte(text)); isText && !numeric && !measures(path) {
		measured = false // Card: "WSW" stands in Dir, beside degrees
	}
	switch {
	case measured && v == nil:
		n.Bad(source, c, "null: the sensor has no value")
		return
	case measured:
		c.Unit = unit
	case isText && (text == "" || mute[path[len(path)-1]]):
		return
	case isText && (text == u.on || text == u.off):
		c.Form, v = device.Boolean, text == u.on
	default:
		c.Form = roster.Form(v)
	}
	n.Read(source, c, v)
}

// measures tells whether a path ends in the name of a quantity, or in a list of its values.
func measures(path []string) bool {
	last := len(path) - 1
	for last > 0 && number(path[last], 99) > 0 {
		last--
	}
	_, energy := energies[path[last]]
	_, key := unitKeys[path[last]]
	_, quantity := quantities[path[last]]
	return energy && path[0] == "ENERGY" || key || quantity
}

// mute are texts that say nothing about what is measured.
var mute = map[string]bool{"Id": true, "Address": true, "Time": true, "TotalStartTime": true}

// momentary are what ENERGY has at a moment, by what it is called here.
var momentary = map[string]string{
	"Power": "power", "ApparentPower": "apparent-power", "ReactivePower": "reactive-power", "Factor": "power-factor",
	"Voltage": "voltage", "Current": "current", "CurrentNeutral": "current-neutral", "Frequency": "frequency", "PhaseAngle": "phase-angle",
}

// mostNames is how many names are kept that would be made again for each message.
const mostNames = 256

func (u *unit) nameOf(source string, path []string) string {
	name, ok := u.names[source]
	if !ok {
		name = nameOf(path)
		if len(u.names) < mostNames && len(source) <= mostTopic {
			u.names[source] = name
		}
	}
	return name
}

// nameOf names the channel at a path.
func nameOf(path []string) string {
	if len(path) > 1 && path[0] == "ENERGY" {
		if name, ok := momentary[path[1]]; ok {
			path = append([]string{name}, path[2:]...)
		}
	}
	parts := make([]string, len(path))
	for i, part := range path {
		parts[i] = words(part)
	}
	return family.LaneOf(parts...)
}

// words parts a name at its capital letters: "ApparentPower" is "Apparent Power", but "eCO2" stays.
func words(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 1 && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]) {
			b.WriteByte(' ')
		}
		if i > 0 && i+1 < len(runes) && unicode.IsUpper(r) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unit finds the unit of what stands at a path, by the name nearest to its end that is one of a quantity: that of
// TX23.Speed.Act is the one of Speed. Measured is false where there is no such name.
func (u *unit) unit(path []string) (unit device.Unit, measured bool) {
	for i := len(path) - 1; i >= 0; i-- {
		name := path[i]
		if path[0] == "ENERGY" && i > 0 {
			if unit, ok := energies[name]; ok {
				return unit, true
			}
		}
		if key, ok := unitKeys[name]; ok {
			return u.units[key], true
		}
		if unit, ok := quantities[name]; ok {
			return unit, true
		}
	}
	return "", false
}

// unitKeys are where a message says the unit of a quantity.
var unitKeys = map[string]string{
	"Temperature": "TempUnit", "DewPoint": "TempUnit", "Pressure": "PressureUnit", "SeaPressure": "PressureUnit", "Speed": "SpeedUnit",
}

// energies are what ENERGY counts.
var energies = map[string]device.Unit{
	"Total": "kW.h", "TotalTariff": "kW.h", "Today": "kW.h", "Yesterday": "kW.h", "Period": "W.h",
	"ExportActive": "kW.h", "ExportTariff": "kW.h", "ImportActive": "kW.h",
	"ImportReactive": "kV.A.h{reactive}", "ExportReactive": "kV.A.h{reactive}",
}

// quantities have the same unit wherever they are (hatasmota's table, but for what differs between drivers of sensors).
var quantities = map[string]device.Unit{
	"Power": "W", "ActivePower": "W", "ApparentPower": "V.A", "ReactivePower": "V.A{reactive}", "Factor": "", "Voltage": "V", "Current": "A",
	"CurrentNeutral": "A", "Frequency": "Hz", "PhaseAngle": "deg", "Humidity": "%", "Moisture": "%", "Illuminance": "lx", "Distance": "cm",
	"CarbonDioxide": "[ppm]", "eCO2": "[ppm]", "TVOC": "[ppb]", "PM1": "ug/m3", "PM2.5": "ug/m3", "PM10": "ug/m3", "CF1": "ug/m3",
	"CF2.5": "ug/m3", "CF10": "ug/m3", "Weight": "kg", "CCT": "K", "Dir": "deg",
}

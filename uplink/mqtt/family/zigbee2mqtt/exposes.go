package zigbee2mqtt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// expose is what Zigbee2MQTT says that a device has (www.zigbee2mqtt.io/guide/usage/exposes.html).
type expose struct {
	Type, Name, Property, Endpoint, Unit, Category string
	Access                                         int
	ValueOn                                        json.RawMessage `json:"value_on"`
	ValueOff                                       json.RawMessage `json:"value_off"`
	ValueMin                                       *float64        `json:"value_min"`
	ValueMax                                       *float64        `json:"value_max"`
	Values                                         []json.RawMessage
	Presets                                        json.RawMessage
	Features                                       []expose
}

// Bits of access.
const (
	published = 1 << iota
	settable
)

// field is an attribute that a channel or an output has been made of.
type field struct {
	property string
	lane     string
	channel  device.Channel // of an output, what it takes
	on, off  string         // what a boolean is published as, beside true and false
	presets  bool           // words, or numbers out of range, stand for something: "previous", 65535

	output  bool
	name    string // of the output
	silent  bool
	options []string
	says    map[string]json.RawMessage // what commands an option
}

// expose makes fields of an expose. Kind is that of what it is a feature of: "light"; path leads to it: "color-".
func (t *thing) expose(e expose, kind, path string) {
	if len(t.fields) >= maxFields {
		return
	}
	e.Property = cmp.Or(e.Property, e.Name)
	switch e.Type {
	case "switch", "light", "cover", "lock", "fan", "climate":
		for _, f := range e.Features {
			t.expose(f, e.Type, path)
		}
	case "composite":
		t.leaveOut(path + e.Property) // in attribute output a color may come as "12,255,0"
		for _, f := range e.Features {
			if path == "" {
				t.expose(f, "", e.Property+"-")
			}
		}
	case "numeric", "binary", "enum", "text":
		t.add(e.field(kind, path))
	default:
		t.leaveOut(path + e.Property)
	}
}

// field makes a field of what has one value; nil if nothing would ever be known of it.
func (e expose) field(kind, path string) *field {
	f := &field{property: path + e.Property, lane: family.Lane(path + e.Property)}
	f.output = kind != "" && path == "" && e.Access&settable != 0 && !e.setting()
	f.channel.Name = f.lane
	switch e.Type {
	case "numeric":
		f.channel.Unit = family.Unit(e.Unit)
		f.presets = len(e.Presets) > 0
		if e.ValueMin != nil && e.ValueMax != nil && *e.ValueMin < *e.ValueMax && (f.output || !f.presets) {
			f.channel.Min, f.channel.Max = *e.ValueMin, *e.ValueMax
		}
		f.bound()
	case "binary":
		f.channel.Form = device.Boolean
		f.on, f.off = word(e.ValueOn), word(e.ValueOff)
	default:
		f.channel.Form = device.Text
	}
	if f.output {
		f.command(e)
	}
	if e.Access&published == 0 && !f.output {
		return nil
	}
	return f
}

// setting tells whether a feature says how a device behaves rather than what it does. Not all that do have a category.
func (e expose) setting() bool {
	return e.Category != "" || strings.HasSuffix(e.Name, "_calibration") || strings.HasSuffix(e.Name, "_startup") ||
		e.Name == "min_brightness" || e.Name == "max_brightness"
}

// command makes a field an output.
func (f *field) command(e expose) {
	f.silent = e.Access&published == 0
	switch {
	case e.Property == "state":
	case e.Name == "state" && family.Slug(e.Endpoint) != "":
		f.name = family.Slug(e.Endpoint)
	default:
		f.name = cmp.Or(family.Slug(e.Property), "value")
	}
	values := e.Values
	if e.Type == "binary" {
		values = []json.RawMessage{e.ValueOn, e.ValueOff}
	}
	f.says = map[string]json.RawMessage{}
	for _, v := range values {
		if w := word(v); w != "" && f.says[w] == nil && len(w) <= maxText {
			f.says[w] = v
			f.options = append(f.options, w)
		}
	}
	if e.Type != "binary" {
		return
	}
	f.output = len(f.options) == 2
	if on := strings.ToLower(f.on); f.output && on != "on" && on != "true" { // LOCK and UNLOCK, AUTO and MANUAL: nobody would know which is on
		f.channel.Form = device.Text
	}
}

// word is a value as it is written in a state.
func word(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	v := whole.Find(bytes.TrimSpace(raw))
	if v.Group || v.Null {
		return ""
	}
	return string(v.Text)
}

// toOutput describes the output to the family's user. Topic is that of the device.
func (f *field) toOutput(topic string) family.Output {
	o := family.Output{Name: f.name, Takes: f.channel, Silent: f.silent}
	o.Takes.Name = ""
	if f.channel.Form == device.Text {
		o.Options = f.options
	}
	on, off, says := f.says[f.on], f.says[f.off], f.says
	property, _ := json.Marshal(f.property)
	o.Command = func(v device.Value) (family.Publication, error) {
		var value []byte
		switch v.Form {
		case device.Boolean:
			if value = off; v.Bool() {
				value = on
			}
		case device.Text:
			if value = says[v.Text]; value == nil {
				value, _ = json.Marshal(v.Text)
			}
		default:
			value = strconv.AppendFloat(nil, v.Number, 'f', -1, 64)
		}
		payload := append([]byte(`{`), property...)
		payload = append(append(append(payload, ':'), value...), '}')
		return family.Publication{Topic: topic + "/set", Payload: payload, QoS: 1}, nil
	}
	return o
}

// guess makes a field of an attribute that is not exposed. Beside it there are others in the message.
func (t *thing) guess(a attribute, beside []attribute) (made bool) {
	f := &field{property: a.key, lane: family.Lane(a.key)}
	f.channel.Name = f.lane
	number, isNumber := jsonpath.Number(a.value.Text)
	unit, quantity := t.unit(a.key, number, beside)
	switch text := string(a.value.Text); {
	case isNumber && (quantity || !a.quoted): // old ones send "100" for a battery
		f.channel.Unit = unit
		f.bound()
	case !a.quoted && (text == "true" || text == "false"):
		f.channel.Form = device.Boolean
	default:
		f.channel.Form = device.Text
	}
	return t.add(f)
}

// bound limits what nobody has told the limits of: a sensor of humidity without a measurement sends 655.35 %.
func (f *field) bound() {
	switch c := &f.channel; f.property {
	case "humidity", "soil_moisture", "battery":
		if c.Unit == "%" && c.Min == c.Max {
			c.Max = 100
		}
	}
}

// units are those of quantities that have one whatever the device. Others, such as voc, have that of their maker.
var units = map[string]device.Unit{
	"temperature": "Cel", "device_temperature": "Cel", "local_temperature": "Cel", "soil_temperature": "Cel",
	"current_heating_setpoint": "Cel", "occupied_heating_setpoint": "Cel",
	"humidity": "%", "soil_moisture": "%", "battery": "%", "position": "%", "illuminance_lux": "lx",
	"power": "W", "current": "A", "energy": "kW.h", "produced_energy": "kW.h", "ac_frequency": "Hz",
	"co2": "[ppm]", "eco2": "[ppm]", "pm25": "ug/m3", "color_temp": "{mired}", "linkquality": "",
}

// unit tells the unit of a quantity, by its name and what else is known. Where that leaves a doubt, there is no unit.
func (t *thing) unit(key string, value float64, beside []attribute) (u device.Unit, quantity bool) {
	has := func(keys ...string) bool {
		for _, key := range keys {
			if t.fields[key] != nil {
				return true
			}
			for _, a := range beside {
				if a.key == key {
					return true
				}
			}
		}
		return false
	}
	switch key {
	case "voltage":
		switch { // of a battery in mV, of the mains in V
		case has("power", "current", "energy"):
			u = "V"
		case value >= 1000:
			u = "mV"
		}
		return u, true
	case "pressure":
		if value >= 300 && value <= 1100 { // some have kPa
			u = "hPa"
		}
		return u, true
	case "illuminance":
		if !has("illuminance_lux") { // beside which it is the raw value, as 1.x had it
			u = "lx"
		}
		return u, true
	}
	u, quantity = units[key]
	return u, quantity
}

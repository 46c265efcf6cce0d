package shelly

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// gen1 takes what comes on shellies/ID/… and shellies/announce.
func (f *shelly) gen1(rest string, m family.Message, to family.Sink) {
	id, topic, _ := strings.Cut(rest, "/")
	switch {
	case len(m.Payload) == 0 || id == "":
		return
	case id == "announce":
		f.announced("", m, to)
		return
	case topic == "announce":
		f.announced(id, m, to)
		return
	}
	kind, number, any := split(topic)
	read := gen1Readers[any]
	q, isQuantity := gen1Quantities[any]
	if read == nil && !isQuantity {
		return
	}
	u := f.find(gen1Base+id, mac(id), false, to)
	if u == nil {
		return
	}
	n := f.roster.Note(u.member, m, to)
	if isQuantity {
		q.read(n, topic, number, string(m.Payload))
	} else {
		read(u, n, slot{kind, number, u.at + "/" + kind + "/" + number}, m, to)
	}
	n.End(true)
}

// split parts a topic as "relay/1/power" in its kind, the number, and what it is with any number: "relay/#/power".
func split(topic string) (kind, number, any string) {
	kind, rest, _ := strings.Cut(topic, "/")
	number, what, _ := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(number, 10, 8); err != nil || strconv.FormatUint(n, 10) != number {
		return kind, "", topic
	}
	return kind, number, strings.TrimSuffix(kind+"/#/"+what, "/")
}

// quantity is what a topic of a value tells.
type quantity struct {
	device.Channel
	per   float64         // how many of what comes make one of Unit; 0 for one
	words map[string]bool // of a boolean; the usual ones if there are none
	never float64         // what says that there is no value; 0 if nothing does
}

func (q quantity) read(n *roster.Note, source, number, payload string) {
	c := q.Channel
	c.Name = numbered(c.Name, number)
	text := strings.TrimSpace(payload)
	var v any = text
	if on, ok := q.words[text]; ok {
		v = on
	}
	value, isNumber := jsonpath.Number([]byte(text))
	if isNumber && value == q.never && value != 0 {
		n.Bad(source, c, text+": the device has no value")
		return
	}
	if isNumber && q.per != 0 {
		v = json.Number(strconv.FormatFloat(math.Round(value/q.per*1000)/1000, 'f', -1, 64))
	}
	n.Read(source, c, v)
}

// What a device of the first generation says when it does not know: see the ranges of its CoIoT description.
const (
	noTemperature = 999
	noHumidity    = 999
	noOther       = -1
)

var wattMinute = quantity{Channel: device.Channel{Name: "energy", Unit: "W.h"}, per: 60}

func plain(name string, unit device.Unit) quantity {
	return quantity{Channel: device.Channel{Name: name, Unit: unit}}
}

func measured(name string, unit device.Unit, never float64) quantity {
	return quantity{Channel: device.Channel{Name: name, Unit: unit}, never: never}
}

func switched(name string) quantity {
	return quantity{Channel: device.Channel{Name: name, Form: device.Boolean}}
}

func worded(name string) quantity {
	return quantity{Channel: device.Channel{Name: name, Form: device.Text}}
}

// gen1Quantities are by topic, with # for the number. An energy meter's energy, in watt-minutes since it was
// started, is left out for its total.
var gen1Quantities = map[string]quantity{
	"relay/#/power":  plain("power", "W"),
	"relay/#/energy": wattMinute,
	"relay/power":    plain("relay-power", "W"), // of both relays
	"roller/#/power": plain("power", "W"), "roller/#/energy": wattMinute,
	"light/#/power": plain("power", "W"), "light/#/energy": wattMinute,
	"white/#/power": plain("power", "W"), "white/#/energy": wattMinute,
	"color/#/power": plain("power", "W"), "color/#/energy": wattMinute,
	"emeter/#/power":          plain("power", "W"),
	"emeter/#/reactive_power": plain("reactive-power", "V.A{reactive}"),
	"emeter/#/voltage":        plain("voltage", "V"),
	"emeter/#/current":        plain("current", "A"),
	"emeter/#/pf":             plain("power-factor", ""),
	"emeter/#/total":          plain("energy", "W.h"),
	"emeter/#/total_returned": plain("energy-returned", "W.h"),
	"input/#":                 switched("input"),
	"adc/#":                   plain("voltage", "V"),
	"ext_temperature/#":       measured("ext-temperature", "Cel", noTemperature),
	"ext_humidity/#":          measured("ext-humidity", "%", noHumidity),
	"temperature":             measured("device-temperature", "Cel", noTemperature),
	"overtemperature":         switched("overtemperature"),
	"sensor/humidity":         measured("humidity", "%", noHumidity),
	"sensor/battery":          measured("battery", "%", noOther),
	"sensor/lux":              measured("illuminance", "lx", noOther),
	"sensor/illumination":     worded("illumination"),
	"sensor/tilt":             measured("tilt", "deg", noOther),
	"sensor/vibration":        switched("vibration"),
	"sensor/flood":            switched("flood"),
	"sensor/smoke":            switched("smoke"),
	"sensor/motion":           switched("motion"),
	"sensor/charger":          switched("charger"),
	"sensor/gas":              worded("gas"),
	"sensor/operation":        worded("operation"),
	"sensor/self_test":        worded("self-test"),
	"sensor/concentration":    measured("concentration", "[ppm]", noOther),
	"sensor/state":            {Channel: device.Channel{Name: "open", Form: device.Boolean}, words: map[string]bool{"open": true, "close": false}},
}

// slot is where an output is: shellies/ID/relay/1.
type slot struct {
	kind, number string
	at           string
}

func (s slot) source() string { return s.kind + "/" + s.number }

// name is that of the output itself, or of what else there is to set about it.
func (s slot) name(what string) string {
	if what == "" && s.number != "0" {
		what = s.kind
	}
	return numbered(what, s.number)
}

// gen1Readers are by topic, too.
var gen1Readers = map[string]func(*unit, *roster.Note, slot, family.Message, family.Sink){
	"relay/#":            (*unit).relay,
	"light/#":            (*unit).relay,
	"color/#":            (*unit).relay,
	"light/#/status":     (*unit).lamp,
	"color/#/status":     (*unit).lamp,
	"white/#/status":     (*unit).lamp,
	"roller/#":           (*unit).roller,
	"roller/#/pos":       (*unit).position,
	"sensor/temperature": (*unit).temperature,
	"status":             (*unit).motion,
	"info":               (*unit).info,
}

// relay takes what a relay or a light does: on, off, or overpower, which has switched it off.
func (u *unit) relay(n *roster.Note, s slot, m family.Message, to family.Sink) {
	switch string(m.Payload) {
	case "on", "off", "overpower":
		n.State(s.source(), s.onOff(), device.On(string(m.Payload) == "on"))
	default:
		doubt(m, "is neither on nor off", to)
	}
}

func (s slot) onOff() family.Output {
	return family.Output{Name: s.name(""), Takes: device.Channel{Form: device.Boolean}, Command: func(v device.Value) (family.Publication, error) {
		word := "off"
		if v.Bool() {
			word = "on"
		}
		if s.kind == "white" { // a white channel is set by JSON alone
			return family.Publication{Topic: s.at + "/set", Payload: []byte(`{"turn":"` + word + `"}`), QoS: 1}, nil
		}
		return family.Publication{Topic: s.at + "/command", Payload: []byte(word), QoS: 1}, nil
	}}
}

// lamp takes all that a light says of itself.
func (u *unit) lamp(n *roster.Note, s slot, m family.Message, to family.Sink) {
	o := roster.Object(m.Payload)
	if o == nil {
		doubt(m, "is no JSON object", to)
		return
	}
	if on, ok := o["ison"].(bool); ok {
		n.State(s.source(), s.onOff(), device.On(on))
	}
	for _, what := range []string{"brightness", "gain"} {
		percent(n, s.source()+"/"+what, family.Output{Name: s.name(what), Command: func(v device.Value) (family.Publication, error) {
			return family.Publication{Topic: s.at + "/set", Payload: fmt.Appendf(nil, `{"%s":%.0f}`, what, v.Number), QoS: 1}, nil
		}}, o[what])
	}
	if v, ok := o["power"].(json.Number); ok {
		n.Read(s.source()+"/power", device.Channel{Name: numbered("power", s.number), Unit: "W"}, v)
	}
}

// percent notes what an output of 0 to 100 % does. What is out of that is no state: -1 is for a shutter that does not
// know where it is.
func percent(n *roster.Note, source string, o family.Output, v any) {
	o.Takes = device.Channel{Unit: "%", Max: 100}
	value, ok := jsonpath.Number([]byte(roster.Plain(v)))
	if does, err := o.Takes.Fit(device.Of(value)); ok && err == nil {
		n.State(source, o, does)
	}
}

// moves are what a cover takes.
var moves = []string{"open", "close", "stop"}

// roller takes what a shutter does: open, close, or stop, which is also how it is when it stands.
func (u *unit) roller(n *roster.Note, s slot, m family.Message, to family.Sink) {
	word := string(m.Payload)
	if word != "open" && word != "close" && word != "stop" {
		doubt(m, "is none of open, close and stop", to)
		return
	}
	n.State(s.source(), family.Output{
		Name: s.name(""), Takes: device.Channel{Form: device.Text}, Options: moves,
		Command: func(v device.Value) (family.Publication, error) {
			return family.Publication{Topic: s.at + "/command", Payload: []byte(v.Text), QoS: 1}, nil
		},
	}, device.Words(word))
}

func (u *unit) position(n *roster.Note, s slot, m family.Message, _ family.Sink) {
	percent(n, s.source()+"/pos", family.Output{Name: s.name("position"), Command: func(v device.Value) (family.Publication, error) {
		return family.Publication{Topic: s.at + "/command/pos", Payload: fmt.Appendf(nil, "%.0f", v.Number), QoS: 1}, nil
	}}, string(m.Payload))
}

// temperature takes what a sensor measures, in °C or °F as it is set: only info tells.
func (u *unit) temperature(n *roster.Note, _ slot, m family.Message, _ family.Sink) {
	const topic = "sensor/temperature"
	c := device.Channel{Name: "temperature", Unit: family.Unit(u.scale)}
	switch value, _ := jsonpath.Number(m.Payload); {
	case value == noTemperature:
		n.Bad(topic, c, roster.Brief(m.Payload)+": the device has no value")
	case u.scale == "":
		c.Unit = "Cel"
		n.Doubtful(topic, c, string(m.Payload), "taken for °C; it is in °F if the device is set so, and it has not said")
	default:
		n.Read(topic, c, string(m.Payload))
	}
}

// motion takes the status of a motion sensor.
func (u *unit) motion(n *roster.Note, _ slot, m family.Message, _ family.Sink) {
	o := roster.Object(m.Payload)
	for _, member := range []struct {
		name string
		c    device.Channel
	}{
		{"motion", device.Channel{Name: "motion", Form: device.Boolean}},
		{"vibration", device.Channel{Name: "vibration", Form: device.Boolean}},
		{"lux", device.Channel{Name: "illuminance", Unit: "lx"}},
		{"bat", device.Channel{Name: "battery", Unit: "%"}},
	} {
		n.Read("status/"+member.name, member.c, single(o[member.name]))
	}
}

// single is v, unless it is an object or a list.
func single(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		return nil
	}
	return v
}

// info takes in what the device tells by HTTP, too: of that, the scale of its temperature.
func (u *unit) info(_ *roster.Note, _ slot, m family.Message, to family.Sink) {
	tmp, _ := roster.Object(m.Payload)["tmp"].(map[string]any)
	if scale, _ := tmp["units"].(string); scale != u.scale && (scale == "C" || scale == "F") {
		u.scale = scale
		to.Keep()
	}
}

// announced takes in what a device is, as it says when it was started or asked. id is the one that its topic has.
func (f *shelly) announced(id string, m family.Message, to family.Sink) {
	var a struct {
		ID    string `json:"id"`
		Model string `json:"model"`
		MAC   string `json:"mac"`
		Gen   int    `json:"gen"`
	}
	if !jsonpath.Valid(m.Payload) || json.Unmarshal(m.Payload, &a) != nil || a.ID == "" || len(a.ID) > 64 || strings.ContainsAny(a.ID, "/+#\x00") {
		doubt(m, "does not announce a device", to)
		return
	}
	if a.Gen > 1 { // a script of Shelly's makes later generations announce themselves like the first
		return
	}
	if id == "" {
		id = a.ID
	}
	u := f.find(gen1Base+id, mac(a.ID), false, to)
	if u == nil {
		return
	}
	n := f.roster.Note(u.member, m, to)
	if id := mac(a.MAC); id != "" {
		n.Identify(id)
	}
	if a.Model != "" && len(a.Model) <= 64 {
		n.Model("Shelly " + a.Model)
	}
	n.End(true)
}

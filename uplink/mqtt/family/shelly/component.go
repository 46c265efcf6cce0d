package shelly

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// member is a value in the status of a component.
type member struct {
	path string // with dots
	device.Channel
}

func number(path, name string, unit device.Unit) member {
	return member{path, device.Channel{Name: name, Unit: unit}}
}

func flag(path, name string) member {
	return member{path, device.Channel{Name: name, Form: device.Boolean}}
}

func text(path, name string) member {
	return member{path, device.Channel{Name: name, Form: device.Text}}
}

// load is what most components tell that measure what goes through them.
var load = []member{
	number("apower", "power", "W"), number("voltage", "voltage", "V"), number("current", "current", "A"), number("pf", "power-factor", ""),
	number("freq", "frequency", "Hz"), number("aenergy.total", "energy", "W.h"), number("ret_aenergy.total", "energy-returned", "W.h"),
	number("temperature.tC", "device-temperature", "Cel"),
}

// components are what there is in the status of a component, by its kind
// (shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices).
var components = map[string][]member{
	"switch": load, "pm1": load, "light": load, "rgb": load, "rgbw": load,
	"cover":       append([]member{text("state", "cover-state")}, load...),
	"cct":         append([]member{number("ct", "color-temperature", "K")}, load...),
	"input":       {flag("state", "input"), number("percent", "input-percent", "%"), number("counts.total", "input-count", ""), number("freq", "input-frequency", "Hz")},
	"temperature": {number("tC", "temperature", "Cel")},
	"humidity":    {number("rh", "humidity", "%")},
	"devicepower": {number("battery.percent", "battery", "%"), number("battery.V", "battery-voltage", "V"), flag("external.present", "external-power")},
	"illuminance": {number("lux", "illuminance", "lx"), text("illumination", "illumination")},
	"smoke":       {flag("alarm", "smoke")},
	"flood":       {flag("alarm", "flood")},
	"voltmeter":   {number("voltage", "voltage", "V")},
	"wifi":        {number("rssi", "wifi-signal", "dB[mW]")},
	"em": append([]member{
		number("n_current", "current-n", "A"), number("total_current", "current", "A"), number("total_act_power", "power", "W"),
		number("total_aprt_power", "apparent-power", "V.A"),
	}, phases(
		number("voltage", "voltage", "V"), number("current", "current", "A"), number("act_power", "power", "W"),
		number("aprt_power", "apparent-power", "V.A"), number("pf", "power-factor", ""), number("freq", "frequency", "Hz"),
	)...),
	"em1": {
		number("voltage", "voltage", "V"), number("current", "current", "A"), number("act_power", "power", "W"),
		number("aprt_power", "apparent-power", "V.A"), number("pf", "power-factor", ""), number("freq", "frequency", "Hz"),
	},
	"emdata": append([]member{number("total_act", "energy", "W.h"), number("total_act_ret", "energy-returned", "W.h")}, phases(
		number("total_act_energy", "energy", "W.h"), number("total_act_ret_energy", "energy-returned", "W.h"),
	)...),
	"em1data": {number("total_act_energy", "energy", "W.h"), number("total_act_ret_energy", "energy-returned", "W.h")},
}

// phases are members for each phase: a_voltage is voltage-a.
func phases(of ...member) []member {
	var all []member
	for _, phase := range []string{"a", "b", "c"} {
		for _, m := range of {
			m.path, m.Name = phase+"_"+m.path, m.Name+"-"+phase
			all = append(all, m)
		}
	}
	return all
}

// component takes the status of one, or what has changed in it.
func (u *unit) component(n *roster.Note, key string, o map[string]any) {
	kind, id, _ := strings.Cut(key, ":")
	if index, err := strconv.ParseUint(id, 10, 16); id != "" && (err != nil || strconv.FormatUint(index, 10) != id) {
		return
	}
	for _, m := range components[kind] {
		m.Name = numbered(m.Name, id)
		n.Read(key+"."+m.path, m.Channel, at(o, m.path))
	}
	p := part{u.at, kind, id}
	switch kind {
	case "sys":
		u.wakes(n, o["wakeup_period"])
	case "switch", "light", "rgb", "rgbw", "cct":
		p.light(n, o)
	case "cover":
		p.cover(n, o)
	case "boolean", "number", "text", "enum":
		p.virtual(n, o["value"])
	}
}

// at returns the value at a path, nil if there is none.
func at(o map[string]any, path string) any {
	for {
		name, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			return single(o[name])
		}
		o, _ = o[name].(map[string]any)
		path = rest
	}
}

// wakes takes how often a device wakes up that sleeps.
func (u *unit) wakes(n *roster.Note, v any) {
	number, _ := v.(json.Number)
	if seconds, ok := jsonpath.Number([]byte(number)); ok && seconds > 0 && seconds < 1e7 {
		u.sleeps = true
		n.Every(time.Duration(seconds) * time.Second)
	}
}

// part is a component that can be commanded.
type part struct {
	at, kind, id string
}

func (p part) source() string { return p.kind + ":" + p.id }

// name is that of the part itself, or of what else there is to set about it.
func (p part) name(what string) string {
	if what == "" && p.id != "0" {
		what = p.kind
	}
	return numbered(what, p.id)
}

// methods are what the calls of a component begin with.
var methods = map[string]string{
	"switch": "Switch", "light": "Light", "rgb": "RGB", "rgbw": "RGBW", "cct": "CCT", "cover": "Cover",
	"boolean": "Boolean", "number": "Number", "text": "Text", "enum": "Enum",
}

func (p part) call(method, param string, v any) (family.Publication, error) {
	id, err := strconv.Atoi(p.id)
	if err != nil {
		return family.Publication{}, err
	}
	params := map[string]any{"id": id}
	if param != "" {
		params[param] = v
	}
	return call(p.at, methods[p.kind]+"."+method, params)
}

// light takes what a switch or a light does.
func (p part) light(n *roster.Note, o map[string]any) {
	if p.id == "" {
		return
	}
	if on, ok := o["output"].(bool); ok {
		n.State(p.source(), family.Output{
			Name: p.name(""), Takes: device.Channel{Form: device.Boolean},
			Command: func(v device.Value) (family.Publication, error) { return p.call("Set", "on", v.Bool()) },
		}, device.On(on))
	}
	percent(n, p.source()+".brightness", family.Output{
		Name: p.name("brightness"),
		Command: func(v device.Value) (family.Publication, error) {
			return p.call("Set", "brightness", math.Round(v.Number))
		},
	}, o["brightness"])
}

// courses are what a cover does, by its state.
var courses = map[string]string{"open": "open", "opening": "open", "closed": "close", "closing": "close", "stopped": "stop"}

// covering are the calls that moves make.
var covering = map[string]string{"open": "Open", "close": "Close", "stop": "Stop"}

func (p part) cover(n *roster.Note, o map[string]any) {
	if p.id == "" {
		return
	}
	state, _ := o["state"].(string)
	if course, ok := courses[state]; ok {
		n.State(p.source(), family.Output{
			Name: p.name(""), Takes: device.Channel{Form: device.Text}, Options: moves,
			Command: func(v device.Value) (family.Publication, error) {
				return p.call(covering[v.Text], "", nil)
			},
		}, device.Words(course))
	}
	percent(n, p.source()+".pos", family.Output{
		Name: p.name("position"),
		Command: func(v device.Value) (family.Publication, error) {
			return p.call("GoToPosition", "pos", math.Round(v.Number))
		},
	}, o["current_pos"])
}

// maxText is how long a text of a virtual component may be; devices take 255 bytes.
const maxText = 1 << 10

// forms are those of virtual components.
var forms = map[string]device.Form{"boolean": device.Boolean, "number": device.Number, "text": device.Text, "enum": device.Text}

// virtual takes the value of a virtual component, which a script of the device or a person makes.
func (p part) virtual(n *roster.Note, v any) {
	if p.id == "" {
		return
	}
	o := family.Output{Name: p.name("")}
	var does device.Value
	switch v := v.(type) {
	case bool:
		does = device.On(v)
		o.Command = func(v device.Value) (family.Publication, error) { return p.call("Set", "value", v.Bool()) }
	case json.Number:
		value, ok := jsonpath.Number([]byte(v))
		if !ok {
			return
		}
		does = device.Of(value)
		o.Command = func(v device.Value) (family.Publication, error) { return p.call("Set", "value", v.Number) }
	case string:
		if len(v) > maxText {
			return
		}
		does = device.Words(v)
		o.Command = func(v device.Value) (family.Publication, error) { return p.call("Set", "value", v.Text) }
	default:
		return
	}
	o.Takes.Form = does.Form
	if does.Form == forms[p.kind] {
		n.State(p.source(), o, does)
	}
}

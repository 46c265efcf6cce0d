package homeassistant

import (
	"encoding/json"
	"slices"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/jinja"
)

// A light's brightness goes up to its own scale, and its colour is in mired or kelvin, as the config has it.

func (b *builder) light() {
	switch b.config.textOr("schema", "basic") {
	case "json":
		b.lightInJSON()
	case "template":
		b.lightByTemplates()
	default:
		b.lightByTopics()
	}
}

func (b *builder) brightness() device.Channel {
	return device.Channel{Max: max(1, b.config.number("brightness_scale", 255))}
}

func (b *builder) colour() device.Channel {
	if b.config.flag("color_temp_kelvin") {
		return device.Channel{Unit: "K", Min: b.config.number("min_kelvin", 2000), Max: b.config.number("max_kelvin", 6535)}
	}
	return device.Channel{Unit: "{mired}", Min: b.config.number("min_mireds", 153), Max: b.config.number("max_mireds", 500)}
}

func (b *builder) lightByTopics() {
	w := b.switched("payload_on", "ON", "payload_off", "OFF", "payload_on", "payload_off")
	b.output(part{takes: device.Channel{Form: device.Boolean}, wire: w}, under(""))
	b.limited("brightness", "brightness_", b.brightness(), whole(numbers(1, 0)))
	b.limited("color-temperature", "color_temp_", b.colour(), whole(numbers(1, 0)))
	b.chosen("effect", "effect_", "effect_list")
}

// member is what one member of a JSON object says, in the way of a template; an object without it says nothing.
func member(name string, read func(string) (device.Value, error)) func(string) (device.Value, error) {
	path := jsonpath.Member(name)
	return func(text string) (device.Value, error) {
		raw := []byte(text)
		if !jsonpath.Valid(raw) {
			return read(text) // which says what is wrong
		}
		v := path.Find(raw)
		if v.Absent || v.Null || v.Group {
			return device.Value{}, errUnknown
		}
		return read(string(v.Text))
	}
}

// stateMember reads the member state of an object, or else the text itself.
func stateMember(read func(string) (device.Value, error)) func(string) (device.Value, error) {
	inObject := member("state", read)
	return func(text string) (device.Value, error) {
		if text != "" && text[0] == '{' {
			return inObject(text)
		}
		return read(text)
	}
}

// lightInJSON has all in one object, {"state": "ON", "brightness": 255}, both ways.
func (b *builder) lightInJSON() {
	modes := b.config.texts("supported_color_modes")
	bright := b.config.flag("brightness") || slices.ContainsFunc(modes, func(m string) bool { return m != "onoff" })
	topic := b.config.text("command_topic")
	if !usable(topic) {
		topic = ""
	}
	state, _ := b.from("state_topic")
	add := func(name, suffix string, takes device.Channel, w wire) {
		w.read = member(name, w.read)
		p := part{suffix: suffix, takes: takes, wire: w}
		if topic == "" {
			return
		}
		b.commanded(p, state, topic, func(v device.Value) ([]byte, error) {
			message := map[string]any{"state": "ON"}
			message[name] = w.write(v)
			return json.Marshal(message)
		})
	}
	add("state", "", device.Channel{Form: device.Boolean}, flags("ON", "OFF", "ON", "OFF"))
	if bright {
		add("brightness", "brightness", b.brightness(), whole(numbers(1, 0)))
	}
	if b.config.flag("color_temp") || slices.Contains(modes, "color_temp") {
		add("color_temp", "color-temperature", b.colour(), whole(numbers(1, 0)))
	}
	if b.config.flag("effect") {
		add("effect", "effect", device.Channel{Form: device.Text}, texts)
	}
}

// lightByTemplates has templates that make a message of what is to change: state, brightness, color_temp.
func (b *builder) lightByTemplates() {
	on, ok1 := b.template([]string{"command_on_template"}, lightNames...)
	off, ok2 := b.template([]string{"command_off_template"}, lightNames...)
	topic := b.config.text("command_topic")
	if !ok1 || !ok2 || on == nil || off == nil || topic == "" || !usable(topic) {
		return
	}
	add := func(name, suffix, template string, takes device.Channel, w wire) {
		state, ok := b.from("state_topic", template)
		if !ok {
			return
		}
		p := part{suffix: suffix, takes: takes, wire: w, silent: !b.config.has(template)}
		b.commanded(p, state, topic, func(v device.Value) ([]byte, error) {
			by, vars := on, map[string]any{"state": true}
			switch {
			case name != "state":
				vars[name] = w.write(v)
			case !v.Bool():
				by, vars = off, map[string]any{"state": false}
			}
			r, err := by.Eval(jinja.Input{Vars: vars})
			return []byte(r.Text), err
		})
	}
	add("state", "", "state_template", device.Channel{Form: device.Boolean}, flags("on", "off", "on", "off"))
	if b.config.has("brightness_template") {
		add("brightness", "brightness", "brightness_template", device.Channel{Max: 255}, whole(numbers(1, 0)))
	}
	if b.config.has("color_temp_template") {
		add("color_temp", "color-temperature", "color_temp_template", b.colour(), whole(numbers(1, 0)))
	}
}

// lightNames are the variables that Home Assistant gives the templates of a light.
var lightNames = []string{"state", "brightness", "color_temp", "hue", "sat", "red", "green", "blue", "flash", "transition", "effect"}

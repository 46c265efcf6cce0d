package esphome

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// object is a component of a node: kitchen/switch/fan_2.
type object struct {
	at, kind, id string
}

func (o object) source() string { return o.kind + "/" + o.id }

// topic is one of the object's.
func (o object) topic(what string) string { return o.at + "/" + o.kind + "/" + o.id + "/" + what }

// components are what reads the state of a component, by KIND/WHAT of topics KIND/OBJECT/WHAT. It says why it cannot.
var components = map[string]func(n *roster.Note, o object, payload string) (why string){
	"sensor/state":          sensor,
	"text_sensor/state":     sensor,
	"binary_sensor/state":   binary,
	"switch/state":          onOff,
	"fan/state":             onOff,
	"fan/speed_level/state": speed,
	"light/state":           light,
	"number/state":          number,
	"select/state":          choice,
	"cover/state":           cover,
	"cover/position/state":  position,
}

// sensor takes a number, or the text of a text sensor, whose topic is the same.
func sensor(n *roster.Note, o object, payload string) string {
	c := device.Channel{Name: family.LaneOf(o.id)}
	text := strings.TrimSpace(payload)
	_, isNumber := jsonpath.Number([]byte(text))
	switch {
	case strings.EqualFold(text, "nan"):
		n.Bad(o.source(), c, roster.Brief([]byte(payload))+": the sensor has no value")
		return ""
	case !isNumber:
		c.Form = device.Text
	}
	n.Read(o.source(), c, payload)
	return ""
}

func binary(n *roster.Note, o object, payload string) string {
	c := device.Channel{Name: family.LaneOf(o.id), Form: device.Boolean}
	if on, ok := roster.Switched(payload); ok {
		n.Read(o.source(), c, on)
		return ""
	}
	return "is neither ON nor OFF"
}

// words are what an output that is on or off takes.
func words(on bool) string {
	if on {
		return "ON"
	}
	return "OFF"
}

// output is one of the object's; what is "" for its main one.
func (o object) output(what string, takes device.Channel, topic string, payload func(device.Value) string) (source string, out family.Output) {
	topic = o.topic(topic)
	return o.source() + "/" + what, family.Output{
		Name: family.Slug(o.id + " " + what), Takes: takes,
		Command: func(v device.Value) (family.Publication, error) {
			return family.Publication{Topic: topic, Payload: []byte(payload(v)), QoS: 1}, nil
		},
	}
}

func onOff(n *roster.Note, o object, payload string) string {
	on, ok := roster.Switched(payload)
	if !ok {
		return "is neither ON nor OFF"
	}
	source, out := o.output("", device.Channel{Form: device.Boolean}, "command", func(v device.Value) string { return words(v.Bool()) })
	n.State(source, out, device.On(on))
	return ""
}

// whole writes a number without decimals.
func whole(v device.Value) string { return strconv.FormatFloat(math.Round(v.Number), 'f', 0, 64) }

// speed takes a fan's, in steps; how many there are is not said.
func speed(n *roster.Note, o object, payload string) string {
	value, ok := jsonpath.Number([]byte(payload))
	if !ok {
		return "is not a number"
	}
	source, out := o.output("speed", device.Channel{}, "speed_level/command", whole)
	n.State(source, out, device.Of(value))
	return ""
}

// light takes the JSON of a light. Its brightness, of 0 to 255, is told in whole %: the node cuts off what it does not
// show, so that the next number above what is wanted is what comes back as that.
func light(n *roster.Note, o object, payload string) string {
	state := roster.Object([]byte(payload))
	if state == nil {
		return "is no JSON object"
	}
	text, _ := state["state"].(string)
	if on, ok := roster.Switched(text); ok {
		source, out := o.output("", device.Channel{Form: device.Boolean}, "command", func(v device.Value) string {
			return `{"state":"` + words(v.Bool()) + `"}`
		})
		n.State(source, out, device.On(on))
	}
	level, _ := state["brightness"].(json.Number)
	if value, ok := jsonpath.Number([]byte(level)); ok && value >= 0 && value <= 255 {
		source, out := o.output("brightness", percent, "command", func(v device.Value) string {
			return fmt.Sprintf(`{"brightness":%d}`, int(math.Ceil(v.Number*2.55-1e-9)))
		})
		n.State(source, out, device.Of(math.Round(value/2.55)))
	}
	return ""
}

var percent = device.Channel{Unit: "%", Max: 100}

func number(n *roster.Note, o object, payload string) string {
	value, ok := jsonpath.Number([]byte(payload))
	switch {
	case strings.EqualFold(payload, "nan"): // nobody has set it yet
		return ""
	case !ok:
		return "is not a number"
	}
	source, out := o.output("", device.Channel{}, "command", func(v device.Value) string { return strconv.FormatFloat(v.Number, 'f', -1, 64) })
	n.State(source, out, device.Of(value))
	return ""
}

// maxChoice is how long an option may be, in bytes.
const maxChoice = 256

func choice(n *roster.Note, o object, payload string) string {
	if len(payload) > maxChoice || !utf8.ValidString(payload) {
		return "is no option"
	}
	source, out := o.output("", device.Channel{Form: device.Text}, "command", func(v device.Value) string { return v.Text })
	n.State(source, out, device.Words(payload))
	return ""
}

// courses are what a cover does, by its state.
var courses = map[string]string{"open": "open", "opening": "open", "closed": "close", "closing": "close", "stopped": "stop"}

func cover(n *roster.Note, o object, payload string) string {
	course, ok := courses[payload]
	if !ok {
		return "is no state of a cover"
	}
	source, out := o.output("", device.Channel{Form: device.Text}, "command", func(v device.Value) string { return strings.ToUpper(v.Text) })
	out.Options = []string{"open", "close", "stop"}
	n.State(source, out, device.Words(course))
	return ""
}

func position(n *roster.Note, o object, payload string) string {
	value, ok := jsonpath.Number([]byte(payload))
	if does, err := percent.Fit(device.Of(value)); ok && err == nil {
		source, out := o.output("position", percent, "position/command", whole)
		n.State(source, out, does)
		return ""
	}
	return "is not 0 to 100"
}

package tasmota

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// power takes a state that has a topic of its own.
func (u *unit) power(n *roster.Note, m family.Message, to family.Sink) {
	if len(m.Payload) > 0 && m.Payload[0] == '{' {
		u.state(n, m, to)
		return
	}
	key := m.Topic[strings.LastIndexByte(m.Topic, '/')+1:]
	if len(m.Payload) > 0 && !u.switched(n, key, string(m.Payload)) {
		doubt(m, "is neither "+u.on+" nor "+u.off, to)
	}
}

// switched notes what a relay does, unless text says neither on nor off.
func (u *unit) switched(n *roster.Note, key, text string) bool {
	var on bool
	switch text {
	case u.on:
		on = true
	case u.off:
	case "ON", "1": // as it is called in a device whose StateText nobody knows
		on = true
	case "OFF", "0":
	default:
		return false
	}
	if i := relay(key); !u.shutters[i] {
		source, o := u.switching(i, key)
		n.State(source, o, device.On(on))
	}
	return true
}

// state takes a STATE, or the part of one that answers a command: cmnd/…/STATE is answered on stat/…/RESULT.
func (u *unit) state(n *roster.Note, m family.Message, to family.Sink) {
	o := object(m, to)
	if inner, ok := o["StatusSTS"].(map[string]any); ok {
		o = inner
	}
	told(n, o)
	for _, key := range sorted(o) {
		v := o[key]
		switch text := roster.Plain(v); {
		case relay(key) > 0:
			if !u.switched(n, key, text) {
				doubt(m, "has a "+key+" that is neither "+u.on+" nor "+u.off, to)
			}
		case key == "Dimmer":
			source, o := u.dimmer()
			does(n, source, o, v)
		case key == "CT":
			does(n, key, u.colour(), v)
		case key == "HSBColor":
			n.Read(key, device.Channel{Name: "hsb-color", Form: device.Text}, v)
		case key == "UptimeSec":
			n.Read(key, device.Channel{Name: "uptime", Unit: "s"}, v)
		case key == "Vcc":
			n.Read(key, device.Channel{Name: "vcc", Unit: "V"}, v)
		case key == "BatteryPercentage":
			n.Read(key, device.Channel{Name: "battery", Unit: "%"}, v)
		case key == "Wifi":
			wifi(n, v)
		default:
			u.shutter(n, key, v)
		}
	}
}

// wifi takes how well the device hears its access point: RSSI is a quality in %, and Signal what others call RSSI.
func wifi(n *roster.Note, v any) {
	o, _ := v.(map[string]any)
	if v, ok := o["RSSI"].(json.Number); ok {
		n.Read("Wifi.RSSI", device.Channel{Name: "wifi-quality", Unit: "%"}, v)
	}
	if v, ok := o["Signal"].(json.Number); ok {
		n.Read("Wifi.Signal", device.Channel{Name: "wifi-signal", Unit: "dB[mW]"}, v)
	}
}

// shutter takes where a shutter is. It reports whether key is of one.
func (u *unit) shutter(n *roster.Note, key string, v any) bool {
	rest, ok := strings.CutPrefix(key, "Shutter")
	i := number(rest, 16)
	if !ok || i == 0 {
		return false
	}
	o, _ := v.(map[string]any)
	does(n, key, u.number(strings.ToLower(key), "ShutterPosition"+rest, device.Channel{Unit: "%", Max: 100}), o["Position"])
	return true
}

func (u *unit) dimmer() (source string, o family.Output) {
	return "Dimmer", u.number("dimmer", "Dimmer", device.Channel{Unit: "%", Max: 100})
}

func (u *unit) colour() family.Output {
	return u.number("ct", "CT", device.Channel{Unit: "{mired}", Min: 153, Max: 500})
}

// number is an output that takes whole numbers.
func (u *unit) number(name, command string, takes device.Channel) family.Output {
	topic := u.cmnd + command
	return family.Output{Name: name, Takes: takes, Command: func(v device.Value) (family.Publication, error) {
		return family.Publication{Topic: topic, Payload: strconv.AppendInt(nil, int64(math.Round(v.Number)), 10), QoS: 1}, nil
	}}
}

// does notes what an output that takes numbers does.
func does(n *roster.Note, source string, o family.Output, v any) {
	value, ok := jsonpath.Number([]byte(roster.Plain(v)))
	if !ok {
		return
	}
	if does, err := o.Takes.Fit(device.Of(value)); err == nil {
		n.State(source, o, does)
		return
	}
	n.Bad(source, device.Channel{Name: o.Name}, fmt.Sprintf("%s says %v, which is out of range", source, value))
}

// told notes when a message was made, if it says so with its time zone. The local time that most devices have is no
// time here: nobody knows where they are.
func told(n *roster.Note, o map[string]any) {
	text, _ := o["Time"].(string)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		n.At(t)
	}
}

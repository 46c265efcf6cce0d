package survey

import (
	"bytes"
	"slices"
	"strings"
)

// components are the kinds of things that ESPHome has in its topics (esphome.io/components/mqtt).
var components = []string{
	"alarm_control_panel", "binary_sensor", "button", "climate", "cover", "fan", "light", "lock", "number", "select",
	"sensor", "switch", "text", "text_sensor", "valve",
}

// Family guesses what kind of device has published a message, by the shape of its topic and its payload. It is "" for
// one that looks like none. base is the topic that its devices are below, where that is not the usual one.
func Family(topic string, payload []byte) (family, base string) {
	levels := strings.Split(topic, "/")
	first, last := levels[0], levels[len(levels)-1]
	at := func(i int) string {
		if i < len(levels) {
			return levels[i]
		}
		return ""
	}
	switch {
	case first == "spBv1.0" && len(levels) >= 4, first == "spBv1.0" && at(1) == "STATE":
		return "sparkplug", ""
	case first == "homeassistant" && last == "config" && len(levels) >= 4:
		return "homeassistant", ""
	case first == "zigbee2mqtt":
		return "zigbee2mqtt", ""
	case at(1) == "bridge" && slices.Contains([]string{"state", "info", "devices", "groups", "definitions", "extensions", "health"}, at(2)) && len(levels) == 3:
		return "zigbee2mqtt", first
	case first == "tasmota" && at(1) == "discovery", isTasmota(levels):
		return "tasmota", ""
	case first == "shellies" && len(levels) > 1, isShelly2(levels, payload):
		return "shelly", ""
	case len(levels) >= 3 && strings.HasSuffix(at(len(levels)-2), "toMQTT"):
		return "theengs", ""
	case first == "esphome" && at(1) == "discover",
		len(levels) == 4 && slices.Contains(components, at(1)) && slices.Contains([]string{"state", "command"}, last):
		return "esphome", ""
	}
	return "", ""
}

// isTasmota knows its prefixes, before or behind the name of the device, by what stands behind them.
func isTasmota(levels []string) bool {
	if len(levels) < 3 {
		return false
	}
	last := levels[len(levels)-1]
	if i := strings.IndexAny(last, "0123456789"); i > 0 {
		last = last[:i]
	}
	return (isPrefix(levels[0]) || isPrefix(levels[len(levels)-2])) &&
		slices.Contains([]string{"LWT", "STATE", "SENSOR", "RESULT", "POWER", "INFO", "STATUS", "UPTIME", "HASS_STATE"}, last)
}

func isPrefix(level string) bool { return level == "tele" || level == "stat" || level == "cmnd" }

// isShelly2 knows devices of the second generation: what they notify of, or a topic with the name that they have
// from their maker.
func isShelly2(levels []string, payload []byte) bool {
	n := len(levels)
	switch {
	case n >= 3 && levels[n-2] == "events" && levels[n-1] == "rpc":
		return bytes.Contains(payload, []byte(`"Notify`))
	case n >= 2 && strings.HasPrefix(levels[0], "shelly"):
		return levels[1] == "status" || levels[1] == "online" || levels[1] == "rpc" || levels[1] == "command"
	}
	return false
}

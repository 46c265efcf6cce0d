// Package zigbee2mqtt understands what Zigbee2MQTT 1.x and 2.x publish of the devices of a Zigbee network
// (www.zigbee2mqtt.io, "MQTT topics and messages" and "Exposes").
//
// # Who is there
//
// The retained list bridge/devices says which devices there are, and what each has to tell and can be told. A device is
// known by the address of its radio; one that is renamed stays the same device, and one that the list does not have any
// more is gone. The coordinator is no device, and neither is one that is disabled in Zigbee2MQTT, as long as it is.
// Groups are none either: their members say what they do. Until there has been a list, what publishes a state is taken
// as a device with readings alone, of the units that are certain by the names of its attributes.
//
// # What they say
//
// A state is a JSON object on the topic of the device, or each attribute has a topic of its own (advanced.output). Where
// both come, the object counts. Each attribute that is exposed becomes a channel: a binary one is true for its value_on,
// but one that is published as true or false stays as it is published, so that contact is true while it is closed. The
// parts of an object, as of color, are channels of their own: color-x. Lists are left out, and so are update (there is
// newer firmware) and device (who it is). Null, or an empty text, says nothing.
//
// With last_seen in a state (advanced.last_seen), that is the time of its readings: then even those that a broker kept,
// or Zigbee2MQTT sends from its memory after a start, have the time at which they were true.
//
// # What they can be told
//
// What can be set of a switch, light, cover, lock, fan or climate is an output: its state is the device's own, as ON and
// OFF, or as the words that are its: OPEN, CLOSE and STOP, LOCK and UNLOCK. A thermostat's own is its system_mode if it
// has no state. Of a switch with several gangs none is the main one: each is an output with the name of its endpoint,
// "left" or "l1". Everything else is called by its property: "brightness". Settings (sensitivity, calibration, what to
// do after a power cut) are channels only: a twin for each would bury the device. Nor is a color an output, for it has
// two numbers.
//
// # Whether they are there
//
// While Zigbee2MQTT itself is away, so are all devices. Otherwise a device is there or not as its topic availability
// says. That feature is off unless configured; without it nobody knows how long a silence means something, because
// devices report when something has changed. So no device has an interval that it must keep.
package zigbee2mqtt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// What one network may make us remember. A coordinator bears a few hundred devices.
const (
	maxDevices = 1000
	maxName    = 256 // bytes of a friendly name
	maxFields  = 128 // attributes of a device; thermostats have about 60
)

// New returns the family of those under a base topic, "zigbee2mqtt" if it is empty.
func New(base string) family.Family {
	n := &network{base: cmp.Or(base, "zigbee2mqtt"), prefix: "zigbee2mqtt/", things: map[string]*thing{}, online: map[string]bool{}}
	if n.base != "zigbee2mqtt" {
		n.prefix += n.base + "/"
	}
	return n
}

// network is one Zigbee2MQTT.
type network struct {
	base    string
	prefix  string            // of the IDs of devices of which only the name is known
	things  map[string]*thing // by friendly name
	listed  bool              // bridge/devices has come, so that nothing else is a device
	offline bool              // bridge/state says so
	online  map[string]bool   // what availability says, by friendly name: it may come before the device is known
}

// Filters overlap nowhere, since a broker may send what matches two of them twice. The second is for availability, for
// attributes on topics of their own, and for the topics bridge/devices and bridge/state.
func (n *network) Filters() []string { return []string{n.base + "/+", n.base + "/+/+"} }

func (n *network) Take(m family.Message, to family.Sink) {
	rest, ok := strings.CutPrefix(m.Topic, n.base+"/")
	if !ok || !utf8.ValidString(rest) {
		return
	}
	switch rest {
	case "bridge/state":
		n.bridge(m, to)
		return
	case "bridge/devices":
		n.list(m, to)
		return
	}
	switch name, attribute := n.split(rest); {
	case name == "" || name == "bridge" || len(name) > maxName:
	case attribute == "":
		n.state(name, m, to)
	case attribute == "availability":
		n.available(name, m, to)
	case attribute != "set" && attribute != "get":
		n.attribute(name, attribute, m, to)
	}
}

// split finds the device that a topic is of, and the attribute; a name may have slashes. Both are empty if there is no
// such device.
func (n *network) split(rest string) (name, attribute string) {
	head, tail := rest, ""
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		head, tail = rest[:i], rest[i+1:]
	}
	switch {
	case n.things[rest] != nil:
		return rest, ""
	case tail == "availability", tail != "" && n.things[head] != nil:
		return head, tail
	case n.listed || strings.Contains(head, "/"):
		return "", ""
	}
	return head, tail
}

// bridge takes in whether Zigbee2MQTT itself is there.
func (n *network) bridge(m family.Message, to family.Sink) {
	on, ok := online(m, to)
	if !ok {
		return
	}
	n.offline = !on
	for _, name := range slices.Sorted(maps.Keys(n.things)) {
		n.presence(n.things[name], m.Topic, to)
	}
}

// available takes in whether a device is there.
func (n *network) available(name string, m family.Message, to family.Sink) {
	_, known := n.online[name]
	switch on, ok := online(m, to); {
	case !ok && len(m.Payload) > 0:
		return
	case !ok:
		delete(n.online, name)
	case known || len(n.online) < 2*maxDevices:
		n.online[name] = on
	}
	if t := n.things[name]; t != nil {
		n.presence(t, m.Topic, to)
	}
}

// online reads "online", as 1.x wrote it at first, or {"state":"online"}.
func online(m family.Message, to family.Sink) (on, ok bool) {
	word := bytes.TrimSpace(m.Payload)
	if jsonpath.Valid(word) {
		if v := jsonpath.Member("state").Find(word); !v.Absent {
			word = v.Text
		}
	}
	switch string(word) {
	case "online":
		return true, true
	case "offline":
		return false, true
	case "": // taken away, as after a device was renamed
	default:
		to.Doubt(family.Problem{
			Kind: "presence", Text: fmt.Sprintf("%.200s says %.40q, neither online nor offline", m.Topic, m.Payload),
			Remedy: "see who else publishes there",
		})
	}
	return false, false
}

// presence tells whether a device is there, as far as anything says so.
func (n *network) presence(t *thing, by string, to family.Sink) {
	r := family.Report{Presence: family.Away}
	topic := n.base + "/" + t.name + "/availability"
	switch on, said := n.online[t.name]; {
	case n.offline:
		topic = n.base + "/bridge/state"
	case said && !on:
	case said || t.away:
		r.Presence = family.There
	default:
		return
	}
	t.away = r.Presence == family.Away
	if t.away {
		r.Why = "says offline"
		if topic != by {
			r.Why = topic + " " + r.Why
		}
	}
	to.Report(t.id, r)
}

// state takes in what a device says of itself in a JSON object.
func (n *network) state(name string, m family.Message, to family.Sink) {
	payload := bytes.TrimSpace(m.Payload)
	if len(payload) == 0 || name == "set" || name == "get" {
		return // taken away, as after a device was renamed
	}
	var object map[string]json.RawMessage
	if !utf8.Valid(payload) || !jsonpath.Valid(payload) || json.Unmarshal(payload, &object) != nil {
		if t := n.things[name]; t != nil {
			to.Report(t.id, family.Report{Readings: []device.NamedReading{bad("device-state", "%.40q is no JSON object", payload)}})
		}
		return
	}
	n.report(name, said{attributes(object), moment(object["last_seen"]), true}, to)
}

// attribute takes in one attribute that has a topic of its own.
func (n *network) attribute(name, key string, m family.Message, to family.Sink) {
	text := bytes.TrimSpace(m.Payload)
	known := n.things[name]
	switch {
	case len(text) == 0 || leftOut(key) || known != nil && known.whole:
	case known == nil && (text[0] == '{' || text[0] == '['): // rather a state, of a device whose name has a slash
	case !utf8.Valid(text) || len(key) > maxName:
	default:
		n.report(name, said{attributes: []attribute{{key: key, value: jsonpath.Value{Text: text}}}}, to)
	}
}

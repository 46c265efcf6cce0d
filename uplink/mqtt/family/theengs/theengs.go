// Package theengs understands what OpenMQTTGateway and Theengs Gateway publish of what they hear by radio
// (docs.openmqttgateway.com, gateway.theengs.io): sensors that advertise by Bluetooth LE and were decoded by the Theengs
// decoder (decoder.theengs.io), and the gateways themselves.
//
// # Which devices
//
// A device is known by its address, whichever gateways hear it, and its readings are what the last that heard it says;
// its rssi and distance are from there. Thousands of phones and earphones pass by a gateway that publishes all it hears,
// so a twin is made only of what says something that is measured, or has a brand or a model. An rssi and data that nobody
// has decoded are not enough, nor is the brand GENERIC alone, under which go iBeacons and contact tracing; and what
// changes its address (type RMAC, or prmac) has no twin at all.
//
// A gateway is a device too, once it has told of itself on SYStoMQTT, with the codes of remote controls that it receives:
// code-433, code-ir, as text, since they are names and no numbers. What rtl_433 decodes on a gateway is left out.
//
// # What they say
//
// The keys of the decoder have the units of its documentation; tempf is left out beside tempc, which says the same.
// Others are taken as they come, without a unit, but for what was received (servicedata, manufacturerdata) and who said
// it.
//
// # Whether they are there
//
// A gateway is there as its will says, LWT. A device is away when every gateway that has heard it is away itself, or has
// given it up: presence is "absent". How often a sensor is heard depends on the gateway's scans and on walls, so none has
// an interval that it must keep.
package theengs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// What all gateways of a base topic may make us remember.
const (
	maxDevices  = 1000
	maxGateways = 100
	maxFields   = 64  // keys of a device
	maxName     = 256 // bytes of a gateway's name, or of a key
)

// New returns the family of those under a base topic, "home" if it is empty.
func New(base string) family.Family {
	a := &air{base: cmp.Or(base, "home"), prefix: "theengs/", things: map[string]*thing{}, gateways: map[string]*gateway{}}
	if a.base != "home" {
		a.prefix += a.base + "/"
	}
	return a
}

// air is all that gateways hear.
type air struct {
	base     string
	prefix   string            // of the IDs of gateways of which only the name is known
	things   map[string]*thing // by ID, gateways among them
	gateways map[string]*gateway
}

type gateway struct {
	name    string
	offline bool
	thing   *thing // once it has told of itself
}

// codes are where gateways publish the codes of remote controls.
var codes = map[string]string{"433toMQTT": "433", "RFtoMQTT": "433", "SRFBtoMQTT": "433", "IRtoMQTT": "ir"}

// Filters name each kind of news: "home" is a word that others use as well.
func (a *air) Filters() []string {
	all := []string{a.base + "/+/LWT", a.base + "/+/SYStoMQTT", a.base + "/+/BTtoMQTT/+"}
	for _, kind := range slices.Sorted(maps.Keys(codes)) {
		all = append(all, a.base+"/+/"+kind)
	}
	return all
}

func (a *air) Take(m family.Message, to family.Sink) {
	rest, ok := strings.CutPrefix(m.Topic, a.base+"/")
	if !ok || !utf8.ValidString(rest) || !utf8.Valid(m.Payload) || len(m.Payload) == 0 {
		return
	}
	name, rest, _ := strings.Cut(rest, "/")
	kind, tail, _ := strings.Cut(rest, "/")
	if name == "" || len(name) > maxName {
		return
	}
	switch {
	case kind == "BTtoMQTT" && tail != "" && !strings.Contains(tail, "/"):
		a.heard(name, tail, m, to)
	case tail != "":
	case kind == "LWT":
		a.will(name, m, to)
	case kind == "SYStoMQTT":
		a.system(name, m, to)
	case codes[kind] != "":
		a.code(name, codes[kind], m, to)
	}
}

// gateway finds or makes what is known of a gateway.
func (a *air) gateway(name string, to family.Sink) *gateway {
	g := a.gateways[name]
	if g == nil && len(a.gateways) >= maxGateways {
		to.Doubt(family.Problem{
			Kind: "gateways", Text: fmt.Sprintf("%s has more than %d gateways, and %.60q was left out", a.base, maxGateways, name),
			Remedy: "see who publishes to ever new topics below " + a.base,
		})
		return nil
	}
	if g == nil {
		g = &gateway{name: name}
		a.gateways[name] = g
	}
	return g
}

// will takes in whether a gateway is there.
func (a *air) will(name string, m family.Message, to family.Sink) {
	word := string(bytes.TrimSpace(m.Payload))
	if word != "online" && word != "offline" {
		if a.gateways[name] != nil {
			to.Doubt(family.Problem{Kind: "presence", Text: fmt.Sprintf("%.200s says %.40q, neither online nor offline", m.Topic, word), Remedy: "see who else publishes there"})
		}
		return
	}
	g := a.gateway(name, to)
	if g == nil {
		return
	}
	a.turn(g, word == "offline", to)
}

// turn notes whether a gateway is there, which concerns what it hears.
func (a *air) turn(g *gateway, offline bool, to family.Sink) {
	g.offline = offline
	if g.thing != nil {
		a.presence(g.thing, g, to)
	}
	for _, id := range slices.Sorted(maps.Keys(a.things)) {
		if t := a.things[id]; t.hearers[g] {
			a.look(t, "offline, and no other gateway hears it", to)
		}
	}
}

// live notes that a gateway has said something now, whatever its will says.
func (a *air) live(g *gateway, m family.Message, to family.Sink) {
	if g.offline && !m.Retained && !m.Replayed {
		a.turn(g, false, to)
	}
}

// presence tells whether a gateway is there.
func (a *air) presence(t *thing, g *gateway, to family.Sink) {
	r := family.Report{Presence: family.There}
	if g.offline {
		r = family.Report{Presence: family.Away, Why: "offline"}
	}
	to.Report(t.device.ID, r)
}

// look tells whether a device is there, if that has changed.
func (a *air) look(t *thing, why string, to family.Sink) {
	away := true
	for g, hears := range t.hearers {
		away = away && (!hears || g.offline)
	}
	if away == t.away {
		return
	}
	t.away = away
	r := family.Report{Presence: family.There}
	if away {
		r = family.Report{Presence: family.Away, Why: why}
	}
	to.Report(t.device.ID, r)
}

// system takes in what a gateway tells of itself.
func (a *air) system(name string, m family.Message, to family.Sink) {
	if object, ok := members(m.Payload); ok {
		a.tells(name, address(text(object["mac"])), values(object, system), m, to)
	}
}

// code takes in what a remote control has sent.
func (a *air) code(name, kind string, m family.Message, to family.Sink) {
	object, _ := members(m.Payload)
	if v := text(object["value"]); v != "" && v != "0" { // nothing that the gateway could read
		a.tells(name, "", []value{{key: "code-" + kind, raw: []byte(v), quoted: true}}, m, to)
	}
}

// tells has a gateway report values.
func (a *air) tells(name, id string, all []value, m family.Message, to family.Sink) {
	g := a.gateway(name, to)
	if g == nil {
		return
	}
	a.live(g, m, to)
	was := g.thing
	t := a.identify(g, id)
	a.report(t, all, m, to)
	if was != t && a.things[t.device.ID] == t {
		g.thing = t
		a.presence(t, g, to)
		if was != nil {
			to.Report(was.device.ID, family.Report{Presence: family.Away, Why: "another gateway has its name now"})
		}
	}
}

// identify finds or makes the thing of a gateway that tells its address, or "". A gateway may have been renamed, or
// replaced by another of its name.
func (a *air) identify(g *gateway, id string) *thing {
	topic := a.base + "/" + g.name
	switch t := g.thing; {
	case t != nil && (id == "" || id == t.device.ID):
		return t
	case t != nil && t.device.ID == a.prefix+g.name && a.things[id] == nil:
		delete(a.things, t.device.ID)
		t.device.ID, t.device.Also, t.fresh = id, []string{t.device.ID}, true
		return t
	}
	for _, other := range a.gateways {
		if t := other.thing; t != nil && t.device.ID == id {
			other.thing = nil
			t.device.Name, t.device.Address, t.fresh = g.name, topic, true
			return t
		}
	}
	return newThing(family.Device{ID: cmp.Or(id, a.prefix+g.name), Name: g.name, Model: "OpenMQTTGateway", Address: topic})
}

// heard takes in what a gateway has heard of a device.
func (a *air) heard(name, tail string, m family.Message, to family.Sink) {
	object, ok := members(m.Payload)
	id := cmp.Or(address(text(object["id"])), address(text(object["mac"])), address(tail))
	t := a.things[id]
	switch {
	case !ok && t != nil:
		bad := device.Reading{Quality: device.Bad, Reason: fmt.Sprintf("%.40q is no JSON object", m.Payload)}
		to.Report(id, family.Report{Readings: []device.NamedReading{{Channel: "payload", Reading: bad}}})
		return
	case !ok || id == "" || t == nil && !isDevice(object):
		return
	}
	g := a.gateway(name, to)
	if g == nil {
		return
	}
	if t == nil {
		t = newThing(family.Device{ID: id, Address: m.Topic})
	}
	t.names(object)
	a.report(t, values(object, nil), m, to)
	if a.things[id] != t {
		return
	}
	a.live(g, m, to)
	t.hearers[g] = text(object["presence"]) != "absent"
	a.look(t, "absent, and no other gateway hears it", to)
}

// isDevice tells whether something is worth a twin.
func isDevice(object map[string]json.RawMessage) bool {
	if text(object["type"]) == "RMAC" || text(object["prmac"]) == "true" {
		return false
	}
	for key := range object {
		if measured(key) {
			return true
		}
	}
	brand := text(object["brand"])
	return brand != "GENERIC" && brand+text(object["model"])+text(object["model_id"]) != ""
}

// report has a device report values. It is met first if it was not, or has new keys.
func (a *air) report(t *thing, all []value, m family.Message, to family.Sink) {
	known := a.things[t.device.ID] == t
	if !known && len(a.things) >= maxDevices {
		to.Doubt(family.Problem{
			Kind: "devices", Text: fmt.Sprintf("%s has more than %d devices, and %s was left out", a.base, maxDevices, t.device.ID),
			Remedy: "have the gateways publish only sensors (onlysensors), or only those of a list (white-list)",
		})
		return
	}
	for _, v := range all {
		t.learn(v, to)
	}
	if len(t.fields) == 0 {
		return
	}
	if t.fresh || !known {
		t.fresh = false
		a.things[t.device.ID] = t
		to.Meet(t.device)
		to.Keep()
	}
	var r family.Report
	for _, v := range all {
		if c := t.fields[v.key]; c != nil {
			r.Readings = append(r.Readings, device.NamedReading{Channel: c.Name, Reading: read(c, v)})
		}
	}
	if len(r.Readings) > 0 && !m.Replayed {
		to.Report(t.device.ID, r)
	}
}

// members reads a JSON object.
func members(payload []byte) (object map[string]json.RawMessage, ok bool) {
	ok = jsonpath.Valid(payload) && json.Unmarshal(payload, &object) == nil
	return object, ok && object != nil
}

var whole jsonpath.Path

// text is a single value as it is written, empty if it is not there.
func text(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	v := whole.Find(raw)
	if v.Group || v.Null {
		return ""
	}
	return string(v.Text)
}

var (
	hardware   = regexp.MustCompile(`^[0-9a-f]{12}$`)
	separators = strings.NewReplacer(":", "", "-", "")
)

// address reads a hardware address: "A4:C1:38:01:02:03" is "a4c138010203".
func address(s string) string {
	s = strings.ToLower(separators.Replace(s))
	if !hardware.MatchString(s) {
		return ""
	}
	return s
}

// Package tasmota understands devices with the firmware Tasmota (tasmota.github.io), as they are when they have been
// given a broker: by their discovery messages where these are on, and by tele, stat and cmnd topics alone otherwise.
//
// # Channels
//
// What SENSOR brings is named as it is nested, as in HA's integration: Temperature in DHT11 is dht11-temperature, the second
// of a list in it is dht11-temperature-2. ENERGY is what a plug or a meter mostly is, so what it has at a moment has a plain
// name (power, voltage, power-factor), and what it counts begins with energy: energy-total, energy-today.
//
// Tasmota calls one sensor DS18B20, and two DS18B20-1 and DS18B20-2 in the order of their IDs, which changes when there
// are more. So where such a number stands beside an Id, the Id is the name: ds18b20-01191ed79190-temperature.
//
// # Outputs
//
// POWER or POWER1 is the output without a name, further ones are power2 and so on; dimmer in %, ct in mired, shutter1
// in % of its way. Relays that move a shutter are no outputs of their own.
//
// Bridges (ZbReceived, RfReceived, IrReceived) and buttons are left out: what they say is of other devices, or an event.
package tasmota

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

const discovery = "tasmota/discovery/"

// mostTopic is how long a topic may be, in bytes; Tasmota makes none so long.
const mostTopic = 256

// New returns the family. Base is the FullTopic of devices that do not tell theirs by discovery: "%prefix%/%topic%/" if
// it is empty. If it names neither, it stands before that.
func New(base string) family.Family {
	return &tasmota{
		layout: newLayout(base), units: map[string]*unit{}, macs: map[string]*unit{}, routes: map[string]route{}, early: map[string][]byte{},
	}
}

type tasmota struct {
	roster roster.Roster // by command topic
	layout layout
	units  map[string]*unit  // likewise
	macs   map[string]*unit  // those with discovery, by MAC address
	routes map[string]route  // by what topics begin with
	early  map[string][]byte // what sensors there are, of devices whose config has not come yet
}

// unit is a device.
type unit struct {
	member          *roster.Member
	cmnd            string            // what topics of commands begin with: "cmnd/plug/"
	name            string            // in its topics
	mac             string            // if it was discovered
	config          [sha256.Size]byte // likewise: the sum of its description
	on, off         string            // what states are called
	online, offline string
	sleeps          bool                   // deeply: it is away between two messages
	shutters        map[int]bool           // relays that move a shutter
	units           map[string]device.Unit // by key: "TempUnit"
	names           map[string]string      // of channels, by where they are in a SENSOR
	asked           bool                   // for its state, since the broker was connected
}

// route is what topics that begin alike mean.
type route struct {
	unit *unit
	tele bool // rather than stat
}

func (f *tasmota) Filters() []string {
	return []string{discovery + "+/+", f.layout.filter("tele") + "+", f.layout.filter("stat") + "+"}
}

func (f *tasmota) Take(m family.Message, to family.Sink) {
	if len(m.Topic) > mostTopic {
		return
	}
	if rest, ok := strings.CutPrefix(m.Topic, discovery); ok {
		f.discover(rest, m, to)
		return
	}
	i := strings.LastIndexByte(m.Topic, '/') + 1
	begin, last := m.Topic[:i], m.Topic[i:]
	r, known := f.routes[begin]
	if !known {
		prefix, ok := f.layout.match(begin)
		if !ok || len(m.Payload) == 0 {
			return
		}
		r.tele = prefix == "tele"
	}
	read := readers[last]
	if read.message == nil && !r.tele && relay(last) > 0 {
		read = reader{message: (*unit).power}
	}
	if read.message == nil || read.tele && !r.tele {
		return
	}
	if !known {
		if r.unit = f.add(begin, to); r.unit == nil {
			return
		}
	}
	n := f.roster.Note(r.unit.member, m, to)
	read.message(r.unit, n, m, to)
	n.End(r.unit.mac == "") // others are described by their discovery, and gone with it
}

// add makes a device of a topic.
func (f *tasmota) add(begin string, to family.Sink) *unit {
	cmnd, name := f.layout.with("cmnd", begin)
	u := f.units[cmnd]
	if u == nil {
		u = f.make(cmnd, name, strings.TrimSuffix(begin, "/"), to)
	}
	if u != nil {
		f.lead(u, f.at("tele", begin), f.at("stat", begin))
	}
	return u
}

func (f *tasmota) at(prefix, begin string) string {
	begin, _ = f.layout.with(prefix, begin)
	return begin
}

func (f *tasmota) make(cmnd, name, address string, to family.Sink) *unit {
	member := f.roster.Add(cmnd, family.Device{ID: "tasmota/" + name, Name: name, Address: address}, to)
	if member == nil {
		return nil
	}
	u := &unit{
		member: member, cmnd: cmnd, name: name, on: "ON", off: "OFF", online: "Online", offline: "Offline", units: map[string]device.Unit{}, names: map[string]string{},
	}
	f.units[cmnd] = u
	return u
}

// lead has topics that begin so be the device's.
func (f *tasmota) lead(u *unit, tele, stat string) {
	f.routes[tele], f.routes[stat] = route{u, true}, route{u, false}
}

// forget undoes make and lead.
func (f *tasmota) forget(u *unit) {
	f.roster.Remove(u.cmnd)
	delete(f.units, u.cmnd)
	delete(f.macs, u.mac)
	for begin, r := range f.routes {
		if r.unit == u {
			delete(f.routes, begin)
		}
	}
}

// Connected asks each device that is known for its state: what it publishes itself is not retained, and the next STATE
// may be an hour away.
func (f *tasmota) Connected(_ time.Time, to family.Sink) {
	for _, cmnd := range f.roster.Keys() {
		f.units[cmnd].ask(to)
	}
}

// Lost has devices be asked again when they say that they are online.
func (f *tasmota) Lost(time.Time, family.Sink) {
	for _, u := range f.units {
		u.asked = false
	}
}

func (u *unit) ask(to family.Sink) {
	if !u.asked {
		u.asked = true
		to.Publish(family.Publication{Topic: u.cmnd + "STATE"})
	}
}

// reader reads what comes on a topic.
type reader struct {
	message func(u *unit, n *roster.Note, m family.Message, to family.Sink)
	tele    bool // it comes on tele topics only
}

// readers are by the last level of topics (tasmota.github.io/docs/MQTT). With SetOption4, a command is answered on a
// topic of its name instead of RESULT.
var readers = map[string]reader{
	"LWT":      {(*unit).will, true},
	"SENSOR":   {(*unit).sensor, true},
	"INFO1":    {(*unit).info, true},
	"INFO2":    {(*unit).info, true},
	"STATE":    {(*unit).state, false},
	"RESULT":   {(*unit).state, false},
	"DIMMER":   {(*unit).state, false},
	"CT":       {(*unit).state, false},
	"STATUS":   {(*unit).status, false},
	"STATUS8":  {(*unit).sensor, false},
	"STATUS10": {(*unit).sensor, false},
	"STATUS11": {(*unit).state, false},
}

// will takes in the device's will, and what it says instead when it is connected.
func (u *unit) will(n *roster.Note, m family.Message, to family.Sink) {
	switch string(m.Payload) {
	case u.online:
		n.Presence(family.There, "")
		if !m.Replayed {
			u.ask(to)
		}
	case u.offline:
		if !u.sleeps && u.member.Known() { // that one is away of which nothing else is known, is no news
			n.Presence(family.Away, "says "+roster.Brief(m.Payload))
		}
	case "": // nobody keeps it any more
	default:
		doubt(m, "is neither "+u.online+" nor "+u.offline, to)
	}
}

// info takes in what the device is. Since version 9.5 it stands in an object of its own.
func (u *unit) info(n *roster.Note, m family.Message, to family.Sink) {
	o := object(m, to)
	for _, name := range []string{"Info1", "Info2"} {
		if inner, ok := o[name].(map[string]any); ok {
			o = inner
		}
	}
	if module, ok := o["Module"].(string); ok && len(module) <= mostName {
		n.Model(module)
	}
}

// status takes in what the device is called.
func (u *unit) status(n *roster.Note, m family.Message, to family.Sink) {
	o, _ := object(m, to)["Status"].(map[string]any)
	if name, ok := o["DeviceName"].(string); ok && u.mac == "" {
		n.Name(called(name, u.name))
	}
}

// mostName is how long what people call a device may be, in bytes.
const mostName = 128

// called is the name of a device, which is Tasmota until it is given another.
func called(name, topic string) string {
	if name == "" || name == "Tasmota" || len(name) > mostName {
		return topic
	}
	return name
}

func object(m family.Message, to family.Sink) map[string]any {
	o := roster.Object(m.Payload)
	if o == nil && len(m.Payload) > 0 {
		doubt(m, "is no JSON object", to)
	}
	return o
}

func doubt(m family.Message, why string, to family.Sink) {
	to.Doubt(family.Problem{
		Kind:   "payload",
		Text:   "what came on " + roster.Brief([]byte(m.Topic)) + " " + why + ": " + roster.Brief(m.Payload),
		Remedy: "look who publishes there; Tasmota's topics are described at tasmota.github.io/docs/MQTT",
	})
}

// relay reads POWER, POWER1, POWER2 and so on; 0 is for anything else.
func relay(key string) int {
	rest, ok := strings.CutPrefix(key, "POWER")
	switch {
	case !ok:
		return 0
	case rest == "":
		return 1
	}
	return number(rest, 32)
}

// number reads a number from 1 to most.
func number(s string, most int) int {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > most {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	if n > most || s == "" || s[0] == '0' {
		return 0
	}
	return n
}

// sorted are the keys of an object, in an order that is the same each time.
func sorted(o map[string]any) []string {
	keys := make([]string, 0, len(o))
	for key := range o {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

var (
	_ family.Connecter = (*tasmota)(nil)
	_ family.Loser     = (*tasmota)(nil)
)

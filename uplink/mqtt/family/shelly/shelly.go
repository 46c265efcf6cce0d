// Package shelly understands devices of Shelly, with the MQTT of their own firmware: the first generation (gen1.go) and
// all later ones, whose MQTT carries JSON-RPC (gen2.go). See shelly-api-docs.shelly.cloud, gen1 and gen2.
//
// # Channels
//
// A quantity has the same name in both: power, voltage, current, power-factor, energy and energy-returned in Wh,
// temperature, humidity, battery; that of the device itself is device-temperature. What a device has several of has the
// number that Shelly gives it, but for 0: power, power-1.
//
// # Outputs
//
// A relay, a light or a cover with the number 0 is the output without a name; others are relay-1, switch-1 and so on.
// Beside it, as far as the device tells of it, are brightness and position, in %.
package shelly

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// gen1Base is what all topics of the first generation begin with.
const gen1Base = "shellies/"

// source is who we are in JSON-RPC: a device answers on the topic SOURCE/rpc. The device's topic follows in it, so that
// an answer says where to put it.
const source = "selvage-shelly"

// mostTopic is how long a topic may be, in bytes.
const mostTopic = 256

// New returns the family. Later generations have topics of the device's own (shellyplus1pm-aabbccddeeff), or what was set
// in its place: of one level, or of two that begin with shellies or with base.
func New(base string) family.Family {
	return &shelly{base: strings.Trim(base, "/"), units: map[string]*unit{}}
}

type shelly struct {
	roster roster.Roster
	base   string
	units  map[string]*unit // by what their topics begin with, as the roster's members are
}

// unit is a device.
type unit struct {
	member *roster.Member
	at     string // what its topics begin with, without a slash behind
	rpc    bool   // it is of a later generation
	sleeps bool   // it is away between two messages
	asked  bool   // what it is, since the broker was connected
	told   bool   // it has told what it is
	scale  string // of the temperature that a sensor of the first generation tells: "C" or "F"; "" if nobody knows
}

func (f *shelly) Filters() []string {
	filters := []string{gen1Base + "#", source + "/#"}
	for _, below := range []string{"+", f.base + "/+"} {
		if below != "/+" && below != gen1Base+"+" {
			filters = append(filters, below+"/online", below+"/status/+", below+"/events/rpc")
		}
	}
	return filters
}

func (f *shelly) Take(m family.Message, to family.Sink) {
	if len(m.Topic) > mostTopic {
		return
	}
	if at, ok := strings.CutPrefix(m.Topic, source+"/"); ok {
		if at, ok := strings.CutSuffix(at, "/rpc"); ok {
			f.answered(at, m, to)
		}
		return
	}
	if at, ok := strings.CutSuffix(m.Topic, "/events/rpc"); ok {
		f.notified(at, m, to)
		return
	}
	if at, ok := strings.CutSuffix(m.Topic, "/online"); ok {
		f.will(at, m, to)
		return
	}
	if i := strings.LastIndex(m.Topic, "/status/"); i >= 0 && strings.Contains(m.Topic[i:], ":") {
		f.status(m.Topic[:i], m.Topic[i+len("/status/"):], m, to)
		return
	}
	if rest, ok := strings.CutPrefix(m.Topic, gen1Base); ok {
		f.gen1(rest, m, to)
	}
}

// find returns the device whose topics begin so, and makes it if need be. id is who it is, as far as that is known.
func (f *shelly) find(at, id string, rpc bool, to family.Sink) *unit {
	u := f.units[at]
	if u != nil {
		return u
	}
	name := at[strings.LastIndexByte(at, '/')+1:]
	if id == "" {
		id = "shelly/" + name
	}
	member := f.roster.Add(at, family.Device{ID: id, Name: name, Address: at, Model: model(name), Every: rhythm(name)}, to)
	if member == nil {
		return nil
	}
	u = &unit{member: member, at: at, rpc: rpc, sleeps: rhythm(name) > 0}
	f.units[at] = u
	return u
}

// mac reads the hardware address at the end of the ID that Shelly gives a device. The first generation has the last
// half of it there alone, which says nothing for sure.
func mac(id string) string {
	end := strings.ToLower(id[strings.LastIndexByte(id, '-')+1:])
	if raw, err := hex.DecodeString(end); err != nil || len(raw) != 6 {
		return ""
	}
	return end
}

// isShelly tells whether text is an ID as Shelly gives them.
func isShelly(text string) bool { return strings.HasPrefix(text, "shelly") }

// model is what the ID says of the model: "shellyplus2pm-aabbccddeeff" is a "Shelly plus2pm".
func model(id string) string {
	kind, _, ok := strings.Cut(id, "-")
	rest, isOne := strings.CutPrefix(kind, "shelly")
	if !ok || !isOne || rest == "" {
		return ""
	}
	return "Shelly " + rest
}

// rhythm is how often a device says something that sleeps to save its battery; 0 if it does not, or nobody knows. An H&T
// wakes up each 12 hours unless what it measures changes, the others each day.
func rhythm(id string) time.Duration {
	kind, _, _ := strings.Cut(id, "-")
	switch kind {
	case "shellyht":
		return 12 * time.Hour
	case "shellyflood", "shellydw", "shellydw2", "shellysmoke", "shellybutton1", "shellyplusht", "shellyhtg3", "shellyplussmoke", "shellyfloodg4":
		return 24 * time.Hour
	}
	return 0
}

// will takes in whether a device is connected. Anything may have a topic of that name, so it does not tell of a device
// that is not known otherwise; one of a later generation that has Shelly's name is asked.
func (f *shelly) will(at string, m family.Message, to family.Sink) {
	u := f.units[at]
	online := string(m.Payload) == "true"
	switch {
	case u == nil:
		if online && !m.Replayed && !strings.HasPrefix(at, gen1Base) && isShelly(at) {
			ask(at, to)
		}
		return
	case len(m.Payload) == 0:
		return
	}
	n := f.roster.Note(u.member, m, to)
	switch {
	case online:
		n.Presence(family.There, "")
		if u.rpc && !m.Replayed {
			u.ask(to)
		}
	case string(m.Payload) != "false":
		doubt(m, "is neither true nor false", to)
	case !u.sleeps && u.member.Known():
		n.Presence(family.Away, `says "false"`)
	}
	n.End(true)
}

// Connected asks devices what they are and how they are: what they publish is not retained.
func (f *shelly) Connected(_ time.Time, to family.Sink) {
	to.Publish(family.Publication{Topic: gen1Base + "command", Payload: []byte("announce")})
	for _, at := range f.roster.Keys() {
		if u := f.units[at]; u.rpc {
			u.ask(to)
		}
	}
}

// Lost has devices be asked again when they say that they are online.
func (f *shelly) Lost(time.Time, family.Sink) {
	for _, u := range f.units {
		u.asked = false
	}
}

func (u *unit) ask(to family.Sink) {
	if !u.asked {
		u.asked = true
		ask(u.at, to)
	}
}

func doubt(m family.Message, why string, to family.Sink) {
	to.Doubt(family.Problem{
		Kind:   "payload",
		Text:   fmt.Sprintf("what came on %s %s: %s", roster.Brief([]byte(m.Topic)), why, roster.Brief(m.Payload)),
		Remedy: "look who publishes there; Shelly's topics are described at shelly-api-docs.shelly.cloud",
	})
}

// numbered is a name with the number of what it is of, but for 0.
func numbered(name, number string) string {
	if number == "" || number == "0" {
		return name
	}
	return name + "-" + number
}

var (
	_ family.Connecter = (*shelly)(nil)
	_ family.Loser     = (*shelly)(nil)
)

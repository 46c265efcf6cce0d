// Package esphome understands nodes with ESPHome that have been given a broker without Home Assistant's discovery, by the
// topics that ESPHome gives its components (esphome.io/components/mqtt). Those that have discovery say more that way.
//
// A sensor is a channel of the object's name. Nothing says its unit here, and a temperature may be in °F, so that it has
// none. A binary sensor is one that is on or off. Switches, lights, numbers, selects, covers and fans are outputs of
// their objects' names, with lamp-brightness, blind-position and fan-speed beside them. Locks, climates, valves and texts
// are left out.
package esphome

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// discovery is where nodes tell who they are, and are asked to.
const discovery = "esphome/discover"

// mostHeard is how many names are known that may be of nodes.
const mostHeard = 4096

// mostTopic is how long a topic may be, in bytes; nodes have no names so long.
const mostTopic = 256

// New returns the family. Base is the topic_prefix of nodes, in which a level may be + for any; it is one level if base is
// empty, as is ESPHome's own choice, the name of the node.
func New(base string) family.Family {
	levels := []string{"+"}
	if base = strings.Trim(base, "/"); base != "" {
		levels = strings.Split(base, "/")
	}
	return &esphome{prefix: levels, units: map[string]*unit{}, heard: map[string]string{}, told: map[string]node{}}
}

type esphome struct {
	roster roster.Roster
	prefix []string
	units  map[string]*unit  // by topic prefix, as the roster's members are
	heard  map[string]string // online or offline, of what may be a node
	told   map[string]node   // by name
}

// unit is a node that has components.
type unit struct {
	member *roster.Member
	at     string // its topic prefix
}

// node is what a node tells of itself.
type node struct {
	MAC      string `json:"mac"`
	Friendly string `json:"friendly_name"`
	Board    string `json:"board"`
	Project  string `json:"project_name"`
}

func (f *esphome) Filters() []string {
	at := strings.Join(f.prefix, "/") + "/"
	filters := []string{discovery + "/+", at + "status"}
	for kind := range components {
		component, what, _ := strings.Cut(kind, "/")
		filters = append(filters, at+component+"/+/"+what)
	}
	slices.Sort(filters)
	return filters
}

func (f *esphome) Take(m family.Message, to family.Sink) {
	if len(m.Topic) > mostTopic {
		return
	}
	if name, ok := strings.CutPrefix(m.Topic, discovery+"/"); ok {
		f.discovered(name, m, to)
		return
	}
	levels := strings.Split(m.Topic, "/")
	if len(levels) <= len(f.prefix) || !f.ours(levels[:len(f.prefix)]) {
		return
	}
	at := strings.Join(levels[:len(f.prefix)], "/")
	rest := levels[len(f.prefix):]
	if len(rest) == 1 && rest[0] == "status" {
		f.status(at, m, to)
		return
	}
	if len(rest) < 3 || !isObject(rest[1]) || len(m.Payload) == 0 {
		return
	}
	if read := components[rest[0]+"/"+strings.Join(rest[2:], "/")]; read != nil {
		f.component(at, object{at: at, kind: rest[0], id: rest[1]}, read, m, to)
	}
}

// ours tells whether topics that begin so are of nodes. Those of Home Assistant's discovery look alike.
func (f *esphome) ours(levels []string) bool {
	for i, level := range f.prefix {
		if levels[i] == "" || level != "+" && level != levels[i] {
			return false
		}
	}
	return levels[0] != "homeassistant" || f.prefix[0] == "homeassistant"
}

// isObject tells whether a level is an object's ID as ESPHome makes it of a name.
func isObject(level string) bool {
	for _, c := range []byte(level) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return family.Slug(level) != ""
}

// component takes the state of one.
func (f *esphome) component(at string, o object, read func(*roster.Note, object, string) (why string), m family.Message, to family.Sink) {
	u := f.units[at]
	if u == nil {
		member := f.roster.Add(at, family.Device{ID: "esphome/" + at, Name: at[strings.LastIndexByte(at, '/')+1:], Address: at}, to)
		if member == nil {
			return
		}
		u = &unit{member: member, at: at}
		f.units[at] = u
	}
	n := f.roster.Note(u.member, m, to)
	why := read(n, o, string(m.Payload))
	switch {
	case why == "" && !u.member.Known():
		f.introduce(n, at)
	case why != "":
		to.Doubt(family.Problem{
			Kind:   "payload",
			Text:   "what came on " + roster.Brief([]byte(m.Topic)) + " " + why + ": " + roster.Brief(m.Payload),
			Remedy: "look who publishes there; if that is no node with ESPHome, name the nodes' topic prefix",
		})
	}
	n.End(true)
}

// introduce notes what was heard of a node before it had anything to tell.
func (f *esphome) introduce(n *roster.Note, at string) {
	if node, ok := f.told[at]; ok {
		node.note(n)
	}
	if f.heard[at] == "offline" {
		n.Presence(family.Away, `said "offline"`)
	}
	delete(f.heard, at)
}

func (d *node) note(n *roster.Note) {
	n.Identify(d.MAC)
	n.Name(d.Friendly)
	switch {
	case d.Project != "":
		n.Model(d.Project)
	case d.Board != "":
		n.Model("ESPHome " + d.Board)
	}
}

// status takes a node's will, or what it says when it is connected.
func (f *esphome) status(at string, m family.Message, to family.Sink) {
	word := string(m.Payload)
	if word != "online" && word != "offline" {
		return // many things have a status
	}
	u := f.units[at]
	if u == nil || !u.member.Known() {
		if len(f.heard) >= mostHeard {
			clear(f.heard)
		}
		f.heard[at] = word
		return
	}
	n := f.roster.Note(u.member, m, to)
	if word == "online" {
		n.Presence(family.There, "")
	} else {
		n.Presence(family.Away, `says "offline"`)
	}
	n.End(true)
}

// discovered takes in who a node is. Its name is its topic prefix, too, unless it was given another.
func (f *esphome) discovered(name string, m family.Message, to family.Sink) {
	u := f.units[name]
	if len(m.Payload) == 0 {
		to.Keep()
		d, ok := f.told[name]
		delete(f.told, name)
		if ok && u != nil && u.member.Known() && u.member.ID() == d.MAC {
			f.roster.Remove(name)
			delete(f.units, name)
			to.Gone(d.MAC, m.Topic+" was taken away")
		}
		return
	}
	var d node
	if !jsonpath.Valid(m.Payload) || json.Unmarshal(m.Payload, &d) != nil || !d.valid() {
		to.Doubt(family.Problem{
			Kind:   "payload",
			Text:   "what came on " + roster.Brief([]byte(m.Topic)) + " does not say who a node is: " + roster.Brief(m.Payload),
			Remedy: "look who publishes there",
		})
		return
	}
	if _, ok := f.told[name]; !ok && len(f.told) >= mostHeard {
		return
	}
	f.told[name] = d
	to.Keep()
	if u != nil && u.member.Known() {
		n := f.roster.Note(u.member, m, to)
		d.note(n)
		n.End(false)
	}
}

func (d *node) valid() bool {
	d.MAC = strings.ToLower(d.MAC)
	raw, err := hex.DecodeString(d.MAC)
	return err == nil && len(raw) == 6 && len(d.Friendly) <= 128 && len(d.Board) <= 128 && len(d.Project) <= 128
}

// Connected asks nodes who they are; what their components do is retained.
func (f *esphome) Connected(_ time.Time, to family.Sink) {
	to.Publish(family.Publication{Topic: discovery})
}

var _ family.Connecter = (*esphome)(nil)

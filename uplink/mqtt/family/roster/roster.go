// Package roster keeps the devices that a family has met, for families whose devices come to be known bit by bit: a
// message may bring a channel that no message before it had.
package roster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// What anyone who may publish can make us keep.
const (
	mostDevices  = 4096
	mostChannels = 256 // of a device
	mostOutputs  = 64
	mostInAll    = 1 << 16 // channels and outputs of all devices
	mostSource   = 256     // bytes
	mostNoted    = 1024    // what one message may say
)

// Roster keeps the devices of one family. The zero Roster has none.
type Roster struct {
	members map[string]*Member
	things  int // channels and outputs of all
}

// Member is a device, as far as it is known.
type Member struct {
	device  family.Device
	sources map[string]string // what in its messages a channel or an output is, by "channel NAME" and "output NAME"
	met     bool
}

// Find returns the device with a key, such as the part that all its topics begin with; nil if there is none.
func (r *Roster) Find(key string) *Member { return r.members[key] }

// Add returns the device with a key, and makes it if there is none. It returns nil, and tells people, if there are too
// many.
func (r *Roster) Add(key string, d family.Device, to family.Sink) *Member {
	if m := r.members[key]; m != nil {
		return m
	}
	if len(r.members) >= mostDevices {
		to.Doubt(family.Problem{
			Kind:   "devices",
			Text:   fmt.Sprintf("topics have made %d devices, and make no more: %s was left out", mostDevices, Brief([]byte(d.Address))),
			Remedy: "look who publishes to ever new topics",
		})
		return nil
	}
	if r.members == nil {
		r.members = map[string]*Member{}
	}
	m := &Member{device: d, sources: map[string]string{}}
	r.members[key] = m
	return m
}

// Remove forgets a device.
func (r *Roster) Remove(key string) {
	if m := r.members[key]; m != nil {
		r.things -= len(m.sources)
		delete(r.members, key)
	}
}

// Keys are those of all devices that were met, in order.
func (r *Roster) Keys() []string {
	var keys []string
	for key, m := range r.members {
		if m.met {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// ID is who the device is.
func (m *Member) ID() string { return m.device.ID }

// Known tells whether the device has been met, which is when a message had something to say of it.
func (m *Member) Known() bool { return m.met }

// Note is what one message says of a device.
type Note struct {
	roster  *Roster
	member  *Member
	to      family.Sink
	message family.Message
	report  family.Report
	changed bool
	at      clock.Stamp
	noted   int  // how often something was noted
	doubted bool // people have been told of what could not be
}

// Note begins a note on what a message says of a device.
func (r *Roster) Note(m *Member, message family.Message, to family.Sink) *Note {
	return &Note{roster: r, member: m, to: to, message: message}
}

// Every, Name, Model and Address note what the device is, unless that is not known.
func (n *Note) Every(d time.Duration) { note(n, &n.member.device.Every, d) }
func (n *Note) Name(s string)         { note(n, &n.member.device.Name, s) }
func (n *Note) Model(s string)        { note(n, &n.member.device.Model, s) }
func (n *Note) Address(s string)      { note(n, &n.member.device.Address, s) }

func note[T comparable](n *Note, field *T, v T) {
	var none T
	if v != none && *field != v {
		*field = v
		n.changed = true
	}
}

// Filters note where the device's news come from.
func (n *Note) Filters(filters ...string) {
	if !slices.Equal(n.member.device.Filters, filters) {
		n.member.device.Filters = filters
		n.changed = true
	}
}

// Identify notes who the device is; it stays known by the ID it had.
func (n *Note) Identify(id string) {
	d := &n.member.device
	if d.ID == id {
		return
	}
	also := append(slices.Clone(d.Also), d.ID)
	d.Also = slices.DeleteFunc(also, func(a string) bool { return a == id })
	if len(d.Also) > 4 { // nobody is renamed for ever but on purpose
		d.Also = d.Also[1:]
	}
	d.ID = id
	n.changed = true
}

// At notes when the readings were, as the device says. A clock that was not set yet counts from 1970, or from when the
// firmware was made; then it is as if it had said nothing. One that is ahead is the bridge's to doubt.
func (n *Note) At(t time.Time) {
	if t.Year() >= 2020 && t.Year() <= 2261 { // what fits nanoseconds since 1970
		n.at = clock.At(t.Truncate(time.Millisecond))
	}
}

// Presence notes whether the device is there; why says what tells that it is not.
func (n *Note) Presence(p family.Presence, why string) { n.report.Presence, n.report.Why = p, why }

// End tells what was noted. A message that described the device is kept if the family wants it again after a restart.
// One that said nothing is no reason to meet a device.
func (n *Note) End(keep bool) {
	m := n.member
	if n.changed || !m.met && n.report.Presence != family.Unsaid {
		m.met = true
		n.to.Meet(m.describe())
		if keep {
			n.to.Keep()
		}
	}
	r := &n.report
	if !m.met || n.message.Replayed || len(r.Readings) == 0 && len(r.States) == 0 && r.Presence == family.Unsaid {
		return
	}
	n.to.Report(m.device.ID, *r)
}

// describe copies the description: its receiver may keep it.
func (m *Member) describe() family.Device {
	d := m.device
	d.Also, d.Filters = slices.Clone(d.Also), slices.Clone(d.Filters)
	d.Channels, d.Outputs = slices.Clone(d.Channels), slices.Clone(d.Outputs)
	return d
}

// Full tells whether a message has said so much that the rest is left out.
func (n *Note) Full() bool { return n.noted >= mostNoted }

// claim finds the name that a source has among the channels or outputs of the device: the wanted one, or if that is
// another's, one made of the source.
func (n *Note) claim(kind, source, name string, room int) (claimed string, isNew, ok bool) {
	n.noted++
	if n.Full() || len(source) > mostSource {
		n.doubt("channels", "what it publishes is too long, or too much: %s was left out", source)
		return "", false, false
	}
	for _, name := range []string{name, family.LaneOf(source)} {
		switch owner, taken := n.member.sources[kind+name]; {
		case taken && owner == source:
			return name, false, true
		case taken:
		case room <= 0 || n.roster.things >= mostInAll:
			n.doubt("channels", "it has too many channels: %s was left out", source)
			return "", false, false
		default:
			n.roster.things++
			n.member.sources[kind+name] = source
			n.changed = true
			return name, true, true
		}
	}
	n.doubt("names", "%s has no name that another channel does not have", source)
	return "", false, false
}

// doubt tells people once for a message.
func (n *Note) doubt(kind, why, source string) {
	if !n.doubted {
		n.doubted = true
		n.to.Doubt(family.Problem{
			Kind:   kind,
			Text:   Brief([]byte(n.member.device.ID)) + ": " + fmt.Sprintf(why, Brief([]byte(source))),
			Remedy: "look what it publishes, and rename that in the device",
		})
	}
}

// Output notes that the device has an output; source is what that is in its messages. It returns the name that it has,
// and false if it cannot be taken in.
func (n *Note) Output(source string, o family.Output) (name string, ok bool) {
	d := &n.member.device
	name, isNew, ok := n.claim("output ", source, o.Name, mostOutputs-len(d.Outputs))
	if isNew {
		o.Name = name
		i, _ := slices.BinarySearchFunc(d.Outputs, name, func(o family.Output, name string) int { return strings.Compare(o.Name, name) })
		d.Outputs = slices.Insert(d.Outputs, i, o)
	}
	return name, ok
}

// State notes what an output does, with the output.
func (n *Note) State(source string, o family.Output, v device.Value) {
	if name, ok := n.Output(source, o); ok {
		n.report.States = append(n.report.States, family.State{Output: name, Value: v})
	}
}

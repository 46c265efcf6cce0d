package zigbee2mqtt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// thing is a device of the network.
type thing struct {
	id, name      string
	also          []string
	model, serial string
	fields        map[string]*field // by property; nil for what is known and left out
	list          []*field          // those that are not
	lanes, names  map[string]bool   // what is taken
	exposed       int               // how many of list were exposed
	whole         bool              // it has published a state in one object
	away          bool              // as was told last
}

func newThing(id, name string) *thing {
	return &thing{id: id, name: name, fields: map[string]*field{}, lanes: map[string]bool{}, names: map[string]bool{}}
}

// add takes in a field, unless another has its property or lane. Of two outputs of one name the second is a channel.
func (t *thing) add(f *field) (added bool) {
	if f == nil {
		return false
	}
	if _, known := t.fields[f.property]; known {
		return false
	}
	t.fields[f.property] = nil
	if t.lanes[f.lane] {
		return false
	}
	f.output = f.output && !t.names[f.name]
	t.fields[f.property] = f
	t.list = append(t.list, f)
	t.lanes[f.lane] = true
	if f.output {
		t.names[f.name] = true
	}
	return true
}

// leaveOut has nothing be made of a property.
func (t *thing) leaveOut(property string) {
	if _, known := t.fields[property]; !known {
		t.fields[property] = nil
	}
}

// main gives a device that has no state another output that it mostly is.
func (t *thing) main() {
	for _, property := range []string{"fan_state", "system_mode"} {
		if f := t.fields[property]; f != nil && f.output && !t.names[""] {
			f.name = ""
			t.names[""] = true
		}
	}
}

// ieee is the address of a radio, which is also a device's name until it is given another.
var ieee = regexp.MustCompile(`^0x[0-9a-f]{16}$`)

// named is the ID of a device of which only the name is known.
func (n *network) named(name string) string {
	if ieee.MatchString(name) {
		return name
	}
	return n.prefix + name
}

func (n *network) unlisted(name string) *thing { return newThing(n.named(name), name) }

// device describes a thing.
func (n *network) device(t *thing) family.Device {
	topic := n.base + "/" + t.name
	d := family.Device{ID: t.id, Also: t.also, Name: t.name, Model: t.model, Serial: t.serial, Address: topic}
	for _, f := range t.list {
		if f.output {
			d.Outputs = append(d.Outputs, f.toOutput(topic))
		} else {
			d.Channels = append(d.Channels, f.channel)
		}
	}
	i := strings.LastIndexByte(t.name, '/')
	if i < 0 {
		return d
	}
	d.Filters = []string{topic + "/+"}
	if head := t.name[:i]; strings.Contains(head, "/") && n.things[head] == nil { // else another's filter, or ours, has the topic
		d.Filters = append(d.Filters, topic)
	}
	return d
}

// entry is a device in bridge/devices.
type entry struct {
	Address      string `json:"ieee_address"`
	Name         string `json:"friendly_name"`
	Type         string
	Disabled     bool
	Manufacturer string
	ModelID      string `json:"model_id"`
	Definition   *struct {
		Vendor, Model string
		Exposes       []expose
	}
}

// list takes in bridge/devices.
func (n *network) list(m family.Message, to family.Sink) {
	if len(m.Payload) == 0 { // taken away; the devices are where they were
		to.Keep()
		return
	}
	var entries []json.RawMessage
	if !jsonpath.Valid(m.Payload) || json.Unmarshal(m.Payload, &entries) != nil {
		to.Doubt(family.Problem{
			Kind: "list", Text: fmt.Sprintf("%s is no list of devices, but %.40q and so on", m.Topic, m.Payload),
			Remedy: "see who else publishes there; Zigbee2MQTT publishes it anew when it is restarted",
		})
		return
	}
	to.Keep()
	was := n.things
	n.things, n.listed = map[string]*thing{}, true
	for _, raw := range entries {
		if len(n.things) >= maxDevices {
			n.tooMany(to)
			break
		}
		if t, problem := n.listing(raw); problem != "" {
			to.Doubt(family.Problem{Kind: "conflict", Text: m.Topic + " " + problem, Remedy: "give each device a name of its own in Zigbee2MQTT, without + and #"})
		} else if t != nil {
			n.things[t.name] = t
		}
	}
	n.replace(was, m, to)
}

// listing makes a thing of an entry, or tells why it cannot; neither for what is no device.
func (n *network) listing(raw json.RawMessage) (t *thing, problem string) {
	var e entry
	var mistyped *json.UnmarshalTypeError
	if err := json.Unmarshal(raw, &e); err != nil && !errors.As(err, &mistyped) || e.Address == "" {
		return nil, fmt.Sprintf("has %.60q, which is no device", raw)
	}
	if e.Type == "Coordinator" || e.Disabled {
		return nil, ""
	}
	e.Address = strings.ToLower(e.Address)
	e.Name = cmp.Or(e.Name, e.Address)
	switch {
	case !ieee.MatchString(e.Address):
		return nil, fmt.Sprintf("has a device with the address %.40q, which is none of a Zigbee radio", e.Address)
	case strings.ContainsAny(e.Name, "+#\x00") || len(e.Name) > maxName || e.Name == "bridge":
		return nil, fmt.Sprintf("calls the device %s %.60q, for which there can be no topic", e.Address, e.Name)
	case n.things[e.Name] != nil:
		return nil, fmt.Sprintf("calls both %s and %s %q, and the second was left out", n.things[e.Name].id, e.Address, e.Name)
	}
	for _, other := range n.things {
		if other.id == e.Address {
			return nil, fmt.Sprintf("has the device %s twice, as %q and %q, and the second was left out", e.Address, other.name, e.Name)
		}
	}
	t = newThing(e.Address, e.Name)
	t.serial = e.Address
	t.model = strings.TrimSpace(e.Manufacturer + " " + e.ModelID)
	if e.Definition != nil {
		t.model = strings.TrimSpace(e.Definition.Vendor + " " + e.Definition.Model)
		for _, x := range e.Definition.Exposes {
			t.expose(x, "", "")
		}
		t.main()
	}
	t.model = strings.ReplaceAll(t.model, "\x00", "") // some have it: github.com/home-assistant/core/issues/85691
	t.exposed = len(t.list)
	return t, ""
}

// replace has the devices of a new list take the place of those before.
func (n *network) replace(was map[string]*thing, m family.Message, to family.Sink) {
	now := map[string]*thing{}
	for _, t := range n.things {
		now[t.id] = t
	}
	for _, old := range slices.SortedFunc(maps.Values(was), byID) {
		if n.things[old.name] == nil {
			delete(n.online, old.name)
		}
		t := now[old.id]
		if t == nil && old.id == n.prefix+old.name {
			t = n.things[old.name]
		}
		if t == nil {
			to.Gone(old.id, m.Topic+" does not list it, or not as a device in use with a name of its own")
			continue
		}
		t.inherit(old)
	}
	for _, t := range slices.SortedFunc(maps.Values(n.things), byID) {
		to.Meet(n.device(t))
		n.presence(t, m.Topic, to)
	}
}

// inherit has a thing know what was known of it before this list.
func (t *thing) inherit(old *thing) {
	t.away = old.away
	if old.name == t.name {
		t.whole = old.whole
		t.also = old.also
	}
	if old.id != t.id { // only where it was met by its name is that an ID: another may have it later
		t.also = []string{old.id}
	}
	for _, f := range old.list[old.exposed:] { // what it has said beyond what it exposes
		t.add(f)
	}
}

func byID(a, b *thing) int { return cmp.Compare(a.id, b.id) }

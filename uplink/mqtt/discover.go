package mqtt

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"selvage/edge/route"
	"selvage/uplink/mqtt/family"
)

// member is a family that discover names, at work. Members are used by one goroutine at a time, with bridge.taking
// held once the first connection is tried.
type member struct {
	name string // "zigbee2mqtt"
	rank int    // of two that know a device, the one with the lower rank has it
	family.Family
	met map[string]*met // by all IDs it may be spoken of
}

// met is a device that a family has told of.
type met struct {
	by     *member
	device family.Device
	things map[string]*thing // by output, "" being the device itself
}

// splitDiscover reads an element of the key discover: "zigbee2mqtt", or "zigbee2mqtt=upstairs" for devices below a topic
// of their own.
func splitDiscover(text string) (name, base string) {
	name, base, _ = strings.Cut(text, "=")
	return name, base
}

func members(discover []string) (all []*member) {
	for _, text := range discover {
		name, base := splitDiscover(text)
		rank := len(all)
		if name == "homeassistant" { // tells of the devices of the others, too, and knows less of them
			rank += len(discover)
		}
		all = append(all, &member{name: name, rank: rank, Family: families[name](base), met: map[string]*met{}})
	}
	return all
}

// definitions is the book of the messages that say what devices are, by topic.
func (b *bridge) definitions() route.NodeURI { return b.receipts.book + "/definitions" }

// flushTime bounds how long it may take until what the bridge before this one has noted can be read.
const flushTime = 5 * time.Second

// recall gives the families what they have asked to keep. Things are made of it by Setup.
func (b *bridge) recall() error {
	if len(b.members) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_ = b.line.Host.Flush(ctx) // if that fails, the store tells people
	notes, err := b.line.Host.Notes(b.definitions())
	if err != nil {
		return err
	}
	for _, topic := range slices.Sorted(maps.Keys(notes)) {
		b.kept.keep(topic, notes[topic])
		for _, by := range b.concerned(topic) {
			g := &gathering{bridge: b, member: by}
			by.Take(family.Message{Topic: topic, Payload: notes[topic], Retained: true, Replayed: true, At: time.Now()}, g)
		}
	}
	return nil
}

// concerned are the families whose subscriptions bring a topic.
func (b *bridge) concerned(topic string) []*member {
	if n := b.out.announcer; n != nil && n.host.Owns(topic) || b.isOwnNode(topic) { // we tell of ourselves there
		return nil
	}
	return b.wanted.takers(topic, b.members)
}

// Meet implements family.Sink.
func (g *gathering) Meet(d family.Device) {
	b, by := g.bridge, g.member
	d.Filters = slices.DeleteFunc(slices.Clone(d.Filters), func(f string) bool { return !isFilter(f) })
	ids := idsOf(d)
	m := by.knows(ids)
	if m == nil {
		m = &met{by: by}
		for _, other := range b.members {
			was := other.knows(ids)
			switch {
			case other == by || was == nil:
				continue
			case other.rank > by.rank:
				b.yield(was)
				m.things = was.things
				continue
			case by.name != "homeassistant":
				b.refuse("conflict", fmt.Sprintf("%s at %s has the id %s, which %s at %s has as well; it is left out",
					by.name, d.Address, d.ID, other.name, was.device.Address), "if it is one device, let discover name one of the two families; if not, give one another id")
			}
			return
		}
	}
	b.wanted.change(by, m.device.Filters, d.Filters)
	if g.arrival != nil && len(d.Channels)+len(d.Outputs) > len(m.device.Channels)+len(m.device.Outputs) {
		b.wanted.repeat(d.Filters) // which may hold what is new to us
	}
	for _, id := range idsOf(m.device) {
		if by.met[id] == m {
			delete(by.met, id)
		}
	}
	var same []*met // devices that turn out to be this one
	for _, id := range ids {
		if is := by.met[id]; is != nil {
			b.yield(is)
			same = append(same, is)
		}
		by.met[id] = m
	}
	m.device = d
	if !b.ready {
		return
	}
	g.stand(m)
	for _, is := range same {
		for _, t := range is.things {
			if t != nil && !m.has(t) {
				g.retire(t)
			}
		}
	}
}

// has tells whether a thing stands for the device.
func (m *met) has(t *thing) bool {
	for _, is := range m.things {
		if is == t {
			return true
		}
	}
	return false
}

func idsOf(d family.Device) []string { return append([]string{d.ID}, d.Also...) }

func (m *member) knows(ids []string) *met {
	for _, id := range ids {
		if is := m.met[id]; is != nil {
			return is
		}
	}
	return nil
}

// yield has a family know a device no more that another knows better, or has another ID. Its things stay.
func (b *bridge) yield(m *met) {
	b.wanted.change(m.by, m.device.Filters, nil)
	maps.DeleteFunc(m.by.met, func(_ string, of *met) bool { return of == m })
}

// Report implements family.Sink.
func (g *gathering) Report(id string, r family.Report) {
	m := g.member.met[id]
	if m == nil { // another family has it
		return
	}
	g.to(m.things[""], func(n *news) { n.readings = append(n.readings, r.Readings...) }, len(r.Readings) > 0)
	for i := range r.States {
		s := &r.States[i]
		g.to(m.things[s.Output], func(n *news) { n.state = &s.Value }, true)
	}
	if r.Presence != family.Unsaid {
		for _, t := range m.things {
			g.to(t, func(n *news) { n.presence, n.why = r.Presence, r.Why }, true)
		}
	}
}

// Gone implements family.Sink.
func (g *gathering) Gone(id, why string) {
	b, m := g.bridge, g.member.met[id]
	if m == nil {
		return
	}
	b.yield(m)
	b.line.Log().Info("a device is gone", "family", g.member.name, "id", id, "why", why)
	for _, t := range m.things {
		if t != nil {
			g.retire(t)
		}
	}
}

// Publish implements family.Sink.
func (g *gathering) Publish(p family.Publication) {
	if s := g.bridge.conn.Load(); s != nil {
		_ = s.order(order{topic: p.Topic, payload: string(p.Payload), qos: p.QoS, retain: p.Retain}) // of use now only
	}
}

// Doubt implements family.Sink.
func (g *gathering) Doubt(p family.Problem) {
	g.bridge.refuse(g.member.name+"."+cmp.Or(p.Kind, "problem"), fmt.Sprintf("%s: %s", g.member.name, p.Text), p.Remedy)
}

// Keep implements family.Sink.
func (g *gathering) Keep() {
	a, b := g.arrival, g.bridge
	if a == nil || b.kept.has(a.topic, a.raw) {
		return
	}
	if !b.kept.keep(a.topic, a.raw) {
		b.refuse("definitions", fmt.Sprintf("what says what devices are has %d bytes, and no more is kept: %s is not known after a restart until it says so again",
			maxKept, shorten([]byte(a.topic))), "see whether discover names more than is there; devices go on working")
		return
	}
	key, value := []byte(a.topic), slices.Clone(a.raw)
	if len(value) == 0 {
		value = nil
	}
	g.inUplink(func() { b.line.Note(b.definitions(), key, value) })
}

// maxKept is how many bytes of definitions there may be.
const maxKept = 16 << 20

// kept is what is kept of definitions, by topic. A broker sends each again at each connect, which is not written again.
type kept struct {
	topics map[string]definition
	bytes  int
}

type definition struct {
	size int
	sum  uint64
}

func (k *kept) has(topic string, payload []byte) bool {
	is, ok := k.topics[topic]
	return ok == (len(payload) > 0) && (!ok || is.sum == sum(string(payload)))
}

// keep takes in that a definition is kept now, or with an empty payload no more. It reports whether there is room.
func (k *kept) keep(topic string, payload []byte) bool {
	after := k.bytes - k.topics[topic].size
	if len(payload) == 0 {
		delete(k.topics, topic)
		k.bytes = after
		return true
	}
	size := len(topic) + len(payload)
	if after += size; after > maxKept {
		return false
	}
	k.topics[topic], k.bytes = definition{size, sum(string(payload))}, after
	return true
}

var _ family.Sink = (*gathering)(nil)

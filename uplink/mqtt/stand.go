package mqtt

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink/mqtt/family"
)

// place is what a thing of a family stands for, whatever it is called.
type place struct{ id, output string }

// places are the nodes of families' things, which they keep whatever their devices are called later. They are used
// like members.
type places struct {
	nodes map[place]route.NodeURI
	taken map[route.NodeURI]place
}

func (p *places) set(at place, node route.NodeURI) {
	p.nodes[at], p.taken[node] = node, at
}

func (p *places) remove(node route.NodeURI) {
	delete(p.nodes, p.taken[node])
	delete(p.taken, node)
}

// stand makes the things that stand for a device, or has them know how it is described now: one for the device, and one
// for each output that has a name.
func (g *gathering) stand(m *met) {
	was := m.things
	m.things = map[string]*thing{"": g.standFor(m, "", was[""])}
	for i := range m.device.Outputs {
		if name := m.device.Outputs[i].Name; name != "" {
			m.things[name] = g.standFor(m, name, was[name])
		}
	}
	for name, t := range was {
		if m.things[name] == nil && t != nil {
			g.retire(t)
		}
	}
}

// standFor returns the thing of a device's output, or of the device. It is nil where there can be none.
func (g *gathering) standFor(m *met, output string, t *thing) *thing {
	b := g.bridge
	for _, id := range idsOf(m.device) {
		node, ok := b.places.nodes[place{id, output}]
		if t == nil && ok {
			if t = b.thingAt(node); t != nil && !t.met.Load() {
				t = nil // a mapping has it now
			} else if t == nil {
				t = g.build(node, m, output)
			}
		}
	}
	if t != nil {
		g.describe(t, m, output)
		g.remember(t, m, output)
		return t
	}
	name := cmp.Or(family.Slug(m.device.Name), family.Slug(m.device.ID), "thing")
	if output != "" {
		name += "-" + cmp.Or(family.Slug(output), "output")
	}
	for n := 1; n <= mostNamesakes; n++ {
		node := twin.Node(route.Escape(name))
		if n > 1 {
			node = twin.Node(route.Escape(name + "-" + strconv.Itoa(n)))
		}
		if _, taken := b.places.taken[node]; taken || b.thingAt(node) != nil {
			continue
		}
		switch t, err := g.tryBuild(node, m, output); err {
		case nil:
			g.remember(t, m, output)
			return t
		case errTooMany:
			return nil
		}
	}
	return nil
}

// mostNamesakes is how many things of one name there may be.
const mostNamesakes = 100

// thingAt returns the thing at a node. There is none where the node is another's.
func (b *bridge) thingAt(node route.NodeURI) *thing {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.things[node]; t != nil && t.turns != nil {
		return t
	}
	return nil
}

func (g *gathering) build(node route.NodeURI, m *met, output string) *thing {
	t, _ := g.tryBuild(node, m, output)
	return t
}

func (g *gathering) tryBuild(node route.NodeURI, m *met, output string) (*thing, error) {
	b := g.bridge
	t, made, err := b.add(node, true, func(t *thing) twin.Options { return b.description(t, m, output) })
	if err == nil && made {
		t.met.Store(true)
	}
	return t, err
}

// describe has a thing that is there know how its device is described now.
func (g *gathering) describe(t *thing, m *met, output string) {
	o := g.bridge.description(t, m, output)
	g.inThing(t, func() { t.twin.Describe(o) })
}

// confirmTime is how long a device may take to say that it does what it was told, unless its mapping says. One on a radio
// mesh may be asleep for some seconds.
const confirmTime = 10 * time.Second

// description is what a twin is to know of a device, or of an output that has a name.
func (b *bridge) description(t *thing, m *met, output string) twin.Options {
	o := twin.Options{Node: t.node, Info: twin.Info{
		Driver: m.by.name, Wire: b.Peer(), Address: m.device.Address, Model: m.device.Model, Serial: m.device.Serial,
	}, Changed: t.attend}
	if output == "" {
		o.Every = m.device.Every
		o.Channels = slices.Clone(m.device.Channels)
		for i := range o.Channels {
			if c := &o.Channels[i]; c.Form == number {
				o.Calibrates = true
				c.Resolution = cmp.Or(c.Resolution, dust)
			}
		}
	}
	i := slices.IndexFunc(m.device.Outputs, func(o family.Output) bool { return o.Name == output })
	if i >= 0 {
		out := &m.device.Outputs[i]
		o.Takes, o.Choices, o.Set = &out.Takes, out.Options, b.commander(t, out)
		if !out.Silent && !slices.ContainsFunc(out.Options, isStop) {
			o.Confirm = confirmTime
		}
	}
	return o
}

// isStop tells whether an option of an output, a cover's mostly, is one that it never is in.
func isStop(option string) bool { return strings.EqualFold(option, "stop") }

// restoreMet notes where a thing of a family was, which is made at once: it may be long until its device says
// something.
func (b *bridge) restoreMet(node route.NodeURI, r remembered) bool {
	i := slices.IndexFunc(b.members, func(m *member) bool { return m.name == r.Family })
	if i < 0 {
		return false
	}
	m := b.members[i]
	t, made, err := b.add(node, true, func(t *thing) twin.Options {
		return b.description(t, &met{by: m, device: family.Device{ID: r.ID, Address: r.Topic}}, r.Output)
	})
	if err != nil || !made && !t.met.Load() {
		return false
	}
	t.met.Store(true)
	if !b.ready {
		b.places.set(place{r.ID, r.Output}, node)
		b.recorded[node] = r
	}
	return true
}

// standAll makes the things of all devices that the families have recalled. Once the first connection may be tried there
// are none without.
func (b *bridge) standAll() {
	if b.ready {
		return
	}
	b.ready = true
	for _, m := range b.members {
		g := &gathering{bridge: b, member: m, setup: true}
		for _, is := range m.all() {
			g.stand(is)
		}
	}
}

// all are the devices that the family knows, in the order of their IDs.
func (m *member) all() (all []*met) {
	for _, id := range slices.Sorted(maps.Keys(m.met)) {
		if is := m.met[id]; !slices.Contains(all, is) {
			all = append(all, is)
		}
	}
	return all
}

// remember has the lane devices know a thing, as part of the message that made it known.
func (g *gathering) remember(t *thing, m *met, output string) {
	b, at := g.bridge, place{m.device.ID, output}
	r := remembered{Family: m.by.name, ID: m.device.ID, Output: output, Topic: m.device.Address}
	if b.places.nodes[at] == t.node && b.recorded[t.node] == r {
		return
	}
	b.places.remove(t.node)
	b.places.set(at, t.node)
	b.recorded[t.node] = r
	g.inUplink(func() { b.devices.Set(string(t.node), r) })
}

// retire takes a thing away. What it has stored stays in the store.
func (g *gathering) retire(t *thing) {
	b := g.bridge
	t.retired = true
	b.places.remove(t.node)
	delete(b.recorded, t.node)
	b.mu.Lock()
	delete(b.things, t.node)
	b.made--
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := b.line.Host.Remove(ctx, t.node); err != nil {
		b.line.Log().Warn("a device that is gone was not taken away", "device", t.node, "err", err)
	}
	b.line.Host.Health().Clear(t.code())
	g.inUplink(func() { b.devices.Remove(string(t.node)) })
}

// inUplink has fn run in a turn of the uplink's agent, which ends before the message is acknowledged. What cannot be
// done now is done later: that it is owed is known, so that no message says it again.
func (g *gathering) inUplink(fn func()) {
	b := g.bridge
	switch {
	case g.setup:
		fn()
	case g.arrival != nil && g.arrival.inUplink(fn):
	case g.arrival == nil && b.line.Do(now, fn) == nil:
	default:
		b.owed = append(b.owed, fn)
	}
}

// settleOwed does what could not be done before.
func (b *bridge) settleOwed() {
	for len(b.owed) > 0 && b.line.Do(now, b.owed[0]) == nil {
		b.owed = b.owed[1:]
	}
}

// inThing has fn run in a turn of a thing, which ends before the message is acknowledged.
func (g *gathering) inThing(t *thing, fn func()) {
	if g.arrival != nil {
		g.arrival.turn(t, fn)
		return
	}
	_ = t.turns.Do(now, fn)
}

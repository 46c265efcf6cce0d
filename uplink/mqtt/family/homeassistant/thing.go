package homeassistant

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/jinja"
)

// thing is a device, with its entities.
type thing struct {
	ids      []string
	entities map[string]*entity
	watched  map[string]*availability // by what they watch
	filters  []string                 // topics that have news of it
	name     string
	outputs  []*part
	channels []*part
}

// id is the best of its identities: an address, if there is one.
func (t *thing) id() string { return t.ids[0] }

func rank(id string) int {
	switch {
	case strings.HasPrefix(id, "0x"):
		return 0
	case !strings.HasPrefix(id, "homeassistant/"):
		return 1
	}
	return 2
}

func (t *thing) sorted() []*entity {
	return slices.SortedFunc(maps.Values(t.entities), func(a, b *entity) int { return cmp.Compare(a.key, b.key) })
}

// arrange gives names to everything after its entities have changed.
func (t *thing) arrange() {
	slices.SortStableFunc(t.ids, func(a, b string) int { return rank(a) - rank(b) })
	all := t.sorted()
	t.outputs, t.channels, t.name = nil, nil, ""
	for _, e := range all {
		t.name = cmp.Or(t.name, clip(e.device.text("name")))
	}
	if t.name == "" {
		_, last, _ := strings.Cut(t.id(), "/")
		t.name = cmp.Or(last, t.id())
		if all[0].device == nil {
			t.name = cmp.Or(all[0].name, all[0].object)
		}
	}
	main := t.main(all)
	lanes, outputs := map[string]bool{}, map[string]bool{}
	for _, e := range all {
		base := e.label(t.name)
		if e == main {
			base = ""
		} else if base == "" {
			base = cmp.Or(e.class, e.object, e.component)
		}
		for _, p := range e.parts {
			if p.command != nil {
				p.lane = family.Slug(base + " " + p.suffix)
				if p.lane == "" && e != main {
					p.lane = family.Lane(e.object + " " + p.suffix)
				}
				p.lane = unique(p.lane, outputs)
				t.outputs = append(t.outputs, p)
			} else {
				p.lane = unique(family.LaneOf(base, p.suffix), lanes)
				t.channels = append(t.channels, p)
			}
		}
	}
	slices.SortFunc(t.channels, func(a, b *part) int { return cmp.Compare(a.lane, b.lane) })
	slices.SortFunc(t.outputs, func(a, b *part) int { return cmp.Compare(a.lane, b.lane) })
}

// unique makes a name that is not taken yet.
func unique(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = strings.TrimPrefix(name+"-", "-") + strconv.Itoa(n)
	}
	taken[free] = true
	return free
}

// main finds the entity that a device mostly is: the only one of those that can be, or the first of them without a name
// of its own.
func (t *thing) main(all []*entity) (main *entity) {
	can := slices.DeleteFunc(slices.Clone(all), func(e *entity) bool { return !slices.Contains(mains, e.component) })
	if len(can) == 1 {
		return can[0]
	}
	for _, e := range can {
		if e.label(t.name) == "" {
			return e
		}
	}
	return nil
}

// label is an entity's name without that of its device before it.
func (e *entity) label(of string) string {
	if len(e.name) >= len(of) && strings.EqualFold(e.name[:len(of)], of) {
		rest := e.name[len(of):]
		if family.Slug(rest) == "" {
			return ""
		}
		if strings.ContainsAny(rest[:1], " _-:/") {
			return rest
		}
	}
	return e.name
}

// device is what others are told.
func (t *thing) device() family.Device {
	d := family.Device{ID: t.id(), Also: slices.Clone(t.ids[1:]), Name: t.name, Filters: t.filters}
	for _, e := range t.sorted() {
		maker, model := clip(e.device.text("manufacturer")), clip(cmp.Or(e.device.text("model_id"), e.device.text("model")))
		if maker != "" && !strings.HasPrefix(model, maker) {
			model = strings.TrimSpace(maker + " " + model)
		}
		d.Model = cmp.Or(d.Model, model)
		d.Serial = cmp.Or(d.Serial, clip(e.device.text("serial_number")))
		for _, p := range e.parts {
			d.Address = cmp.Or(d.Address, p.state.topic)
		}
		if e.every > 0 && (d.Every == 0 || e.every < d.Every) {
			d.Every = e.every
		}
	}
	for _, p := range t.channels {
		if !p.open {
			c := p.takes
			c.Name = p.lane
			d.Channels = append(d.Channels, c)
		}
	}
	for _, p := range t.outputs {
		d.Outputs = append(d.Outputs, family.Output{
			Name: p.lane, Takes: p.takes, Options: p.options, Command: p.command, Silent: p.silent,
		})
	}
	return d
}

// watch is what a topic means to a thing: the state of a part, or a sign of availability.
type watch struct {
	part *part
	of   *availability
	sign *sign
}

// watches are what its topics mean.
func (t *thing) watches() map[string][]watch {
	all := map[string][]watch{}
	watched := map[string]*availability{}
	for _, e := range t.sorted() {
		if e.watch != nil && watched[e.watch.key] == nil {
			a := e.watch
			if known := t.watched[a.key]; known != nil {
				a = known
			}
			watched[a.key] = a
			for _, s := range a.items {
				all[s.source.topic] = append(all[s.source.topic], watch{of: a, sign: s})
			}
		}
		for _, p := range e.parts {
			if p.state.topic != "" {
				all[p.state.topic] = append(all[p.state.topic], watch{part: p})
			}
		}
	}
	t.watched = watched
	t.filters = slices.Sorted(maps.Keys(all))
	return all
}

// take takes a message on one of its topics.
func (t *thing) take(m family.Message, watches []watch, to family.Sink) {
	payload := jinja.NewPayload(m.Payload)
	var r family.Report
	decided, watched := false, false
	for _, w := range watches {
		switch {
		case w.of != nil:
			watched = w.of.take(w.sign, payload, m.Payload) || watched
		case w.part.event && m.Retained:
		default:
			decided = w.part.take(m, payload, &r) || decided
		}
	}
	if watched {
		t.look(m, &r)
	}
	if decided {
		to.Meet(t.device())
	}
	if len(r.Readings) > 0 || len(r.States) > 0 || r.Presence != family.Unsaid {
		to.Report(t.id(), r)
	}
}

// look tells whether it is there, after a sign of that: it is if any of its entities is.
func (t *thing) look(m family.Message, r *family.Report) {
	now := family.Unsaid
	for _, a := range t.watched {
		if a.last == family.There || a.last == family.Away && now == family.Unsaid {
			now = a.last
		}
	}
	r.Presence = now
	if r.Presence == family.Away {
		r.Why = said(m.Payload)
	}
}

// take reads the value of a part, and tells whether it has been decided just now what that is.
func (p *part) take(m family.Message, payload *jinja.Payload, r *family.Report) (decided bool) {
	var v device.Value
	text, err := p.state.text(payload, m.Payload)
	if err == nil {
		v, err = p.wire.read(text)
		if p.open && !errors.Is(err, errUnknown) {
			p.open, p.decided, decided = false, true, true
			if err != nil {
				p.takes, p.wire = device.Channel{Form: device.Text}, texts
				v, err = p.wire.read(text)
			}
		}
	}
	switch {
	case errors.Is(err, errUnknown):
		return decided
	case err != nil:
		name := p.lane
		if p.command != nil {
			name = clip(m.Topic)
		}
		r.Readings = append(r.Readings, device.NamedReading{
			Channel: name, Reading: device.Reading{Quality: device.Bad, Reason: err.Error()},
		})
	case p.command != nil:
		r.States = append(r.States, family.State{Output: p.lane, Value: v})
	default:
		r.Readings = append(r.Readings, device.NamedReading{Channel: p.lane, Reading: device.Reading{
			Value: v.Number, Text: v.Text, Form: p.takes.Form, Unit: p.takes.Unit,
		}})
	}
	return decided
}

// resume takes over what was found out before the entity was described anew.
func (e *entity) resume(was *entity) {
	if was == nil {
		return
	}
	for _, p := range e.parts {
		for _, old := range was.parts {
			if p.open && old.decided && p.suffix == old.suffix {
				p.open, p.decided, p.takes, p.wire = false, true, old.takes, old.wire
			}
		}
	}
}

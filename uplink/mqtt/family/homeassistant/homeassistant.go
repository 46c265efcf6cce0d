// Package homeassistant understands devices that announce themselves to Home Assistant over MQTT
// (home-assistant.io/integrations/mqtt/#mqtt-discovery), as Home Assistant does: a config in a retained message
// describes an entity, or a device with all of its entities, and says where its state is and how it is commanded.
//
// All entities with the same identifiers are one device here, with a channel for each that is read and an output for
// each that is commanded. Left out are attributes in JSON, off_delay, colours, and that single entities of a device are
// away: a device is away when none of its entities is available.
package homeassistant

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"selvage/uplink/mqtt/family"
)

const (
	maxEntities = 10_000
	maxParts    = 500      // entities of one device
	maxWeight   = 64 << 20 // bytes that all descriptions may take, about
)

// New returns the family for configs under a topic; the empty one stands for "homeassistant".
func New(base string) family.Family {
	if base == "" {
		base = "homeassistant"
	}
	return &discovery{
		base: base, configs: map[string]*taken{}, entities: map[string]*entity{}, uniques: map[string]string{},
		things: map[string]*thing{}, topics: map[string]map[*thing][]watch{}, told: map[string]bool{},
	}
}

type discovery struct {
	base     string
	configs  map[string]*taken  // by topic
	entities map[string]*entity // by key
	uniques  map[string]string  // keys of entities, by unique
	things   map[string]*thing  // by each of their identities
	topics   map[string]map[*thing][]watch
	told     map[string]bool // components that people were told of
	weight   int
}

// taken is a config that was taken.
type taken struct {
	sum  [sha256.Size]byte
	keys []string
}

func (d *discovery) Filters() []string {
	return []string{d.base + "/+/+/config", d.base + "/+/+/+/config"}
}

func (d *discovery) Take(m family.Message, to family.Sink) {
	if component, path, ok := d.described(m.Topic); ok {
		d.describe(m, component, path[strings.LastIndexByte(path, '/')+1:], to)
	}
	for t, watches := range d.topics[m.Topic] {
		t.take(m, watches, to)
	}
}

// described takes a discovery topic apart: <base>/<component>/[<node_id>/]<object_id>/config.
func (d *discovery) described(topic string) (component, path string, ok bool) {
	rest, below := strings.CutPrefix(topic, d.base+"/")
	rest, config := strings.CutSuffix(rest, "/config")
	component, path, ok = strings.Cut(rest, "/")
	return component, path, ok && below && config && strings.Count(path, "/") < 2
}

func (d *discovery) describe(m family.Message, component, object string, to family.Sink) {
	if components[component] == nil && component != "device" {
		if len(m.Payload) > 0 {
			d.unknown(component, m.Topic, to)
		}
		return
	}
	if len(m.Payload) == 0 {
		d.remove(m.Topic, to)
		return
	}
	sum := sha256.Sum256(m.Payload)
	if was := d.configs[m.Topic]; was != nil && was.sum == sum {
		to.Keep()
		return
	}
	c, err := parseConfig(m.Payload)
	if err != nil {
		to.Doubt(family.Problem{
			Kind: "config", Text: fmt.Sprintf("the config at %s is left out: %v", m.Topic, err),
			Remedy: "publish it anew, or remove it from the broker with an empty retained message",
		})
		return
	}
	if c.flag("migrate_discovery") { // it is to be taken over by the config of a device
		d.remove(m.Topic, to)
		return
	}
	var made []*entity
	if component == "device" {
		made = d.several(m.Topic, c, to)
	} else if e := d.entity(m.Topic, m.Topic, component, object, c, to); e != nil {
		made = []*entity{e}
	}
	if len(made) > 0 {
		d.replace(m.Topic, sum, made, to)
	}
}

// unknown tells once of a component that is not taken in.
func (d *discovery) unknown(component, topic string, to family.Sink) {
	if slices.Contains(quiet, component) || d.told[component] || len(d.told) > 100 {
		return
	}
	d.told[component] = true
	to.Doubt(family.Problem{
		Kind: "component", Text: fmt.Sprintf("%.40s of %.200s is a component that is not taken in here", component, topic),
		Remedy: "nothing has to be done; if its values are wanted, write a mapping for its topics in this program's config",
	})
}

// shared are members that a device's config may have for all of its components.
var shared = []string{
	"~", "device", "availability", "availability_mode", "availability_topic", "availability_template",
	"payload_available", "payload_not_available", "command_topic", "state_topic", "qos",
}

// several makes the entities of a device's config.
func (d *discovery) several(topic string, c config, to family.Sink) (made []*entity) {
	parts := c.object("components", nil)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part := parts.object(name, abbreviations)
		component := part.text("platform")
		switch {
		case len(part) == 1 || component == "": // this is how one is taken away
			continue
		case components[component] == nil:
			d.unknown(component, topic, to)
			continue
		}
		for _, key := range shared {
			if !part.has(key) && c.has(key) {
				part[key] = c[key]
			}
		}
		if e := d.entity(topic+" "+clip(name), topic, component, clip(name), part, to); e != nil {
			made = append(made, e)
		}
	}
	return made
}

// entity makes one entity; nil if nothing is left of it.
func (d *discovery) entity(key, topic, component, object string, c config, to family.Sink) *entity {
	if base, ok := c["~"].(string); ok {
		c.fillBase(base)
	}
	if id := c.textOr("object_id", c.text("default_entity_id")); id != "" {
		object = clip(id[strings.LastIndexByte(id, '.')+1:])
	}
	b := &builder{config: c, entity: &entity{key: key, topic: topic, component: component, object: object, class: clip(c.text("device_class"))}}
	b.build()
	for _, p := range b.faults {
		to.Doubt(p)
	}
	e := b.entity
	if len(e.parts) == 0 {
		return nil
	}
	other := d.entities[d.uniques[e.unique]]
	if e.unique != "" && other != nil && other.key != key {
		to.Doubt(family.Problem{
			Kind:   "conflict",
			Text:   fmt.Sprintf("%s and %s have the same unique_id %s; the second is left out", other.key, key, c.text("unique_id")),
			Remedy: "remove the one that is out of date from the broker, or give one of the two another unique_id",
		})
		return nil
	}
	e.weight += 2000 // what it has beside texts
	return e
}

// replace puts the entities of a config in the place of those that it described before.
func (d *discovery) replace(topic string, sum [sha256.Size]byte, made []*entity, to family.Sink) {
	old := map[string]*entity{}
	changed := d.forget(topic, func(e *entity) { old[e.key] = e })
	now := &taken{sum: sum}
	for _, e := range made {
		e.resume(old[e.key])
		t, err := d.place(e)
		if err != nil {
			to.Doubt(family.Problem{
				Kind: "limit", Text: fmt.Sprintf("%s is left out: %v", e.key, err),
				Remedy: "look who publishes so many configs, and remove those that are out of date from the broker",
			})
			continue
		}
		now.keys = append(now.keys, e.key)
		if !slices.Contains(changed, t) {
			changed = append(changed, t)
		}
	}
	if len(now.keys) > 0 {
		d.configs[topic] = now
		to.Keep()
	}
	d.tell(changed, topic, to)
}

func (d *discovery) remove(topic string, to family.Sink) {
	if d.configs[topic] == nil {
		return
	}
	to.Keep()
	d.tell(d.forget(topic, func(*entity) {}), topic, to)
}

// forget takes away the entities of a config, and returns whose they were.
func (d *discovery) forget(topic string, each func(*entity)) (changed []*thing) {
	was := d.configs[topic]
	if was == nil {
		return nil
	}
	delete(d.configs, topic)
	for _, key := range was.keys {
		e := d.entities[key]
		each(e)
		delete(d.entities, key)
		delete(d.uniques, e.unique)
		d.weight -= e.weight
		t := e.of
		delete(t.entities, key)
		if !slices.Contains(changed, t) {
			changed = append(changed, t)
		}
	}
	return changed
}

// place gives an entity to its device.
func (d *discovery) place(e *entity) (*thing, error) {
	ids := identities(e.device)
	if len(ids) == 0 {
		own := e.key
		if e.unique != "" {
			_, own, _ = strings.Cut(e.unique, " ")
		} else if _, path, ok := d.described(e.topic); ok {
			own = e.component + "/" + path
		}
		ids = []string{"homeassistant/" + clip(own)}
	}
	var t *thing
	for _, id := range ids {
		if t = d.things[id]; t != nil {
			break
		}
	}
	switch {
	case len(d.entities) >= maxEntities:
		return nil, fmt.Errorf("there are %d entities, and no more are taken", maxEntities)
	case d.weight+e.weight > maxWeight:
		return nil, fmt.Errorf("all configs together have more than %d MB", maxWeight>>20)
	case t != nil && len(t.entities) >= maxParts:
		return nil, fmt.Errorf("its device has %d entities, and no more are taken", maxParts)
	case t == nil:
		t = &thing{entities: map[string]*entity{}, watched: map[string]*availability{}}
	}
	for _, id := range ids {
		if d.things[id] == nil && len(t.ids) < maxIdentities {
			d.things[id] = t
			t.ids = append(t.ids, id)
		}
	}
	e.of = t
	t.entities[e.key] = e
	d.entities[e.key] = e
	d.weight += e.weight
	if e.unique != "" {
		d.uniques[e.unique] = e.key
	}
	return t, nil
}

// tell tells of devices that have changed.
func (d *discovery) tell(changed []*thing, topic string, to family.Sink) {
	for _, t := range changed {
		for _, topic := range t.filters {
			delete(d.topics[topic], t)
			if len(d.topics[topic]) == 0 {
				delete(d.topics, topic)
			}
		}
		if len(t.entities) == 0 {
			for _, id := range t.ids {
				delete(d.things, id)
			}
			to.Gone(t.id(), "its config was taken away from "+topic)
			continue
		}
		t.arrange()
		for topic, watches := range t.watches() {
			if d.topics[topic] == nil {
				d.topics[topic] = map[*thing][]watch{}
			}
			d.topics[topic][t] = watches
		}
		to.Meet(t.device())
	}
}

package homeassistant

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/jinja"
)

// entity is what one config describes: a sensor, a switch.
type entity struct {
	key       string // its topic, and behind it its name among the components of a device
	topic     string // of its config
	component string
	unique    string // its unique_id with its component; empty if it has none
	name      string
	object    string // what it is called if it has no name
	class     string
	device    config // the device it is of, nil if it is one itself
	of        *thing // that device
	parts     []*part
	watch     *availability // nil if it has none
	every     time.Duration
	weight    int // how much memory it takes, about
}

// part is one quantity of an entity that is read or commanded.
type part struct {
	suffix  string // what of the entity it is: "brightness"; empty for what it mostly is
	takes   device.Channel
	options []string
	wire    wire
	state   source
	command func(device.Value) (family.Publication, error) // nil for a channel
	silent  bool
	event   bool // its messages are events: one that the broker kept is over
	open    bool // whether it is a number or a text, its first value decides
	decided bool // it has

	lane string // its channel's or output's name, when its device is put together
}

// source is where values come from.
type source struct {
	topic    string // empty for nowhere
	template *jinja.Template
}

// text evaluates a message.
func (s source) text(payload *jinja.Payload, raw []byte) (string, error) {
	if s.template == nil {
		return string(raw), nil
	}
	r, err := s.template.Eval(jinja.Input{Payload: payload})
	if errors.Is(err, jinja.ErrUndefined) {
		return "", errUnknown
	}
	return r.Text, err
}

// builder makes an entity of its config.
type builder struct {
	config config
	entity *entity
	faults []family.Problem
}

func (b *builder) fault(kind, key, remedy, format string, args ...any) {
	b.faults = append(b.faults, family.Problem{
		Kind: kind, Text: fmt.Sprintf("the %s of %s: %s", key, b.entity.key, fmt.Sprintf(format, args...)), Remedy: remedy,
	})
}

// template reads the template under the first of some keys; there may be none.
func (b *builder) template(keys []string, names ...string) (t *jinja.Template, ok bool) {
	for _, key := range keys {
		text := b.config.text(key)
		if text == "" {
			continue
		}
		b.entity.weight += 16 * len(text)
		t, err := jinja.Parse(text, names...)
		var p *jinja.ParseError
		if errors.As(err, &p) {
			remedy := "if it works in Home Assistant, write a mapping for its topic in this program's config"
			if !p.Beyond {
				remedy = "correct the template where it is made, or remove the config from the broker"
			}
			b.fault("template", key, remedy, "%s, in %.80q", p, text)
			return nil, false
		}
		return t, true
	}
	return nil, true
}

// subscribable reads the topic under key, if there is one that can be subscribed to.
func (b *builder) subscribable(key string) string {
	topic := b.config.text(key)
	if topic != "" && (!usable(topic) || strings.HasPrefix(topic, "$share/")) {
		b.fault("config", key, "correct it where the config is made", "%.80q is no topic of one kind of message", topic)
		return ""
	}
	return topic
}

// usable tells whether a topic is one, without wildcards.
func usable(topic string) bool {
	return len(topic) <= 65535 && !strings.ContainsAny(topic, "+#\x00") && utf8.ValidString(topic)
}

// from reads where the state of a part is: the topic, and the first of the templates there is.
func (b *builder) from(topic string, templates ...string) (source, bool) {
	s := source{topic: b.subscribable(topic)}
	if s.topic == "" {
		return s, true
	}
	var ok bool
	s.template, ok = b.template(templates)
	return s, ok
}

// channel adds something that is read.
func (b *builder) channel(p part, topic string, templates ...string) {
	state, ok := b.from(topic, templates...)
	if !ok || state.topic == "" {
		return
	}
	p.state = state
	b.add(p)
}

// output adds something that is commanded, if it has a topic for that.
func (b *builder) output(p part, keys keys) {
	topic := b.config.text(keys.command)
	if topic == "" {
		return
	}
	if !usable(topic) {
		b.fault("config", keys.command, "correct it where the config is made", "%.80q is no topic", topic)
		return
	}
	state, ok := b.from(keys.state, keys.values...)
	if !ok {
		return
	}
	template, ok := b.template([]string{keys.template}, keys.also...)
	if !ok {
		return
	}
	b.commanded(p, state, topic, func(v device.Value) ([]byte, error) {
		value := p.wire.write(v)
		if template == nil {
			return []byte(plain(value)), nil
		}
		vars := map[string]any{"value": value}
		for _, name := range keys.also {
			vars[name] = value
		}
		r, err := template.Eval(jinja.Input{Vars: vars})
		if err != nil {
			return nil, fmt.Errorf("the %s of %s: %w", keys.template, b.entity.key, err)
		}
		return []byte(r.Text), nil
	})
}

// commanded adds an output whose payloads are made by payload.
func (b *builder) commanded(p part, state source, topic string, payload func(device.Value) ([]byte, error)) {
	qos := byte(min(max(b.config.number("qos", 0), 0), 2))
	retain := b.config.flag("retain")
	p.state = state
	p.silent = p.silent || state.topic == "" || b.config.flag("optimistic")
	p.command = func(v device.Value) (family.Publication, error) {
		raw, err := payload(v)
		return family.Publication{Topic: topic, Payload: raw, QoS: qos, Retain: retain}, err
	}
	b.add(p)
}

func (b *builder) add(p part) { b.entity.parts = append(b.entity.parts, &p) }

// keys are where a config says how an output is told and read.
type keys struct {
	command, template string
	state             string
	values            []string // templates of the state; the first there is counts
	also              []string // other names for value in the command template
}

// under are the keys with a prefix: "brightness_" for "brightness_command_topic".
func under(prefix string) keys {
	return keys{
		command: prefix + "command_topic", template: prefix + "command_template",
		state: prefix + "state_topic", values: []string{prefix + "value_template", prefix + "state_template", prefix + "state_value_template"},
	}
}

// eventType reads what an event entity is sent.
func eventType(text string) (device.Value, error) {
	raw := []byte(text)
	if text == "" {
		return device.Value{}, errUnknown
	}
	if !jsonpath.Valid(raw) {
		return device.Value{}, fmt.Errorf("an event is JSON, not %.40q", text)
	}
	v := jsonpath.Member("event_type").Find(raw)
	if v.Absent || v.Null || v.Group {
		return device.Value{}, fmt.Errorf("an event has event_type, not %.40q", text)
	}
	return texts.read(string(v.Text))
}

// build makes the entity of a config; without parts it is none.
func (b *builder) build() {
	e := b.entity
	if unique := b.config.text("unique_id"); unique != "" {
		e.unique = e.component + " " + clip(unique)
	}
	e.name = clip(b.config.text("name"))
	if after := b.config.number("expire_after", 0); after > 0 && after < 1e9 {
		e.every = max(time.Second, time.Duration(after*float64(time.Second)/3)) // three of these in silence make a twin stale
	}
	e.device = b.config.object("device", deviceAbbreviations)
	components[e.component](b)
	if len(e.parts) == 0 {
		if len(b.faults) == 0 {
			b.fault("config", "config", "correct it where it is made",
				"it has no topic that a %s needs, such as state_topic or command_topic", e.component)
		}
		return
	}
	b.watch()
}

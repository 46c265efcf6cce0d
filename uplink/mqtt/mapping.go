package mqtt

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/edge/route"
	"selvage/uplink/mqtt/form"
)

// mapping is a Map made ready.
type mapping struct {
	topic    template
	node     template
	channels []channel // by name
	adjust   map[string]device.Adjust
	form     string         // of the payload; "" for JSON if a path leads into it, otherwise text
	match    *regexp.Regexp // takes a text apart; nil if nothing does
	json     bool           // a path leads into the payload
	at       jsonpath.Path  // of when the readings were; empty for when they came
	every    time.Duration
	state    *switched
	set      *setting
	online   *online
}

type switched struct {
	path  jsonpath.Path
	words words
}

type setting struct {
	topic   template
	on, off string
	qos     byte
	retain  bool
	confirm time.Duration // for this long a state is waited for that follows; negative where nobody said how long
}

type online struct {
	topic template
	switched
}

// compile makes the mappings of a table ready, in the order of their topics.
func compile(all map[string]Map) ([]*mapping, error) {
	var ready []*mapping
	for _, text := range slices.Sorted(maps.Keys(all)) {
		m, err := newMapping(text, all[text])
		if err != nil {
			return nil, fmt.Errorf("the mapping of %q: %w", text, err)
		}
		ready = append(ready, m)
	}
	return ready, nil
}

func newMapping(text string, c Map) (*mapping, error) {
	m := &mapping{adjust: c.Adjust, form: c.Payload, at: c.At, every: c.Every, json: !c.At.Whole()}
	var err error
	if c.Match != "" {
		if m.match, err = regexp.Compile(c.Match); err != nil {
			return nil, err
		}
	}
	if m.form == influx && c.At.Whole() {
		m.at = jsonpath.Member(form.Timestamp)
	}
	if m.topic, err = parseTopic(text); err != nil {
		return nil, err
	}
	if m.node, err = parseTemplate(c.Device); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Channel)) {
		ch := c.Channel[name]
		form, err := ch.form()
		if err != nil {
			return nil, err
		}
		m.json = m.json || !ch.Path.Whole()
		times, by := scaled(ch.Scale)
		m.channels = append(m.channels, channel{
			name: name, path: m.pathOf(name, ch.Path), form: form, unit: ch.Unit,
			words: words{ch.On, ch.Off}, times: times, by: by, optional: ch.Optional,
		})
	}
	if s := c.State; s != nil {
		m.state = &switched{m.pathOf("state", s.Path), words{s.On, s.Off}}
		m.json = m.json || !s.Path.Whole()
	}
	if s := c.Set; s != nil {
		m.set = &setting{on: "ON", off: "OFF", qos: 1, retain: s.Retain, confirm: -1}
		if s.Confirm != nil {
			m.set.confirm = *s.Confirm
		}
		if s.On != "" {
			m.set.on, m.set.off = s.On, s.Off
		}
		if s.QoS != nil {
			m.set.qos = byte(*s.QoS)
		}
		if m.set.topic, err = parseTopic(s.Topic); err != nil {
			return nil, err
		}
	}
	if o := c.Online; o != nil {
		m.online = &online{switched: switched{o.Path, words{o.On, o.Off}}}
		if m.online.topic, err = parseTopic(o.Topic); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// pathOf leads to what a channel is, or the state: without a path, where there is no single value, to the field or the
// group of its name.
func (m *mapping) pathOf(name string, p jsonpath.Path) jsonpath.Path {
	if p.Whole() && (m.form == influx || m.match != nil) {
		return jsonpath.Member(memberOf(name))
	}
	return p
}

func memberOf(channel string) string { return strings.ReplaceAll(channel, "-", "_") }

// fixed returns the node of a mapping that makes no others.
func (m *mapping) fixed() (route.NodeURI, bool) {
	return route.NodeURI(m.node.text), len(m.node.names()) == 0
}

// nodeFor returns the node for the parts of a topic. There is none where a part that is a segment of
// its own is "." or "..", a step in a path and not a name.
func (m *mapping) nodeFor(p parts) (route.NodeURI, bool) {
	text := m.node.fill(p, route.Escape)
	node, _, err := route.Node("", text)
	return node, err == nil && string(node) == text
}

// partsOf is the reverse of nodeFor.
func (m *mapping) partsOf(node route.NodeURI) (parts, bool) {
	p, ok := m.node.match(string(node))
	for name, value := range p {
		plain, err := url.PathUnescape(value)
		if err != nil {
			return nil, false
		}
		p[name] = plain
	}
	return p, ok
}

// makes tells whether the mapping may have made the node.
func (m *mapping) makes(node route.NodeURI) bool {
	p, ok := m.partsOf(node)
	if !ok {
		return false
	}
	again, ok := m.nodeFor(p)
	return ok && again == node
}

// filters are the subscriptions that bring everything the mappings read.
func filters(all []*mapping) []string {
	var wanted []string
	for _, m := range all {
		wanted = append(wanted, m.topic.filter())
		if m.online != nil {
			wanted = append(wanted, m.online.topic.filter())
		}
	}
	return wanted
}

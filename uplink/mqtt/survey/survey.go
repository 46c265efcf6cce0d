// Package survey finds out what is published on a broker: which families of devices there are, what shapes the other
// topics have, and how a config would take them in.
package survey

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"selvage/edge/jsonpath"
)

// What anybody may publish is bounded.
const (
	maxTopics   = 10_000
	maxPayload  = 64 << 10 // of JSON that is looked into
	maxMembers  = 24       // of one topic
	maxDepth    = 4
	maxMentions = 10_000 // topics of Home Assistant's configs
)

// Survey is what is known of a broker. The zero value is ready.
type Survey struct {
	topics    map[string]*topic
	bases     map[string]bool   // of zigbee2mqtt, beside the usual one
	mentioned map[string]bool   // topics that Home Assistant's configs name
	names     map[string]string // families of devices whose other topics say nothing of it, by the first level
	Left      int               // messages on topics that there was no room for
}

// topic is what is known of one.
type topic struct {
	family      string
	count, kept int
	form        string             // of the whole payload: object, number, boolean, text, or "" for what cannot be read
	members     map[string]*member // of objects, by path
	at          string             // the path of a time
}

// member is a value in an object.
type member struct {
	path  []string
	form  string
	count int
}

// Add takes in a message, and guesses the family that it is of.
func (s *Survey) Add(name string, payload []byte, retained bool) (family string) {
	if s.topics == nil {
		s.topics, s.bases, s.mentioned, s.names = map[string]*topic{}, map[string]bool{}, map[string]bool{}, map[string]string{}
	}
	t := s.topics[name]
	if t == nil {
		if len(s.topics) >= maxTopics {
			s.Left++
			family, _ = Family(name, payload)
			return family
		}
		t = newTopic()
		s.topics[name] = t
	}
	t.count++
	if retained {
		t.kept++
	}
	t.look(payload)
	if family, base := Family(name, payload); family != "" {
		t.family = family
		s.learn(name, family, base, payload)
	}
	return s.family(name, t)
}

// family is what a topic belongs to, by itself or by what others said.
func (s *Survey) family(name string, t *topic) string {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case t.family != "":
		return t.family
	case s.bases[first]:
		return "zigbee2mqtt"
	case s.mentioned[name]:
		return "homeassistant"
	}
	return s.names[first]
}

// learn notes what a message of a family says of other topics.
func (s *Survey) learn(name, family, base string, payload []byte) {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case base != "" && len(s.bases) < maxDepth:
		s.bases[base] = true
	case (family == "esphome" || family == "shelly") && first != "shellies" && first != "esphome" && len(s.names) < maxTopics:
		s.names[first] = family
	case family == "homeassistant" && len(payload) <= maxPayload:
		var config any
		if json.Unmarshal(payload, &config) == nil {
			s.mention(config, "", 0)
		}
	}
}

// mention notes the topics in a config of Home Assistant's discovery, all of which are in members of such names:
// state_topic, stat_t, avty_t, or in availability just topic, t.
func (s *Survey) mention(config any, base string, depth int) {
	switch v := config.(type) {
	case []any:
		for _, e := range v {
			s.mention(e, base, depth+1)
		}
	case map[string]any:
		if b, ok := v["~"].(string); ok {
			base = b
		}
		for key, e := range v {
			text, isText := e.(string)
			switch {
			case !isText && depth < maxDepth:
				s.mention(e, base, depth+1)
			case isText && len(s.mentioned) < maxMentions && (key == "t" || strings.HasSuffix(key, "_t") || strings.HasSuffix(key, "topic")):
				if after, ok := strings.CutPrefix(text, "~"); ok {
					text = base + after
				} else if before, ok := strings.CutSuffix(text, "~"); ok {
					text = before + base
				}
				s.mentioned[text] = true
			}
		}
	}
}

// look finds out what a payload is.
func (t *topic) look(payload []byte) {
	text := strings.TrimSpace(string(payload))
	switch {
	case text == "" || !utf8.ValidString(text):
	case text[0] == '{' && len(text) <= maxPayload && jsonpath.Valid(payload):
		t.form = "object"
		var object map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&object) == nil {
			t.walk(object, nil)
		}
	case t.form != "object":
		t.form = stronger(t.form, formOf(text))
	}
}

// walk notes the values in an object that are worth a channel.
func (t *topic) walk(object map[string]any, path []string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := append(slices.Clone(path), name)
		form := ""
		switch v := object[name].(type) {
		case map[string]any:
			if len(at) < maxDepth {
				t.walk(v, at)
			}
		case json.Number:
			form = "number"
		case bool:
			form = "boolean"
		case string:
			if form = formOf(v); form == "text" || form == "number" {
				form = "" // a number in quotes is as often a name
			}
		}
		written := pathText(at)
		if isTime(name, object[name]) {
			t.at, form = written, ""
		}
		m := t.members[written]
		switch {
		case form == "" || written == "" || m == nil && len(t.members) >= maxMembers:
		case m == nil:
			t.members[written] = &member{path: at, form: form, count: 1}
		default:
			m.form = stronger(m.form, form)
			m.count++
		}
	}
}

// formOf tells what a text is.
func formOf(text string) string {
	if _, ok := jsonpath.Number([]byte(text)); ok {
		return "number"
	}
	switch strings.ToLower(text) {
	case "on", "off", "true", "false", "online", "offline":
		return "boolean"
	}
	return "text"
}

// stronger is the form of what has come in two: a number may be unavailable for once.
func stronger(a, b string) string {
	for _, form := range []string{"object", "number", "boolean", "text"} {
		if a == form || b == form {
			return form
		}
	}
	return ""
}

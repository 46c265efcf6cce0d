package mqtt

import (
	"fmt"
	"slices"
	"strings"
)

// template is a topic or node URI some of whose levels hold a part: "shed/{name}", "sensor_{id}/state".
type template struct {
	text   string
	levels []level
}

// level is what stands between two slashes. Without a part it is all in before.
type level struct{ before, part, after string }

// parts are what the parts of a template stand for.
type parts map[string]string

// maxTopic is in bytes (MQTT 3.1.1, 1.5.3).
const maxTopic = 65535

// parseTemplate reads a template. One part to a level: two would leave open which of them a character
// belongs to.
func parseTemplate(text string) (template, error) {
	t := template{text: text}
	for raw := range strings.SplitSeq(text, "/") {
		l := level{before: raw}
		if i := strings.IndexByte(raw, '{'); i >= 0 {
			j := strings.IndexByte(raw, '}')
			if j < i {
				return t, fmt.Errorf("%q has a { without its }", raw)
			}
			l = level{before: raw[:i], part: raw[i+1 : j], after: raw[j+1:]}
			switch {
			case !isName(l.part):
				return t, fmt.Errorf("%q is no name of a part: letters, digits and _", raw[i:j+1])
			case slices.Contains(t.names(), l.part):
				return t, fmt.Errorf("{%s} is there twice", l.part)
			}
		}
		if strings.ContainsAny(l.before+l.after, "{}") {
			return t, fmt.Errorf("%q may hold one part such as {name}, and no other braces", raw)
		}
		t.levels = append(t.levels, l)
	}
	return t, nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}

// parseTopic reads a template of topics and keeps the rules of MQTT 3.1.1, 4.7.
func parseTopic(text string) (template, error) {
	switch {
	case text == "":
		return template{}, fmt.Errorf("a topic has at least one character")
	case len(text) > maxTopic:
		return template{}, fmt.Errorf("a topic has at most %d bytes", maxTopic)
	case strings.ContainsAny(text, "+#"):
		return template{}, fmt.Errorf("+ and # are not for mappings: a part such as {name} stands for a level, and gives it a name")
	case strings.ContainsRune(text, 0):
		return template{}, fmt.Errorf("a topic cannot hold the character U+0000")
	}
	if first, _, _ := strings.Cut(text, "/"); first == "$share" || first == "$queue" {
		return template{}, fmt.Errorf("%s shares messages out among clients, so that each would see some of them", first)
	}
	return parseTemplate(text)
}

func (t template) names() (names []string) {
	for _, l := range t.levels {
		if l.part != "" {
			names = append(names, l.part)
		}
	}
	return names
}

// filter is the subscription that covers the template.
func (t template) filter() string {
	levels := make([]string, len(t.levels))
	for i, l := range t.levels {
		levels[i] = l.before
		if l.part != "" {
			levels[i] = "+"
		}
	}
	return strings.Join(levels, "/")
}

// shape is the template without the names of its parts.
func (t template) shape() string {
	levels := make([]string, len(t.levels))
	for i, l := range t.levels {
		levels[i] = l.before
		if l.part != "" {
			levels[i] += "{}" + l.after
		}
	}
	return strings.Join(levels, "/")
}

// match tells whether topic fits, and what the parts stand for. A part is never empty, and none at
// the start stands for the topics a broker has for itself, $SYS for one (MQTT-4.7.2-1).
func (t template) match(topic string) (parts, bool) {
	var found parts
	rest, more := topic, true
	for i, l := range t.levels {
		if !more {
			return nil, false
		}
		var this string
		this, rest, more = strings.Cut(rest, "/")
		if l.part == "" {
			if this != l.before {
				return nil, false
			}
			continue
		}
		if len(this) <= len(l.before)+len(l.after) || !strings.HasPrefix(this, l.before) || !strings.HasSuffix(this, l.after) ||
			i == 0 && this[0] == '$' {
			return nil, false
		}
		if found == nil {
			found = parts{}
		}
		found[l.part] = this[len(l.before) : len(this)-len(l.after)]
	}
	return found, !more
}

// fill is the template with its parts put in, each as as spells it.
func (t template) fill(p parts, as func(string) string) string {
	var b strings.Builder
	for i, l := range t.levels {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(l.before)
		if l.part != "" {
			b.WriteString(as(p[l.part]))
			b.WriteString(l.after)
		}
	}
	return b.String()
}

func asIs(s string) string { return s }

// covers tells whether every topic that filter b lets through comes by a as well.
func covers(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if (as[0] == "+" || as[0] == "#") && strings.HasPrefix(bs[0], "$") {
		return false
	}
	for i := range as {
		switch {
		case as[i] == "#":
			return true // it has the level above, too
		case i == len(bs):
			return false
		case as[i] == bs[i] || as[i] == "+" && bs[i] != "#":
		default:
			return false
		}
	}
	return len(as) == len(bs)
}

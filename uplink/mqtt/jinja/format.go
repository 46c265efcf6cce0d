package jinja

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// conversions are what % may be followed by in a text. Python's verbs are Go's, but for the few that are left out.
var conversions = regexp.MustCompile(`%[-+ #0]*\d{0,2}(\.\d{1,2})?([sdifFeExXo%])|%`)

// format is the % of a text: its verbs take what comes with it, one after the other.
func (r *run) format(text string, with any) any {
	args, several := with.(tuple)
	if !several {
		args = tuple{with}
	}
	out := conversions.ReplaceAllStringFunc(text, func(verb string) string {
		switch {
		case verb == "%":
			fail("a format has a %% with what is not available here")
		case strings.HasSuffix(verb, "%"):
			return "%"
		case len(args) == 0:
			fail("a format has too few values")
		}
		v := defined(args[0])
		args = args[1:]
		s := r.verb(verb, v)
		r.spend(len(s))
		return s
	})
	switch with.(type) {
	case []any, *dict: // of which Python asks nothing
	default:
		if len(args) > 0 {
			fail("a format has too many values")
		}
	}
	return out
}

func (r *run) verb(verb string, v any) string {
	n, ok := numberOf(v)
	flags, last := verb[:len(verb)-1], verb[len(verb)-1]
	switch {
	case last == 's':
		return fmt.Sprintf(verb, r.text(v))
	case strings.IndexByte("fFeE", last) >= 0 && ok:
		return fmt.Sprintf(verb, n.float())
	case strings.IndexByte("di", last) >= 0 && ok && !n.whole:
		return fmt.Sprintf(flags+"d", fromFloat(n.f))
	case strings.IndexByte("di", last) >= 0 && ok:
		return fmt.Sprintf(flags+"d", n.i)
	case ok && n.whole:
		return fmt.Sprintf(verb, n.i)
	}
	fail("the format %s of %s", verb, kindOf(v))
	return ""
}

// style is a way to write JSON.
type style struct {
	comma, colon string
	sorted       bool
	ascii        bool // without letters beyond ASCII, and those that mean something in HTML
}

var (
	compact = style{comma: ",", colon: ":"} // Home Assistant's own
	forHTML = style{comma: ", ", colon: ": ", sorted: true, ascii: true}
)

func asJSON(s style) func(*run, any, []any) any {
	return func(r *run, in any, _ []any) any {
		var b strings.Builder
		r.json(&b, in, s)
		return b.String()
	}
}

func (r *run) json(b *strings.Builder, v any, s style) {
	switch v := defined(v).(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		r.spend(len(v))
		b.WriteString(s.quote(v))
	case []any:
		r.jsonItems(b, v, s)
	case tuple:
		r.jsonItems(b, v, s)
	case *dict:
		r.jsonMembers(b, v, s)
	default:
		r.write(b, v)
	}
	r.spend(0)
}

func (r *run) jsonItems(b *strings.Builder, items []any, s style) {
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteString(s.comma)
		}
		r.json(b, item, s)
	}
	b.WriteByte(']')
}

func (r *run) jsonMembers(b *strings.Builder, d *dict, s style) {
	if len(d.texts) < len(d.keys) {
		fail("an object has a key that is no text")
	}
	keys := slices.Clone(d.keys)
	if s.sorted {
		slices.SortFunc(keys, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	}
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteString(s.comma)
		}
		r.json(b, key, s)
		b.WriteString(s.colon)
		r.json(b, d.values[d.find(key)], s)
	}
	b.WriteByte('}')
}

func (s style) quote(text string) string {
	var raw strings.Builder
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(s.ascii)
	_ = enc.Encode(text) // a text can always be
	quoted := strings.TrimSuffix(raw.String(), "\n")
	if !s.ascii {
		return quoted
	}
	var b strings.Builder
	for _, c := range quoted {
		switch {
		case c == '\'' || c >= 0x80 && c < 0x10000:
			b.WriteString(`\u` + hex(c, 4))
		case c >= 0x10000:
			high, low := utf16.EncodeRune(c)
			b.WriteString(`\u` + hex(high, 4) + `\u` + hex(low, 4))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

package jinja

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// format is the % of a text: its verbs take what comes with it, one after the other.
func (r *run) format(text string, with any) (any, error) {
	args, several := with.(tuple)
	if !several {
		args = tuple{with}
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%")
		b.WriteString(before)
		if !found {
			break
		}
		n := strings.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune("-+ #0123456789.", c) })
		if n < 0 {
			return nil, fmt.Errorf("a format ends within %%%s", rest)
		}
		flags, verb := rest[:n], rest[n]
		text = rest[n+1:]
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("a format has too few values")
		}
		s, err := r.verb(flags, verb, args[0])
		if err == nil {
			err = r.spend(len(s))
		}
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
		args = args[1:]
	}
	if len(args) > 0 && several {
		return nil, fmt.Errorf("a format has too many values")
	}
	return b.String(), r.spend(b.Len())
}

// verb writes one value. Python's verbs are Go's, but for the few that are left out.
func (r *run) verb(flags string, verb byte, v any) (string, error) {
	width := func(c rune) bool { return c < '0' || c > '9' }
	for _, digits := range strings.FieldsFunc(flags, width) {
		if n, err := strconv.Atoi(digits); err != nil || n > 100 {
			return "", fmt.Errorf("a format has the width %.20s", digits)
		}
	}
	if v == (undefined{}) {
		return "", ErrUndefined
	}
	n, ok := numberOf(v)
	switch verb {
	case 's':
		s, err := r.text(v)
		return fmt.Sprintf("%"+flags+"s", s), err
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if ok && (verb != 'g' && verb != 'G') {
			return fmt.Sprintf("%"+flags+string(verb), n.float()), nil
		}
	case 'd', 'i':
		if ok && n.whole {
			return fmt.Sprintf("%"+flags+"d", n.i), nil
		}
		if ok {
			cut, err := fromFloat(n.f)
			return fmt.Sprintf("%"+flags+"d", cut), err
		}
	case 'x', 'X', 'o':
		if ok && n.whole {
			return fmt.Sprintf("%"+flags+string(verb), n.i), nil
		}
	default:
		return "", fmt.Errorf("the format %%%s%c is not available here", flags, verb)
	}
	return "", fmt.Errorf("the format %%%s%c of %s", flags, verb, kindOf(v))
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

func asJSON(s style) func(*run, any, []any) (any, error) {
	return func(r *run, in any, _ []any) (any, error) {
		var b strings.Builder
		err := r.json(&b, in, s)
		return b.String(), err
	}
}

func (r *run) json(b *strings.Builder, v any, s style) error {
	from := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		b.WriteString(s.quote(v))
	case undefined:
		return ErrUndefined
	case []any:
		return r.jsonItems(b, v, s)
	case tuple:
		return r.jsonItems(b, v, s)
	case *dict:
		return r.jsonMembers(b, v, s)
	default:
		return r.write(b, v, true)
	}
	return r.spend(b.Len() - from)
}

func (r *run) jsonItems(b *strings.Builder, items []any, s style) error {
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteString(s.comma)
		}
		if err := r.json(b, item, s); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return r.spend(0)
}

func (r *run) jsonMembers(b *strings.Builder, d *dict, s style) error {
	keys := make([]string, len(d.keys))
	for i, key := range d.keys {
		text, ok := key.(string)
		if !ok {
			return fmt.Errorf("%s cannot be a key in JSON here", kindOf(key))
		}
		keys[i] = text
	}
	if s.sorted {
		slices.Sort(keys)
	}
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteString(s.comma)
		}
		b.WriteString(s.quote(key) + s.colon)
		if err := r.json(b, d.values[d.texts[key]], s); err != nil {
			return err
		}
		if err := r.spend(len(key)); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return r.spend(0)
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

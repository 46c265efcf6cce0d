package jinja

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"selvage/edge/jsonpath"
)

// Values are nil for None, bool, int64, float64, string, []any, tuple, *dict and undefined. Python's integers have no
// end; here those beyond 64 bits become floats where they are read, and errors where they are computed.
type (
	undefined struct{}
	tuple     []any
)

// dict is a dictionary in the order in which it was made.
type dict struct {
	keys, values []any
	texts        map[string]int // where keys are that are texts
}

func (d *dict) find(key any) int {
	if text, ok := key.(string); ok {
		if i, ok := d.texts[text]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(d.keys, func(k any) bool {
		_, isText := k.(string)
		return !isText && same(k, key)
	})
}

func (d *dict) set(key, value any) {
	if i := d.find(key); i >= 0 {
		d.values[i] = value
		return
	}
	if text, ok := key.(string); ok {
		if d.texts == nil {
			d.texts = map[string]int{}
		}
		d.texts[text] = len(d.keys)
	}
	d.keys, d.values = append(d.keys, key), append(d.values, value)
}

// same tells whether two keys of a dictionary are one: 1, 1.0 and true are.
func same(a, b any) bool {
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	if isNumber && areNumbers {
		return x.float() == y.float()
	}
	return a == nil && b == nil
}

// num is a number, or a bool as one.
type num struct {
	whole bool
	i     int64
	f     float64
}

func (n num) float() float64 {
	if n.whole {
		return float64(n.i)
	}
	return n.f
}

func numberOf(v any) (num, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return num{whole: true, i: 1}, true
		}
		return num{whole: true}, true
	case int64:
		return num{whole: true, i: v}, true
	case float64:
		return num{f: v}, true
	}
	return num{}, false
}

func (n num) value() any {
	if n.whole {
		return n.i
	}
	return n.f
}

func isSequence(v any) bool {
	switch v.(type) {
	case []any, tuple, *dict, undefined, string:
		return true
	}
	return false
}

// itemsOf returns what is in a list, a tuple, a dictionary (its keys) or a text (its characters).
func itemsOf(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case tuple:
		return v
	case *dict:
		return v.keys
	case undefined:
		return nil
	case string:
		items := make([]any, 0, len(v))
		for _, c := range v {
			items = append(items, string(c))
		}
		return items
	}
	fail("%s has no items", kindOf(v))
	return nil
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case tuple:
		return len(v) > 0
	case *dict:
		return len(v.keys) > 0
	}
	n, _ := numberOf(v)
	return n.float() != 0
}

// Payload is what came in a message. The templates of one message share it, so that its JSON is read once.
type Payload struct {
	text   string
	json   any
	parsed bool
}

func NewPayload(raw []byte) *Payload { return &Payload{text: string(raw)} }

// value is value_json, which is not defined where the payload is no JSON.
func (p *Payload) value() any {
	if !p.parsed {
		p.json, p.parsed = fromJSON(p.text), true
	}
	return p.json
}

func fromJSON(text string) any {
	if raw := []byte(text); jsonpath.Valid(raw) {
		r := jsonReader{text}
		return r.value()
	}
	return undefined{}
}

// jsonReader reads JSON that is valid, and thus not too deep.
type jsonReader struct{ rest string }

func (r *jsonReader) value() any {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n")
	switch r.rest[0] {
	case '{':
		d := &dict{}
		for r.more('}') {
			key := r.quoted()
			r.more(0) // the colon
			d.set(key, r.value())
		}
		return d
	case '[':
		list := []any{}
		for r.more(']') {
			list = append(list, r.value())
		}
		return list
	case '"':
		return r.quoted()
	}
	n := strings.IndexAny(r.rest, " \t\r\n,]}")
	if n < 0 {
		n = len(r.rest)
	}
	word := r.rest[:n]
	r.rest = r.rest[n:]
	return scalar(word)
}

// more goes over a bracket, a comma or a colon, and tells whether something comes before the closer.
func (r *jsonReader) more(closer byte) bool {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n")
	if r.rest[0] != closer {
		r.rest = strings.TrimLeft(r.rest[1:], " \t\r\n")
	}
	if r.rest[0] == closer {
		r.rest = r.rest[1:]
		return false
	}
	return true
}

func (r *jsonReader) quoted() string {
	end := 1
	for r.rest[end] != '"' {
		if r.rest[end] == '\\' {
			end++
		}
		end++
	}
	raw := r.rest[:end+1]
	r.rest = r.rest[end+1:]
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1:end]
	}
	var s string
	_ = json.Unmarshal([]byte(raw), &s) // it is valid
	return s
}

func scalar(word string) any {
	switch word {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		return i
	}
	f, _ := strconv.ParseFloat(word, 64)
	return f
}

// printed is a float as Python prints it.
func printed(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+"))
	case f == 0 || math.Abs(f) >= 1e-4 && math.Abs(f) < 1e16:
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if strings.IndexByte(s, '.') < 0 {
			s += ".0"
		}
		return s
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}

// inQuotes is a text as Python prints it in a list.
func inQuotes(s string) string {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	b := []byte{quote}
	for _, c := range s {
		switch {
		case c == rune(quote) || c == '\\':
			b = append(b, '\\', byte(c))
		case c >= ' ' && c != 0x7f && unicode.IsPrint(c):
			b = append(b, string(c)...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x100:
			b = append(b, `\x`+hex(c, 2)...)
		case c < 0x10000:
			b = append(b, `\u`+hex(c, 4)...)
		default:
			b = append(b, `\U`+hex(c, 8)...)
		}
	}
	return string(append(b, quote))
}

func hex(c rune, digits int) string {
	s := strconv.FormatInt(int64(c), 16)
	return strings.Repeat("0", digits-len(s)) + s
}

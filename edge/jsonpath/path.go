// Package jsonpath finds a value in a JSON text by the path to it, without decoding the rest.
//
// A path is names with dots between them, and places in lists: "ENERGY.Power", "list[0].name", "list.0.name". A name
// that has dots or brackets stands in quotes: ["1-0:1.8.0"]. In front there may be a $ for the whole text, as in RFC
// 9535, of which this is the part that leads to one value.
package jsonpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Path leads to a value in a JSON text. The zero Path leads to the whole of it.
type Path struct {
	text  string
	steps []step
}

// step is a member's name, which for a list is its place in it.
type step struct {
	name  string
	index int // -1 when name is no place in a list
}

// Member returns the path to the member of that name, whatever signs it has.
func Member(name string) Path { return Path{name, []step{{name, place(name)}}} }

// UnmarshalText reads a path; the empty path stands for the whole text.
func (p *Path) UnmarshalText(text []byte) error {
	*p = Path{text: string(text)}
	rest, first := p.text, true
	if after, rooted := strings.CutPrefix(rest, "$"); rooted && (after == "" || after[0] == '.' || after[0] == '[') {
		rest, first = after, false
	}
	for ; rest != ""; first = false {
		var s step
		var err error
		switch {
		case rest[0] == '[':
			s, rest, err = bracketed(rest[1:])
		case rest[0] == '.' && !first:
			s, rest, err = named(rest[1:])
		default:
			s, rest, err = named(rest)
		}
		if err != nil {
			return err
		}
		p.steps = append(p.steps, s)
	}
	return nil
}

// bracketed reads a step behind its [.
func bracketed(text string) (s step, rest string, err error) {
	for _, quote := range []string{`"`, "'"} {
		if inner, ok := strings.CutPrefix(text, quote); ok {
			name, rest, ok := strings.Cut(inner, quote+"]")
			if !ok {
				return s, "", fmt.Errorf("a [%s has no %[1]s]", quote)
			}
			return step{name, -1}, rest, nil
		}
	}
	name, rest, ok := strings.Cut(text, "]")
	switch {
	case !ok:
		return s, "", errors.New("a [ has no ]")
	case place(name) < 0:
		return s, "", fmt.Errorf("[%s] is no place in a list, such as [0]", name)
	}
	return step{name, place(name)}, rest, nil
}

// named reads a step up to the next dot or bracket.
func named(text string) (s step, rest string, err error) {
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return s, "", errors.New("a name between two dots is missing")
	}
	return step{text[:end], place(text[:end])}, text[end:], nil
}

func place(name string) int {
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil || len(name) > 1 && name[0] == '0' {
		return -1
	}
	return int(n)
}

func (p Path) String() string { return p.text }

// Whole tells whether the path leads to the whole text.
func (p Path) Whole() bool { return len(p.steps) == 0 }

// Find returns what is at the end of the path in text, which must be Valid. Of two members with one name it takes the
// last, as encoding/json does.
func (p Path) Find(text []byte) Value {
	v, ok := bytes.Trim(text, space), true
	for _, s := range p.steps {
		switch v[0] {
		case '{':
			v, ok = member(v, s.name)
		case '[':
			v, ok = element(v, s.index)
		default:
			ok = false
		}
		if !ok {
			return Value{Absent: true}
		}
	}
	switch v[0] {
	case 'n':
		return Value{Text: v, Null: true}
	case '{', '[':
		return Value{Text: v, Group: true}
	case '"':
		return Value{Text: unquote(v)}
	}
	return Value{Text: v}
}

// Value is what a path leads to.
type Value struct {
	Text   []byte // what a string says, or else what is there as it is written
	Absent bool   // there is nothing
	Null   bool   // null is there
	Group  bool   // an object or a list is there
}

// Number reads a decimal number. strconv alone would take nan, infinity, hex and 1_000.
func Number(s []byte) (float64, bool) {
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(s), 64)
	return v, err == nil
}

const space = " \t\r\n"

// member returns the value under name in the object v begins with.
func member(v []byte, name string) (value []byte, ok bool) {
	v = skip(v[1:])
	for v[0] != '}' {
		key := v[:valueEnd(v)]
		v = skip(skip(v[len(key):])[1:]) // over the colon
		end := valueEnd(v)
		if isKey(key, name) {
			value, ok = v[:end], true
		}
		v = skip(v[end:])
		if v[0] == ',' {
			v = skip(v[1:])
		}
	}
	return value, ok
}

// element returns the i-th value of the list v begins with.
func element(v []byte, i int) ([]byte, bool) {
	if i < 0 {
		return nil, false
	}
	for v = skip(v[1:]); v[0] != ']'; i-- {
		end := valueEnd(v)
		if i == 0 {
			return v[:end], true
		}
		v = skip(v[end:])
		if v[0] == ',' {
			v = skip(v[1:])
		}
	}
	return nil, false
}

func skip(v []byte) []byte {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t' || v[0] == '\r' || v[0] == '\n') {
		v = v[1:]
	}
	return v
}

// valueEnd returns where the value that v begins with ends.
func valueEnd(v []byte) int {
	switch v[0] {
	case '"':
		return stringEnd(v)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch v[i] {
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			case '"':
				i += stringEnd(v[i:]) - 1
			}
		}
	}
	for i, c := range v {
		if c <= ' ' || c == ',' || c == ']' || c == '}' {
			return i
		}
	}
	return len(v)
}

func stringEnd(v []byte) int {
	for i := 1; ; i++ {
		i += bytes.IndexByte(v[i:], '"')
		escapes := 0
		for v[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

func isKey(quoted []byte, name string) bool {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == name
	}
	return string(unquote(quoted)) == name
}

// unquote returns what a JSON string says.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is valid
	return []byte(s)
}

package mqtt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// path leads to a value in a JSON text: "ENERGY.Power", "list[0].name" or "list.0.name".
type path struct {
	text  string
	steps []step
}

// step is a member's name, which for a list is its place in it.
type step struct {
	name  string
	index int // -1 when name is no place in a list
}

// UnmarshalText reads a path; the empty path stands for the whole text.
func (p *path) UnmarshalText(text []byte) error {
	*p = path{text: string(text)}
	rest := p.text
	for first := true; rest != ""; first = false {
		var name string
		switch {
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return fmt.Errorf("a [ has no ]")
			}
			name, rest = rest[1:end], rest[end+1:]
			if place(name) < 0 {
				return fmt.Errorf("[%s] is no place in a list, such as [0]", name)
			}
		case rest[0] == '.' && !first:
			rest = rest[1:]
			fallthrough
		default:
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			name, rest = rest[:end], rest[end:]
			if name == "" {
				return fmt.Errorf("a name between two dots is missing")
			}
		}
		p.steps = append(p.steps, step{name, place(name)})
	}
	return nil
}

func place(name string) int {
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil || len(name) > 1 && name[0] == '0' {
		return -1
	}
	return int(n)
}

func (p path) String() string { return p.text }

// find returns the text of the value that p leads to in text, which must be valid JSON. Of two
// members with one name it takes the last, as encoding/json does.
func (p path) find(text []byte) (value []byte, ok bool) {
	v := bytes.Trim(text, space)
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
			return nil, false
		}
	}
	return v, true
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

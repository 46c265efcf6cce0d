package jsonpath

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func pathTo(text string) (p Path) {
	if err := p.UnmarshalText([]byte(text)); err != nil {
		panic(fmt.Sprint(text, ": ", err))
	}
	return p
}

func TestPath(t *testing.T) {
	for _, bad := range []string{".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[01]", "$.", "$..a", `["a]`, `['a"]`} {
		var p Path
		if err := p.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken as a path", bad)
		}
	}
	for good, want := range map[string][]step{
		"":                        nil,
		"$":                       nil,
		"a":                       {{"a", -1}},
		"$.a":                     {{"a", -1}},
		"$[0]":                    {{"0", 0}},
		"$a":                      {{"$a", -1}},
		"$.$":                     {{"$", -1}},
		"a.b c.d":                 {{"a", -1}, {"b c", -1}, {"d", -1}},
		"a[0][1].b":               {{"a", -1}, {"0", 0}, {"1", 1}, {"b", -1}},
		"0.switch:1":              {{"0", 0}, {"switch:1", -1}},
		`["1-0:1.8.0*255"].value`: {{"1-0:1.8.0*255", -1}, {"value", -1}},
		`a['b]'][""]`:             {{"a", -1}, {"b]", -1}, {"", -1}},
	} {
		p := pathTo(good)
		if !reflect.DeepEqual(p.steps, want) || p.Whole() != (want == nil) || p.String() != good {
			t.Errorf("%q = %v, want %v", good, p.steps, want)
		}
	}
}

func TestFind(t *testing.T) {
	text := ` {"a": {"b": [1, "two", null, true, {"c": "k\u00fchl"}]}, "x.y": -3e2, "a b": {}, "n": 1, "n": 2} `
	for path, want := range map[string]Value{
		"a.b[0]":   {Text: []byte("1")},
		"$.a.b.1":  {Text: []byte("two")},
		"a.b[2]":   {Text: []byte("null"), Null: true},
		"a.b.3":    {Text: []byte("true")},
		"a.b[4].c": {Text: []byte("kühl")},
		`["x.y"]`:  {Text: []byte("-3e2")},
		"a b":      {Text: []byte("{}"), Group: true},
		"n":        {Text: []byte("2")},
		"x.y":      {Absent: true},
		"a.b[5]":   {Absent: true},
		"a.b[0].c": {Absent: true},
		`a.b["0"]`: {Absent: true},
		"":         {Text: []byte(strings.TrimSpace(text)), Group: true},
	} {
		if got := pathTo(path).Find([]byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v with %q, want %+v with %q", path, got, got.Text, want, want.Text)
		}
	}
	if got := Member("x.y").Find([]byte(text)); string(got.Text) != "-3e2" {
		t.Errorf("the member with a dot is %q", got.Text)
	}
}

func TestFirst(t *testing.T) {
	for text, want := range map[string]string{`{"a":1}*5A`: `{"a":1}`, `[1] [2]`: "[1]", `{"a":`: "", "": "", "x": ""} {
		if got := First([]byte(text)); string(got) != want {
			t.Errorf("%q begins with %q, want %q", text, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{"21.5": "21.5", "-1e3": "-1000", "+4": "4", "": "", "nan": "", "0x10": "", "1_0": "", "Inf": "", "1e999": "", " 1": ""} {
		got, ok := Number([]byte(text))
		if ok != (want != "") || ok && fmt.Sprint(got) != want {
			t.Errorf("%q is %v, %v, want %s", text, got, ok, want)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, n := range []int{maxDepth, maxDepth + 1, 1 << 19} {
		raw := []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
		if got, want := Valid(raw), n <= maxDepth; got != want {
			t.Errorf("%d lists in each other: %v, want %v", n, got, want)
		}
	}
}

// FuzzFind compares with encoding/json.
func FuzzFind(f *testing.F) {
	f.Add(`{"a":{"b":[1,"2",{"c":null}]},"a":{"b":3}}`, "a.b")
	f.Add(` [ [ ] , { "x" : "\u00e4\"" } ] `, "1.x")
	f.Add("21.5", "")
	f.Add(`[-0.5e+3,0,true,false,null,"\\/\u00E4",{}]`, "$[0]")
	f.Add(`[01]`, "0")
	f.Add(`{"\u0061":tru}`, "a")
	f.Add(`{"a.b":{"":1}}x`, `["a.b"][""]`)
	f.Fuzz(func(t *testing.T, raw, where string) {
		var p Path
		if p.UnmarshalText([]byte(where)) != nil {
			return
		}
		valid := Valid([]byte(raw))
		if theirs := json.Valid([]byte(raw)); valid != theirs && strings.Count(raw, "[")+strings.Count(raw, "{") <= maxDepth {
			t.Errorf("Valid(%q) = %v, encoding/json says %v", raw, valid, theirs)
		}
		if first := First([]byte(raw)); first != nil && !Valid(first) || valid && first == nil {
			t.Errorf("First(%q) = %q", raw, first)
		}
		if valid {
			same(t, raw, p)
		}
	})
}

func same(t *testing.T, raw string, p Path) {
	got := p.Find([]byte(raw))
	var v any
	if !utf8.ValidString(raw) || json.Unmarshal([]byte(raw), &v) != nil {
		return
	}
	for _, s := range p.steps {
		switch in := v.(type) {
		case map[string]any:
			v = in[s.name]
		case []any:
			v = nil
			if s.index >= 0 && s.index < len(in) {
				v = in[s.index]
			}
		default:
			v = nil
		}
	}
	bad := false
	switch v := v.(type) {
	case nil:
		bad = !got.Absent && !got.Null
	case string:
		bad = string(got.Text) != v || got.Absent || got.Group || got.Null
	case float64:
		n, err := strconv.ParseFloat(string(got.Text), 64)
		bad = err != nil || n != v
	case bool:
		bad = string(got.Text) != strconv.FormatBool(v)
	default:
		bad = !got.Group
	}
	if bad {
		t.Errorf("%q at %v is %+v with %q, encoding/json finds %v", raw, p, got, got.Text, v)
	}
}

package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

type row struct {
	Template string         `json:"template"`
	Payload  *string        `json:"payload"`
	Vars     map[string]any `json:"vars"`
	Want     string         `json:"want"`
	Error    string         `json:"error"`
}

func (r row) run(shared *Payload) (Result, error) {
	in := Input{Vars: r.Vars}
	for name, v := range in.Vars { // JSON has no integers for Go
		if f, ok := v.(float64); ok && f == float64(int(f)) && name != "value" {
			in.Vars[name] = int(f)
		}
	}
	switch {
	case r.Payload != nil:
		in.Payload = NewPayload([]byte(*r.Payload))
	case r.Vars == nil:
		in.Payload = shared
	}
	t, err := Parse(r.Template, "n", "brightness", "state")
	if err != nil {
		return Result{}, err
	}
	return t.Eval(in)
}

func recorded(t testing.TB) (payload string, rows []row) {
	t.Helper()
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Payload string `json:"payload"`
		Rows    []row  `json:"rows"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Payload, file.Rows
}

// TestRecorded compares with what jinja2 gave.
func TestRecorded(t *testing.T) {
	payload, rows := recorded(t)
	shared := NewPayload([]byte(payload))
	for _, r := range rows {
		got, err := r.run(shared)
		switch {
		case errors.Is(err, ErrUndefined) && r.Want == "": // jinja2 prints nothing, or has an error
		case r.Error != "" && err == nil:
			t.Errorf("%s gives %q, jinja2 has %s", r.Template, got.Text, r.Error)
		case r.Error == "" && err != nil:
			t.Errorf("%s: %v, jinja2 gives %q", r.Template, err, r.Want)
		case got.Text != r.Want:
			t.Errorf("%s gives %q, jinja2 %q", r.Template, got.Text, r.Want)
		}
	}
}

func TestErrors(t *testing.T) {
	for template, want := range map[string]string{
		"{{ value_json.x }}":                "what the template asks for is not in the message",
		"{{ value_json.x.y }}":              "what the template asks for is not in the message",
		"{{ value_json.x | float }}":        "what the template asks for is not in the message",
		"{{ value_json.none | round(1) }}":  "what the template asks for is not in the message",
		"{{ value_json.state | float }}":    `"ON" is no number`,
		"{{ value_json.list | int }}":       "a list is no whole number",
		"{{ 1 / 0 }}":                       "a division by zero",
		"{{ 9223372036854775807 + 1 }}":     "a number gets too large",
		"{{ 9223372036854775807 * -2 }}":    "a number gets too large",
		"{{ 2 ** 64 }}":                     "a number gets too large",
		"{{ 'x' * 9999999 }}":               "the template does more than it may",
		"{{ -'x' }}":                        "a text has no sign",
		"{{ 'x' - 1 }}":                     "there is no - of a text and a number",
		"{{ 'x' < 1 }}":                     "a text and a number cannot be compared by <",
		"{{ range(5000) | list }}":          "range() goes from -1000 to 1000 at most",
		"{% for x in 5 %}{% endfor %}":      "a number has no items",
		"{{ value_json.list.split(',') }}":  "a list is no text, and has no such method",
		"{{ '%d' % 'x' }}":                  "the format %d of a text",
		"{{ '%9999d' % 1 }}":                "a format has a % with what is not available here",
		"{{ '%.99999999999999999f' % 1 }}":  "a format has a % with what is not available here",
		"{{ {[1]: 2} }}":                    "a list cannot be a key here",
		"{{ 'x' | from_json }}":             `"x" is no JSON`,
		"{{ '97' % 63 }}":                   "a format has too many values",
		"{{ ['a', 'B'] | min }}":            "the least or greatest of a text",
		"{{ value_json.x | is_number }}":    "what the template asks for is not in the message",
		"{{ 'a'.split('') }}":               "a text cannot be split at nothing",
		"{{ value_json.missing | to_json}}": "what the template asks for is not in the message",
	} {
		payload, _ := recorded(t)
		got, err := row{Template: template}.run(NewPayload([]byte(payload)))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v; want %s", template, got.Text, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		template string
		beyond   bool
		want     string
	}{
		{"{{ now() }}", true, "line 1, column 4: now() is not available here"},
		{"a\nü {{ states('sensor.x') | float }}", true, "line 2, column 6: states() is not available here"},
		{"{{ this.state }}", true, "line 1, column 4: the variable this is not available here"},
		{"{{ value | timestamp_custom('%H') }}", true, "line 1, column 12: the filter timestamp_custom is not available here"},
		{"{{ value_json.items() }}", true, "line 1, column 15: the method items() is not available here"},
		{"{% macro x() %}{% endmacro %}", true, "line 1, column 4: {% macro %} is not available here"},
		{"{% import 'x' as y %}", true, "line 1, column 4: {% import %} is not available here"},
		{"{% set ns.x = 1 %}", true, "line 1, column 10: {% set %} with anything but one variable and = is not available here"},
		{"{% for k, v in value_json %}{% endfor %}", true, "line 1, column 9: a loop with several variables is not available here"},
		{"{% for k in value_json if k %}{% endfor %}", true, "line 1, column 24: a loop with if is not available here"},
		{"{{ value is matching('x') }}", true, "line 1, column 13: the test matching is not available here"},
		{"{{ value[::2] }}", true, "line 1, column 11: a slice with steps is not available here"},
		{"{{ value[1:2:3] }}", true, "line 1, column 13: a slice with steps is not available here"},
		{"{{ value | round(1, digits=2) }}", true, "line 1, column 21: round with digits= is not available here"},
		{"{{ value | lower(1) }}", true, "line 1, column 18: lower with so many arguments is not available here"},
		{"{{ value_json.x()() }}", true, "line 1, column 15: the method x() is not available here"},
		{"{{ (1)(2) }}", true, "line 1, column 7: a call of what is no function is not available here"},
		{`{{ '\x41' }}`, true, `line 1, column 5: the escape \x is not understood here`},
		{"{{ 99999999999999999999 }}", true, "line 1, column 4: the number 99999999999999999999 is too large here"},
		{"{{ " + strings.Repeat("(", 60) + "1" + strings.Repeat(")", 60) + " }}", true, "line 1, column 54: more than 50 parts in each other are not taken"},
		{strings.Repeat("{% if 1 %}", 60), true, "line 1, column 507: more than 50 parts in each other are not taken"},
		{strings.Repeat("x", 20000), true, "line 1, column 1: a template of more than 16384 bytes is not taken"},
		{"{{ value", false, "line 1, column 1: a {{ has no }}"},
		{"{{ value }", false, "line 1, column 1: a {{ has no }}"},
		{"{# value", false, "line 1, column 1: a {# has no #}"},
		{"{{ 'x }}", false, "line 1, column 4: a text has no closing '"},
		{"{{ }}", false, `line 1, column 4: there should be an expression instead of "}}"`},
		{"{{ 1 + }}", false, `line 1, column 8: there should be an expression instead of "}}"`},
		{"{{ value ? }}", false, `line 1, column 10: "?" is not understood`},
		{"{{ value. }}", false, "line 1, column 11: a dot needs a name behind it"},
		{"{% if value %}x", false, "line 1, column 16: a tag {% endif %} is missing"},
		{"{% endif %}", false, "line 1, column 4: there is nothing that {% endif %} could belong to"},
		{"{% if %}{% endif %}", false, `line 1, column 7: there should be an expression instead of "%}"`},
		{"{{ value | replace('a') }}", false, "line 1, column 12: replace has no new"},
		{"{{ float() }}", false, "line 1, column 4: float() has no argument"},
		{"{% set none = 1 %}", false, "line 1, column 8: none cannot be set"},
		{"{{ value | }}", false, `line 1, column 12: there should be the name of a filter instead of "}}"`},
	} {
		_, err := Parse(c.template)
		var p *ParseError
		if !errors.As(err, &p) {
			t.Errorf("%.60s is taken: %v", c.template, err)
			continue
		}
		if p.Beyond != c.beyond || p.Error() != c.want {
			t.Errorf("%.60s: beyond %v, %s; want %v, %s", c.template, p.Beyond, p, c.beyond, c.want)
		}
	}
}

// TestNumber has numbers only where a template is one expression.
func TestNumber(t *testing.T) {
	for template, want := range map[string]Result{
		"{{ value_json.a }}":       {"1.5", 1.5, true},
		" {{ value_json.b + 1 }} ": {"3", 3, true},
		"{{ value_json.c }}":       {"7", 0, false},
		"{{ value_json.d }}":       {"True", 0, false},
		"{{ value_json.a }} ":      {"1.5", 1.5, true},
		"x{{ value_json.a }}":      {"x1.5", 0, false},
		"{{ value_json.e }}":       {"None", 0, false},
	} {
		tpl, err := Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tpl.Eval(Input{Payload: NewPayload([]byte(`{"a":1.50,"b":2,"c":"7","d":true,"e":null}`))})
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", template, got, err, want)
		}
	}
}

// TestBounded has templates that would take all memory or time there is.
func TestBounded(t *testing.T) {
	double := strings.Repeat("{% set a = a ~ a %}", 60)
	for _, template := range []string{
		"{% set a = 'xxxxxxxxxx' %}" + double + "{{ a }}",
		"{% set a = [1] %}" + strings.Repeat("{% set a = [a, a] %}", 60) + "{{ a }}",
		"{% set a = [1] %}" + strings.Repeat("{% set a = [a, a] %}", 60) + "{{ a == a + [] or a | to_json }}",
		"{% set a = [1] %}" + strings.Repeat("{% set a = a + a %}", 60) + "{{ a }}",
		strings.Repeat("{% for x in range(1000) %}", 8) + "x" + strings.Repeat("{% endfor %}", 8),
		"{% for x in range(1000) %}{% for y in range(1000) %}{{ value | replace('a', 'aaaaaaaaaaaaa') | length }}{% endfor %}{% endfor %}",
		"{% for x in range(1000) %}{% for y in range(1000) %}{{ 'b' in value }}{% endfor %}{% endfor %}",
	} {
		tpl, err := Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tpl.Eval(Input{Payload: NewPayload([]byte(strings.Repeat("a", 100_000)))})
		if !errors.Is(err, errWork) {
			t.Errorf("%.80s: %v, want %v", template, err, errWork)
		}
	}
}

func FuzzEval(f *testing.F) {
	payload, rows := recorded(f)
	for _, r := range rows {
		f.Add(r.Template, payload)
	}
	f.Fuzz(func(t *testing.T, template, payload string) {
		tpl, err := Parse(template)
		if err != nil {
			return
		}
		in := NewPayload([]byte(payload))
		first, err1 := tpl.Eval(Input{Payload: in})
		again, err2 := tpl.Eval(Input{Payload: in})
		if first.Text != again.Text || (err1 == nil) != (err2 == nil) {
			t.Errorf("%q gives %q and then %q", template, first.Text, again.Text)
		}
		if len(first.Text) > maxWork {
			t.Errorf("%q gives %d bytes", template, len(first.Text))
		}
	})
}

// BenchmarkMember is what most templates are, many of them for one message.
func BenchmarkMember(b *testing.B) {
	payload, _ := recorded(b)
	tpl, err := Parse("{{ value_json.linkquality }}")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		in := NewPayload([]byte(payload))
		for range 20 {
			if _, err := tpl.Eval(Input{Payload: in}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkParse has the longest template there may be: the time must go with its length.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{maxText / 8, maxText} {
		text := "{{ value " + strings.Repeat("| lower ", n/8-2) + "}}"
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

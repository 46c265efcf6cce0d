package jinja

import (
	"errors"
	"strconv"
	"strings"
)

// run is one evaluation.
type run struct {
	in     Input
	scopes []map[string]any // of {% set %}: the template's own, then one for each loop
	out    strings.Builder
	missed bool // something undefined was printed
	work   int
}

// stepWork is what one step counts for, beside the bytes it makes or looks through.
const stepWork = 16

var errWork = errors.New("the template does more than it may")

func (r *run) spend(bytes int) {
	if r.work += stepWork + bytes; r.work > maxWork {
		panic(failure{errWork})
	}
}

func (r *run) print(v any) {
	r.missed = r.missed || v == undefined{}
	r.out.WriteString(r.text(v))
}

// text is str(v). Nothing is written for what is undefined.
func (r *run) text(v any) string {
	if s, ok := v.(string); ok {
		r.spend(len(s))
		return s
	}
	var b strings.Builder
	if v != (undefined{}) {
		r.write(&b, v)
	}
	return b.String()
}

// write prints a value as Python does in a list, where texts have quotes.
func (r *run) write(b *strings.Builder, v any) {
	from := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(capitalized(strconv.FormatBool(v)))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(printed(v))
	case undefined:
		b.WriteString("Undefined")
	case string:
		b.WriteString(inQuotes(v))
	case []any:
		r.writeItems(b, "[", v, "]")
		return
	case tuple:
		r.writeItems(b, "(", v, map[bool]string{true: ",)", false: ")"}[len(v) == 1])
		return
	case *dict:
		b.WriteByte('{')
		for i := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			r.write(b, v.keys[i])
			b.WriteString(": ")
			r.write(b, v.values[i])
		}
		b.WriteByte('}')
		from = b.Len()
	}
	r.spend(b.Len() - from)
}

func (r *run) writeItems(b *strings.Builder, open string, items []any, closer string) {
	b.WriteString(open)
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		r.write(b, item)
	}
	b.WriteString(closer)
	r.spend(0)
}

// statement is a part of a template that prints, or sets a variable.
type statement interface{ do(r *run) }

func (r *run) all(body []statement) {
	for _, s := range body {
		r.spend(0)
		s.do(r)
	}
}

type (
	plain  string
	output struct{ of expression }
	choice struct {
		tests  []expression
		bodies [][]statement
		other  []statement
	}
	loop struct {
		variable    string
		over        expression
		body, other []statement
	}
	assignment struct {
		variable string
		to       expression
	}
)

func (s plain) do(r *run)  { r.print(string(s)) }
func (s output) do(r *run) { r.print(s.of.eval(r)) }

func (s choice) do(r *run) {
	for i, test := range s.tests {
		if truth(test.eval(r)) {
			r.all(s.bodies[i])
			return
		}
	}
	r.all(s.other)
}

func (s loop) do(r *run) {
	items := itemsOf(s.over.eval(r))
	if len(items) == 0 {
		r.all(s.other)
		return
	}
	r.scopes = append(r.scopes, nil)
	for i, item := range items {
		r.spend(0)
		at := &dict{}
		at.set("index", int64(i+1))
		at.set("index0", int64(i))
		at.set("first", i == 0)
		at.set("last", i == len(items)-1)
		at.set("length", int64(len(items)))
		r.scopes[len(r.scopes)-1] = map[string]any{s.variable: item, "loop": at}
		r.all(s.body)
	}
	r.scopes = r.scopes[:len(r.scopes)-1]
}

// do sets a variable within the innermost loop, behind whose turn it has its former value, as in Jinja2.
func (s assignment) do(r *run) {
	v := s.to.eval(r)
	if len(r.scopes) == 0 {
		r.scopes = append(r.scopes, map[string]any{})
	}
	r.scopes[len(r.scopes)-1][s.variable] = v
}

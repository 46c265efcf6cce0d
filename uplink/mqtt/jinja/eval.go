package jinja

import (
	"errors"
	"fmt"
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

func (r *run) spend(bytes int) error {
	if r.work += stepWork + bytes; r.work > maxWork {
		return errWork
	}
	return nil
}

func (r *run) print(v any) error {
	if _, ok := v.(undefined); ok {
		r.missed = true
		return r.spend(0)
	}
	s, err := r.text(v)
	r.out.WriteString(s)
	return err
}

// text is str(v). Nothing is written for what is undefined.
func (r *run) text(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, r.spend(len(s))
	}
	var b strings.Builder
	err := r.write(&b, v, false)
	return b.String(), err
}

// write prints a value as Python does: inner as in a list, where texts have quotes.
func (r *run) write(b *strings.Builder, v any, inner bool) error {
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
		if inner {
			b.WriteString("Undefined")
		}
	case string:
		if inner {
			v = inQuotes(v)
		}
		b.WriteString(v)
	case []any:
		return r.writeItems(b, "[", v, "]")
	case tuple:
		if len(v) == 1 {
			return r.writeItems(b, "(", v, ",)")
		}
		return r.writeItems(b, "(", v, ")")
	case *dict:
		for i := range v.keys {
			b.WriteString([]string{"{", ", "}[min(i, 1)])
			if err := r.write(b, v.keys[i], true); err != nil {
				return err
			}
			b.WriteString(": ")
			if err := r.write(b, v.values[i], true); err != nil {
				return err
			}
		}
		b.WriteString([]string{"{}", "}"}[min(len(v.keys), 1)])
	}
	return r.spend(b.Len() - from)
}

func (r *run) writeItems(b *strings.Builder, open string, items []any, closer string) error {
	b.WriteString(open)
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := r.write(b, item, true); err != nil {
			return err
		}
	}
	b.WriteString(closer)
	return r.spend(0)
}

// statement is a part of a template that prints, or sets a variable.
type statement interface{ do(r *run) error }

func (r *run) all(body []statement) error {
	for _, s := range body {
		if err := r.spend(0); err != nil {
			return err
		}
		if err := s.do(r); err != nil {
			return err
		}
	}
	return nil
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

func (s plain) do(r *run) error { return r.print(string(s)) }

func (s output) do(r *run) error {
	v, err := s.of.eval(r)
	if err != nil {
		return err
	}
	return r.print(v)
}

func (s choice) do(r *run) error {
	for i, test := range s.tests {
		v, err := test.eval(r)
		if err != nil {
			return err
		}
		if truth(v) {
			return r.all(s.bodies[i])
		}
	}
	return r.all(s.other)
}

func (s loop) do(r *run) error {
	over, err := s.over.eval(r)
	if err != nil {
		return err
	}
	items, ok := itemsOf(over)
	if !ok {
		return fmt.Errorf("%s cannot be looped over", kindOf(over))
	}
	if len(items) == 0 {
		return r.all(s.other)
	}
	defer func(n int) { r.scopes = r.scopes[:n] }(len(r.scopes))
	r.scopes = append(r.scopes, nil)
	for i, item := range items {
		if err := r.spend(0); err != nil {
			return err
		}
		at := &dict{}
		at.set("index", int64(i+1))
		at.set("index0", int64(i))
		at.set("first", i == 0)
		at.set("last", i == len(items)-1)
		at.set("length", int64(len(items)))
		r.scopes[len(r.scopes)-1] = map[string]any{s.variable: item, "loop": at}
		if err := r.all(s.body); err != nil {
			return err
		}
	}
	return nil
}

// do sets a variable within the innermost loop, behind whose turn it has its former value, as in Jinja2.
func (s assignment) do(r *run) error {
	v, err := s.to.eval(r)
	if err != nil {
		return err
	}
	if len(r.scopes) == 0 {
		r.scopes = append(r.scopes, map[string]any{})
	}
	r.scopes[len(r.scopes)-1][s.variable] = v
	return nil
}

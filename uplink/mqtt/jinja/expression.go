package jinja

import (
	"math"
	"unicode/utf8"
)

type expression interface{ eval(r *run) any }

type (
	constant    struct{ v any }
	variable    string
	conditional struct{ yes, test, no expression }
	logic       struct {
		left, right expression
		stops       bool // at what is true: or
	}
	negation   struct{ of expression }
	comparison struct {
		first expression
		ops   []string
		rest  []expression
	}
	operation struct {
		op          string
		left, right expression
	}
	signed struct {
		of    expression
		minus bool
	}
	sequence struct {
		items []expression
		tuple bool
	}
	dictionary  struct{ keys, values []expression }
	subscript   struct{ of, key expression }
	slice       struct{ of, from, to expression }
	application struct {
		f    *builtin
		of   expression
		args []expression // nil where one is left out
	}
)

func (e constant) eval(*run) any { return e.v }

func (e variable) eval(r *run) any {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if v, ok := r.scopes[i][string(e)]; ok {
			return v
		}
	}
	if v, ok := r.in.Vars[string(e)]; ok {
		if n, ok := v.(int); ok {
			return int64(n)
		}
		return v
	}
	switch {
	case r.in.Payload == nil:
	case e == "value":
		return r.in.Payload.text
	case e == "value_json":
		return r.in.Payload.value()
	}
	return undefined{}
}

func (e conditional) eval(r *run) any {
	if truth(e.test.eval(r)) {
		return e.yes.eval(r)
	}
	return e.no.eval(r)
}

func (e logic) eval(r *run) any {
	if left := e.left.eval(r); truth(left) == e.stops {
		return left
	}
	return e.right.eval(r)
}

func (e negation) eval(r *run) any { return !truth(e.of.eval(r)) }

func (e comparison) eval(r *run) any {
	left := e.first.eval(r)
	for i, op := range e.ops {
		right := e.rest[i].eval(r)
		if !r.compare(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (e operation) eval(r *run) any { return r.operate(e.op, e.left.eval(r), e.right.eval(r)) }

func (e signed) eval(r *run) any {
	v := e.of.eval(r)
	n, ok := numberOf(defined(v))
	switch {
	case !ok:
		fail("%s has no sign", kindOf(v))
	case !e.minus:
		return n.value()
	case !n.whole:
		return -n.f
	}
	return times(n.i, -1)
}

func (e sequence) eval(r *run) any {
	items := make([]any, 0, len(e.items))
	for _, item := range e.items {
		items = append(items, item.eval(r))
	}
	r.spend(len(items) * stepWork)
	if e.tuple {
		return tuple(items)
	}
	return items
}

func (e dictionary) eval(r *run) any {
	d := &dict{}
	for i := range e.keys {
		key := e.keys[i].eval(r)
		switch key.(type) {
		case []any, tuple, *dict, undefined:
			fail("%s cannot be a key here", kindOf(key))
		}
		d.set(key, e.values[i].eval(r))
	}
	r.spend(len(d.keys) * (stepWork + len(d.keys)))
	return d
}

func (e subscript) eval(r *run) any { return r.member(e.of.eval(r), e.key.eval(r)) }

// member finds a member or a place. What is not there is undefined.
func (r *run) member(of, key any) any {
	if d, ok := defined(of).(*dict); ok {
		if _, isText := key.(string); !isText {
			r.spend(len(d.keys))
		}
		if i := d.find(key); i >= 0 {
			return d.values[i]
		}
		return undefined{}
	}
	n, isNumber := numberOf(key)
	if !isNumber || !n.whole || !isSequence(of) {
		return undefined{}
	}
	items := itemsOf(of)
	r.spend(len(items))
	if n.i < 0 {
		n.i += int64(len(items))
	}
	if n.i < 0 || n.i >= int64(len(items)) {
		return undefined{}
	}
	return items[n.i]
}

func (e slice) eval(r *run) any {
	of := defined(e.of.eval(r))
	if _, isDict := of.(*dict); isDict || !isSequence(of) {
		fail("%s cannot be cut", kindOf(of))
	}
	items := itemsOf(of)
	from := bound(r, e.from, 0, len(items))
	to := max(from, bound(r, e.to, len(items), len(items)))
	r.spend(len(items))
	switch of := of.(type) {
	case string:
		return cut(of, from, to)
	case tuple:
		return of[from:to]
	}
	return items[from:to]
}

// bound is one end of a slice.
func bound(r *run, at expression, otherwise, size int) int {
	if at == nil {
		return otherwise
	}
	v := at.eval(r)
	if v == nil {
		return otherwise
	}
	n, ok := numberOf(v)
	if !ok || !n.whole {
		fail("a slice has %s for a bound", kindOf(v))
	}
	if n.i < 0 {
		n.i = max(0, n.i+int64(size))
	}
	return int(min(n.i, int64(size)))
}

// cut cuts characters out of a text.
func cut(s string, from, to int) string {
	begin := len(s)
	for at, i := 0, 0; at < len(s); i++ {
		if i == from {
			begin = at
		}
		if i == to {
			return s[begin:at]
		}
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return s[begin:]
}

func (e application) eval(r *run) any {
	in := e.of.eval(r)
	args := make([]any, len(e.args))
	for i, arg := range e.args {
		args[i] = unset{}
		if arg != nil {
			args[i] = arg.eval(r)
		}
	}
	r.spend(0)
	return e.f.do(r, in, args)
}

// defined ends an evaluation that would do something with what is not there.
func defined(v any) any {
	if v == (undefined{}) {
		panic(failure{ErrUndefined})
	}
	return v
}

func fromFloat(f float64) any {
	if !(f < math.MaxInt64 && f > math.MinInt64) {
		fail("a number gets too large")
	}
	return int64(f)
}

// kindOf names the kind of a value for people.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "none"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case []any, tuple:
		return "a list"
	case *dict:
		return "an object"
	}
	return "something undefined"
}

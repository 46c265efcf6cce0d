package jinja

import (
	"fmt"
	"math"
	"unicode/utf8"
)

type expression interface{ eval(r *run) (any, error) }

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

func (e constant) eval(*run) (any, error) { return e.v, nil }

func (e variable) eval(r *run) (any, error) {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if v, ok := r.scopes[i][string(e)]; ok {
			return v, nil
		}
	}
	if v, ok := r.in.Vars[string(e)]; ok {
		return given(v), nil
	}
	switch {
	case r.in.Payload == nil:
	case e == "value":
		return r.in.Payload.text, nil
	case e == "value_json":
		return r.in.Payload.value(), nil
	}
	return undefined{}, nil
}

func (e conditional) eval(r *run) (any, error) {
	test, err := e.test.eval(r)
	if err != nil {
		return nil, err
	}
	if truth(test) {
		return e.yes.eval(r)
	}
	return e.no.eval(r)
}

func (e logic) eval(r *run) (any, error) {
	left, err := e.left.eval(r)
	if err != nil || truth(left) == e.stops {
		return left, err
	}
	return e.right.eval(r)
}

func (e negation) eval(r *run) (any, error) {
	v, err := e.of.eval(r)
	return !truth(v), err
}

func (e comparison) eval(r *run) (any, error) {
	left, err := e.first.eval(r)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		right, err := e.rest[i].eval(r)
		if err != nil {
			return nil, err
		}
		if ok, err := r.compare(op, left, right); err != nil || !ok {
			return false, err
		}
		left = right
	}
	return true, nil
}

func (e operation) eval(r *run) (any, error) {
	left, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	right, err := e.right.eval(r)
	if err != nil {
		return nil, err
	}
	return r.operate(e.op, left, right)
}

func (e signed) eval(r *run) (any, error) {
	v, err := e.of.eval(r)
	if err != nil {
		return nil, err
	}
	n, ok := numberOf(v)
	switch {
	case v == undefined{}:
		return nil, ErrUndefined
	case !ok:
		return nil, fmt.Errorf("%s has no sign", kindOf(v))
	case !n.whole && e.minus:
		return -n.f, nil
	case !n.whole:
		return n.f, nil
	case !e.minus:
		return n.i, nil
	case n.i == math.MinInt64:
		return nil, errLarge
	}
	return -n.i, nil
}

func (e sequence) eval(r *run) (any, error) {
	items := make([]any, 0, len(e.items))
	for _, item := range e.items {
		v, err := item.eval(r)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if e.tuple {
		return tuple(items), r.spend(len(items) * stepWork)
	}
	return items, r.spend(len(items) * stepWork)
}

func (e dictionary) eval(r *run) (any, error) {
	d := &dict{}
	for i := range e.keys {
		key, err := e.keys[i].eval(r)
		if err != nil {
			return nil, err
		}
		switch key.(type) {
		case []any, tuple, *dict, undefined:
			return nil, fmt.Errorf("%s cannot be a key here", kindOf(key))
		}
		value, err := e.values[i].eval(r)
		if err != nil {
			return nil, err
		}
		d.set(key, value)
	}
	return d, r.spend(len(d.keys) * (stepWork + len(d.keys)))
}

// eval finds a member or a place. What is not there is undefined.
func (e subscript) eval(r *run) (any, error) {
	of, err := e.of.eval(r)
	if err != nil {
		return nil, err
	}
	key, err := e.key.eval(r)
	if err != nil {
		return nil, err
	}
	return r.member(of, key)
}

func (r *run) member(of, key any) (any, error) {
	switch of := of.(type) {
	case undefined:
		return nil, ErrUndefined
	case *dict:
		cost := 0
		if _, isText := key.(string); !isText {
			cost = len(of.keys)
		}
		if i := of.find(key); i >= 0 {
			return of.values[i], r.spend(cost)
		}
		return undefined{}, r.spend(cost)
	}
	items, ok := itemsOf(of)
	n, isNumber := numberOf(key)
	if !ok || !isNumber || !n.whole {
		return undefined{}, r.spend(0)
	}
	if n.i < 0 {
		n.i += int64(len(items))
	}
	if n.i < 0 || n.i >= int64(len(items)) {
		return undefined{}, r.spend(len(items))
	}
	return items[n.i], r.spend(len(items))
}

func (e slice) eval(r *run) (any, error) {
	of, err := e.of.eval(r)
	if err != nil {
		return nil, err
	}
	items, ok := itemsOf(of)
	_, isDict := of.(*dict)
	switch {
	case of == undefined{}:
		return nil, ErrUndefined
	case !ok || isDict:
		return nil, fmt.Errorf("%s cannot be cut", kindOf(of))
	}
	from, err := e.bound(r, e.from, 0, len(items))
	if err != nil {
		return nil, err
	}
	to, err := e.bound(r, e.to, len(items), len(items))
	if err != nil {
		return nil, err
	}
	to = max(from, to)
	switch of := of.(type) {
	case string:
		return cut(of, from, to), r.spend(len(of))
	case tuple:
		return of[from:to], r.spend(0)
	}
	return items[from:to], r.spend(0)
}

// bound is one end of a slice.
func (e slice) bound(r *run, at expression, otherwise, size int) (int, error) {
	if at == nil {
		return otherwise, nil
	}
	v, err := at.eval(r)
	if err != nil || v == nil {
		return otherwise, err
	}
	n, ok := numberOf(v)
	if !ok || !n.whole {
		return 0, fmt.Errorf("a slice has %s for a bound", kindOf(v))
	}
	if n.i < 0 {
		n.i = max(0, n.i+int64(size))
	}
	return int(min(n.i, int64(size))), nil
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

func (e application) eval(r *run) (any, error) {
	in, err := e.of.eval(r)
	if err != nil {
		return nil, err
	}
	args := make([]any, len(e.args))
	for i, arg := range e.args {
		if arg == nil {
			args[i] = unset{}
		} else if args[i], err = arg.eval(r); err != nil {
			return nil, err
		}
	}
	if err := r.spend(0); err != nil {
		return nil, err
	}
	return e.f.do(r, in, args)
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

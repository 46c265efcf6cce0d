package jinja

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

var (
	errLarge = errors.New("a number gets too large")
	errZero  = errors.New("a division by zero")
)

func (r *run) operate(op string, a, b any) (any, error) {
	if op == "~" {
		left, err := r.text(a)
		if err != nil {
			return nil, err
		}
		right, err := r.text(b)
		return left + right, err
	}
	if a == (undefined{}) || b == (undefined{}) {
		return nil, ErrUndefined
	}
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	if isNumber && areNumbers {
		if x.whole && y.whole && op != "/" {
			return wholes(op, x.i, y.i)
		}
		return reals(op, x.float(), y.float())
	}
	switch left := a.(type) {
	case string:
		right, areTexts := b.(string)
		switch {
		case op == "+" && areTexts:
			return left + right, r.spend(len(left) + len(right))
		case op == "*" && areNumbers && y.whole:
			return r.repeat(left, y.i)
		case op == "%":
			return r.format(left, b)
		}
	case []any:
		if right, ok := b.([]any); ok && op == "+" {
			return append(left[:len(left):len(left)], right...), r.spend((len(left) + len(right)) * stepWork)
		}
	}
	if right, ok := b.(string); ok && op == "*" && isNumber && x.whole {
		return r.repeat(right, x.i)
	}
	return nil, fmt.Errorf("there is no %s of %s and %s", op, kindOf(a), kindOf(b))
}

func (r *run) repeat(s string, n int64) (any, error) {
	n = max(n, 0)
	if n > maxWork || int64(len(s))*n > maxWork {
		return nil, errWork
	}
	return strings.Repeat(s, int(n)), r.spend(len(s) * int(n))
}

func wholes(op string, a, b int64) (any, error) {
	switch op {
	case "+":
		if sum := a + b; sum > a == (b > 0) {
			return sum, nil
		}
	case "-":
		if sum := a - b; sum < a == (b > 0) {
			return sum, nil
		}
	case "*":
		return times(a, b)
	case "**":
		return power(a, b)
	default:
		return floors(op, a, b)
	}
	return nil, errLarge
}

func times(a, b int64) (any, error) {
	product := a * b
	if a != 0 && (product/a != b || a == -1 && b == math.MinInt64) {
		return nil, errLarge
	}
	return product, nil
}

func power(a, b int64) (any, error) {
	if b < 0 {
		return reals("**", float64(a), float64(b))
	}
	if a >= -1 && a <= 1 {
		b = min(b, 2+b%2) // -1, 0 and 1 come round
	}
	var product any = int64(1)
	for range min(b, 64) {
		var err error
		if product, err = times(product.(int64), a); err != nil {
			return nil, err
		}
	}
	if b > 64 {
		return nil, errLarge
	}
	return product, nil
}

// floors divides with the rest going the way of the divisor, as Python does.
func floors(op string, a, b int64) (any, error) {
	if b == 0 {
		return nil, errZero
	}
	if b == -1 { // the least number has no counterpart
		if op == "%" {
			return int64(0), nil
		}
		return times(a, b)
	}
	quotient, rest := a/b, a%b
	if rest != 0 && rest < 0 != (b < 0) {
		quotient, rest = quotient-1, rest+b
	}
	if op == "%" {
		return rest, nil
	}
	return quotient, nil
}

func reals(op string, a, b float64) (any, error) {
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "**":
		switch v := math.Pow(a, b); {
		case a == 0 && b < 0:
			return nil, errZero
		case math.IsNaN(v) && !math.IsNaN(a) && !math.IsNaN(b):
			return nil, errors.New("a root of a negative number")
		case math.IsInf(v, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0):
			return nil, errLarge
		default:
			return v, nil
		}
	}
	if b == 0 {
		return nil, errZero
	}
	if op == "/" {
		return a / b, nil
	}
	quotient, rest := floored(a, b)
	if op == "%" {
		return rest, nil
	}
	return quotient, nil
}

// floored is Python's division of floats: it takes the quotient from the rest, which is exact.
func floored(a, b float64) (quotient, rest float64) {
	rest = math.Mod(a, b)
	quotient = (a - rest) / b
	switch {
	case rest == 0:
		rest = math.Copysign(0, b)
	case rest < 0 != (b < 0):
		rest += b
		quotient--
	}
	if quotient == 0 {
		return math.Copysign(0, a/b), rest
	}
	whole := math.Floor(quotient)
	if quotient-whole > 0.5 {
		whole++
	}
	return whole, rest
}

func (r *run) compare(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		ok, err := r.equal(a, b)
		return !ok, err
	case "in":
		return r.contains(b, a)
	case "not in":
		ok, err := r.contains(b, a)
		return !ok, err
	}
	if a == (undefined{}) || b == (undefined{}) {
		return false, ErrUndefined
	}
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	left, isText := a.(string)
	right, areTexts := b.(string)
	switch {
	case isNumber && areNumbers && x.whole && y.whole:
		return ordered(op, x.i, y.i), nil
	case isNumber && areNumbers:
		return ordered(op, x.float(), y.float()), nil
	case isText && areTexts:
		return ordered(op, left, right), r.spend(min(len(left), len(right)))
	}
	return false, fmt.Errorf("%s and %s cannot be compared by %s", kindOf(a), kindOf(b), op)
}

func ordered[T int64 | float64 | string](op string, a, b T) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

func (r *run) equal(a, b any) (bool, error) {
	if err := r.spend(0); err != nil {
		return false, err
	}
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	if isNumber && areNumbers {
		return x.whole && y.whole && x.i == y.i || x.float() == y.float() && !(x.whole && y.whole), nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case undefined:
		return b == undefined{}, nil
	case string:
		other, ok := b.(string)
		return ok && a == other, r.spend(min(len(a), len(other)))
	case []any:
		other, ok := b.([]any)
		return r.allEqual(a, other, ok)
	case tuple:
		other, ok := b.(tuple)
		return r.allEqual(a, other, ok)
	case *dict:
		return r.equalDicts(a, b)
	}
	return false, nil
}

func (r *run) allEqual(a, b []any, alike bool) (bool, error) {
	if !alike || len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if ok, err := r.equal(a[i], b[i]); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (r *run) equalDicts(a *dict, v any) (bool, error) {
	b, ok := v.(*dict)
	if !ok || len(a.keys) != len(b.keys) {
		return false, nil
	}
	for i, key := range a.keys {
		other, err := r.member(b, key)
		if err != nil || other == (undefined{}) {
			return false, err
		}
		if ok, err := r.equal(a.values[i], other); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (r *run) contains(in, what any) (bool, error) {
	if text, ok := in.(string); ok {
		part, ok := what.(string)
		if !ok {
			return false, fmt.Errorf("%s cannot be in a text", kindOf(what))
		}
		return strings.Contains(text, part), r.spend(len(text))
	}
	items, ok := itemsOf(in)
	if !ok {
		return false, fmt.Errorf("nothing can be in %s", kindOf(in))
	}
	for _, item := range items {
		if ok, err := r.equal(item, what); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

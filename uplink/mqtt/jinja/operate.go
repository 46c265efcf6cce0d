package jinja

import (
	"math"
	"strings"
)

func (r *run) operate(op string, a, b any) any {
	if op == "~" {
		return r.text(a) + r.text(b)
	}
	x, isNumber := numberOf(defined(a))
	y, areNumbers := numberOf(defined(b))
	switch {
	case isNumber && areNumbers && x.whole && y.whole && op != "/":
		return wholes(op, x.i, y.i)
	case isNumber && areNumbers:
		return reals(op, x.float(), y.float())
	case op == "*" && areNumbers && y.whole:
		x, y, a, b = y, x, b, a
		fallthrough
	case op == "*" && isNumber && x.whole:
		if text, ok := b.(string); ok {
			return r.repeat(text, x.i)
		}
	case op == "+":
		if v := r.joined(a, b); v != nil {
			return v
		}
	case op == "%":
		if text, ok := a.(string); ok {
			return r.format(text, b)
		}
	}
	fail("there is no %s of %s and %s", op, kindOf(a), kindOf(b))
	return nil
}

// joined is the + of two texts, or of two lists.
func (r *run) joined(a, b any) any {
	switch left := a.(type) {
	case string:
		if right, ok := b.(string); ok {
			r.spend(len(left) + len(right))
			return left + right
		}
	case []any:
		if right, ok := b.([]any); ok {
			r.spend((len(left) + len(right)) * stepWork)
			return append(left[:len(left):len(left)], right...)
		}
	}
	return nil
}

func (r *run) repeat(s string, n int64) any {
	n = min(max(n, 0), maxWork)
	for range n { // which ends before it takes memory
		r.spend(len(s))
	}
	return strings.Repeat(s, int(n))
}

func wholes(op string, a, b int64) any {
	switch op {
	case "+":
		if sum := a + b; sum > a == (b > 0) {
			return sum
		}
	case "-":
		if sum := a - b; sum < a == (b > 0) {
			return sum
		}
	case "*":
		return times(a, b)
	case "**":
		return power(a, b)
	default:
		return floors(op, a, b)
	}
	fail("a number gets too large")
	return nil
}

func times(a, b int64) int64 {
	product := a * b
	if a != 0 && (product/a != b || a == -1 && b == math.MinInt64) {
		fail("a number gets too large")
	}
	return product
}

func power(a, b int64) any {
	if b < 0 {
		return reals("**", float64(a), float64(b))
	}
	if a >= -1 && a <= 1 {
		b = min(b, 2+b%2) // -1, 0 and 1 come round
	}
	product := int64(1)
	for range min(b, 64) { // by then the others are too large
		product = times(product, a)
	}
	return product
}

// floors divides with the rest going the way of the divisor, as Python does.
func floors(op string, a, b int64) any {
	if b == 0 {
		fail("a division by zero")
	}
	rest := a % b
	if rest != 0 && rest < 0 != (b < 0) {
		rest += b
	}
	if op == "%" {
		return rest
	}
	if b == -1 {
		return times(a, b) // the least number has no counterpart
	}
	if quotient := a / b; a%b == rest {
		return quotient
	}
	return a/b - 1
}

func reals(op string, a, b float64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		v := math.Pow(a, b)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			fail("there is no %s to the power of %s", printed(a), printed(b))
		}
		return v
	}
	if b == 0 {
		fail("a division by zero")
	}
	if op == "/" {
		return a / b
	}
	quotient, rest := floored(a, b)
	if op == "%" {
		return rest
	}
	return quotient
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
	return math.Round(quotient), rest
}

func (r *run) compare(op string, a, b any) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	x, isNumber := numberOf(defined(a))
	y, areNumbers := numberOf(defined(b))
	if isNumber && areNumbers {
		if x.whole && y.whole {
			return ordered(op, x.i, y.i)
		}
		return ordered(op, x.float(), y.float())
	}
	left, isText := a.(string)
	right, areTexts := b.(string)
	if !isText || !areTexts {
		fail("%s and %s cannot be compared by %s", kindOf(a), kindOf(b), op)
	}
	r.spend(min(len(left), len(right)))
	return ordered(op, left, right)
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

func (r *run) equal(a, b any) bool {
	r.spend(0)
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	if isNumber && areNumbers {
		if x.whole && y.whole {
			return x.i == y.i
		}
		return x.float() == y.float()
	}
	switch a := a.(type) {
	case string:
		other, ok := b.(string)
		r.spend(min(len(a), len(other)))
		return ok && a == other
	case []any:
		other, ok := b.([]any)
		return ok && r.allEqual(a, other)
	case tuple:
		other, ok := b.(tuple)
		return ok && r.allEqual(a, other)
	case *dict:
		other, ok := b.(*dict)
		if !ok || len(a.keys) != len(other.keys) {
			return false
		}
		for i, key := range a.keys {
			if v := r.member(other, key); v == (undefined{}) || !r.equal(a.values[i], v) {
				return false
			}
		}
		return true
	}
	return !isNumber && !areNumbers && kindOf(a) == kindOf(b) // none, or undefined
}

func (r *run) allEqual(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !r.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (r *run) contains(in, what any) bool {
	if text, ok := in.(string); ok {
		part, ok := what.(string)
		if !ok {
			fail("%s cannot be in a text", kindOf(what))
		}
		r.spend(len(text))
		return strings.Contains(text, part)
	}
	for _, item := range itemsOf(in) {
		if r.equal(item, what) {
			return true
		}
	}
	return false
}

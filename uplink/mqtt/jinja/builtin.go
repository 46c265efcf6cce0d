package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// builtin is a filter, a test, a method or a function. It is given what it is applied to and an argument for each name
// in takes, unset where that is left out.
type builtin struct {
	do    func(r *run, in any, args []any) any
	takes []string
	needs int  // how many of them there must be
	many  bool // any number of further arguments
}

type unset struct{}

// otherwise gives the default where a value is not what it should be. What is not there is no news, with a default,
// too: Home Assistant has an error then.
func otherwise(v, instead any, wanted string) any {
	text, isText := defined(v).(string)
	switch {
	case instead != unset{}:
		return instead
	case v == nil:
		defined(undefined{})
	case isText:
		fail("%.40q is no %s", text, wanted)
	}
	fail("%s is no %s", kindOf(v), wanted)
	return nil
}

// floatOf is float(v) of Python, but for _ within numbers.
func floatOf(v any) (float64, bool) {
	if n, ok := numberOf(v); ok {
		return n.float(), true
	}
	s, ok := v.(string)
	s = strings.TrimFunc(s, unicode.IsSpace)
	if !ok || strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

func toFloat(_ *run, in any, args []any) any {
	if f, ok := floatOf(in); ok {
		return f
	}
	return otherwise(in, args[0], "number")
}

// toInt is the filter of Jinja2 with Home Assistant's way of failing: what is no integer is read as a float and cut.
func toInt(_ *run, in any, args []any) any {
	if n, ok := numberOf(in); ok && n.whole {
		return n.i
	}
	if s, ok := in.(string); ok {
		base, given := args[1].(int64)
		if !given {
			base = 10
		}
		s = strings.ToLower(strings.TrimFunc(s, unicode.IsSpace))
		s = strings.TrimPrefix(s, map[int64]string{2: "0b", 8: "0o", 16: "0x"}[base])
		if i, err := strconv.ParseInt(s, int(min(max(base, 1), 37)), 64); err == nil {
			return i
		}
	}
	f, ok := floatOf(in)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return otherwise(in, args[0], "whole number")
	}
	return fromFloat(f)
}

// round rounds as Home Assistant does: to a whole number without a precision; "common" takes the nearest of the two
// decimal numbers, and of two that are as near the even one.
func round(_ *run, in any, args []any) any {
	f, ok := floatOf(in)
	if !ok {
		return otherwise(in, args[2], "number")
	}
	precision, ok := args[0].(int64)
	if !ok && args[0] != (unset{}) || precision < -20 || precision > 20 {
		fail("round has a precision that is no whole number from -20 to 20")
	}
	scale := math.Pow(10, float64(precision))
	switch args[1] {
	case "ceil":
		f = math.Ceil(f*scale) / scale
	case "floor":
		f = math.Floor(f*scale) / scale
	case "half":
		f = math.RoundToEven(f*2) / 2
	default:
		f = nearest(f, int(precision))
	}
	if precision == 0 {
		return fromFloat(f)
	}
	return f
}

// nearest rounds what the float really is: 2.675 is a little less, and becomes 2.67.
func nearest(f float64, precision int) float64 {
	if precision < 0 {
		scale := math.Pow(10, float64(-precision))
		return math.RoundToEven(f/scale) * scale
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	return rounded
}

// scaled is the filters multiply and add.
func scaled(op string) func(*run, any, []any) any {
	return func(r *run, in any, args []any) any {
		f, ok := floatOf(in)
		if _, isNumber := numberOf(args[0]); !ok || !isNumber {
			return otherwise(in, args[1], "number")
		}
		return r.operate(op, f, args[0])
	}
}

func bits(both bool) func(*run, any, []any) any {
	return func(_ *run, in any, args []any) any {
		a, isNumber := numberOf(defined(in))
		b, areNumbers := numberOf(args[0])
		if !isNumber || !areNumbers || !a.whole || !b.whole {
			fail("there are no bits of %s and %s", kindOf(in), kindOf(args[0]))
		}
		if both {
			return a.i & b.i
		}
		return a.i | b.i
	}
}

func absolute(_ *run, in any, _ []any) any {
	n, ok := numberOf(in)
	switch {
	case !ok:
		return otherwise(in, unset{}, "number")
	case !n.whole:
		return math.Abs(n.f)
	case n.i < 0:
		return times(n.i, -1)
	}
	return n.i
}

// words are what Home Assistant takes for a boolean.
var words = map[string]bool{
	"1": true, "true": true, "yes": true, "on": true, "enable": true,
	"0": false, "false": false, "no": false, "off": false, "disable": false,
}

func toBool(_ *run, in any, args []any) any {
	if n, ok := numberOf(in); ok {
		return n.float() != 0
	}
	if s, ok := in.(string); ok {
		if on, ok := words[strings.ToLower(strings.TrimSpace(s))]; ok {
			return on
		}
	}
	return otherwise(in, args[0], "boolean")
}

func isNumber(_ *run, in any, _ []any) any {
	f, ok := floatOf(defined(in))
	return ok && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// orElse is the filter default.
func orElse(_ *run, in any, args []any) any {
	switch {
	case in != undefined{} && (args[1] == unset{} || !truth(args[1]) || truth(in)):
		return in
	case args[0] == unset{}:
		return ""
	}
	return args[0]
}

func ifElse(_ *run, in any, args []any) any {
	given := func(i int, otherwise bool) any {
		if args[i] == (unset{}) {
			return otherwise
		}
		return args[i]
	}
	if in == nil && args[2] != (unset{}) {
		return args[2]
	}
	if truth(in) {
		return given(0, true)
	}
	return given(1, false)
}

// extreme is min and max of numbers: of a list, or of the arguments of a function.
func extreme(op string) func(*run, any, []any) any {
	return func(r *run, in any, args []any) any {
		if len(args) > 0 {
			in = append([]any{in}, args...)
		}
		var best any = undefined{}
		for i, item := range itemsOf(in) {
			if _, ok := numberOf(defined(item)); !ok {
				fail("the least or greatest of %s", kindOf(item))
			}
			if i == 0 || r.compare(op, item, best) {
				best = item
			}
		}
		return best
	}
}

const maxRange = 1000

func counted(r *run, in any, args []any) any {
	from, to := any(int64(0)), in
	if args[0] != (unset{}) {
		from, to = in, args[0]
	}
	first, ok1 := from.(int64)
	last, ok2 := to.(int64)
	if !ok1 || !ok2 || first < -maxRange || last > maxRange {
		fail("range() goes from -%d to %[1]d at most", maxRange)
	}
	items := []any{}
	for ; first < last; first++ {
		items = append(items, first)
	}
	r.spend(len(items) * stepWork)
	return items
}

var functions = map[string]*builtin{
	"float": {do: toFloat, takes: []string{"default"}},
	"int":   {do: toInt, takes: []string{"default", "base"}},
	"bool":  {do: toBool, takes: []string{"default"}},
	"min":   {do: extreme("<"), many: true},
	"max":   {do: extreme(">"), many: true},
	"iif":   {do: ifElse, takes: []string{"if_true", "if_false", "if_none"}},
	"range": {do: counted, takes: []string{"stop"}},

	"is_number": {do: isNumber},
}

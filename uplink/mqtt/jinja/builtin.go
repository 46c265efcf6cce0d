package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// builtin is a filter, a test, a method or a function. It is given what it is applied to and an argument for each name
// in takes, unset where that is left out.
type builtin struct {
	do    func(r *run, in any, args []any) (any, error)
	takes []string
	needs int  // how many of them there must be
	many  bool // any number of further arguments
}

type unset struct{}

func (b *builtin) place(name string) int {
	for i, takes := range b.takes {
		if takes == name {
			return i
		}
	}
	return -1
}

// otherwise gives the default where a value is not what it should be. Without one, what is not there is no news.
func otherwise(v, instead any, wanted string) (any, error) {
	switch {
	case v == undefined{}: // with a default, too: Home Assistant has an error then
		return nil, ErrUndefined
	case instead != unset{}:
		return instead, nil
	case v == nil:
		return nil, ErrUndefined
	}
	if s, ok := v.(string); ok {
		return nil, fmt.Errorf("%.40q is no %s", s, wanted)
	}
	return nil, fmt.Errorf("%s is no %s", kindOf(v), wanted)
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

func toFloat(_ *run, in any, args []any) (any, error) {
	if f, ok := floatOf(in); ok {
		return f, nil
	}
	return otherwise(in, args[0], "number")
}

// toInt is the filter of Jinja2 with Home Assistant's way of failing: what is no integer is read as a float and cut.
func toInt(_ *run, in any, args []any) (any, error) {
	if n, ok := numberOf(in); ok && n.whole {
		return n.i, nil
	}
	if s, ok := in.(string); ok {
		base := int64(10)
		if b, ok := args[1].(int64); ok {
			base = b
		}
		if i, ok := intOf(s, base); ok {
			return i, nil
		}
	}
	f, ok := floatOf(in)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return otherwise(in, args[0], "whole number")
	}
	return fromFloat(f)
}

func intOf(s string, base int64) (int64, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if prefix := map[int64]string{2: "0b", 8: "0o", 16: "0x"}[base]; prefix != "" && len(s) > 2 && strings.EqualFold(s[:2], prefix) {
		s = s[2:]
	}
	if base < 2 || base > 36 {
		return 0, false
	}
	i, err := strconv.ParseInt(s, int(base), 64)
	return i, err == nil
}

func fromFloat(f float64) (any, error) {
	if f >= math.MaxInt64 || f <= math.MinInt64 || math.IsNaN(f) {
		return nil, errLarge
	}
	return int64(f), nil
}

// round rounds as Home Assistant does: to a whole number without a precision; "common" takes the nearest of the two
// decimal numbers, and of two that are as near the even one.
func round(_ *run, in any, args []any) (any, error) {
	f, ok := floatOf(in)
	if !ok {
		return otherwise(in, args[2], "number")
	}
	precision := int64(0)
	if args[0] != (unset{}) {
		if precision, ok = args[0].(int64); !ok || precision < -20 || precision > 20 {
			return nil, fmt.Errorf("round has a precision that is no whole number from -20 to 20")
		}
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
	return f, nil
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
func scaled(op string) func(*run, any, []any) (any, error) {
	return func(r *run, in any, args []any) (any, error) {
		f, ok := floatOf(in)
		if _, isNumber := numberOf(args[0]); !ok || !isNumber {
			return otherwise(in, args[1], "number")
		}
		return r.operate(op, f, args[0])
	}
}

func bits(and bool) func(*run, any, []any) (any, error) {
	return func(_ *run, in any, args []any) (any, error) {
		a, ok := numberOf(in)
		b, both := numberOf(args[0])
		switch {
		case in == undefined{}:
			return nil, ErrUndefined
		case !ok || !both || !a.whole || !b.whole:
			return nil, fmt.Errorf("there are no bits of %s and %s", kindOf(in), kindOf(args[0]))
		case and:
			return a.i & b.i, nil
		}
		return a.i | b.i, nil
	}
}

func absolute(_ *run, in any, _ []any) (any, error) {
	n, ok := numberOf(in)
	switch {
	case !ok:
		return otherwise(in, unset{}, "number")
	case !n.whole:
		return math.Abs(n.f), nil
	case n.i == math.MinInt64:
		return nil, errLarge
	}
	return max(n.i, -n.i), nil
}

// words are what Home Assistant takes for a boolean.
var words = map[string]bool{
	"1": true, "true": true, "yes": true, "on": true, "enable": true,
	"0": false, "false": false, "no": false, "off": false, "disable": false,
}

func toBool(_ *run, in any, args []any) (any, error) {
	if n, ok := numberOf(in); ok {
		return n.float() != 0, nil
	}
	if s, ok := in.(string); ok {
		if on, ok := words[strings.ToLower(strings.TrimSpace(s))]; ok {
			return on, nil
		}
	}
	return otherwise(in, args[0], "boolean")
}

func isNumber(_ *run, in any, _ []any) (any, error) {
	f, ok := floatOf(in)
	return ok && !math.IsNaN(f) && !math.IsInf(f, 0), nil
}

// orElse is the filter default.
func orElse(_ *run, in any, args []any) (any, error) {
	if in == (undefined{}) || truth(args[1]) && args[1] != (unset{}) && !truth(in) {
		if args[0] == (unset{}) {
			return "", nil
		}
		return args[0], nil
	}
	return in, nil
}

func ifElse(_ *run, in any, args []any) (any, error) {
	pick := func(i int, otherwise any) (any, error) {
		if args[i] == (unset{}) {
			return otherwise, nil
		}
		return args[i], nil
	}
	switch {
	case in == nil && args[2] != unset{}:
		return args[2], nil
	case truth(in):
		return pick(0, true)
	}
	return pick(1, false)
}

// extreme is min and max: of a list, or of the arguments of a function.
func extreme(op string) func(*run, any, []any) (any, error) {
	return func(r *run, in any, args []any) (any, error) {
		items, ok := itemsOf(in)
		if len(args) > 0 {
			items, ok = append([]any{in}, args...), true
		}
		if !ok {
			return nil, fmt.Errorf("%s has no items", kindOf(in))
		}
		var best any = undefined{}
		for i, item := range items {
			better, err := r.compare(op, item, best)
			if i > 0 && err != nil {
				return nil, err
			}
			if i == 0 || better {
				best = item
			}
			if item == (undefined{}) {
				return nil, ErrUndefined
			}
		}
		return best, nil
	}
}

const maxRange = 1000

func counted(r *run, in any, args []any) (any, error) {
	from, to := int64(0), in
	if args[0] != (unset{}) {
		var ok bool
		if from, ok = in.(int64); !ok {
			return nil, fmt.Errorf("range() of %s", kindOf(in))
		}
		to = args[0]
	}
	n, ok := to.(int64)
	switch {
	case !ok:
		return nil, fmt.Errorf("range() of %s", kindOf(to))
	case n > from && (n > maxRange || from < -maxRange):
		return nil, fmt.Errorf("range() goes further than %d", maxRange)
	}
	items := []any{}
	for ; from < n; from++ {
		items = append(items, from)
	}
	return items, r.spend(len(items) * stepWork)
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

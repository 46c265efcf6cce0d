package jinja

import "math"

func is(ask func(v any) bool) *builtin {
	return &builtin{do: func(_ *run, in any, _ []any) (any, error) { return ask(in), nil }}
}

func compares(op string) *builtin {
	return &builtin{takes: []string{"other"}, needs: 1, do: func(r *run, in any, args []any) (any, error) {
		return r.compare(op, in, args[0])
	}}
}

func hasType[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// remainder tells of even, odd and divisibleby.
func remainder(r *run, in, by any) (int64, error) {
	rest, err := r.operate("%", in, by)
	n, ok := numberOf(rest)
	if err == nil && (!ok || n.float() != math.Trunc(n.float())) {
		return -1, nil
	}
	return int64(n.float()), err
}

var tests = map[string]*builtin{
	"defined":   is(func(v any) bool { return !hasType[undefined](v) }),
	"undefined": is(hasType[undefined]),
	"none":      is(func(v any) bool { return v == nil }),
	"boolean":   is(hasType[bool]),
	"true":      is(func(v any) bool { return v == true }),
	"false":     is(func(v any) bool { return v == false }),
	"integer":   is(hasType[int64]),
	"float":     is(hasType[float64]),
	"number":    is(func(v any) bool { _, ok := numberOf(v); return ok }),
	"string":    is(hasType[string]),
	"mapping":   is(hasType[*dict]),
	"sequence":  is(func(v any) bool { _, ok := itemsOf(v); return ok }),
	"iterable":  is(func(v any) bool { _, ok := itemsOf(v); return ok }),
	"is_number": {do: isNumber},

	"eq": compares("=="), "equalto": compares("=="), "==": compares("=="),
	"ne": compares("!="), "lt": compares("<"), "lessthan": compares("<"), "le": compares("<="),
	"gt": compares(">"), "greaterthan": compares(">"), "ge": compares(">="), "in": compares("in"),

	"even": {do: func(r *run, in any, _ []any) (any, error) {
		n, err := remainder(r, in, int64(2))
		return n == 0, err
	}},
	"odd": {do: func(r *run, in any, _ []any) (any, error) {
		n, err := remainder(r, in, int64(2))
		return n == 1, err
	}},
	"divisibleby": {takes: []string{"num"}, needs: 1, do: func(r *run, in any, args []any) (any, error) {
		n, err := remainder(r, in, args[0])
		return n == 0, err
	}},
}

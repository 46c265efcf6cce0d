package jinja

func is(ask func(v any) bool) *builtin {
	return &builtin{do: func(_ *run, in any, _ []any) any { return ask(in) }}
}

func compares(op string) *builtin {
	return &builtin{takes: []string{"other"}, needs: 1, do: func(r *run, in any, args []any) any {
		return r.compare(op, in, args[0])
	}}
}

func hasType[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// leaves tells whether a division has a certain rest.
func leaves(r *run, in, by any, rest int64) bool { return r.equal(r.operate("%", in, by), rest) }

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
	"sequence":  is(isSequence),
	"iterable":  is(isSequence),
	"is_number": {do: isNumber},

	"eq": compares("=="), "equalto": compares("=="),
	"ne": compares("!="), "lt": compares("<"), "lessthan": compares("<"), "le": compares("<="),
	"gt": compares(">"), "greaterthan": compares(">"), "ge": compares(">="), "in": compares("in"),

	"even": {do: func(r *run, in any, _ []any) any { return leaves(r, in, int64(2), 0) }},
	"odd":  {do: func(r *run, in any, _ []any) any { return leaves(r, in, int64(2), 1) }},
	"divisibleby": {takes: []string{"num"}, needs: 1, do: func(r *run, in any, args []any) any {
		return leaves(r, in, args[0], 0)
	}},
}

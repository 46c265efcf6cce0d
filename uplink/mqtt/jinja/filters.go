package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// onText makes a filter of a text; anything else is printed first.
func onText(change func(string) string) func(*run, any, []any) any {
	return func(r *run, in any, _ []any) any { return change(r.text(in)) }
}

func capitalized(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + strings.ToLower(s[n:])
}

// titled has a capital letter for each word, as Jinja2 sees words.
func titled(s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune("-({[<", c) })
		if n < 0 {
			n = len(s) - 1
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		b.WriteString(capitalized(s[:n+size]))
		s = s[n+size:]
	}
	return b.String()
}

func trimmed(trim func(s, chars string) string, space func(string, func(rune) bool) string) func(*run, any, []any) any {
	return func(r *run, in any, args []any) any {
		if chars, ok := args[0].(string); ok {
			return trim(r.text(in), chars)
		}
		return space(r.text(in), unicode.IsSpace)
	}
}

func replaced(r *run, in any, args []any) any {
	s, old, with := r.text(in), r.text(args[0]), r.text(args[1])
	times, ok := args[2].(int64)
	if !ok {
		times = -1
	}
	r.spend(strings.Count(s, old) * len(with))
	return strings.Replace(s, old, with, int(min(max(times, -1), maxWork)))
}

func length(r *run, in any, _ []any) any {
	if s, ok := in.(string); ok {
		r.spend(len(s))
		return int64(utf8.RuneCountInString(s))
	}
	return int64(len(itemsOf(in)))
}

func listed(r *run, in any, _ []any) any {
	items := itemsOf(in)
	r.spend(len(items) * stepWork)
	return slices.Clone(items)
}

func first(r *run, in any, _ []any) any { return r.member(listed(r, in, nil), int64(0)) }

func last(r *run, in any, _ []any) any { return r.member(listed(r, in, nil), int64(-1)) }

func joined(r *run, in any, args []any) any {
	between := ""
	if args[0] != (unset{}) {
		between = r.text(args[0])
	}
	var b strings.Builder
	for i, item := range itemsOf(in) {
		if i > 0 {
			r.spend(len(between))
			b.WriteString(between)
		}
		b.WriteString(r.text(item))
	}
	return b.String()
}

func summed(r *run, in any, _ []any) any {
	var sum any = int64(0)
	for _, item := range itemsOf(in) {
		r.spend(0)
		sum = r.operate("+", sum, item)
	}
	return sum
}

func parsed(r *run, in any, _ []any) any {
	s, ok := in.(string)
	if !ok {
		return otherwise(in, unset{}, "text with JSON")
	}
	r.spend(len(s))
	v := fromJSON(s)
	if v == (undefined{}) {
		fail("%.40q is no JSON", s)
	}
	return v
}

var filters = map[string]*builtin{
	"float":       {do: toFloat, takes: []string{"default"}},
	"int":         {do: toInt, takes: []string{"default", "base"}},
	"bool":        {do: toBool, takes: []string{"default"}},
	"round":       {do: round, takes: []string{"precision", "method", "default"}},
	"multiply":    {do: scaled("*"), takes: []string{"amount", "default"}, needs: 1},
	"add":         {do: scaled("+"), takes: []string{"amount", "default"}, needs: 1},
	"bitwise_and": {do: bits(true), takes: []string{"second_value"}, needs: 1},
	"bitwise_or":  {do: bits(false), takes: []string{"second_value"}, needs: 1},
	"abs":         {do: absolute},
	"is_number":   {do: isNumber},
	"default":     {do: orElse, takes: []string{"default_value", "boolean"}},
	"d":           {do: orElse, takes: []string{"default_value", "boolean"}},
	"iif":         {do: ifElse, takes: []string{"if_true", "if_false", "if_none"}},
	"is_defined":  {do: func(_ *run, in any, _ []any) any { return defined(in) }},

	"string":     {do: func(r *run, in any, _ []any) any { return r.text(in) }},
	"lower":      {do: onText(strings.ToLower)},
	"upper":      {do: onText(strings.ToUpper)},
	"title":      {do: onText(titled)},
	"capitalize": {do: onText(capitalized)},
	"trim":       {do: trimmed(strings.Trim, strings.TrimFunc), takes: []string{"chars"}},
	"replace":    {do: replaced, takes: []string{"old", "new", "count"}, needs: 2},
	"format":     {do: func(r *run, in any, args []any) any { return r.format(r.text(in), tuple(args)) }, many: true},

	"length":    {do: length},
	"count":     {do: length},
	"list":      {do: listed},
	"first":     {do: first},
	"last":      {do: last},
	"join":      {do: joined, takes: []string{"d"}},
	"min":       {do: extreme("<")},
	"max":       {do: extreme(">")},
	"sum":       {do: summed},
	"to_json":   {do: asJSON(compact)},
	"tojson":    {do: asJSON(forHTML)},
	"from_json": {do: parsed},
}

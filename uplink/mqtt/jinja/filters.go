package jinja

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// onText makes a filter of a text; anything else is printed first.
func onText(change func(string) string) func(*run, any, []any) (any, error) {
	return func(r *run, in any, _ []any) (any, error) {
		s, err := r.text(in)
		if err != nil {
			return nil, err
		}
		return change(s), r.spend(len(s))
	}
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

func trimmed(trim func(s, chars string) string, space func(string, func(rune) bool) string) func(*run, any, []any) (any, error) {
	return func(r *run, in any, args []any) (any, error) {
		s, err := r.text(in)
		if chars, ok := args[0].(string); ok {
			return trim(s, chars), err
		}
		return space(s, unicode.IsSpace), err
	}
}

func replaced(r *run, in any, args []any) (any, error) {
	s, err := r.text(in)
	if err != nil {
		return nil, err
	}
	old, err := r.text(args[0])
	if err != nil {
		return nil, err
	}
	with, err := r.text(args[1])
	if err != nil {
		return nil, err
	}
	times := -1
	if n, ok := args[2].(int64); ok {
		times = int(max(-1, min(n, maxText)))
	}
	found := strings.Count(s, old)
	if err := r.spend(len(s) + found*len(with)); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, with, times), nil
}

func length(r *run, in any, _ []any) (any, error) {
	if s, ok := in.(string); ok {
		return int64(utf8.RuneCountInString(s)), r.spend(len(s))
	}
	items, ok := itemsOf(in)
	if !ok {
		return nil, fmt.Errorf("%s has no length", kindOf(in))
	}
	return int64(len(items)), nil
}

func listed(r *run, in any, _ []any) (any, error) {
	items, ok := itemsOf(in)
	if !ok {
		return nil, fmt.Errorf("%s has no items", kindOf(in))
	}
	return slices.Clone(items), r.spend(len(items) * stepWork)
}

// oneEnd is the filters first and last.
func oneEnd(last bool) func(*run, any, []any) (any, error) {
	return func(r *run, in any, _ []any) (any, error) {
		items, ok := itemsOf(in)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s has no items", kindOf(in))
		case len(items) == 0:
			return undefined{}, nil
		case last:
			return items[len(items)-1], r.spend(len(items))
		}
		return items[0], r.spend(len(items))
	}
}

func joined(r *run, in any, args []any) (any, error) {
	items, ok := itemsOf(in)
	if !ok {
		return nil, fmt.Errorf("%s has no items", kindOf(in))
	}
	between := ""
	if args[0] != (unset{}) {
		var err error
		if between, err = r.text(args[0]); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteString(between)
		}
		s, err := r.text(item)
		if err == nil {
			err = r.spend(len(between))
		}
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func summed(r *run, in any, _ []any) (any, error) {
	items, ok := itemsOf(in)
	if !ok {
		return nil, fmt.Errorf("%s has no items", kindOf(in))
	}
	var sum any = int64(0)
	for _, item := range items {
		var err error
		if sum, err = r.operate("+", sum, item); err != nil {
			return nil, err
		}
		if err = r.spend(0); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func printing(r *run, in any, _ []any) (any, error) { return r.text(in) }

// mustBe is Home Assistant's filter is_defined.
func mustBe(_ *run, in any, _ []any) (any, error) {
	if in == (undefined{}) {
		return nil, ErrUndefined
	}
	return in, nil
}

func parsed(r *run, in any, _ []any) (any, error) {
	s, ok := in.(string)
	if !ok {
		return otherwise(in, unset{}, "text with JSON")
	}
	if err := r.spend(len(s)); err != nil {
		return nil, err
	}
	v := fromJSON(s)
	if v == (undefined{}) {
		return nil, fmt.Errorf("%.40q is no JSON", s)
	}
	return v, nil
}

func formatted(r *run, in any, args []any) (any, error) {
	s, err := r.text(in)
	if err != nil {
		return nil, err
	}
	return r.format(s, tuple(args))
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
	"is_defined":  {do: mustBe},

	"string":     {do: printing},
	"lower":      {do: onText(strings.ToLower)},
	"upper":      {do: onText(strings.ToUpper)},
	"title":      {do: onText(titled)},
	"capitalize": {do: onText(capitalized)},
	"trim":       {do: trimmed(strings.Trim, strings.TrimFunc), takes: []string{"chars"}},
	"replace":    {do: replaced, takes: []string{"old", "new", "count"}, needs: 2},
	"format":     {do: formatted, many: true},

	"length":    {do: length},
	"count":     {do: length},
	"list":      {do: listed},
	"first":     {do: oneEnd(false)},
	"last":      {do: oneEnd(true)},
	"join":      {do: joined, takes: []string{"d"}},
	"min":       {do: extreme("<")},
	"max":       {do: extreme(">")},
	"sum":       {do: summed},
	"to_json":   {do: asJSON(compact)},
	"tojson":    {do: asJSON(forHTML)},
	"from_json": {do: parsed},
}

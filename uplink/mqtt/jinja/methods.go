package jinja

import (
	"fmt"
	"strings"
)

// ofText makes a method of a text.
func ofText(do func(r *run, s string, args []any) (any, error)) func(*run, any, []any) (any, error) {
	return func(r *run, in any, args []any) (any, error) {
		s, ok := in.(string)
		switch {
		case in == undefined{}:
			return nil, ErrUndefined
		case !ok:
			return nil, fmt.Errorf("%s is no text, and has no such method", kindOf(in))
		}
		if err := r.spend(len(s)); err != nil {
			return nil, err
		}
		return do(r, s, args)
	}
}

func plainText(change func(string) string) func(*run, any, []any) (any, error) {
	return ofText(func(_ *run, s string, _ []any) (any, error) { return change(s), nil })
}

// affix is startswith and endswith, which take a text or a tuple of them.
func affix(has func(s, part string) bool) func(*run, any, []any) (any, error) {
	return ofText(func(r *run, s string, args []any) (any, error) {
		parts, ok := args[0].(tuple)
		if !ok {
			parts = tuple{args[0]}
		}
		for _, part := range parts {
			text, ok := part.(string)
			if !ok {
				return nil, fmt.Errorf("a text cannot begin or end with %s", kindOf(part))
			}
			if has(s, text) {
				return true, nil
			}
		}
		return false, r.spend(len(parts) * stepWork)
	})
}

func split(r *run, s string, args []any) (any, error) {
	times := int64(-1)
	if n, ok := args[1].(int64); ok && n >= 0 {
		times = n
	}
	var parts []string
	switch separator, ok := args[0].(string); {
	case ok && separator == "":
		return nil, fmt.Errorf("a text cannot be split at nothing")
	case ok && times < 0:
		parts = strings.Split(s, separator)
	case ok:
		parts = strings.SplitN(s, separator, int(min(times, maxWork))+1)
	case times >= 0:
		return nil, fmt.Errorf("a text cannot be split so many times without a separator")
	case args[0] != unset{} && args[0] != nil:
		return nil, fmt.Errorf("a text cannot be split at %s", kindOf(args[0]))
	default:
		parts = strings.Fields(s)
	}
	items := make([]any, len(parts))
	for i, part := range parts {
		items[i] = part
	}
	return items, r.spend(len(items) * stepWork)
}

func find(r *run, s string, args []any) (any, error) {
	part, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("%s cannot be in a text", kindOf(args[0]))
	}
	before, _, found := strings.Cut(s, part)
	if !found {
		return int64(-1), nil
	}
	return length(r, before, nil)
}

// joinBy is the method of the text between the items, which must be texts.
func joinBy(r *run, s string, args []any) (any, error) {
	items, _ := itemsOf(args[0])
	for _, item := range items {
		if _, ok := item.(string); !ok {
			return nil, fmt.Errorf("a text cannot be joined with %s", kindOf(item))
		}
	}
	return joined(r, args[0], []any{s})
}

func get(r *run, in any, args []any) (any, error) {
	d, ok := in.(*dict)
	switch {
	case in == undefined{}:
		return nil, ErrUndefined
	case !ok:
		return nil, fmt.Errorf("%s is no object, and has no .get()", kindOf(in))
	}
	v, err := r.member(d, args[0])
	if v == (undefined{}) {
		if v = args[1]; v == (unset{}) {
			v = nil
		}
	}
	return v, err
}

func textual(do func(*run, any, []any) (any, error)) func(*run, any, []any) (any, error) {
	return ofText(func(r *run, s string, args []any) (any, error) { return do(r, s, args) })
}

var methods = map[string]*builtin{
	"get":        {do: get, takes: []string{"key", "default"}, needs: 1},
	"split":      {do: ofText(split), takes: []string{"sep", "maxsplit"}},
	"strip":      {do: textual(trimmed(strings.Trim, strings.TrimFunc)), takes: []string{"chars"}},
	"lstrip":     {do: textual(trimmed(strings.TrimLeft, strings.TrimLeftFunc)), takes: []string{"chars"}},
	"rstrip":     {do: textual(trimmed(strings.TrimRight, strings.TrimRightFunc)), takes: []string{"chars"}},
	"replace":    {do: textual(replaced), takes: []string{"old", "new", "count"}, needs: 2},
	"startswith": {do: affix(strings.HasPrefix), takes: []string{"prefix"}, needs: 1},
	"endswith":   {do: affix(strings.HasSuffix), takes: []string{"suffix"}, needs: 1},
	"find":       {do: ofText(find), takes: []string{"sub"}, needs: 1},
	"join":       {do: ofText(joinBy), takes: []string{"iterable"}, needs: 1},
	"lower":      {do: plainText(strings.ToLower)},
	"upper":      {do: plainText(strings.ToUpper)},
	"capitalize": {do: plainText(capitalized)},
}

package jinja

import "strings"

// ofText makes a method of a text.
func ofText(do func(r *run, s string, args []any) any) func(*run, any, []any) any {
	return func(r *run, in any, args []any) any {
		s, ok := defined(in).(string)
		if !ok {
			fail("%s is no text, and has no such method", kindOf(in))
		}
		r.spend(len(s))
		return do(r, s, args)
	}
}

// textual makes a method of a filter.
func textual(do func(*run, any, []any) any) func(*run, any, []any) any {
	return ofText(func(r *run, s string, args []any) any { return do(r, s, args) })
}

// affix is startswith and endswith, which take a text or a tuple of them.
func affix(has func(s, part string) bool) func(*run, any, []any) any {
	return ofText(func(r *run, s string, args []any) any {
		parts, ok := args[0].(tuple)
		if !ok {
			parts = tuple{args[0]}
		}
		for _, part := range parts {
			text, ok := part.(string)
			if !ok {
				fail("a text cannot begin or end with %s", kindOf(part))
			}
			if has(s, text) {
				return true
			}
		}
		return false
	})
}

func split(r *run, s string, args []any) any {
	times, limited := args[1].(int64)
	limited = limited && times >= 0
	separator, ok := args[0].(string)
	var parts []string
	switch {
	case ok && separator == "":
		fail("a text cannot be split at nothing")
	case ok && limited:
		parts = strings.SplitN(s, separator, int(min(times, maxWork))+1)
	case ok:
		parts = strings.Split(s, separator)
	case limited || args[0] != unset{} && args[0] != nil:
		fail("a text cannot be split at %s, or so many times", kindOf(args[0]))
	default:
		parts = strings.Fields(s)
	}
	r.spend(len(parts) * stepWork)
	items := make([]any, len(parts))
	for i, part := range parts {
		items[i] = part
	}
	return items
}

func find(r *run, s string, args []any) any {
	part, ok := args[0].(string)
	if !ok {
		fail("%s cannot be in a text", kindOf(args[0]))
	}
	before, _, found := strings.Cut(s, part)
	if !found {
		return int64(-1)
	}
	return length(r, before, nil)
}

// joinBy is the method of the text between the items, which must be texts.
func joinBy(r *run, s string, args []any) any {
	for _, item := range itemsOf(args[0]) {
		if _, ok := item.(string); !ok {
			fail("a text cannot be joined with %s", kindOf(item))
		}
	}
	return joined(r, args[0], []any{s})
}

func get(r *run, in any, args []any) any {
	d, ok := defined(in).(*dict)
	if !ok {
		fail("%s is no object, and has no .get()", kindOf(in))
	}
	v := r.member(d, args[0])
	switch {
	case v != undefined{}:
		return v
	case args[1] == unset{}:
		return nil
	}
	return args[1]
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
	"lower":      {do: textual(onText(strings.ToLower))},
	"upper":      {do: textual(onText(strings.ToUpper))},
	"capitalize": {do: textual(onText(capitalized))},
}

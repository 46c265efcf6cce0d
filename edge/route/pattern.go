package route

import (
	"slices"
	"strings"
)

// Pattern matches node URIs segment by segment: "/room/:id" matches "/room/3" and
// gives id = 3. A ":name" stands for exactly one segment that is not empty; all
// else, a trailing slash included, must be equal. The zero Pattern matches nothing.
type Pattern struct{ shape shape }

const wantPattern = "route pattern"

// ParsePattern reads a pattern: an absolute path, or "swim:" and an opaque one,
// some of whose segments are ":name".
func ParsePattern(s string) (Pattern, error) {
	var names []string
	p, err := parseShape(s, wantPattern, func(segment string) (string, bool, string) {
		name, ok := strings.CutPrefix(segment, ":")
		switch {
		case !ok:
			return "", false, ""
		case !isName(name):
			return "", false, `after ":" comes a name of letters, digits and "_", such as ":id"; a segment that really starts with a colon is written "%3a"`
		case slices.Contains(names, name):
			return "", false, quote(segment) + " is there twice; each segment needs its own name"
		}
		names = append(names, name)
		return name, true, ""
	})
	if err != nil {
		return Pattern{}, err
	}
	return Pattern{p}, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&alpha == 0 && s[i] != '_' && (i == 0 || s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// Match reports whether n fits, and what its wild segments stand for.
func (p Pattern) Match(n NodeURI) (Params, bool) {
	if !p.shape.match(string(n)) {
		return Params{}, false
	}
	return Params{p.shape, n}, true
}

func (p Pattern) String() string {
	var b strings.Builder
	for i, s := range p.shape {
		if i > 0 {
			b.WriteByte('/')
		}
		switch {
		case s.wild:
			b.WriteByte(':')
			b.WriteString(s.text)
		case strings.HasPrefix(s.text, ":"):
			b.WriteString("%3a" + s.text[1:])
		default:
			b.WriteString(s.text)
		}
	}
	return b.String()
}

// Params are the segments a pattern's names stand for in one node URI. They are
// looked up when asked for: matching allocates nothing.
type Params struct {
	shape shape
	node  NodeURI
}

// Get gives the unescaped segment the name stands for, or "" if the pattern has
// no such name.
func (p Params) Get(name string) string {
	for i, s := range p.shape {
		if s.wild && s.text == name {
			return unescape(at(string(p.node), i))
		}
	}
	return ""
}

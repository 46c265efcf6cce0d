package route

import "strings"

// Glob selects nodes or lanes in configs: "/device/*/*". Each "*" stands for one
// segment that is not empty. Whether the last segment is the lane depends on who
// asks. The zero Glob matches nothing.
type Glob struct{ shape shape }

// ParseGlob reads a glob: an absolute path, or "swim:" and an opaque one, some of
// whose segments are "*".
func ParseGlob(s string) (Glob, error) {
	g, err := parseShape(s, "glob", func(segment string) (string, bool, string) {
		switch {
		case segment == "*":
			return segment, true, ""
		case strings.Contains(segment, "*"):
			return "", false, `"*" stands for a whole segment, so it stands alone between slashes; a literal star is written "%2a"`
		}
		return "", false, ""
	})
	if err != nil {
		return Glob{}, err
	}
	return Glob{g}, nil
}

// HasLane reports whether there is a segment for a lane behind that of a node.
func (g Glob) HasLane() bool { return len(g.shape) > 1 }

// Match reports whether the whole glob fits the node.
func (g Glob) Match(n NodeURI) bool { return g.shape.match(string(n)) }

// MatchNode reports whether the segments before the last one fit the node.
func (g Glob) MatchNode(n NodeURI) bool {
	last := len(g.shape) - 1
	return last >= 1 && g.shape[:last].match(string(n))
}

// MatchLane reports whether the last segment fits the lane and the ones before it
// the node.
func (g Glob) MatchLane(n NodeURI, lane LaneName) bool {
	if !g.MatchNode(n) {
		return false
	}
	s := g.shape[len(g.shape)-1]
	return s.wild && lane != "" || !s.wild && s.text == string(lane)
}

func (g Glob) String() string {
	var b strings.Builder
	for i, s := range g.shape {
		if i > 0 {
			b.WriteByte('/')
		}
		if s.wild {
			b.WriteByte('*')
		} else {
			b.WriteString(strings.ReplaceAll(s.text, "*", "%2a"))
		}
	}
	return b.String()
}

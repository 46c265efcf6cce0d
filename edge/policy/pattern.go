package policy

import (
	"net/url"
	"strings"

	"selvage/edge/route"
)

// Pattern selects lanes by node and name: "/room/*/target". A * is one segment, the last segment is the
// lane. With ** for the last one, as in "/room/**", it selects every lane of the node /room and of all
// nodes below.
type Pattern struct {
	text string
	glob route.Glob // of node and lane, or of the node above **
	deep bool
}

// Deep is the last segment of a pattern for everything below.
const deep = "/**"

// ParsePattern reads a pattern. Its error is a *route.SyntaxError.
func ParsePattern(text string) (Pattern, error) {
	fault := func(offset int, why string) error {
		return &route.SyntaxError{Text: text, Offset: offset, Want: "pattern", Why: why}
	}
	p := Pattern{text: text}
	above, isDeep := strings.CutSuffix(text, deep)
	switch {
	case !strings.HasPrefix(text, "/"):
		return p, fault(0, `it must start with "/"; who may see a node may see what swim:meta tells of it`)
	case !isDeep && strings.Contains(text, "**"):
		return p, fault(strings.Index(text, "**"), `"**" stands for all that is below, so it is the last segment`)
	case isDeep && above == "":
		p.deep = true
		return p, nil
	case !isDeep && strings.Count(text, "/") < 2:
		return p, fault(len(text), `it has a node and a lane, as "/room/*/target" or "/room/**"`)
	}
	p.deep = isDeep
	var err error
	p.glob, err = route.ParseGlob(above)
	return p, err
}

func (p Pattern) String() string { return p.text }

// Match reports whether the pattern selects a lane of a node that is a path.
func (p Pattern) Match(node route.NodeURI, lane route.LaneName) bool {
	if p.deep {
		return p.covers(node)
	}
	return p.glob.MatchLane(node, lane)
}

// MatchAll reports whether it selects all lanes of such a node.
func (p Pattern) MatchAll(node route.NodeURI) bool {
	if p.deep {
		return p.covers(node)
	}
	return strings.HasSuffix(p.text, "/*") && p.glob.MatchLane(node, "any")
}

// covers reports whether the first segments of a node are those above **.
func (p Pattern) covers(node route.NodeURI) bool {
	above := strings.TrimSuffix(p.text, deep)
	end := 0
	for range strings.Count(above, "/") {
		i := strings.IndexByte(string(node[end+1:]), '/')
		if i < 0 {
			return p.glob.Match(node)
		}
		end += 1 + i
	}
	return end == 0 || p.glob.Match(node[:end])
}

// metaSubject says what a node of swim:meta tells of: a lane, a node with all its lanes, or the host as
// a whole, which is no node. What it does not understand it does not know. The grammar is that of
// edge/meta: names of levels with the key of one at that level behind each but edge, or a question about
// the agents of the host.
func metaSubject(meta route.NodeURI) (node route.NodeURI, lane route.LaneName, ok bool) {
	text, ok := strings.CutPrefix(string(meta), "swim:meta:")
	if !ok {
		return "", "", false
	}
	if strings.HasPrefix(text, "ps/") {
		return "", "", true
	}
	steps := strings.Split(text, "/")
	for len(steps) > 0 {
		level := steps[0]
		steps = steps[1:]
		if level == "edge" {
			continue
		}
		key := ""
		if len(steps) > 0 {
			var err error
			if key, err = url.PathUnescape(steps[0]); err != nil {
				return "", "", false
			}
			steps = steps[1:]
		}
		switch level {
		case "mesh", "part", "host":
		case "node":
			if !strings.HasPrefix(key, "/") {
				return "", "", false
			}
			node = route.NodeURI(key)
			if len(steps) == 0 || len(steps) == 2 && steps[0] == "record" { // all that goes on with a device
				return node, "", true
			}
			if steps[0] != "lane" || len(steps) != 2 {
				return "", "", false
			}
			name, err := url.PathUnescape(steps[1])
			return node, route.LaneName(name), err == nil && name != ""
		default:
			return "", "", false
		}
	}
	return node, "", true
}

package meta

import (
	"net/url"
	"strings"

	"selvage/edge/route"
)

// level says what a place is. A place lies within those of lower levels.
type level uint8

const (
	atEdge level = iota
	atMesh
	atPart
	atHost
	atNode
	atLane
)

var levels = map[string]level{"edge": atEdge, "mesh": atMesh, "part": atPart, "host": atHost, "node": atNode, "lane": atLane}

// place is what a node of this package shows.
type place struct {
	level level
	own   bool // in the part swim
	node  route.NodeURI
	lane  route.LaneName
}

// own is the key of the part that holds the nodes of this package.
const own = "swim"

// scheme begins the URIs of nodes that are not shown in turn, or there would be ever more of them.
const scheme = "swim:"

// find reads the URI of a node of this package. After swim:meta: come names of levels, each with the key
// of one at that level as a segment behind it; edge has no key, and of meshes, parts and hosts those
// with an empty key are meant if it is left out at the end. Levels may be skipped, but the one between
// a node and its lane. So swim:meta:node/%2funit%2f1 and swim:meta:host//node/%2funit%2f1 are the same,
// and swim:meta:mesh/part is a mesh called part, which there is not.
func (m *model) find(uri route.NodeURI) (p place, ok bool) {
	text, ok := strings.CutPrefix(string(uri), scheme+"meta:")
	if !ok {
		return place{}, false
	}
	steps := strings.Split(text, "/")
	p.level, ok = levels[steps[0]]
	if !ok || p.level == atLane {
		return place{}, false
	}
	for steps = steps[1:]; ; steps = steps[1:] {
		if p.level != atEdge {
			key := ""
			if len(steps) > 0 {
				key, steps = steps[0], steps[1:]
			}
			if !m.enter(&p, key) {
				return place{}, false
			}
		}
		if len(steps) == 0 {
			return p, true
		}
		next, known := levels[steps[0]]
		if !known || next <= p.level || (next == atLane) != (p.level == atNode) {
			return place{}, false
		}
		p.level = next
	}
}

// enter takes in the key of what there is at p's level.
func (m *model) enter(p *place, segment string) bool {
	key, err := url.PathUnescape(segment)
	if err != nil {
		return false
	}
	switch p.level {
	case atPart:
		p.own = key == own
		return key == "" || p.own
	case atNode:
		p.node = route.NodeURI(key)
		_, exists := m.host.Node(p.node)
		return exists && p.has(p.node) && !p.own
	case atLane:
		p.lane = route.LaneName(key)
		a, exists := m.host.Node(p.node)
		return exists && a.HasLane(p.lane)
	}
	return key == ""
}

// has reports whether a node is in the place's part. Those that stand for nodes of other hosts are in none.
func (p place) has(node route.NodeURI) bool {
	return strings.HasPrefix(string(node), scheme) == p.own && !node.IsFar()
}

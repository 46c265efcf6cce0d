package peer

import (
	"fmt"

	"selvage/edge/route"
)

const (
	maxName      = 2048 // bytes of a node's or lane's name
	maxSpellings = 4096 // names whose resolution a connection remembers
)

// name is a node or lane as it was spelled, and what it is known under here.
type name[K ~string] struct {
	key      K
	spelling string
}

// spellings remembers how a connection's names resolve, so that a name seen before costs no
// allocation. Only the reading goroutine uses it.
type spellings struct {
	nodes map[string]name[route.NodeURI]
	lanes map[string]name[route.LaneName]
}

func (s *spellings) resolve(base string, node, lane []byte) (n name[route.NodeURI], l name[route.LaneName], err error) {
	if len(node) > maxName || len(lane) > maxName {
		return n, l, fmt.Errorf("a name has at most %d bytes", maxName)
	}
	n, ok := s.nodes[string(node)]
	if !ok {
		if n.key, n.spelling, err = route.Node(base, string(node)); err != nil {
			return n, l, err
		}
		if s.nodes == nil || len(s.nodes) >= maxSpellings {
			s.nodes = map[string]name[route.NodeURI]{}
		}
		s.nodes[string(node)] = n
	}
	l, ok = s.lanes[string(lane)]
	if !ok {
		if l.key, l.spelling, err = route.Lane(string(lane)); err != nil {
			return n, l, err
		}
		if s.lanes == nil || len(s.lanes) >= maxSpellings {
			s.lanes = map[string]name[route.LaneName]{}
		}
		s.lanes[string(lane)] = l
	}
	return n, l, nil
}

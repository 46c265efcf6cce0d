package peer

import (
	"fmt"

	"selvage/edge/route"
)

const (
	maxName   = 2048    // bytes of a node's or lane's name
	maxMemory = 1 << 20 // bytes of names whose resolution a connection remembers
	nameSize  = 100     // what a name costs beside its bytes
)

// name is a node or lane as it was spelled, and what it is known under here.
type name[K ~string] struct {
	key      K
	spelling string
}

// spellings remembers how a connection's names resolve, so that a name seen before costs no
// allocation. Only the reading goroutine uses it.
type spellings struct {
	nodes memory[route.NodeURI]
	lanes memory[route.LaneName]
}

func (s *spellings) resolve(base string, node, lane []byte) (n name[route.NodeURI], l name[route.LaneName], err error) {
	if len(node) > maxName || len(lane) > maxName {
		return n, l, fmt.Errorf("a name has at most %d bytes", maxName)
	}
	n, ok := s.nodes.find(node)
	if !ok {
		if n.key, n.spelling, err = route.Node(base, string(node)); err != nil {
			return n, l, err
		}
		s.nodes.add(string(node), n)
	}
	l, ok = s.lanes.find(lane)
	if !ok {
		if l.key, l.spelling, err = route.Lane(string(lane)); err != nil {
			return n, l, err
		}
		s.lanes.add(string(lane), l)
	}
	return n, l, nil
}

// memory holds names by how they came. Most connections have one link, and need no map for it.
type memory[K ~string] struct {
	known bool
	text  string
	first name[K]
	more  map[string]name[K]
	bytes int
}

func (m *memory[K]) find(text []byte) (name[K], bool) {
	if m.known && m.text == string(text) {
		return m.first, true
	}
	n, ok := m.more[string(text)]
	return n, ok
}

func (m *memory[K]) add(text string, n name[K]) {
	if !m.known {
		m.known, m.text, m.first = true, text, n
		return
	}
	size := len(text) + len(n.key) + len(n.spelling) + nameSize
	if m.more == nil || m.bytes+size > maxMemory {
		m.more, m.bytes = map[string]name[K]{}, 0
	}
	m.more[text] = n
	m.bytes += size
}

package store

import (
	"hash/maphash"
	"sync"

	"selvage/edge/route"
)

// LaneID stands for one lane of one node in this store; 0 stands for none.
type LaneID int64

// Lane returns the id of a lane, making one if the store knows none. Its row is inserted with the
// next commit. Best asked when there is first something to save, inside Save too, so that an agent
// that never sets anything costs nothing here. Kind is the caller's word, given back by Load.
func (s *Store) Lane(node route.NodeURI, lane route.LaneName, kind string) LaneID {
	id, fresh := s.lanes.id(laneKey{node, lane}, kind)
	if fresh {
		s.mu.Lock()
		first := s.touch()
		s.mu.Unlock()
		if first {
			s.rouse()
		}
	}
	return id
}

// lanes gives out lane ids. It remembers those used lately and those whose row is not committed yet.
// Asked for any other lane it makes a new id; should the lane have a row after all, the writer finds
// out and treats the new id as another name of the old one. So giving out ids never waits for the disk.
type lanes struct {
	mu   sync.Mutex
	last LaneID

	// young and old hold what was used lately: a full young becomes old, what was old is forgotten.
	young, old map[laneKey]laneInfo
	pending    map[laneKey]laneInfo // not committed yet
	fresh      []laneRow            // not given to a commit yet

	// nodes has a hash of each node that may have rows, so that the first touch of a new agent needs
	// no query: 8 bytes a node instead of 20 µs. It is of use once complete.
	nodes    map[uint64]struct{}
	seed     maphash.Seed
	complete bool

	quit chan struct{} // ends learning
	done chan struct{} // learning has ended
}

type laneKey struct {
	node route.NodeURI
	lane route.LaneName
}

type laneInfo struct {
	id   LaneID
	kind string
}

type laneRow struct {
	laneKey
	laneInfo
}

// keepLanes bounds young. It has to bridge the time between loading an agent and its first Lane.
const keepLanes = 4096

func newLanes(last LaneID) *lanes {
	l := &lanes{
		last:     last,
		young:    map[laneKey]laneInfo{},
		pending:  map[laneKey]laneInfo{},
		nodes:    map[uint64]struct{}{},
		seed:     maphash.MakeSeed(),
		complete: last == 0,
		quit:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	if l.complete {
		close(l.done)
	}
	return l
}

func (l *lanes) id(key laneKey, kind string) (id LaneID, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, known := l.look(key)
	if known && info.kind == kind {
		return info.id, false
	}
	if !known {
		l.last++
		info.id = l.last
	}
	info.kind = kind
	l.pending[key] = info
	l.fresh = append(l.fresh, laneRow{key, info})
	l.nodes[l.hash(key.node)] = struct{}{}
	return info.id, true
}

func (l *lanes) look(key laneKey) (laneInfo, bool) {
	if info, ok := l.pending[key]; ok {
		return info, true
	}
	if info, ok := l.young[key]; ok {
		return info, true
	}
	info, ok := l.old[key]
	if ok {
		l.keep(key, info)
	}
	return info, ok
}

func (l *lanes) keep(key laneKey, info laneInfo) {
	if len(l.young) >= keepLanes {
		l.old, l.young = l.young, make(map[laneKey]laneInfo, keepLanes)
	}
	l.young[key] = info
}

// takeFresh hands the lanes that need a row to the commit being gathered.
func (l *lanes) takeFresh() []laneRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.fresh
	l.fresh = nil
	return fresh
}

// settle notes that rows are on flash, each with the id that counts.
func (l *lanes) settle(rows []laneRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range rows {
		// A lane whose kind changed again meanwhile has another row under way.
		if l.pending[r.laneKey].kind == r.kind {
			delete(l.pending, r.laneKey)
			l.keep(r.laneKey, r.laneInfo)
		}
	}
}

// found notes what a query has found of a node.
func (l *lanes) found(node route.NodeURI, stored []StoredLane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range stored {
		key := laneKey{node, s.Lane}
		if _, ok := l.pending[key]; !ok {
			l.keep(key, laneInfo{s.ID, s.Kind})
		}
	}
}

func (l *lanes) hash(node route.NodeURI) uint64 { return maphash.String(l.seed, string(node)) }

// absent tells whether the node has no rows for certain.
func (l *lanes) absent(node route.NodeURI) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.complete {
		return false
	}
	_, ok := l.nodes[l.hash(node)]
	return !ok
}

// learn starts reading the names of the nodes that have rows, in the background.
func (l *lanes) learn(p *pool) {
	go func() {
		defer close(l.done)
		after := ""
		for {
			names, err := p.nodesAfter(after)
			if err != nil {
				return // Load goes on asking the database, and tells of the same trouble
			}
			l.mu.Lock()
			for _, name := range names {
				l.nodes[l.hash(route.NodeURI(name))] = struct{}{}
			}
			l.complete = len(names) == 0
			l.mu.Unlock()
			if len(names) == 0 {
				return
			}
			after = names[len(names)-1]
			select {
			case <-l.quit:
				return
			default:
			}
		}
	}()
}

// stop ends learning and waits for it.
func (l *lanes) stop() {
	close(l.quit)
	<-l.done
}

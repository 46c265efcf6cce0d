package store

import (
	"database/sql/driver"
	"slices"
	"time"

	"selvage/edge/route"
)

// Drop is what retention has dropped of a lane.
type Drop struct {
	Node  route.NodeURI
	Lane  route.LaneName
	At    []int64 // when the points were, in ms since 1970; each once, in order
	Round uint64  // see Round
}

// dropping is who wants to be told of that.
type dropping struct {
	wants func(route.NodeURI, route.LaneName) bool
	tell  func(Drop)
}

// OnDrop has tell called when points have been dropped of a lane for which wants is true. Both are called by the
// writer, so they must be quick and not wait for a commit.
func (s *Store) OnDrop(wants func(route.NodeURI, route.LaneName) bool, tell func(Drop)) {
	s.drops.Store(&dropping{wants, tell})
}

// Round counts how often the store has begun to drop what is too old. Who has read all of a history, and finds it below
// that of a Drop, has read what that is about.
func (s *Store) Round() uint64 { return s.round.Load() }

// drops are those of one transaction.
type drops struct {
	*dropping
	lanes map[int64]*Drop // nil under it for a lane of which nobody wants to know
}

func newDrops(to *dropping) *drops {
	if to == nil {
		return nil
	}
	return &drops{to, map[int64]*Drop{}}
}

// dropped notes a block that is being deleted.
func (w *writer) dropped(columns []driver.Value) {
	if w.drops == nil {
		return
	}
	lane, _ := columns[0].(int64)
	d, known := w.drops.lanes[lane]
	if !known {
		d = w.wanted(lane)
		w.drops.lanes[lane] = d
	}
	if d == nil {
		return
	}
	body, _ := columns[1].([]byte)
	points, err := unpack(body)
	if err != nil {
		return // who reads it comes upon that
	}
	for i := range points {
		at := w.boots.correct(points[i].Boot, stampOf(&points[i]), w.clock)
		d.At = append(d.At, at.Wall/int64(time.Millisecond))
	}
}

// wanted returns a Drop for a lane of which somebody wants to know.
func (w *writer) wanted(lane int64) *Drop {
	var d Drop
	err := w.nameOf.query(func(columns []driver.Value) {
		node, _ := columns[0].(string)
		name, _ := columns[1].(string)
		d.Node, d.Lane = route.NodeURI(node), route.LaneName(name)
	}, lane)
	if err != nil || !w.drops.wants(d.Node, d.Lane) {
		return nil
	}
	return &d
}

// tell is called after the commit.
func (d *drops) tell(round uint64) {
	if d == nil {
		return
	}
	for _, of := range d.lanes {
		if of == nil || len(of.At) == 0 {
			continue
		}
		slices.Sort(of.At)
		of.At, of.Round = slices.Compact(of.At), round
		d.dropping.tell(*of)
	}
}

package store

import (
	"database/sql/driver"
	"hash/maphash"
	"slices"
	"time"

	"selvage/edge/clock"
	"selvage/edge/route"
	"selvage/edge/series"
)

// Late points are such that somebody has kept for a while: a sensor that was out of reach, a file that is
// imported. Who delivers them may do so again, when an answer was lost, so one that is there is left out.

const repeatedCode = "history.repeated" // counts points

// Expired reports whether a point is older than what is kept of its lane.
func (s *Store) Expired(node route.NodeURI, lane route.LaneName, at clock.Stamp) bool {
	k, ok := s.keep(node, lane)
	now := s.opts.Clock.Now()
	return ok && k.For > 0 && now.Trusted && at.Trusted && at.Wall < now.Wall-int64(k.For)
}

// seen knows the points of the feed's rows by their hashes. It is empty until there is a late point.
type seen map[uint64]struct{}

var seed = maphash.MakeSeed()

// sameness is a hash of what makes two points the same: their lane, time and value.
func sameness(lane LaneID, wall int64, body []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, lane)
	maphash.WriteComparable(&h, wall)
	h.Write(body)
	return h.Sum64()
}

func (w *writer) sameness(lane LaneID, p *series.Point) uint64 {
	at := w.boots.correct(p.Boot, stampOf(p), w.clock)
	return sameness(lane, at.Wall/int64(time.Millisecond), w.boots.restamp(p.Body, w.clock))
}

// fresh leaves out the late points of a batch that are there already, in it, the feed's rows or a block. It
// leaves points as it is.
func (w *writer) fresh(points []feedPoint) ([]feedPoint, error) {
	if !slices.ContainsFunc(points, func(p feedPoint) bool { return p.late }) {
		return points, nil
	}
	if err := w.look(); err != nil {
		return nil, err
	}
	hashes := make([]uint64, len(points))
	for i, p := range points {
		hashes[i] = sameness(p.lane, p.at.Wall/int64(time.Millisecond), p.body)
	}
	known, err := w.sealed(points, hashes)
	fresh := make([]feedPoint, 0, len(points))
	for i, p := range points {
		h := hashes[i]
		_, before := w.seen[h]
		_, here := known[h]
		if !p.late || !before && !here {
			fresh = append(fresh, p)
		}
		known[h] = struct{}{}
	}
	return fresh, err
}

// look reads the feed's rows once.
func (w *writer) look() error {
	if w.seen != nil {
		return nil
	}
	points, err := w.feedPoints()
	if err != nil {
		return err
	}
	w.seen = seen{}
	for i := range points {
		w.seen[w.sameness(points[i].lane, &points[i].Point)] = struct{}{}
	}
	return nil
}

// add notes points that are in the feed's rows now.
func (w *writer) add(g *feedGroup) {
	if w.seen == nil {
		return
	}
	points := g.points
	for _, r := range g.runs {
		for i := range points[:r.count] {
			w.seen[w.sameness(r.lane, &points[i])] = struct{}{}
		}
		points = points[r.count:]
	}
}

// sealed returns those hashes of late points of which a block has the point. Each block that may have some is
// read once.
func (w *writer) sealed(points []feedPoint, hashes []uint64) (seen, error) {
	asked := map[int64]seen{} // by block
	found := seen{}
	for i, p := range points {
		if !p.late {
			continue
		}
		ms := p.at.Wall / int64(time.Millisecond)
		err := w.coveredBy.query(func(columns []driver.Value) {
			id, _ := columns[0].(int64)
			if asked[id] == nil {
				asked[id] = seen{}
			}
			asked[id][hashes[i]] = struct{}{}
		}, int64(p.lane), ms, ms)
		if err != nil {
			return found, err
		}
	}
	for id, hashes := range asked {
		var body []byte
		var lane LaneID
		err := w.readBlock.query(func(columns []driver.Value) {
			n, _ := columns[0].(int64)
			lane = LaneID(n)
			body, _ = columns[1].([]byte)
		}, id)
		if err != nil {
			return found, err
		}
		points, _ := unpack(body) // of a damaged one, what can be read
		for i := range points {
			h := w.sameness(lane, &points[i])
			if _, ok := hashes[h]; ok {
				found[h] = struct{}{}
			}
		}
	}
	return found, nil
}

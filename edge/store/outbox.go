package store

import (
	"cmp"
	"database/sql/driver"
	"slices"

	"selvage/edge/route"
	"selvage/edge/series"
)

// FeedPoint is a point of the feed with its lane.
type FeedPoint struct {
	Node route.NodeURI
	Lane route.LaneName
	Point
}

// Feed returns the next points whose numbers are above after, in their order, as of the last commit, and the
// number up to which these are all there is: what a peer that has them may confirm. What is sealed comes a
// segment at a time, the rest up to limit points or a little more. Numbers that are missing between were
// dropped before they were read.
func (s *Store) Feed(after uint64, limit int) (list []FeedPoint, upto uint64, err error) {
	upto = after
	err = s.pool.with(func(r *reader) error {
		if _, err := r.begin.exec(); err != nil {
			return err
		}
		if err := s.feed(r, after, limit, &list, &upto); err != nil {
			return err
		}
		_, err := r.commit.exec()
		return err
	})
	if err != nil {
		return nil, after, fault("read the feed from "+s.path, err)
	}
	return list, upto, nil
}

func (s *Store) feed(r *reader, after uint64, limit int, list *[]FeedPoint, upto *uint64) error {
	keys := map[LaneID]laneKey{}
	times := map[int64]bootTime{}
	take := func(lane LaneID, p *series.Point) {
		if key := keys[lane]; p.Seq > after && key.node != "" { // or its lane was lost with a page
			t, ok := times[p.Boot]
			if !ok {
				t = s.boots.time(p.Boot, s.opts.Clock)
				times[p.Boot] = t
			}
			at := t.correct(stampOf(p))
			*list = append(*list, FeedPoint{key.node, key.lane, Point{p.Seq, at, s.boots.restamp(p.Body, s.opts.Clock)}})
		}
		*upto = max(*upto, p.Seq)
	}
	// What cannot be unpacked is passed over: a peer would wait for it until the next start, which drops it.
	for sealed := true; sealed && len(*list) == 0; { // all that is left of a segment may be confirmed
		sealed = false
		err := r.segment.query(func(columns []driver.Value) {
			lane, _ := columns[0].(int64)
			node, _ := columns[1].(string)
			name, _ := columns[2].(string)
			body, _ := columns[3].([]byte)
			last, _ := columns[4].(int64)
			keys[LaneID(lane)] = laneKey{route.NodeURI(node), route.LaneName(name)}
			points, err := unpack(body)
			s.suspect(err)
			for i := range points {
				take(LaneID(lane), &points[i])
			}
			*upto, sealed = max(*upto, uint64(last)), true
		}, int64(*upto))
		if err != nil {
			return err
		}
	}
	if len(*list) > 0 {
		slices.SortFunc(*list, func(x, y FeedPoint) int { return cmp.Compare(x.Seq, y.Seq) })
		return nil
	}
	next := int64(0) // of the row that has the next point, be it not the first of that
	err := r.feedWith.query(func(columns []driver.Value) { next, _ = columns[0].(int64) }, int64(*upto)+1)
	for err == nil && len(*list) < limit {
		var body []byte
		first := int64(0)
		err = r.feedAfter.query(func(columns []driver.Value) {
			first, _ = columns[0].(int64)
			body, _ = columns[1].([]byte)
		}, next)
		if err != nil || first == 0 {
			return err
		}
		next = first + 1
		type unnamed struct {
			lane LaneID
			series.Point
		}
		var group []unnamed
		s.suspect(readGroup(body, func(lane LaneID, _ bool, p *series.Point) { group = append(group, unnamed{lane, *p}) }))
		for i := range group {
			p := &group[i]
			if _, ok := keys[p.lane]; !ok {
				err := r.laneName.query(func(columns []driver.Value) {
					node, _ := columns[0].(string)
					name, _ := columns[1].(string)
					keys[p.lane] = laneKey{route.NodeURI(node), route.LaneName(name)}
				}, int64(p.lane))
				if err != nil {
					return err
				}
			}
			take(p.lane, &p.Point)
		}
	}
	return err
}

// Cursor returns how far a reader of the feed has confirmed it, and whether it ever did, as of the last commit.
func (s *Store) Cursor(name string) (seq uint64, ever bool, err error) {
	err = s.pool.with(func(r *reader) error {
		return r.cursor.query(func(columns []driver.Value) {
			n, _ := columns[0].(int64)
			seq, ever = uint64(n), true
		}, name)
	})
	return seq, ever, fault("read the cursor "+name+" from "+s.path, err)
}

// Last returns the number of the newest point there ever was in the feed, as of the last commit.
func (s *Store) Last() uint64 {
	t := s.tail
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.seq
}

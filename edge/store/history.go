package store

import (
	"cmp"
	"database/sql/driver"
	"math"
	"slices"
	"time"

	"selvage/edge/clock"
	"selvage/edge/route"
	"selvage/edge/series"
)

// Point is one value that a lane had. Its stamp is corrected, if the wall time of its boot became known
// after it was taken.
type Point struct {
	Seq  uint64 // its number in the feed; rises with every point kept in this store's epoch
	At   clock.Stamp
	Body []byte
}

// compare orders points as histories do.
func (p Point) compare(q Point) int {
	return cmp.Or(cmp.Compare(p.At.Wall, q.At.Wall), cmp.Compare(p.Seq, q.Seq))
}

// History reads the points of a lane in the order of their time, a block at a time.
type History struct {
	store    *Store
	node     route.NodeURI
	name     route.LaneName
	from, to int64 // ms since 1970, to is not included
	lane     LaneID

	times map[int64]bootTime // of boots, which stay as they were at first

	blocks []blockRef // not read yet, in the order of their least time
	open   []*points
	last   Point // that Next has returned; its number is 0 before there is one
	begun  bool  // last is behind us, and not to come again
	rests  bool
	whole  bool // all that is not sealed is read at once
	err    error
}

// blockRef is a block that may have points wanted. SQLite gives the id of one that is dropped to another, whose
// segment is not the same.
type blockRef struct {
	id, segment, least int64
	rolled             bool
}

// points are those of a block that are wanted, in the order of their time.
type points struct {
	list []Point
	next int
	more bool // of these are not in the list
}

// maxTail is how many points that are not sealed a History holds at once.
const maxTail = 2 * maxBlock

func (p *points) at() int64 { return p.list[p.next].At.Wall }

// span makes ms of the bounds of a time; a zero time is no bound.
func span(from, to time.Time) (least, end int64) {
	least, end = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		least = from.UnixMilli()
	}
	if !to.IsZero() {
		end = to.UnixMilli()
	}
	return least, end
}

// History returns the points of a lane from one time until another, which is not included; a zero time is
// no bound. It is as of the last commit, but for blocks that retention drops meanwhile. Points whose time
// is not known come behind those of the boot before and in front of those of the next, and have a time
// accordingly, which is not trusted.
func (s *Store) History(node route.NodeURI, lane route.LaneName, from, to time.Time) (*History, error) {
	h := &History{store: s, node: node, name: lane, times: map[int64]bootTime{}}
	h.from, h.to = span(from, to)
	if err := h.begin(); err != nil {
		return nil, fault("read the history of "+string(node)+" "+string(lane)+" from "+s.path, err)
	}
	return h, nil
}

func (h *History) begin() error {
	return h.store.pool.with(func(r *reader) error {
		if _, err := r.begin.exec(); err != nil {
			return err
		}
		if err := h.find(r); err != nil {
			return err
		}
		_, err := r.commit.exec()
		return err
	})
}

// Rest gives back memory until Next is called, which goes on behind the last point, as of the last commit then.
// It is for readers that are slow. After an error Next tries again.
func (h *History) Rest() {
	h.blocks, h.open, h.err, h.rests = nil, nil, nil, true
	if h.begun = h.last.Seq > 0; h.begun {
		h.from = max(h.from, h.last.At.Wall/int64(time.Millisecond))
	}
}

// find lists the blocks, and reads what is not sealed, or the first of it.
func (h *History) find(r *reader) error {
	err := r.laneID.query(func(columns []driver.Value) {
		id, _ := columns[0].(int64)
		h.lane = LaneID(id)
	}, string(h.node), string(h.name))
	if err != nil || h.lane == 0 {
		return err
	}
	err = r.undatedOf.query(func(columns []driver.Value) {
		var b blockRef
		b.id, _ = columns[0].(int64)
		b.segment, _ = columns[1].(int64)
		boot, _ := columns[2].(int64)
		least, _ := columns[3].(int64)
		greatest, _ := columns[4].(int64)
		offset := h.time(boot).offset.Milliseconds()
		if b.least = least + offset; b.least < h.to && greatest+offset >= h.from {
			h.blocks = append(h.blocks, b)
		}
	}, int64(h.lane))
	if err != nil {
		return err
	}
	err = r.blocksOf.query(func(columns []driver.Value) {
		b := blockRef{rolled: true}
		b.id, _ = columns[0].(int64)
		b.segment, _ = columns[1].(int64)
		b.least, _ = columns[2].(int64)
		h.blocks = append(h.blocks, b)
	}, int64(h.lane), h.from, h.to)
	if err != nil {
		return err
	}
	slices.SortStableFunc(h.blocks, func(x, y blockRef) int { return cmp.Compare(x.least, y.least) })
	var tail points
	var wrong error
	err = r.feed.query(func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		if wrong == nil {
			wrong = readGroup(text, func(lane LaneID, _ bool, p *series.Point) {
				if lane == h.lane {
					tail.list = h.want(tail.list, p)
				}
			})
		}
		if len(tail.list) > 4*maxTail {
			h.shorten(&tail)
		}
	})
	h.shorten(&tail)
	h.add(tail)
	return cmp.Or(err, wrong)
}

// time returns how the stamps of a boot get their time.
func (h *History) time(boot int64) bootTime {
	t, ok := h.times[boot]
	if !ok {
		t = h.store.boots.time(boot, h.store.opts.Clock)
		h.times[boot] = t
	}
	return t
}

// want appends a point, with its time corrected, if that is asked for.
func (h *History) want(list []Point, p *series.Point) []Point {
	at := h.time(p.Boot).correct(stampOf(p))
	if ms := at.Wall / int64(time.Millisecond); ms < h.from || ms >= h.to {
		return list
	}
	point := Point{p.Seq, at, p.Body}
	if h.begun && point.compare(h.last) <= 0 {
		return list
	}
	point.Body = h.store.boots.restamp(p.Body, h.store.opts.Clock)
	return append(list, point)
}

// shorten puts points in order, and leaves only the first of them, so that who is slow does not hold all. Next begins
// anew behind these.
func (h *History) shorten(p *points) {
	slices.SortStableFunc(p.list, Point.compare)
	if len(p.list) > maxTail && !h.whole {
		p.list, p.more = slices.Clone(p.list[:maxTail]), true
	}
}

func (h *History) add(p points) {
	if len(p.list) > 0 {
		h.open = append(h.open, &p)
	}
}

// Next returns the next point; false at the end, and after an error, which Err returns.
func (h *History) Next() (Point, bool) {
	if h.rests && h.err == nil {
		h.rests = false
		h.err = h.begin()
	}
	for h.err == nil {
		first := h.first()
		// Blocks may overlap: late data is sealed with what was measured when it came.
		if len(h.blocks) > 0 && (first == nil || h.blocks[0].least <= first.at()/int64(time.Millisecond)) {
			h.err = h.read(h.blocks[0])
			h.blocks = h.blocks[1:]
			continue
		}
		if first == nil {
			break
		}
		p := first.list[first.next]
		if first.next++; first.next == len(first.list) {
			h.open = slices.DeleteFunc(h.open, func(o *points) bool { return o == first })
		}
		h.last = p
		if first.more && first.next == len(first.list) {
			h.Rest()
		}
		return p, true
	}
	return Point{}, false
}

// first returns the open block that has the next point.
func (h *History) first() (first *points) {
	for _, o := range h.open {
		if first == nil || o.at() < first.at() || o.at() == first.at() && o.list[o.next].Seq < first.list[first.next].Seq {
			first = o
		}
	}
	return first
}

func (h *History) read(ref blockRef) error {
	var body []byte
	err := h.store.pool.with(func(r *reader) error {
		return r.block.query(func(columns []driver.Value) { body, _ = columns[0].([]byte) }, ref.id, ref.segment)
	})
	if err != nil || body == nil { // dropped meanwhile
		return err
	}
	all, err := unpack(body)
	if err != nil {
		h.store.suspect(err)
		return err
	}
	list := make([]Point, 0, len(all))
	for i := range all {
		list = h.want(list, &all[i])
	}
	slices.SortStableFunc(list, Point.compare)
	h.add(points{list: list})
	return nil
}

// Newest is History without bounds, but only of the last so many different milliseconds. It reads these first, to
// count them.
func (s *Store) Newest(node route.NodeURI, lane route.LaneName, count int) (*History, error) {
	from, err := s.lastBlocks(node, lane, count)
	for err == nil {
		n := 0
		if n, _, err = s.count(node, lane, from, math.MaxInt); err != nil {
			break
		}
		if n < count && !from.IsZero() { // there are several points in some millisecond
			from = time.Time{}
			continue
		}
		if n > count {
			_, from, err = s.count(node, lane, from, n-count)
		}
		if err == nil {
			return s.History(node, lane, from, time.Time{})
		}
	}
	return nil, fault("read the history of "+string(node)+" "+string(lane)+" from "+s.path, err)
}

// lastBlocks returns a time from which on a lane has that many points in blocks, the zero time if it has fewer.
func (s *Store) lastBlocks(node route.NodeURI, lane route.LaneName, count int) (from time.Time, err error) {
	points, least := int64(0), int64(math.MaxInt64)
	err = s.pool.with(func(r *reader) error {
		return r.newest.query(func(columns []driver.Value) {
			if points >= int64(count) {
				return
			}
			n, _ := columns[0].(int64)
			at, _ := columns[1].(int64)
			if points, least = points+n, min(least, at); points >= int64(count) {
				from = time.UnixMilli(least)
			}
		}, string(node), string(lane))
	})
	return from, err
}

// count returns how many milliseconds from one on have points, and which is the next after so many of them.
func (s *Store) count(node route.NodeURI, lane route.LaneName, from time.Time, most int) (n int, next time.Time, err error) {
	h, err := s.History(node, lane, from, time.Time{})
	if err != nil {
		return 0, next, err
	}
	last := int64(math.MinInt64)
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		if at := p.At.Wall / int64(time.Millisecond); at != last {
			if n == most {
				return n, time.UnixMilli(at), nil
			}
			n, last = n+1, at
		}
	}
	return n, next, h.Err()
}

// Err returns why Next ended early; nil if it did not.
func (h *History) Err() error { return fault("read history from "+h.store.path, h.err) }

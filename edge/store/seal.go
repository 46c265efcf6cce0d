package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"selvage/edge/series"
)

const (
	// sealAt is how many points the rows of the feed hold before they are sealed: enough for a block of
	// a lane to be worth its overhead, few enough to be read again at each start.
	sealAt = 16384

	// maxBlock is how many points a block has at most: what a reader of one point has to unpack.
	maxBlock = 1024
)

// keptPoint is a point of the feed with its lane.
type keptPoint struct {
	lane LaneID
	series.Point
}

// seal moves the points of the feed's rows into blocks of one lane each, adds them to the roll-ups and
// gives their lanes' values rows again, in one transaction.
func (w *writer) seal() error {
	if _, err := w.begin.exec(); err != nil {
		return err
	}
	err := w.sealAll()
	if err == nil {
		_, err = w.commit.exec()
	}
	if err != nil {
		w.rollback.exec() // fails when SQLite has rolled back by itself
		return err
	}
	w.tail.empty()
	return nil
}

func (w *writer) sealAll() error {
	points, err := w.feedPoints()
	if err != nil || len(points) == 0 {
		return err
	}
	segment := points[len(points)-1].Seq
	slices.SortStableFunc(points, func(x, y keptPoint) int { return cmp.Compare(x.lane, y.lane) })
	for len(points) > 0 {
		n := blockEnd(points)
		if err := w.block(segment, points[:n]); err != nil {
			return err
		}
		points = points[n:]
	}
	for lane, n := range w.tail.newest {
		if err := w.settle(lane, n); err != nil {
			return err
		}
	}
	if _, err := w.emptyFeed.exec(); err != nil {
		return err
	}
	_, err = w.addSegment.exec(int64(segment))
	return err
}

// feedPoints returns what the rows of the feed hold, in the order of their numbers. Points whose time is
// known by now have it.
func (w *writer) feedPoints() (points []keptPoint, err error) {
	var wrong error
	err = w.readFeed.query(func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		wrong = errors.Join(wrong, readGroup(text, func(lane LaneID, _ bool, p *series.Point) {
			if at := w.boots.correct(p.Boot, stampOf(p), w.clock); at.Trusted {
				p.Wall, p.Trusted = at.Wall/int64(time.Millisecond), true
			}
			points = append(points, keptPoint{lane, *p})
		}))
	})
	return points, errors.Join(err, wrong)
}

// blockEnd returns how many of the first points make one block: of one lane, and, where their time is not
// known, of one boot.
func blockEnd(points []keptPoint) int {
	first := &points[0]
	for i := range points[:min(len(points), maxBlock)] {
		p := &points[i]
		if p.lane != first.lane || p.Trusted != first.Trusted || !p.Trusted && p.Boot != first.Boot {
			return i
		}
	}
	return min(len(points), maxBlock)
}

// block inserts a block. One whose time is not known yet has its boot, and the time since that, and is
// not in the roll-ups.
func (w *writer) block(segment uint64, points []keptPoint) error {
	first := &points[0]
	boot, clock := int64(0), func(p *keptPoint) int64 { return p.Wall }
	if !first.Trusted {
		boot, clock = first.Boot, func(p *keptPoint) int64 { return p.Mono }
	}
	least, greatest := clock(first), clock(first)
	packed := w.packing[:0]
	for i := range points {
		packed = append(packed, points[i].Point)
		least, greatest = min(least, clock(&points[i])), max(greatest, clock(&points[i]))
	}
	w.packing = packed
	body := series.Append(nil, packed)
	if _, err := w.addBlock.exec(int64(first.lane), int64(segment), least, greatest, boot, int64(len(points)), body); err != nil {
		return err
	}
	if boot != 0 {
		return nil
	}
	return w.roll(first.lane, packed)
}

// settle writes the row of a lane's value, unless it has a newer one.
func (w *writer) settle(lane LaneID, n newest) error {
	boot, err := w.boot(n.at.Boot)
	if err != nil {
		return err
	}
	_, err = w.settleValue.exec(int64(lane), n.body, boot, int64(n.at.Mono), n.at.Wall, number(n.at.Trusted), int64(n.seq))
	return err
}

// date gives the blocks of a boot their time, which has become known, and adds them to the roll-ups.
func (w *writer) date(boot int64, offset int64) error {
	type undated struct {
		lane LaneID
		body []byte
	}
	var blocks []undated
	err := w.undated.query(func(columns []driver.Value) {
		lane, _ := columns[0].(int64)
		body, _ := columns[1].([]byte)
		blocks = append(blocks, undated{LaneID(lane), body})
	}, boot)
	if err != nil || len(blocks) == 0 {
		return err
	}
	for _, b := range blocks {
		points, err := unpack(b.body)
		if err != nil {
			return err
		}
		for i := range points {
			points[i].Wall, points[i].Trusted = points[i].Mono+offset, true
		}
		if err := w.roll(b.lane, points); err != nil {
			return err
		}
	}
	_, err = w.setDates.exec(offset, offset, boot)
	return err
}

func unpack(block []byte) (points []series.Point, err error) {
	r, err := series.Open(block)
	if err != nil {
		return nil, err
	}
	for p := (series.Point{}); r.Next(&p); p = (series.Point{}) {
		points = append(points, p)
	}
	return points, r.Err()
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

package store

import (
	"cmp"
	"database/sql/driver"
	"math"
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

	// Values may be long texts. They are in memory while they are sealed, those of a block while it is read.
	sealBytes  = 4 << 20
	blockBytes = 256 << 10
)

// keptPoint is a point of the feed with its lane.
type keptPoint struct {
	lane LaneID
	late bool
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
	w.seen = nil
	return nil
}

func (w *writer) sealAll() error {
	points, err := w.feedPoints()
	if err != nil || w.tail.points == 0 {
		return err
	}
	segment := w.tail.seq
	// Late points have blocks of their own, so that those of the others are of one time each.
	slices.SortStableFunc(points, func(x, y keptPoint) int {
		return cmp.Or(cmp.Compare(x.lane, y.lane), cmp.Compare(x.order(), y.order()))
	})
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
	now := w.clock.Now()
	boot, err := w.boot(now)
	if err != nil {
		return err
	}
	_, err = w.addSegment.exec(int64(segment), boot, int64(now.Mono))
	return err
}

// order is the place of a point among those of its lane: late ones stand in the order of time behind the rest.
func (p *keptPoint) order() int64 {
	if !p.late {
		return math.MinInt64
	}
	return p.Wall
}

// feedPoints returns what the rows of the feed hold, in the order of their numbers. Points whose time is
// known by now have it.
func (w *writer) feedPoints() (points []keptPoint, err error) {
	err = w.readFeed.query(func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		wrong := readGroup(text, func(lane LaneID, late bool, p *series.Point) {
			if at := w.boots.correct(p.Boot, stampOf(p), w.clock); at.Trusted {
				p.Wall, p.Trusted = at.Wall/int64(time.Millisecond), true
			}
			points = append(points, keptPoint{lane, late, *p})
		})
		w.suspect(wrong) // such a row is lost; if it stopped the others they would pile up until the next start
	})
	return points, err
}

// blockEnd returns how many of the first points make one block: of one lane, and, where their time is not
// known, of one boot.
func blockEnd(points []keptPoint) int {
	first, bytes := &points[0], 0
	for i := range points[:min(len(points), maxBlock)] {
		p := &points[i]
		if bytes += len(p.Body); i > 0 && bytes > blockBytes {
			return i
		}
		if p.lane != first.lane || p.late != first.late || p.Trusted != first.Trusted || !p.Trusted && p.Boot != first.Boot {
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
	defer clear(packed) // of the bodies
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
	boot, err := w.boot(n.at)
	if err != nil {
		return err
	}
	_, err = w.settleValue.exec(int64(lane), n.body, boot, int64(n.at.Mono), n.at.Wall, number(n.at.Trusted), int64(n.seq))
	return err
}

// dateBlocks is how many blocks get their time in one transaction: those who want a commit wait meanwhile.
const dateBlocks = 16

// date gives some blocks their time, which has become known, and adds them to the roll-ups. It sets dating to
// whether there may be more.
func (w *writer) date() error {
	if _, err := w.begin.exec(); err != nil {
		return err
	}
	n, err := w.dateSome()
	if err == nil {
		_, err = w.commit.exec()
	}
	if err != nil {
		w.rollback.exec()
		return err
	}
	w.dating = n == dateBlocks
	return nil
}

func (w *writer) dateSome() (n int, err error) {
	type undated struct {
		id, boot int64
		lane     LaneID
		body     []byte
	}
	var blocks []undated
	err = w.undated.query(func(columns []driver.Value) {
		var b undated
		b.id, _ = columns[0].(int64)
		lane, _ := columns[1].(int64)
		b.lane = LaneID(lane)
		b.boot, _ = columns[2].(int64)
		b.body, _ = columns[3].([]byte)
		blocks = append(blocks, b)
	}, int64(dateBlocks))
	for _, b := range blocks {
		if err != nil {
			break
		}
		err = w.dateBlock(b.id, b.lane, w.boots.byID[b.boot].offset, b.body)
	}
	return len(blocks), err
}

// dateBlock gives a block its time. Its points stay as they are: they have that of their boot.
func (w *writer) dateBlock(id int64, lane LaneID, offset time.Duration, body []byte) error {
	points, _ := unpack(body) // of a damaged one, what can be read
	for i := range points {
		points[i].Wall = points[i].Mono + offset.Milliseconds()
	}
	if err := w.roll(lane, points); err != nil {
		return err
	}
	_, err := w.setDate.exec(offset.Milliseconds(), offset.Milliseconds(), id)
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

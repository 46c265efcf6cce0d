package store

import (
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"selvage/edge/clock"
	"selvage/edge/series"
)

// The feed is what is kept of lanes with a history: every point of them, numbered in the order of the
// commits. A commit appends its points as one packed row, since a page of the log costs the same
// however little is on it; from time to time the rows are sealed into blocks, one lane each (seal.go).

// feedPoint is one point on its way to the feed.
type feedPoint struct {
	lane LaneID
	late bool // the lane's value is a newer one
	owed bool // see Batch.Owe
	body []byte
	at   clock.Stamp
}

// group is what one row of the feed holds: points of several lanes, in the order of their lanes.
type feedGroup struct {
	runs   []run
	points []series.Point
}

// run says whose the next points of a group are.
type run struct {
	lane  LaneID
	late  bool
	count int
}

var errShort = errors.New("it is cut short")

// appendTo packs g: the runs, each as the difference of its lane to the one before, doubled, plus 1 if
// its points are late, and how many there are; then the points.
func (g *feedGroup) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(g.runs)))
	last := LaneID(0)
	for _, r := range g.runs {
		code := uint64(r.lane-last) << 1
		if r.late {
			code |= 1
		}
		dst = binary.AppendUvarint(dst, code)
		dst = binary.AppendUvarint(dst, uint64(r.count))
		last = r.lane
	}
	return series.Append(dst, g.points)
}

// readGroup calls each for the points of a packed group; their bodies are each's to keep.
func readGroup(text []byte, each func(lane LaneID, late bool, p *series.Point)) error {
	next := func() int {
		n, size := binary.Uvarint(text)
		if size <= 0 || n > 1<<62 {
			text = nil
			return -1
		}
		text = text[size:]
		return int(n)
	}
	n := next()
	if n < 0 || n > len(text) {
		return packed("a row of the feed", errShort)
	}
	runs := make([]run, n)
	last := LaneID(0)
	for i := range runs {
		code, count := next(), next()
		if code < 0 || count < 0 {
			return packed("a row of the feed", errShort)
		}
		last += LaneID(code >> 1)
		runs[i] = run{last, code&1 != 0, count}
	}
	r, err := series.Open(text)
	if err != nil {
		return packed("a row of the feed", err)
	}
	for _, run := range runs {
		for range run.count {
			var p series.Point
			if !r.Next(&p) {
				return packed("a row of the feed", cmp.Or(r.Err(), errShort))
			}
			each(run.lane, run.late, &p)
		}
	}
	return nil
}

// maxGroup is how many points a row of the feed has at most.
const maxGroup = 4096

// feed appends the points of a batch, which stay in the order they came in, should they have to be dropped. It leaves
// out late ones that are there already.
func (w *writer) feed(came []feedPoint) (groups []*feedGroup, err error) {
	points := slices.Clone(came)
	for i := range points {
		points[i].lane = w.actual(points[i].lane)
		points[i].at = w.boots.settled(points[i].at, w.clock)
	}
	if points, err = w.fresh(points); err != nil {
		return nil, err
	}
	slices.SortStableFunc(points, func(x, y feedPoint) int { return cmp.Compare(x.lane, y.lane) })
	seq := w.tail.seq // which only the writer changes
	for some := range slices.Chunk(points, maxGroup) {
		g, err := w.gather(some, seq+1)
		if err != nil {
			return nil, err
		}
		if _, err = w.addFeed.exec(int64(seq+1), g.appendTo(nil)); err != nil {
			return nil, err
		}
		seq += uint64(len(some))
		groups = append(groups, g)
	}
	return groups, nil
}

// gather makes a group of points, numbered from first on.
func (w *writer) gather(points []feedPoint, first uint64) (*feedGroup, error) {
	g := &feedGroup{points: make([]series.Point, len(points))}
	for i, p := range points {
		boot, err := w.boot(p.at)
		if err != nil {
			return nil, err
		}
		wall, mono := milliseconds(p.at)
		g.points[i] = series.Point{Seq: first + uint64(i), Boot: boot, Mono: mono, Wall: wall, Trusted: p.at.Trusted, Body: p.body}
		if n := len(g.runs); n > 0 && g.runs[n-1].lane == p.lane && g.runs[n-1].late == p.late {
			g.runs[n-1].count++
		} else {
			g.runs = append(g.runs, run{p.lane, p.late, 1})
		}
	}
	return g, nil
}

// milliseconds returns both times of a stamp, cut. The one that does not put the point in its place follows from the
// other: cut each for itself, their difference would waver by a millisecond, which packs worse.
func milliseconds(at clock.Stamp) (wall, mono int64) {
	offset := offsetOf(at).Round(time.Millisecond).Milliseconds()
	if at.Trusted {
		wall = at.Wall / int64(time.Millisecond)
		return wall, wall - offset
	}
	mono = at.Mono.Milliseconds()
	return mono + offset, mono
}

// tail knows what the feed's rows hold that are not sealed yet. The writer adds to it, readers look.
type tail struct {
	mu     sync.RWMutex
	seq    uint64 // of the newest point there ever was
	points int    // in rows
	bytes  int    // of their bodies
	sealed uint64 // how often rows were sealed
	newest map[LaneID]newest
	last   heard // of the points that were not late; only the writer looks
}

// heard is when the newest boot was last heard of.
type heard struct {
	boot int64
	mono time.Duration
}

// newest is the value of a lane: nobody writes a row for it while the feed has it.
type newest struct {
	seq  uint64
	body []byte
	at   clock.Stamp
}

// loadTail reads what the feed holds.
func loadTail(c *session, b *boots, now *clock.Clock) (*tail, error) {
	t := &tail{newest: map[LaneID]newest{}}
	err := c.once("SELECT last, boot, mono FROM segment ORDER BY last DESC LIMIT 1", func(columns []driver.Value) {
		sealed, _ := columns[0].(int64)
		mono, _ := columns[2].(int64)
		t.seq, t.last.mono = uint64(sealed), time.Duration(mono)
		t.last.boot, _ = columns[1].(int64)
	})
	if err != nil {
		return nil, err
	}
	// What a salvage has lost, or retention dropped, had numbers too.
	given, err := c.number(`SELECT max((SELECT coalesce(max(segment), 0) FROM block),
		(SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = 'seq'))`)
	t.seq = max(t.seq, uint64(given))
	if err != nil {
		return nil, err
	}
	var wrong error
	err = c.once("SELECT body FROM feed ORDER BY seq", func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		wrong = errors.Join(wrong, readGroup(text, func(lane LaneID, late bool, p *series.Point) {
			t.note(lane, late, p, b.correct(p.Boot, stampOf(p), now))
		}))
	})
	return t, errors.Join(err, wrong)
}

// note is called with mu held, but for the beginning.
func (t *tail) note(lane LaneID, late bool, p *series.Point, at clock.Stamp) {
	t.seq = max(t.seq, p.Seq)
	t.points++
	t.bytes += len(p.Body)
	if late {
		return
	}
	t.newest[lane] = newest{p.Seq, p.Body, at}
	if m := (heard{p.Boot, at.Mono}); m.boot > t.last.boot || m.boot == t.last.boot && m.mono > t.last.mono {
		t.last = m
	}
}

// stampOf returns when a point was, as it was noted then.
func stampOf(p *series.Point) clock.Stamp {
	return clock.Stamp{
		Mono: time.Duration(p.Mono) * time.Millisecond, Wall: p.Wall * int64(time.Millisecond), Trusted: p.Trusted,
	}
}

// append takes in a group that is on flash.
func (t *tail) append(g *feedGroup, b *boots, now *clock.Clock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	points := g.points
	for _, r := range g.runs {
		for i := range points[:r.count] {
			t.note(r.lane, r.late, &points[i], b.correct(points[i].Boot, stampOf(&points[i]), now))
		}
		points = points[r.count:]
	}
}

// empty forgets what has been sealed: rows have it now.
func (t *tail) empty() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.points, t.bytes = 0, 0
	t.sealed++
	clear(t.newest)
}

// full tells whether it is time to seal.
func (t *tail) full() bool { return t.points >= sealAt || t.bytes >= sealBytes }

// seals returns how often the feed was sealed by now.
func (t *tail) seals() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.sealed
}

// value returns the value that the feed has for a lane, if it is newer than that of the number since.
func (t *tail) value(lane LaneID, since uint64) (newest, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.newest[lane]
	return n, ok && n.seq > since
}

package store

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"selvage/edge/clock"
	"selvage/edge/series"
)

// maxLog is how many bytes the log before the database may have: a page that is written often within that much goes
// to the database once.
const maxLog = 4 << 20

// longLog is how many times as much it may have before nobody may read until it has begun anew.
const longLog = 4

// writer puts batches into the database.
type writer struct {
	c     *session
	boots *boots
	clock *clock.Clock
	alias map[LaneID]LaneID // ids that turned out to stand for a lane that has another in the database
	news  []*boot           // boots added by the transaction under way

	begin, commit, rollback                *statement
	setValue, setEntry, delEntry, clearing *statement
	addLane, findLane, setKind             *statement
	addBoot, setOffset, setShown, setEnded *statement
	addFeed, readFeed, emptyFeed           *statement
	addBlock, addSegment                   *statement
	undated, setDate, settleValue          *statement
	coveredBy, readBlock                   *statement
	readSpans, setSpans                    *statement

	nextLane, dropBefore, dropSpans        *statement
	sealedBefore, dropSealed, tidySegments *statement
	sizes, dropBlock, oldest, dropSegment  *statement
	setCursor, nameOf                      *statement

	pageSize int64
	log      int64  // pages the log had at the last checkpoint
	logged   int64  // pages written to the log since it was last empty
	logLimit int64  // pages; beyond these the log is moved into the database
	retained int64  // the lane that was looked at last for what to drop; 0 for none
	drops    *drops // of the retention under way; nil if nobody wants to know
	dating   bool   // there may be blocks whose time has become known
	seen     seen
	suspect  func(error) // is told what cannot be read, where that stops nothing
	tail     *tail
	packing  []series.Point // room for a block's points
}

// cost is what a commit has cost.
type cost struct {
	committed bool // there was something to write
	rows      int64
	values    int64
	bytes     int64
	repeated  int64 // late points that were there already
}

func newWriter(c *session, b *boots, t *tail, now *clock.Clock, suspect func(error)) (*writer, error) {
	size, err := c.number("PRAGMA page_size")
	if err != nil {
		return nil, err
	}
	w := &writer{c: c, boots: b, tail: t, clock: now, alias: map[LaneID]LaneID{}, pageSize: size, logLimit: maxLog / size, suspect: suspect}
	undated, err := c.number("SELECT EXISTS (SELECT 1 FROM block b JOIN boot o ON o.id = b.boot WHERE b.boot > 0 AND o.offset_ns IS NOT NULL)")
	if err != nil {
		return nil, err
	}
	w.dating = undated > 0
	return w, c.prepareAll(map[string]**statement{
		"BEGIN IMMEDIATE": &w.begin,
		"COMMIT":          &w.commit,
		"ROLLBACK":        &w.rollback,
		"REPLACE INTO value (lane, body, boot, mono, wall, trusted, seq) VALUES (?, ?, ?, ?, ?, ?, ?)": &w.setValue,
		"REPLACE INTO entry (lane, key, body, boot, mono, wall, trusted) VALUES (?, ?, ?, ?, ?, ?, ?)": &w.setEntry,
		"DELETE FROM entry WHERE lane = ? AND key = ?":                                                 &w.delEntry,
		"DELETE FROM entry WHERE lane = ?":                                                             &w.clearing,
		"INSERT INTO lane (id, node, lane, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING":           &w.addLane,
		"SELECT id FROM lane WHERE node = ? AND lane = ?":                                              &w.findLane,
		"UPDATE lane SET kind = ? WHERE id = ? AND kind <> ?":                                          &w.setKind,
		"INSERT INTO boot (id, boot, shown_ns) VALUES (?, ?, ?)":                                       &w.addBoot,
		"UPDATE boot SET offset_ns = ? WHERE id = ?":                                                   &w.setOffset,
		"UPDATE boot SET shown_ns = ? WHERE id = ?":                                                    &w.setShown,
		"UPDATE boot SET ended_ns = ? WHERE id = ?":                                                    &w.setEnded,
		`INSERT INTO value (lane, body, boot, mono, wall, trusted, seq) VALUES (?, ?, ?, ?, ?, ?, ?)
		 ON CONFLICT (lane) DO UPDATE SET body = excluded.body, boot = excluded.boot, mono = excluded.mono,
		 wall = excluded.wall, trusted = excluded.trusted, seq = excluded.seq WHERE excluded.seq > value.seq`: &w.settleValue,
		"INSERT INTO feed (seq, body) VALUES (?, ?)":              &w.addFeed,
		"SELECT body FROM feed ORDER BY seq":                      &w.readFeed,
		"DELETE FROM feed":                                        &w.emptyFeed,
		"INSERT INTO segment (last, boot, mono) VALUES (?, ?, ?)": &w.addSegment,
		"INSERT INTO block (lane, segment, least, greatest, boot, points, body) VALUES (?, ?, ?, ?, ?, ?, ?)": &w.addBlock,
		`SELECT b.id, b.lane, b.boot, b.body FROM block b JOIN boot o ON o.id = b.boot
		 WHERE b.boot > 0 AND o.offset_ns IS NOT NULL LIMIT ?`: &w.undated,
		"UPDATE block SET least = least + ?, greatest = greatest + ?, boot = 0 WHERE id = ?": &w.setDate,
		"SELECT id FROM block WHERE lane = ? AND boot = 0 AND greatest >= ? AND least <= ?":  &w.coveredBy,
		"SELECT lane, body FROM block WHERE id = ?":                                          &w.readBlock,
		`SELECT b.lane, l.node, l.lane FROM (SELECT min(lane) AS lane FROM block WHERE lane > ?) b
		 LEFT JOIN lane l ON l.id = b.lane`: &w.nextLane,
		"DELETE FROM block WHERE lane = ? AND boot = 0 AND greatest < ? RETURNING lane, body": &w.dropBefore,
		`SELECT coalesce(max(last), 0) FROM segment WHERE boot = ?1 AND mono < ?2
		 OR boot < (SELECT max(id) FROM boot WHERE offset_ns < ?3)`: &w.sealedBefore,
		"DELETE FROM block WHERE lane = ? AND segment <= ? AND (boot > 0 OR greatest > ?) RETURNING lane, body": &w.dropSealed,
		`DELETE FROM segment WHERE last < (SELECT max(last) FROM segment)
		 AND last < coalesce((SELECT min(segment) FROM block), last + 1)`: &w.tidySegments,
		"DELETE FROM rollup WHERE lane = ? AND step = ? AND start < ?":                             &w.dropSpans,
		"SELECT id, points, length(body) FROM block WHERE lane = ? ORDER BY segment DESC, id DESC": &w.sizes,
		"DELETE FROM block WHERE id = ? RETURNING lane, body":                                      &w.dropBlock,
		"SELECT segment, sum(points) FROM block WHERE segment = (SELECT min(segment) FROM block)":  &w.oldest,
		"DELETE FROM block WHERE segment = ? RETURNING lane, body":                                 &w.dropSegment,
		"SELECT node, lane FROM lane WHERE id = ?":                                                 &w.nameOf,
		"REPLACE INTO cursor (name, seq) VALUES (?, ?)":                                            &w.setCursor,
		"SELECT body FROM rollup WHERE lane = ? AND step = ? AND start = ?":                        &w.readSpans,
		"REPLACE INTO rollup (lane, step, start, body) VALUES (?, ?, ?, ?)":                        &w.setSpans,
	})
}

// write commits b in one transaction. After an error the database is as it was and b still whole.
func (w *writer) write(b *Batch) (cost, error) {
	now := w.clock.Now()
	if b.nothing() && !w.learns(now) {
		return cost{}, nil
	}
	before := w.c.written()
	if _, err := w.begin.exec(); err != nil {
		return cost{}, err
	}
	rows, values, err := w.rows(b)
	var groups []*feedGroup
	if err == nil {
		groups, err = w.feed(b.points)
	}
	if err == nil {
		err = w.offset(now)
	}
	if err == nil {
		_, err = w.commit.exec()
	}
	if err != nil {
		w.rollback.exec() // fails when SQLite has rolled back by itself, as on a full disk
		for _, r := range w.news {
			r.stored = false
		}
		w.news = w.news[:0]
		return cost{}, err
	}
	w.news = w.news[:0]
	points := 0
	for _, g := range groups {
		w.tail.append(g, w.boots, w.clock)
		w.add(g)
		points += len(g.points)
	}
	w.dating = w.dating || w.learns(now)
	w.boots.look(now)
	pages := w.c.written() - before
	w.logged += pages
	return cost{
		committed: true, rows: rows + int64(points), values: values + int64(points),
		bytes: pages * w.pageSize, repeated: int64(len(b.points) - points),
	}, nil
}

// rows writes the rows of b and returns how many, and how many of them are values of lanes.
func (w *writer) rows(b *Batch) (n, values int64, err error) {
	for i := range b.lanes {
		if err := w.lane(&b.lanes[i]); err != nil {
			return 0, 0, err
		}
	}
	n = int64(len(b.lanes))
	for name, seq := range b.cursors {
		if _, err := w.setCursor.exec(name, int64(seq)); err != nil {
			return 0, 0, err
		}
		n++
	}
	for id := range b.cleared {
		changed, err := w.clearing.exec(int64(w.actual(id)))
		if err != nil {
			return 0, 0, err
		}
		n += changed
	}
	for i := range b.rows {
		if r := &b.rows[i]; b.live(r) {
			if err := w.row(r); err != nil {
				return 0, 0, err
			}
			n++
			if r.op != removeEntry {
				values++
			}
		}
	}
	return n, values, nil
}

func (w *writer) row(r *row) error {
	id := int64(w.actual(r.lane))
	if r.op == removeEntry {
		_, err := w.delEntry.exec(id, []byte(r.key))
		return err
	}
	at := w.boots.settled(r.at, w.clock)
	boot, err := w.boot(at)
	if err != nil {
		return err
	}
	trusted := number(at.Trusted)
	body := r.body
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	if r.op == setValue {
		_, err = w.setValue.exec(id, body, boot, int64(at.Mono), at.Wall, trusted, int64(w.tail.seq))
	} else {
		_, err = w.setEntry.exec(id, []byte(r.key), body, boot, int64(at.Mono), at.Wall, trusted)
	}
	return err
}

// lane gives a lane its row. If it has one already, from an earlier run or from before it was
// forgotten, that one's id counts and the new id becomes another name for it.
func (w *writer) lane(l *laneRow) error {
	node, name := string(l.node), string(l.lane)
	added, err := w.addLane.exec(int64(l.id), node, name, l.kind)
	if err != nil || added > 0 {
		return err
	}
	var id LaneID
	err = w.findLane.query(func(columns []driver.Value) {
		n, _ := columns[0].(int64)
		id = LaneID(n)
	}, node, name)
	if err != nil {
		return err
	}
	if id == 0 {
		return fmt.Errorf("the lane %s of %s has no row although its id %d is taken", name, node, l.id)
	}
	if id != l.id {
		w.alias[l.id], l.id = id, id
	}
	_, err = w.setKind.exec(l.kind, int64(id), l.kind)
	return err
}

func (w *writer) actual(id LaneID) LaneID {
	if real, ok := w.alias[id]; ok {
		return real
	}
	return id
}

// boot returns the id of a stamp's boot, giving it a row if it has none.
func (w *writer) boot(s clock.Stamp) (int64, error) {
	if s.Boot == "" {
		return 0, nil
	}
	r := w.boots.of(s)
	if r.stored {
		return r.id, nil
	}
	if before := w.boots.byID[w.tail.last.boot]; before != nil {
		if _, err := w.setEnded.exec(int64(w.tail.last.mono), before.id); err != nil {
			return 0, err
		}
		w.boots.end(before, w.tail.last.mono)
	}
	if _, err := w.addBoot.exec(r.id, string(r.name), int64(r.shown)); err != nil {
		return 0, err
	}
	r.stored = true
	w.news = append(w.news, r)
	return r.id, nil
}

// learns tells whether the time of this boot has become known, and is to be written.
func (w *writer) learns(now clock.Stamp) bool { return now.Trusted && !w.boots.of(now).known }

// offset writes the time of this boot once it is known, and until then what the wall clock shows.
func (w *writer) offset(now clock.Stamp) error {
	r := w.boots.of(now)
	switch {
	case w.learns(now):
		id, err := w.boot(now)
		if err != nil {
			return err
		}
		_, err = w.setOffset.exec(int64(offsetOf(now)), id)
		return err
	case r.stored && r.isSet(now):
		_, err := w.setShown.exec(int64(offsetOf(now)), r.id)
		return err
	}
	return nil
}

// checkpoint moves the log into the database, as far as nobody reads what it changed.
func (w *writer) checkpoint() error {
	return w.c.once("PRAGMA wal_checkpoint(PASSIVE)", func(columns []driver.Value) {
		w.log, _ = columns[1].(int64)
		moved, _ := columns[2].(int64)
		w.logged = w.log - moved
	})
}

// long tells whether the log, of which all may be in the database, has not begun anew for long.
func (w *writer) long() bool { return w.log >= longLog*w.logLimit }

// close moves the log into the database, so that the folder is one file at rest, and disconnects. If that fails
// nothing is lost.
func (w *writer) close() error {
	return errors.Join(w.c.run("PRAGMA wal_checkpoint(TRUNCATE)"), w.c.close())
}

package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"selvage/edge/clock"
)

// offsetStep is how far a boot's offset must move to be written again: below it are the 10 ms to
// which the time since boot is known and the slewing of a clock that is kept right.
const offsetStep = 10 * time.Millisecond

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
	addBoot, setOffset                     *statement
}

// cost is what a commit has cost.
type cost struct {
	committed bool // there was something to write
	rows      int64
	bytes     int64
}

func newWriter(c *session, b *boots, now *clock.Clock) (*writer, error) {
	w := &writer{c: c, boots: b, clock: now, alias: map[LaneID]LaneID{}}
	return w, c.prepareAll(map[string]**statement{
		"BEGIN IMMEDIATE": &w.begin,
		"COMMIT":          &w.commit,
		"ROLLBACK":        &w.rollback,
		"REPLACE INTO value (lane, body, boot, mono, wall, trusted) VALUES (?, ?, ?, ?, ?, ?)":         &w.setValue,
		"REPLACE INTO entry (lane, key, body, boot, mono, wall, trusted) VALUES (?, ?, ?, ?, ?, ?, ?)": &w.setEntry,
		"DELETE FROM entry WHERE lane = ? AND key = ?":                                                 &w.delEntry,
		"DELETE FROM entry WHERE lane = ?":                                                             &w.clearing,
		"INSERT INTO lane (id, node, lane, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING":           &w.addLane,
		"SELECT id FROM lane WHERE node = ? AND lane = ?":                                              &w.findLane,
		"UPDATE lane SET kind = ? WHERE id = ? AND kind <> ?":                                          &w.setKind,
		"INSERT INTO boot (id, boot) VALUES (?, ?)":                                                    &w.addBoot,
		"UPDATE boot SET offset_ns = ? WHERE id = ?":                                                   &w.setOffset,
	})
}

// write commits b in one transaction. After an error the database is as it was and b still whole.
func (w *writer) write(b *Batch) (cost, error) {
	now := w.clock.Now()
	if b.nothing() && !(b.final && w.drifted(now)) {
		return cost{}, nil
	}
	before := w.c.written()
	if _, err := w.begin.exec(); err != nil {
		return cost{}, err
	}
	rows, err := w.rows(b)
	if err == nil && w.drifted(now) {
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
	if w.drifted(now) {
		w.boots.learn(w.boots.of(now.Boot), offsetOf(now))
	}
	return cost{committed: true, rows: rows, bytes: (w.c.written() - before) * pageSize}, nil
}

// rows writes the rows of b and returns how many.
func (w *writer) rows(b *Batch) (n int64, err error) {
	for i := range b.lanes {
		if err := w.lane(&b.lanes[i]); err != nil {
			return 0, err
		}
	}
	n = int64(len(b.lanes))
	for id := range b.cleared {
		changed, err := w.clearing.exec(int64(w.actual(id)))
		if err != nil {
			return 0, err
		}
		n += changed
	}
	for i := range b.rows {
		if r := &b.rows[i]; b.live(r) {
			if err := w.row(r); err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}

func (w *writer) row(r *row) error {
	id := int64(w.actual(r.lane))
	if r.op == removeEntry {
		_, err := w.delEntry.exec(id, []byte(r.key))
		return err
	}
	boot, err := w.boot(r.at.Boot)
	if err != nil {
		return err
	}
	var trusted int64
	if r.at.Trusted {
		trusted = 1
	}
	body := r.body
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	if r.op == setValue {
		_, err = w.setValue.exec(id, body, boot, int64(r.at.Mono), r.at.Wall, trusted)
	} else {
		_, err = w.setEntry.exec(id, []byte(r.key), body, boot, int64(r.at.Mono), r.at.Wall, trusted)
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

// boot returns the id of a boot, giving it a row if it has none.
func (w *writer) boot(name clock.BootID) (int64, error) {
	if name == "" {
		return 0, nil
	}
	r := w.boots.of(name)
	if !r.stored {
		if _, err := w.addBoot.exec(r.id, string(name)); err != nil {
			return 0, err
		}
		r.stored = true
		w.news = append(w.news, r)
	}
	return r.id, nil
}

func offsetOf(now clock.Stamp) time.Duration { return time.Duration(now.Wall) - now.Mono }

// drifted tells whether this boot's offset has to be written: wall time can be trusted and is not
// what the boot's row says.
func (w *writer) drifted(now clock.Stamp) bool {
	if !now.Trusted {
		return false
	}
	r := w.boots.of(now.Boot)
	return !r.known || (offsetOf(now)-r.offset).Abs() > offsetStep
}

func (w *writer) offset(now clock.Stamp) error {
	id, err := w.boot(now.Boot)
	if err != nil {
		return err
	}
	_, err = w.setOffset.exec(int64(offsetOf(now)), id)
	return err
}

// close moves the log into the database, so that the folder is one file at rest, and disconnects.
func (w *writer) close() error {
	return errors.Join(w.c.run("PRAGMA wal_checkpoint(TRUNCATE)"), w.c.close())
}

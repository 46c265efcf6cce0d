package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"selvage/edge/clock"
	"selvage/edge/route"
)

// StoredLane is what the store holds of one lane. Stamps are corrected: if the wall time of their
// boot became known after they were taken, they have it and are trusted.
type StoredLane struct {
	ID      LaneID // good for Batch, instead of asking Lane again
	Lane    route.LaneName
	Kind    string
	Value   []byte // nil if none was saved
	At      clock.Stamp
	Entries []Entry // in the order of their keys' bytes
}

// Entry is one entry of a map lane or element of a list lane.
type Entry struct {
	Key, Body []byte
	At        clock.Stamp
}

// Load returns the lanes of a node in the order they were made, as of the last commit: what is marked
// but not committed is not there yet. It never waits for the writer.
func (s *Store) Load(node route.NodeURI) ([]StoredLane, error) {
	if s.lanes.absent(node) {
		return nil, nil
	}
	stored, err := s.pool.load(node, s.boots, s.tail, s.opts.Clock)
	if err != nil {
		return nil, fault("load "+string(node)+" from "+s.path, err)
	}
	s.lanes.found(node, stored)
	return stored, nil
}

// Entries returns the bodies of the entries of all lanes of a name, by their nodes, as of the last
// commit. It goes through all lanes there are.
func (s *Store) Entries(lane route.LaneName) (map[route.NodeURI][][]byte, error) {
	bodies := map[route.NodeURI][][]byte{}
	err := s.pool.with(func(r *reader) error {
		return r.named.query(func(columns []driver.Value) {
			node, _ := columns[0].(string)
			body, _ := columns[1].([]byte)
			bodies[route.NodeURI(node)] = append(bodies[route.NodeURI(node)], body)
		}, string(lane))
	})
	if err != nil {
		return nil, fault("read the lanes "+string(lane)+" from "+s.path, err)
	}
	return bodies, nil
}

// readers is how many connections read at a time. More would not be faster on the two to four cores
// of a board, and each costs 300 KB.
const readers = 2

// pool lends connections that only read. They see the last commit and do not disturb the writer.
type pool struct {
	path    string
	idle    chan *reader // a nil reader is one not connected yet
	suspect func(error)  // is told what went wrong
}

func newPool(path string, suspect func(error)) *pool {
	p := &pool{path: path, idle: make(chan *reader, readers), suspect: suspect}
	for range readers {
		p.idle <- nil
	}
	return p
}

// with lends a reader to fn. After an error the connection is not used again.
func (p *pool) with(fn func(r *reader) error) error {
	r, ok := <-p.idle
	if !ok {
		return ErrClosed
	}
	var err error
	if r == nil {
		r, err = openReader(p.path)
	}
	if err == nil {
		err = fn(r)
	}
	if err != nil {
		p.suspect(err)
	}
	if err != nil && r != nil {
		err = errors.Join(err, r.c.close())
		r = nil
	}
	p.idle <- r
	return err
}

// alone runs fn while nobody reads, if it comes to that soon.
func (p *pool) alone(soon time.Duration, fn func() error) (ok bool, err error) {
	var all []*reader
	defer func() {
		for _, r := range all {
			p.idle <- r
		}
	}()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for range readers {
		select {
		case r := <-p.idle:
			all = append(all, r)
		case <-timer.C:
			return false, nil
		}
	}
	return true, fn()
}

// close waits for the loads under way and disconnects.
func (p *pool) close() {
	for range readers {
		if r := <-p.idle; r != nil {
			r.c.close()
		}
	}
	close(p.idle)
}

// reader is one connection that reads.
type reader struct {
	c                      *session
	begin, commit          *statement
	values, entries, nodes *statement
	named                  *statement
	laneID, blocksOf       *statement
	newest                 *statement
	undatedOf, block, feed *statement
	segment, feedAfter     *statement
	feedWith               *statement
	laneName, cursor       *statement
	spans                  *statement
}

func openReader(path string) (*reader, error) {
	c, err := connect(path)
	if err != nil {
		return nil, err
	}
	r := &reader{c: c}
	if err = c.tuneReader(); err == nil {
		err = c.prepareAll(map[string]**statement{
			"BEGIN":  &r.begin,
			"COMMIT": &r.commit,
			`SELECT l.id, l.lane, l.kind, EXISTS (SELECT 1 FROM entry WHERE lane = l.id),
			        v.body, v.seq, v.boot, v.mono, v.wall, v.trusted
			 FROM lane l LEFT JOIN value v ON v.lane = l.id WHERE l.node = ?`: &r.values,
			`SELECT key, body, boot, mono, wall, trusted FROM entry WHERE lane = ? ORDER BY key`:                                  &r.entries,
			`SELECT l.node, e.body FROM lane l JOIN entry e ON e.lane = l.id WHERE l.lane = ?`:                                    &r.named,
			`SELECT id FROM lane WHERE node = ? AND lane = ?`:                                                                     &r.laneID,
			`SELECT id, segment, least FROM block WHERE lane = ? AND boot = 0 AND greatest >= ? AND least < ? ORDER BY least, id`: &r.blocksOf,
			`SELECT id, segment, boot, least, greatest FROM block WHERE lane = ? AND boot > 0 ORDER BY id`:                        &r.undatedOf,
			`SELECT points, least FROM block WHERE lane = (SELECT id FROM lane WHERE node = ? AND lane = ?) AND boot = 0
			 ORDER BY greatest DESC`: &r.newest,
			`SELECT body FROM block WHERE id = ? AND segment = ?`: &r.block,
			`SELECT body FROM feed ORDER BY seq`:                  &r.feed,
			`SELECT b.lane, l.node, l.lane, b.body, b.segment FROM block b LEFT JOIN lane l ON l.id = b.lane
			 WHERE b.segment = (SELECT min(segment) FROM block WHERE segment > ?)`: &r.segment,
			`SELECT seq, body FROM feed WHERE seq >= ? ORDER BY seq LIMIT 1`:                                  &r.feedAfter,
			`SELECT coalesce(max(seq), 0) FROM feed WHERE seq <= ?`:                                           &r.feedWith,
			`SELECT node, lane FROM lane WHERE id = ?`:                                                        &r.laneName,
			`SELECT seq FROM cursor WHERE name = ?`:                                                           &r.cursor,
			`SELECT body FROM rollup WHERE lane = ? AND step = ? AND start >= ? AND start < ? ORDER BY start`: &r.spans,
			`SELECT DISTINCT node FROM lane WHERE node > ? ORDER BY node LIMIT 2048`:                          &r.nodes,
		})
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return r, nil
}

func (p *pool) load(node route.NodeURI, b *boots, t *tail, now *clock.Clock) (stored []StoredLane, err error) {
	for {
		before := t.seals()
		stored, err = p.loadOnce(node, b, t, now)
		// What was sealed meanwhile has left the tail for rows that this commit may not have had yet.
		if err != nil || t.seals() == before {
			return stored, err
		}
	}
}

func (p *pool) loadOnce(node route.NodeURI, b *boots, t *tail, now *clock.Clock) (stored []StoredLane, err error) {
	err = p.with(func(r *reader) error {
		// One transaction, so that all lanes are of the same commit.
		if _, err := r.begin.exec(); err != nil {
			return err
		}
		if err := r.lanes(node, b, t, now, &stored); err != nil {
			return err // closing the connection ends the transaction
		}
		_, err := r.commit.exec()
		return err
	})
	return stored, err
}

func (r *reader) lanes(node route.NodeURI, b *boots, t *tail, now *clock.Clock, stored *[]StoredLane) error {
	var maps []int // places in stored of lanes with entries
	err := r.values.query(func(columns []driver.Value) {
		var s StoredLane
		id, _ := columns[0].(int64)
		name, _ := columns[1].(string)
		s.ID, s.Lane = LaneID(id), route.LaneName(name)
		s.Kind, _ = columns[2].(string)
		if columns[3] != int64(0) {
			maps = append(maps, len(*stored))
		}
		if columns[4] != nil {
			if s.Value, _ = columns[4].([]byte); s.Value == nil {
				s.Value = []byte{} // the driver's word for an empty BLOB is nil
			}
			s.At = b.stamp(columns[6:], now)
		}
		since, _ := columns[5].(int64)
		if n, ok := t.value(s.ID, uint64(since)); ok && s.Kind == "value" {
			s.Value, s.At = n.body, n.at
		}
		s.Value = b.restamp(s.Value, now)
		*stored = append(*stored, s)
	}, string(node))
	for _, i := range maps {
		if err != nil {
			break
		}
		s := &(*stored)[i]
		err = r.entries.query(func(columns []driver.Value) {
			var e Entry
			e.Key, _ = columns[0].([]byte)
			e.Body, _ = columns[1].([]byte)
			e.At = b.stamp(columns[2:], now)
			e.Body = b.restamp(e.Body, now)
			s.Entries = append(s.Entries, e)
		}, int64(s.ID))
	}
	slices.SortFunc(*stored, func(x, y StoredLane) int { return cmp.Compare(x.ID, y.ID) })
	return err
}

// nodesAfter returns the next names of nodes with rows, in order. Asking for a few at a time keeps no
// snapshot open that would make the log grow.
func (p *pool) nodesAfter(name string) (names []string, err error) {
	err = p.with(func(r *reader) error {
		return r.nodes.query(func(columns []driver.Value) {
			name, _ := columns[0].(string)
			names = append(names, name)
		}, name)
	})
	return names, err
}

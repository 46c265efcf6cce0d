package store

import (
	"database/sql/driver"
	"fmt"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

// Keep says how much is kept of a lane's history. What goes beyond one of the bounds goes, the oldest first,
// as long as a whole block does, but for the newest; 0 is no bound.
type Keep struct {
	For    time.Duration
	Points int64
	Bytes  int64           // as packed
	Rolled []time.Duration // how long the roll-ups of each of Steps are kept; for ever where it is 0 or missing
}

// Rules say of which lanes a history is kept, and how much of it.
type Rules func(route.NodeURI, route.LaneName) (k Keep, ok bool)

// SetRules sets them. The first time it is to be done before the lanes are asked for. What was kept by a rule that is
// gone stays.
func (s *Store) SetRules(r Rules) { s.rules.Store(&r) }

// Keeps reports whether a lane's history is kept.
func (s *Store) Keeps(node route.NodeURI, lane route.LaneName) bool {
	_, ok := s.keep(node, lane)
	return ok
}

func (s *Store) keep(node route.NodeURI, lane route.LaneName) (Keep, bool) {
	if r := s.rules.Load(); r != nil {
		return (*r)(node, lane)
	}
	return Keep{}, false
}

// DefaultHistory is how large the file may become before the oldest history is dropped.
const DefaultHistory = 2 << 30

const (
	// retainLanes is how many lanes are looked at after each sealing, so that it costs the same however many
	// there are.
	retainLanes = 64

	// dropSegments is how many segments are dropped after each sealing, which makes one.
	dropSegments = 64

	fullCode = "store.full"
)

// retain drops what is beyond its bounds, in one transaction. It reports how many points were dropped because
// the file is full.
func (w *writer) retain(keep Rules, room int64) (dropped int64, err error) {
	if _, err := w.begin.exec(); err != nil {
		return 0, err
	}
	if err = w.retainLanes(keep); err == nil {
		dropped, err = w.makeRoom(room)
	}
	if err == nil {
		_, err = w.tidySegments.exec()
	}
	if err == nil {
		_, err = w.commit.exec()
	}
	if err != nil {
		w.rollback.exec()
		return 0, err
	}
	return dropped, nil
}

// retainLanes goes on with the next lanes that have blocks.
func (w *writer) retainLanes(keep Rules) error {
	sealed := map[time.Duration]int64{}
	for range retainLanes {
		var lane int64
		var key laneKey
		err := w.nextLane.query(func(columns []driver.Value) {
			lane, _ = columns[0].(int64)
			node, _ := columns[1].(string)
			name, _ := columns[2].(string)
			key = laneKey{route.NodeURI(node), route.LaneName(name)}
		}, w.retained)
		if err != nil {
			return err
		}
		if w.retained = lane; lane == 0 { // from the first again, with the next sealing
			return nil
		}
		k, ok := keep(key.node, key.lane)
		if !ok {
			continue
		}
		if err := w.retainLane(lane, k, sealed); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) retainLane(lane int64, k Keep, sealed map[time.Duration]int64) error {
	now := w.clock.Now()
	if now.Trusted && k.For > 0 {
		if err := w.retainAge(lane, k.For, now, sealed); err != nil {
			return err
		}
	}
	for i, step := range Steps {
		if !now.Trusted || i >= len(k.Rolled) || k.Rolled[i] == 0 {
			continue
		}
		oldest := now.Time().Add(-k.Rolled[i] - rollSpans*step).UnixMilli()
		if _, err := w.dropSpans.exec(lane, step.Milliseconds(), oldest); err != nil {
			return err
		}
	}
	if k.Points == 0 && k.Bytes == 0 {
		return nil
	}
	var beyond []int64
	points, bytes := int64(0), int64(0) // of newer blocks
	err := w.sizes.query(func(columns []driver.Value) {
		id, _ := columns[0].(int64)
		n, _ := columns[1].(int64)
		size, _ := columns[2].(int64)
		if k.Points > 0 && points >= k.Points || k.Bytes > 0 && points > 0 && bytes+size > k.Bytes {
			beyond = append(beyond, id)
		}
		points, bytes = points+n, bytes+size
	}, lane)
	for _, id := range beyond {
		if err == nil {
			err = w.dropBlock.query(w.dropped, id)
		}
	}
	return err
}

// retainAge drops blocks that are older than that by their times, and those sealed as long ago whose times
// say nothing: nobody knows them, or they are still to come.
func (w *writer) retainAge(lane int64, age time.Duration, now clock.Stamp, sealed map[time.Duration]int64) error {
	if err := w.dropBefore.query(w.dropped, lane, now.Time().Add(-age).UnixMilli()); err != nil || w.dating {
		return err
	}
	last, ok := sealed[age]
	if !ok {
		err := w.sealedBefore.query(func(columns []driver.Value) { last, _ = columns[0].(int64) },
			w.boots.of(now).id, int64(now.Mono-age), now.Wall-int64(age))
		if err != nil {
			return err
		}
		sealed[age] = last
	}
	return w.dropSealed.query(w.dropped, lane, last, now.Wall/int64(time.Millisecond))
}

// makeRoom drops the oldest segments until what is used of the file is no more than room, or many are gone: a bound
// that was lowered must not hold up commits for long.
func (w *writer) makeRoom(room int64) (dropped int64, err error) {
	for range dropSegments {
		pages, err := w.c.number("SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)")
		if err != nil || pages*w.pageSize <= room {
			return dropped, err
		}
		oldest, points := int64(0), int64(0)
		err = w.oldest.query(func(columns []driver.Value) {
			oldest, _ = columns[0].(int64)
			points, _ = columns[1].(int64)
		})
		if err != nil || points == 0 {
			return dropped, err
		}
		if err := w.dropSegment.query(w.dropped, oldest); err != nil {
			return dropped, err
		}
		dropped += points
	}
	return dropped, nil
}

// retain applies what is to be kept, after a sealing.
func (w *saving) retain() {
	w.round.Add(1)
	w.writer.drops = newDrops(w.drops.Load())
	dropped, err := w.writer.retain(w.keep, w.opts.History)
	if err == nil {
		w.writer.drops.tell(w.round.Load())
	}
	w.writer.drops = nil
	if err != nil {
		w.opts.Log.Error("old history cannot be dropped", "err", fault("drop old history from "+w.path, err))
		return
	}
	if dropped == 0 {
		w.opts.Health.Clear(fullCode)
		return
	}
	w.opts.Health.Add(droppedCode, dropped)
	w.opts.Health.Raise(health.Condition{
		Code:   fullCode,
		Text:   fmt.Sprintf("%s has reached its bound of %d MB, and the oldest history is dropped: %d points by now", w.path, w.opts.History>>20, w.opts.Health.Count(droppedCode)),
		Remedy: "keep less in the tables [history], or raise the bound",
	})
}

package store

import (
	"fmt"
	"log/slog"
	"time"

	"selvage/edge/health"
)

const (
	// A commit that failed is tried again after firstRetry, then after twice that and so on up to
	// lastRetry: disks fill and cards fall out for hours, but whoever frees space wants to see it work.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	longRetry  = 30 * time.Second // of what nobody waits for, and what each try of wears the card

	// closeTries is how often the last commit is tried before its changes are given up.
	closeTries = 3

	// keepMarks bounds the list of marks kept for the next commit: 1 MiB of memory.
	keepMarks = 1 << 16

	conditionCode = "store.commit"
	sealCode      = "store.history"

	checkpointCode = "store.checkpoint"
	droppedCode    = "history.dropped" // counts points
)

// saving is what only the writer's goroutine touches.
type saving struct {
	*Store
	batch  *Batch
	spare  []Saver       // emptied list of marks, for the next commit
	err    error         // why the last commit failed; nil if it did not
	delay  time.Duration // before the next try, while commits fail
	oldest time.Time     // of the changes in batch; zero for none

	lost int64 // points dropped since the last commit that worked

	patience time.Duration // the same of checkpoints
	unsealed time.Time     // when a failed sealing is tried again; zero while they work
}

// run gathers and commits whenever there is a reason to. It ends after the commit of Close.
func (s *Store) run() {
	defer close(s.finished)
	w := &saving{Store: s, batch: newBatch()}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		at, closing := s.due()
		if closing {
			s.closeErr = w.last()
			return
		}
		timer.Stop()
		if !at.IsZero() {
			wait := time.Until(at)
			if wait <= 0 {
				w.commit()
				continue
			}
			timer.Reset(wait)
		}
		select {
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// due says when the next commit is to start; the zero time means there is no reason for one.
func (s *Store) due() (at time.Time, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return time.Time{}, true
	case !s.retry.IsZero():
		return s.retry, false
	case s.next.wanted:
		return time.Now(), false
	case s.dirty:
		at = s.since.Add(s.opts.Commit)
		if by := s.next.by; !by.IsZero() && by.Before(at) {
			at = by
		}
		return at, false
	case s.dating:
		return time.Now(), false
	}
	return s.stalled, false
}

// commit gathers what is marked and commits it together with what an earlier commit failed to save.
func (w *saving) commit() {
	start := time.Now()
	w.mu.Lock()
	marks, g := w.marked, w.next
	if w.dirty && w.oldest.IsZero() {
		w.oldest = w.since
	}
	w.marked, w.dirty = w.spare[:0], false
	w.current, w.next = g, newGroup()
	w.mu.Unlock()

	for _, v := range marks {
		v.Save(w.batch)
	}
	// After Save, which may have asked for lanes: a row must never be on flash without its lane.
	w.batch.lanes = append(w.batch.lanes, w.lanes.takeFresh()...)
	cost, err := w.write()
	w.noteDamage(err) // of which the condition that follows tells
	failed := w.err != nil
	w.err = fault("save changes to "+w.path, diagnose(w.opts.Dir, err))
	w.report(failed)
	if n := w.batch.dropped; n > 0 {
		w.opts.Health.Add(droppedCode, n)
		w.opts.Log.Error("points of the history are lost, since too many wait to be saved", slog.Int64("points", n))
		w.batch.dropped, w.lost = 0, w.lost+n
	}
	answer := w.err
	if err == nil && w.lost > 0 { // some of those who wait now may have been told before that theirs is still to come
		answer, w.lost = fault("save changes to "+w.path, reason{
			why: fmt.Sprintf("%d points of the history were lost while nothing could be saved", w.lost),
			try: "send anew what was not confirmed",
		}), 0
	}
	if w.batch.failing = err != nil; err == nil {
		w.lanes.settle(w.batch.lanes)
		w.batch.reset()
		w.delay = 0
		if cost.repeated > 0 {
			w.opts.Health.Add(repeatedCode, cost.repeated)
		}
	} else {
		w.delay = min(max(2*w.delay, firstRetry), lastRetry)
	}

	w.mu.Lock()
	w.retry = time.Time{}
	if err != nil {
		w.retry = time.Now().Add(w.delay)
	} else if cost.committed {
		w.stats.Commits++
		w.stats.Rows += cost.rows
		w.stats.Values += cost.values
		w.stats.Bytes += cost.bytes
		now := time.Now()
		w.stats.LastLatency = now.Sub(start)
		w.commits.add(now, now.Sub(start))
		if !w.oldest.IsZero() {
			w.unsaved.add(now, now.Sub(w.oldest))
		}
	}
	if err == nil {
		w.oldest = time.Time{}
	}
	w.current = nil
	w.mu.Unlock()
	g.err = answer
	close(g.done)
	if err == nil && w.writer.tail.full() && !time.Now().Before(w.unsealed) {
		w.seal()
	}
	if err == nil && w.writer.dating {
		w.date()
	}
	if long := w.writer.logged >= w.writer.logLimit; err == nil && (long || !w.stalled.IsZero()) && !time.Now().Before(w.stalled) {
		w.checkpoint()
	}

	clear(marks)
	w.spare = marks
	if cap(marks) > keepMarks {
		w.spare = nil
	}
}

// write commits what was gathered, if that would go where it is found again.
func (w *saving) write() (cost, error) {
	if !w.batch.nothing() {
		if err := w.place.check(); err != nil {
			return cost{}, err
		}
	}
	return w.writer.write(w.batch)
}

// report tells people when saving begins to fail and when it works again.
func (w *saving) report(failed bool) {
	switch {
	case w.err != nil:
		why, try := explain(w.err)
		w.opts.Health.Raise(health.Condition{
			Code:     conditionCode,
			Text:     "changes are not being saved to " + w.path + ": " + why + "; they wait in memory and are lost if the power goes",
			Remedy:   try,
			Severity: health.Failure,
		})
		if !failed {
			w.opts.Log.Error("saving fails", slog.Int("changes", w.batch.changes()), slog.Any("err", w.err))
		}
	case failed:
		w.opts.Health.Clear(conditionCode)
		w.opts.Log.Info("saving works again", slog.String("path", w.path))
	}
}

// seal seals what the feed has. If that fails it stays as it is, and is tried again with a later commit.
func (w *saving) seal() {
	err := w.writer.seal()
	w.suspect(err)
	w.unsealed = time.Time{}
	if err == nil {
		w.opts.Health.Clear(sealCode)
		w.retain()
		return
	}
	w.unsealed = time.Now().Add(longRetry)
	why, try := explain(diagnose(w.opts.Dir, err))
	w.opts.Health.Raise(health.Condition{
		Code:     sealCode,
		Text:     "the history in " + w.path + " is not being compressed: " + why + "; nothing is lost, but it takes more room and time",
		Remedy:   try,
		Severity: health.Warning,
	})
}

// date gives some of what is sealed its time. If that fails it is tried again after the next commit.
func (w *saving) date() {
	err := w.writer.date()
	w.suspect(err)
	w.mu.Lock()
	w.dating = err == nil && w.writer.dating
	w.mu.Unlock()
	if err != nil {
		w.opts.Log.Error("the history does not get its time", "err", fault("give the history in "+w.path+" its time", err))
	}
}

// checkpoint moves the log into the database, behind the backs of those who wait for a commit.
func (w *saving) checkpoint() {
	err := w.writer.checkpoint()
	if err == nil && w.writer.long() {
		err = w.restart()
	}
	w.suspect(err)
	stalled := time.Time{}
	if err == nil {
		w.patience = 0
		w.opts.Health.Clear(checkpointCode)
	} else {
		w.patience = min(max(2*w.patience, time.Second), longRetry)
		stalled = time.Now().Add(w.patience)
		why, try := explain(diagnose(w.opts.Dir, err))
		w.opts.Health.Raise(health.Condition{
			Code:     checkpointCode,
			Text:     "the log of " + w.path + " cannot be moved into it: " + why + "; nothing is lost, but the log grows",
			Remedy:   try,
			Severity: health.Failure,
		})
	}
	w.mu.Lock()
	w.stalled = stalled
	w.mu.Unlock()
}

// restart has the log begin anew: as long as somebody reads what is in it it only grows, and where there are many who read
// somebody always does. Commits wait meanwhile.
func (w *saving) restart() error {
	const patience = time.Second
	alone, err := w.pool.alone(patience, w.writer.checkpoint)
	if err != nil || alone && w.writer.logged == 0 {
		return err
	}
	return reason{
		why: fmt.Sprintf("something has been reading for long, and it has %d MB", w.writer.log*w.writer.pageSize>>20),
		try: "close what else has " + fileName + " open, such as an SQLite shell, or wait for the end of an export",
	}
}

// last makes the commit of Close.
func (w *saving) last() error {
	w.batch.final, w.delay = true, 0 // who stops the host waits
	for range closeTries {
		<-time.After(w.delay)
		if w.commit(); w.err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w (closed all the same; changes lost: %d)", w.err, w.batch.changes())
}

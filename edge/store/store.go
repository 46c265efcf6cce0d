// Package store keeps the stored lanes of a host on flash: one SQLite file, one writer, and as few
// commits as the data allows.
//
// A lane that changes is marked; the writer asks each marked lane once per commit for what to save,
// so a lane set ten thousand times between two commits costs one row. A commit comes at the latest
// Options.Commit after the first mark. Whoever has to acknowledge something calls Flush: it returns
// when everything marked before the call is on flash, and all who wait at one time share a commit.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
)

// DefaultCommit is the longest a change nobody waits for stays in memory only.
const DefaultCommit = 250 * time.Millisecond

// ErrClosed is what a Flush or Load of a closed store returns.
var ErrClosed = errors.New("the store is closed")

// Options says where a store lives and whom it tells about trouble. All but Dir may be left out.
type Options struct {
	Dir    string        // data folder; created if missing
	Commit time.Duration // longest delay of a commit, 0 = DefaultCommit
	Clock  *clock.Clock  // to correct the time of early readings
	Health *health.Board // gets the condition "store.commit" while saving fails
	Log    *slog.Logger

	// Identity says whose store it is, such as "name" and "board"; what is empty is not known. Another host gets
	// another epoch.
	Identity map[string]string

	History int64 // bytes the file may have before the oldest history is dropped, 0 = DefaultHistory
}

// Saver is something with stored lanes, such as an agent.
type Saver interface {
	// Save puts the present state into b. The writer calls it once for each Mark, when it gathers a
	// commit; all who have to acknowledge something wait meanwhile, so it must be quick.
	Save(b *Batch)
}

// Stats tells what saving has cost so far.
type Stats struct {
	Commits     int64         // transactions committed
	Rows        int64         // rows written or removed by them
	Values      int64         // values of lanes among them, points of a history too: readings, mostly
	Bytes       int64         // written to the log before the checkpoint, in whole pages
	LastLatency time.Duration // of the last commit, from gathering to flash

	Commit  Latency       // of the commits of the last minute, from gathering to flash
	Unsaved Latency       // how long their oldest change was in memory only
	Limit   time.Duration // Options.Commit, which a change nobody waits for may take to be gathered
}

// Store is an open data folder. It is safe for concurrent use.
type Store struct {
	opts   Options
	path   string // of the database
	epoch  string
	lock   *folderLock
	writer *writer
	place  *place
	boots  *boots
	rules  atomic.Pointer[Rules]
	tail   *tail
	lanes  *lanes
	pool   *pool

	drops atomic.Pointer[dropping]
	round atomic.Uint64 // how often retention has begun

	mu      sync.Mutex
	marked  []Saver
	dirty   bool      // there is something to gather
	since   time.Time // when dirty became true
	next    *group    // is served by the commit after the present one
	current *group    // is served by the present commit; nil when there is none
	retry   time.Time // when a failed commit is tried again; zero while commits work
	dating  bool      // there may be blocks whose time has become known
	stalled time.Time // when a failed checkpoint is tried again; zero while they work
	closing bool
	stats   Stats
	commits latencies // as Stats.Commit
	unsaved latencies // as Stats.Unsaved

	ignoreSteps func() // of the clock

	wake     chan struct{} // there may be a new reason to commit
	finished chan struct{} // the writer has left
	close    sync.Once
	closeErr error
}

// group is the set of Flush callers that one commit serves.
type group struct {
	wanted bool      // someone waits
	by     time.Time // when, at the latest, the commit is to start for those who can wait a little; zero for nobody
	done   chan struct{}
	err    error // valid once done is closed
}

func newGroup() *group { return &group{done: make(chan struct{})} }

// Open opens the store in o.Dir, creating it if there is none. A folder is open in one process at a
// time. The caller must Close the store.
func Open(o Options) (*Store, error) {
	if o.Commit <= 0 {
		o.Commit = DefaultCommit
	}
	if o.History <= 0 {
		o.History = DefaultHistory
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Health == nil {
		o.Health = health.NewBoard()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		opts: o, next: newGroup(),
		wake: make(chan struct{}, 1), finished: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		return nil, fault("open the store in "+o.Dir, diagnose(o.Dir, err))
	}
	s.ignoreSteps = o.Clock.OnStep(s.step)
	s.dating = s.writer.dating
	go s.run()
	return s, nil
}

func (s *Store) open() (err error) {
	if s.opts.Dir, err = filepath.Abs(s.opts.Dir); err != nil {
		return err
	}
	if s.lock, err = lockFolder(s.opts.Dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.lock.release()
		}
	}()
	s.path = databasePath(s.opts.Dir)
	if isReplaced(s.path) {
		if _, err = putInPlace(s.path, "replaced"); err != nil {
			return fmt.Errorf("a new %s could not be put in place: %w", fileName, err)
		}
	}
	if !isMarked(s.opts.Dir) {
		if err = s.connect(); !isDamage(err) {
			return err
		}
	}
	saved, err := salvage(s.path)
	if err != nil {
		return fmt.Errorf("%s is damaged, and what can be read of it could not be saved: %w", fileName, err)
	}
	if err = s.connect(); err == nil {
		s.tell(saved)
	}
	return err
}

// connect opens the file and reads what is known of it from the start.
func (s *Store) connect() (err error) {
	c, err := openWriter(s.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err = c.prepareSchema(); err != nil {
		return err
	}
	changed, err := c.owned(s.opts.Identity)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		s.opts.Log.Info("what is stored was another host's, as its "+strings.Join(changed, " and its ")+" shows; to peers it begins anew", "folder", s.opts.Dir)
	}
	if s.epoch, err = c.word("SELECT value FROM meta WHERE key = 'epoch'"); err != nil {
		return err
	}
	if s.boots, err = loadBoots(c); err != nil {
		return err
	}
	if s.tail, err = loadTail(c, s.boots, s.opts.Clock); err != nil {
		return err
	}
	last, err := c.number("SELECT coalesce(max(id), 0) FROM lane")
	if err != nil {
		return err
	}
	if s.writer, err = newWriter(c, s.boots, s.tail, s.opts.Clock, s.suspect); err != nil {
		return err
	}
	if s.place, err = placeOf(s.path); err != nil {
		return err
	}
	s.pool = newPool(s.path, s.suspect)
	s.lanes = newLanes(LaneID(last))
	if last > 0 {
		s.lanes.learn(s.pool)
	}
	return nil
}

// Epoch returns the random name of the present run of numbers in the feed, see newEpoch.
func (s *Store) Epoch() string { return s.epoch }

// Mark notes that v has something to save. It never waits for the disk. The caller keeps v from being
// marked again until its Save is called.
func (s *Store) Mark(v Saver) {
	s.mu.Lock()
	s.marked = append(s.marked, v)
	first := s.touch()
	s.mu.Unlock()
	if first {
		s.rouse()
	}
}

// touch notes that there is something to gather and reports whether this is news. The caller holds mu.
func (s *Store) touch() bool {
	if s.dirty {
		return false
	}
	s.dirty, s.since = true, time.Now()
	return true
}

// step has the writer find out whether the time is known now.
func (s *Store) step() {
	s.mu.Lock()
	first := s.touch()
	s.mu.Unlock()
	if first {
		s.rouse()
	}
}

// rouse has the writer look at its reasons to commit.
func (s *Store) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Flush returns after the commit that holds everything marked before the call: at once if there is
// nothing to save, else with the error of that commit. What could not be saved is kept and tried
// again, so an error means "not yet". It also returns when ctx ends.
func (s *Store) Flush(ctx context.Context) error { return s.flush(ctx, 0) }

// Settle is Flush for who only reads what is stored: the commit comes when it would come anyway, or within that time.
// So those who read often do not wear the flash.
func (s *Store) Settle(ctx context.Context, within time.Duration) error { return s.flush(ctx, within) }

func (s *Store) flush(ctx context.Context, within time.Duration) error {
	s.mu.Lock()
	var g *group
	switch {
	case s.closing:
		s.mu.Unlock()
		return ErrClosed
	case s.dirty:
		g = s.next
		g.want(within)
	case s.current != nil:
		g = s.current
	case !s.retry.IsZero(): // the rows of a failed commit wait
		g, s.next.wanted = s.next, true
	default:
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	s.rouse()
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("wait for a commit to %s: %w", s.path, context.Cause(ctx))
	}
}

func (g *group) want(within time.Duration) {
	if within == 0 {
		g.wanted = true
	} else if by := time.Now().Add(within); g.by.IsZero() || by.Before(g.by) {
		g.by = by
	}
}

// Hurry has what is marked committed without delay, for one who has no room for more. It reports whether commits work.
func (s *Store) Hurry() bool {
	s.mu.Lock()
	s.next.wanted = s.next.wanted || s.dirty
	works := s.retry.IsZero()
	s.mu.Unlock()
	s.rouse()
	return works
}

// Stats returns what saving has cost so far.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, stats := time.Now(), s.stats
	stats.Commit, stats.Unsaved, stats.Limit = s.commits.at(now), s.unsaved.at(now), s.opts.Commit
	return stats
}

// Close commits what is marked, moves the log into the database and lets go of the folder. It returns
// the error of that last commit, if it failed: then changes are lost. Calling it again returns the
// same. Whoever marks must have stopped before.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.ignoreSteps()
		s.mu.Lock()
		s.closing = true
		s.mu.Unlock()
		s.rouse()
		<-s.finished
		s.lanes.stop()
		s.pool.close()
		s.closeErr = errors.Join(s.closeErr, fault("move the log of "+s.path+" into it, without which nothing is lost", diagnose(s.opts.Dir, s.writer.close())))
		s.lock.release()
	})
	return s.closeErr
}

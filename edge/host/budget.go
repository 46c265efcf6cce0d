package host

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
)

// worker gives cells their turns, on a goroutine of its own.
type worker struct {
	sched *scheduler
	watch stopwatch
	turns atomic.Uint64        // that it has begun, the runs of cells counted in
	cell  atomic.Pointer[cell] // that has its turns now
	id    []byte               // of its goroutine, as stack traces show it
	yield atomic.Bool          // others have waited long enough for those of one cell

	batch [maxTurns]agent.Mail // of a cell that has more

	// Guarded by budget.mu.
	had      *cell     // what had its turns when the budget looked last
	seen     uint64    // turns at that time
	since    time.Time // when it saw that for the first time
	replaced bool      // its turn is over the budget, and another worker has its place
	overdue  *cell     // whose turn that is
}

func (w *worker) loop() {
	w.id = goroutineID()
	leaves := false
	defer func() {
		if !leaves && !w.sched.watch.release(w) { // a handler has ended this goroutine
			w.sched.watch.drop(w)
			w.sched.hire()
		}
	}()
	for !leaves {
		c := w.sched.next()
		if c == nil {
			leaves = true
			return
		}
		c.run(w)
		leaves = w.sched.watch.release(w)
	}
}

func (w *worker) begin(c *cell) {
	w.turns.Add(1)
	w.yield.Store(false)
	w.cell.Store(c)
}

func (w *worker) end() { w.cell.Store(nil) }

// budget watches how long turns take. A worker whose turn takes longer gets a deputy, so that all
// other agents keep their turns; once that turn ends, it is one worker too many and leaves. An agent with
// many turns of which none is long gives way to others after about as long.
type budget struct {
	sched *scheduler
	timer *time.Timer

	mu      sync.Mutex
	workers []*worker
	stopped bool
	over    atomic.Int32 // workers that are replaced
}

// looks is how often the budget looks in the time that a turn may take.
const looks = 2

func (b *budget) start(s *scheduler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sched = s
	b.timer = time.AfterFunc(s.host.Budget/looks, b.look)
}

func (b *budget) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	b.timer.Stop()
}

func (b *budget) add(w *worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers = append(b.workers, w)
}

// look finds the turns that are over the budget.
func (b *budget) look() {
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		return
	}
	wanted := 0
	for _, w := range b.workers {
		c := w.cell.Load()
		w.yield.Store(c != nil && c == w.had)
		w.had = c
		switch turns := w.turns.Load(); {
		case turns != w.seen || c == nil:
			w.seen, w.since = turns, time.Now()
		case !w.replaced && time.Since(w.since) >= b.sched.host.Budget:
			w.replaced, w.overdue = true, c
			b.over.Add(1)
			wanted++
			b.report(w)
		}
	}
	b.timer.Reset(b.sched.host.Budget / looks)
	b.mu.Unlock()
	for range wanted {
		b.sched.hire()
	}
}

func (b *budget) report(w *worker) {
	h, c := b.sched.host, w.overdue
	h.Health.Add("agent.overdue", 1)
	h.logOf(c.agent.URI()).Error("a turn takes long", "budget", h.Budget, "stack", string(stackOf(w.id)))
	h.Health.Raise(health.Condition{
		Code:     c.turnCode(),
		Text:     fmt.Sprintf("agent %s is in one turn for more than %v and answers nobody; all others go on", c.agent.URI(), h.Budget),
		Remedy:   "the log has the place where it is; what waits for something belongs into Go",
		Severity: health.Failure,
	})
}

func (c *cell) turnCode() string { return "agent." + string(c.agent.URI()) + ".turn" }

// turnOf returns how long the turn of c takes by now, if it is over the budget.
func (b *budget) turnOf(c *cell) time.Duration {
	if b.over.Load() == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.workers {
		if w.replaced && w.overdue == c {
			return time.Since(w.since)
		}
	}
	return 0
}

// release is called by a worker after each run; it is to leave if another has its place.
func (b *budget) release(w *worker) (leave bool) {
	if b.over.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !w.replaced {
		return false
	}
	b.over.Add(-1)
	b.sched.host.Health.Clear(w.overdue.turnCode())
	b.remove(w)
	return true
}

func (b *budget) drop(w *worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(w)
}

func (b *budget) remove(w *worker) {
	b.workers = slices.DeleteFunc(b.workers, func(o *worker) bool { return o == w })
}

// goroutineID returns the id of the goroutine that calls it, as in "goroutine 7 [running]:".
func goroutineID() []byte {
	var head [64]byte
	id, _, _ := bytes.Cut(head[:runtime.Stack(head[:], false)], []byte(" ["))
	return bytes.Clone(id)
}

// stackOf returns the stack of a goroutine, as far as room for all stacks suffices.
func stackOf(id []byte) []byte {
	const room = 4 << 20
	all := make([]byte, room)
	all = all[:runtime.Stack(all, true)]
	at := bytes.Index(all, append(slices.Clip(id), " ["...))
	if at < 0 {
		return nil
	}
	stack, _, _ := bytes.Cut(all[at:], []byte("\n\n"))
	return stack
}

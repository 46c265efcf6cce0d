// Package health holds what is wrong with this host right now, in words a person can act on.
//
// A Condition has a stable code, what is the matter, and what to do about it. It is raised where the
// trouble is noticed and cleared where it ends; the console, the log, the meta agents and the cloud
// all show the same words from the one Board. A condition may wait some time before it is shown, and
// stays hidden while one it depends on is there: no "broker lost" under "network down".
package health

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Severity says how much is at stake.
type Severity uint8

const (
	Warning Severity = iota // something works less well, or will stop working
	Failure                 // something does not work
)

func (s Severity) String() string {
	if s == Failure {
		return "failure"
	}
	return "warning"
}

// Condition is one thing that is wrong.
type Condition struct {
	Code      string        // stable name: "device.air", "store.commit", "web.listen"
	Text      string        // what is the matter, where and why
	Remedy    string        // what to try
	Since     time.Time     // when it began; the first Raise fills it in
	After     time.Duration // how long it must last before it is shown
	DependsOn []string      // codes whose presence explains this one
	Severity  Severity
}

func (c Condition) same(d Condition) bool {
	return c.Text == d.Text && c.Remedy == d.Remedy && c.After == d.After &&
		c.Severity == d.Severity && slices.Equal(c.DependsOn, d.DependsOn)
}

type raised struct {
	Condition
	show *time.Timer // announces the end of After; nil when there was nothing to wait for
}

func (r *raised) stop() {
	if r.show != nil {
		r.show.Stop()
	}
}

// Board holds the conditions and counters of one host. Make it with NewBoard; it is safe for
// concurrent use and owns no goroutine.
type Board struct {
	mu       sync.Mutex
	raised   map[string]*raised
	watchers map[int]func()
	lastID   int

	counters sync.Map // code → *atomic.Int64
}

// NewBoard returns an empty board.
func NewBoard() *Board {
	return &Board{raised: map[string]*raised{}, watchers: map[int]func(){}}
}

// Raise puts c on the board. Raising a code again updates its words and keeps its beginning; raising
// the very same condition again changes nothing.
func (b *Board) Raise(c Condition) {
	b.mu.Lock()
	c.DependsOn = slices.Clone(c.DependsOn)
	if old := b.raised[c.Code]; old != nil {
		c.Since = old.Since
		if old.same(c) {
			b.mu.Unlock()
			return
		}
		old.stop()
	}
	if c.Since.IsZero() {
		c.Since = time.Now()
	}
	r := &raised{Condition: c}
	if wait := c.After - time.Since(c.Since); c.After > 0 && wait > 0 {
		r.show = time.AfterFunc(wait, b.announce)
	}
	b.raised[c.Code] = r
	b.mu.Unlock()
	b.announce()
}

// Clear takes the condition with this code off the board, if it is there.
func (b *Board) Clear(code string) {
	b.mu.Lock()
	r := b.raised[code]
	if r == nil {
		b.mu.Unlock()
		return
	}
	r.stop()
	delete(b.raised, code)
	b.mu.Unlock()
	b.announce()
}

// Active returns the conditions to show, the worst first, then by code.
func (b *Board) Active() []Condition {
	b.mu.Lock()
	defer b.mu.Unlock()
	var shown []Condition
	for _, r := range b.raised {
		if time.Since(r.Since) >= r.After && !b.explained(r) {
			shown = append(shown, r.Condition)
		}
	}
	slices.SortFunc(shown, func(x, y Condition) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Code, y.Code))
	})
	return shown
}

// Codes returns the codes of all conditions that have lasted as long as they must to be shown, those too that others
// explain: they are there all the same.
func (b *Board) Codes() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var codes []string
	for _, r := range b.raised {
		if time.Since(r.Since) >= r.After {
			codes = append(codes, r.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// explained tells whether a condition that r depends on is on the board. It counts even while its own
// After runs: better to show nothing for some seconds than first the effect and then the cause.
func (b *Board) explained(r *raised) bool {
	return slices.ContainsFunc(r.DependsOn, func(code string) bool { return b.raised[code] != nil })
}

// Watch has fn called after each change of what Active returns or may return, on the goroutine that
// made the change and with no lock held. Calls may overlap, so fn should only take a note and return.
// One call may still be under way when cancel returns.
func (b *Board) Watch(fn func()) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastID++
	id := b.lastID
	b.watchers[id] = fn
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, id)
	}
}

func (b *Board) announce() {
	b.mu.Lock()
	fns := make([]func(), 0, len(b.watchers))
	for _, fn := range b.watchers {
		fns = append(fns, fn)
	}
	b.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

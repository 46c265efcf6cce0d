package policy

import (
	"net/netip"
	"sync"
	"time"
)

// A throttle makes who fails again and again wait, longer each time. An attempt counts as failed from
// its beginning, or many at the same time would all be free.
type throttle struct {
	free  int           // failures that cost nothing
	most  time.Duration // the longest wait
	first time.Duration // after the first that is not free; doubles with each more

	mu   sync.Mutex
	keys map[string]*failures
	line int // turns that are given
}

type failures struct {
	count int
	last  time.Time            // when the last attempt began
	until time.Time            // before this no other one is looked at
	turns map[string]time.Time // from when on a source has a turn all the same
	next  time.Time            // the last that was given
}

// Where many addresses try at one name all the time, whoever comes when the wait is over is seldom the
// user. So each address that is told to wait is given a turn, after those given before, at which it is
// looked at in any case. With these a name has two attempts in the longest wait. There is a bound to
// turns; while many more addresses try than it allows, one that is new there has to be lucky. An address
// from which the user has logged in before, a token and a session wait for nothing of this.
const (
	maxTurns  = 120  // of a key: an hour
	maxLine   = 4096 // of all keys
	turnLasts = 10 * time.Minute
)

// newThrottles returns one for addresses and one for names of users. Who mistypes does so a few times;
// beyond that an address has twelve attempts an hour in the long run. At a user's name many addresses may
// try, and the user himself must not be kept out for long.
func newThrottles() (addresses, names *throttle) {
	return &throttle{free: 5, first: time.Second, most: 5 * time.Minute},
		&throttle{free: 10, first: time.Second, most: 30 * time.Second}
}

const (
	forget      = 30 * time.Minute // after the last attempt
	maxFailures = 4096             // keys that are remembered
)

func (t *throttle) wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.keys[key]; f != nil {
		return max(0, f.until.Sub(now))
	}
	return 0
}

// begin counts an attempt, or returns how long to wait before one is looked at. from, if it is given, is
// whose turns are kept.
func (t *throttle) begin(key, from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.keys[key]
	if f != nil && now.Sub(f.last) > forget {
		t.drop(key)
		f = nil
	}
	if f == nil {
		t.makeRoom(now)
		f = &failures{}
		t.keys[key] = f
	}
	if left := f.until.Sub(now); left > 0 {
		if left = t.turn(f, from, left, now); left > 0 {
			return left
		}
	} else if _, ok := f.turns[from]; ok {
		t.giveUp(f, from)
	}
	f.count++
	f.last = now
	if p := t.pause(f); p > 0 {
		f.until = now.Add(p)
	}
	return 0
}

// pause is how long to wait after so many failures.
func (t *throttle) pause(f *failures) time.Duration {
	over := f.count - t.free
	if over <= 0 {
		return 0
	}
	return min(t.first<<min(over-1, 20), t.most)
}

// turn returns how long it is until the turn of from, which it gives if there is none. Without one that is
// what is left for all.
func (t *throttle) turn(f *failures, from string, left time.Duration, now time.Time) time.Duration {
	if from == "" {
		return left
	}
	for one, at := range f.turns {
		if now.Sub(at) > turnLasts {
			t.giveUp(f, one)
		}
	}
	at, ok := f.turns[from]
	switch {
	case ok && !at.After(now):
		t.giveUp(f, from)
		return 0
	case ok:
		return at.Sub(now)
	case len(f.turns) >= maxTurns || t.line >= maxLine:
		return left
	case f.turns == nil:
		f.turns = map[string]time.Time{}
	}
	f.next = later(f.until, f.next.Add(t.most))
	f.turns[from] = f.next
	t.line++
	return f.next.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *throttle) giveUp(f *failures, from string) {
	delete(f.turns, from)
	t.line--
}

// undo takes back that an attempt was counted at a time, reset all of them.
func (t *throttle) undo(key string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.keys[key]; f != nil && f.count > 0 {
		f.count--
		if f.last.Equal(at) { // or others have failed since
			f.until = time.Time{}
		}
	}
}

func (t *throttle) reset(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(key)
}

func (t *throttle) drop(key string) {
	if f := t.keys[key]; f != nil {
		t.line -= len(f.turns)
		delete(t.keys, key)
	}
}

// makeRoom forgets the oldest of too many.
func (t *throttle) makeRoom(now time.Time) {
	if t.keys == nil {
		t.keys = map[string]*failures{}
	}
	if len(t.keys) < maxFailures {
		return
	}
	oldest, at := "", now
	for key, f := range t.keys {
		if now.Sub(f.last) > forget {
			t.drop(key)
		} else if !f.last.After(at) {
			oldest, at = key, f.last
		}
	}
	if len(t.keys) >= maxFailures {
		t.drop(oldest)
	}
}

// Neighbourhood is the part of an address that one party has: whoever has an IPv6 address has 2⁶⁴ of them.
func Neighbourhood(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		p, _ := from.Prefix(64)
		return p.String()
	}
	return from.String()
}

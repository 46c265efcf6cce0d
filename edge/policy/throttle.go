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
}

type failures struct {
	count int
	last  time.Time // when the last attempt began
	until time.Time // before this no other one is looked at
}

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

// begin counts an attempt, or returns how long to wait before one is looked at.
func (t *throttle) begin(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.keys[key]
	if f != nil && now.Sub(f.last) > forget {
		delete(t.keys, key)
		f = nil
	}
	if f == nil {
		t.makeRoom(now)
		f = &failures{}
		t.keys[key] = f
	}
	if left := f.until.Sub(now); left > 0 {
		return left
	}
	f.count++
	f.last = now
	if over := f.count - t.free; over > 0 {
		f.until = now.Add(min(t.first<<min(over-1, 20), t.most))
	}
	return 0
}

// undo takes back that an attempt was counted, reset all of them.
func (t *throttle) undo(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.keys[key]; f != nil && f.count > 0 {
		f.count--
		f.until = time.Time{}
	}
}

func (t *throttle) reset(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, key)
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
			delete(t.keys, key)
		} else if !f.last.After(at) {
			oldest, at = key, f.last
		}
	}
	if len(t.keys) >= maxFailures {
		delete(t.keys, oldest)
	}
}

// neighbourhood is the part of an address that one party has: whoever has an IPv6 address has 2⁶⁴ of them.
func neighbourhood(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		p, _ := from.Prefix(64)
		return p.String()
	}
	return from.String()
}

package health

import "sync/atomic"

// Add counts n more of what code names, such as refused mails or dropped events. Counting calls no
// watcher: counters are read when someone looks.
func (b *Board) Add(code string, n int64) {
	c, ok := b.counters.Load(code)
	if !ok {
		c, _ = b.counters.LoadOrStore(code, new(atomic.Int64))
	}
	c.(*atomic.Int64).Add(n)
}

// Count returns how many were added under code.
func (b *Board) Count(code string) int64 {
	c, ok := b.counters.Load(code)
	if !ok {
		return 0
	}
	return c.(*atomic.Int64).Load()
}

// Counters returns all counts by code.
func (b *Board) Counters() map[string]int64 {
	all := map[string]int64{}
	b.counters.Range(func(code, c any) bool {
		all[code.(string)] = c.(*atomic.Int64).Load()
		return true
	})
	return all
}

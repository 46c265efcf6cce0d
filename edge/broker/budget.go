package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	large    = 4 << 10 // bytes of a packet that has to have a grant; more than mochi reads ahead
	readCost = 2       // of a packet that arrives: mochi reads it, and copies it
)

// pace is how long a packet may take while another waits for room.
type pace struct {
	one  time.Duration // while one waits
	many time.Duration // while many do
	rate int64         // what goes at that many bytes a second has longer
}

// budget bounds the bytes that large packets take while they arrive, or go out. Who has no room waits, in order.
type budget struct {
	room  *semaphore.Weighted
	total int64
	pace

	mu      sync.Mutex
	grants  map[*grant]struct{}
	waiting int
	timer   *time.Timer // runs press while somebody waits
}

// grant is room that a packet has.
type grant struct {
	of    *budget
	size  int64
	began time.Time
	late  func()       // called when others have waited for it too long; nil for never
	got   atomic.Int64 // bytes that have arrived, or gone
	here  atomic.Bool  // all of it has, so nobody need hurry it
}

func newBudget(total int64, p pace) *budget {
	return &budget{room: semaphore.NewWeighted(total), total: total, pace: p, grants: map[*grant]struct{}{}}
}

// try returns nil when there is no room now.
func (b *budget) try(size int64, late func()) *grant {
	if size = min(size, b.total); b.room.TryAcquire(size) {
		return b.grant(size, late)
	}
	return nil
}

// take returns nil when ctx has ended before there was room.
func (b *budget) take(ctx context.Context, size int64, late func()) *grant {
	if size = min(size, b.total); !b.room.TryAcquire(size) {
		b.queue(1)
		err := b.room.Acquire(ctx, size)
		b.queue(-1)
		if err != nil {
			return nil
		}
	}
	return b.grant(size, late)
}

func (b *budget) grant(size int64, late func()) *grant {
	g := &grant{of: b, size: size, late: late}
	b.mu.Lock()
	defer b.mu.Unlock()
	g.began = time.Now()
	b.grants[g] = struct{}{}
	return g
}

func (g *grant) release() {
	g.of.mu.Lock()
	delete(g.of.grants, g)
	g.of.mu.Unlock()
	g.of.room.Release(g.size)
}

// queue counts who waits.
func (b *budget) queue(more int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += more
	switch {
	case b.waiting == 0:
		b.timer.Stop()
	case b.waiting == 1 && more == 1 && b.timer == nil:
		b.timer = time.AfterFunc(b.one, b.press)
	case b.waiting == 1 && more == 1:
		b.timer.Reset(b.one)
	}
}

// press ends what takes too long, the sooner the more wait.
func (b *budget) press() {
	b.mu.Lock()
	if b.waiting == 0 {
		b.mu.Unlock()
		return
	}
	enough := max(b.many, b.one/time.Duration(b.waiting))
	var late []func()
	for g := range b.grants {
		if g.late != nil && !g.here.Load() && time.Since(g.began) >= enough+time.Duration(g.got.Load())*time.Second/time.Duration(b.rate) {
			late = append(late, g.late)
			g.late = nil
		}
	}
	b.timer.Reset(max(b.many, enough/2))
	b.mu.Unlock()
	for _, end := range late {
		end()
	}
}

package clock

import (
	"maps"
	"slices"
	"sync"
)

// steps are those who want to know when the wall clock is set.
type steps struct {
	mu   sync.Mutex
	fns  map[int]func()
	last int
}

// OnStep has fn called each time the wall clock is set: by the kernel, while Watch runs, by Learn, and when
// the kernel's time begins to count instead of what Learn was told, or the reverse, which Now finds out.
// fn must not block.
func (c *Clock) OnStep(fn func()) (cancel func()) {
	s := &c.steps
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fns == nil {
		s.fns = map[int]func(){}
	}
	s.last++
	id := s.last
	s.fns[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.fns, id)
	}
}

func (s *steps) tell() {
	s.mu.Lock()
	fns := slices.Collect(maps.Values(s.fns))
	s.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

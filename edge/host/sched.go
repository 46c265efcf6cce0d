package host

import (
	"context"
	"sync"
)

// scheduler gives runnable cells their turns, first come first served, on a fixed number of workers
// that run, besides those that are stuck in a turn.
type scheduler struct {
	host    *Host
	workers sync.WaitGroup
	watch   budget

	mu     sync.Mutex
	work   sync.Cond // queue is not empty, or closed
	queue  []*cell
	head   int
	closed bool
}

func (s *scheduler) start(h *Host, workers int) {
	s.host = h
	s.work.L = &s.mu
	for range workers {
		s.hire()
	}
	s.watch.start(s)
}

// hire starts a worker.
func (s *scheduler) hire() {
	w := &worker{sched: s, watch: stopwatch{weight: 1}}
	s.watch.add(w)
	s.workers.Go(w.loop)
}

func (s *scheduler) add(c *cell) {
	s.mu.Lock()
	if s.head > len(s.queue)/2 && len(s.queue) == cap(s.queue) {
		n := copy(s.queue, s.queue[s.head:])
		clear(s.queue[n:])
		s.queue, s.head = s.queue[:n], 0
	}
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	s.work.Signal()
}

// next waits for a cell to run; nil when there is none any more.
func (s *scheduler) next() *cell {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.head == len(s.queue) && !s.closed {
		s.work.Wait()
	}
	if s.closed {
		return nil
	}
	c := s.queue[s.head]
	s.queue[s.head] = nil
	if s.head++; s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	return c
}

// stop ends the workers after the turns they are in; it does not wait longer than ctx for one that hangs.
func (s *scheduler) stop(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Broadcast()
	s.watch.stop()
	waitFor(ctx, &s.workers)
}

package host

import (
	"context"
	"sync"
)

// scheduler gives runnable cells their turns, first come first served, on a fixed number of workers.
type scheduler struct {
	workers sync.WaitGroup

	mu     sync.Mutex
	work   sync.Cond // queue is not empty, or closed
	queue  []*cell
	head   int
	closed bool
}

func (s *scheduler) start(workers int) {
	s.work.L = &s.mu
	for range workers {
		s.workers.Go(s.loop)
	}
}

func (s *scheduler) add(c *cell) {
	s.mu.Lock()
	if s.head > 0 && len(s.queue) == cap(s.queue) {
		n := copy(s.queue, s.queue[s.head:])
		clear(s.queue[n:])
		s.queue, s.head = s.queue[:n], 0
	}
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	s.work.Signal()
}

func (s *scheduler) loop() {
	watch := stopwatch{weight: 1}
	for {
		s.mu.Lock()
		for s.head == len(s.queue) && !s.closed {
			s.work.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		c := s.queue[s.head]
		s.queue[s.head] = nil
		if s.head++; s.head == len(s.queue) {
			s.queue, s.head = s.queue[:0], 0
		}
		s.mu.Unlock()
		c.run(&watch)
	}
}

// stop ends the workers after the turns they are in; it does not wait longer than ctx for one that hangs.
func (s *scheduler) stop(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Broadcast()
	ended := make(chan struct{})
	go func() {
		s.workers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

package host

import (
	"sync"

	"selvage/edge/agent"
)

// watchers are told of agents and lanes as they come to be.
type watchers struct {
	mu   sync.RWMutex
	fns  map[int]func(*agent.Agent, *agent.Lane)
	ends map[int]func(*agent.Agent)
	last int
}

func (w *watchers) add(fn func(*agent.Agent, *agent.Lane)) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fns == nil {
		w.fns = map[int]func(*agent.Agent, *agent.Lane){}
	}
	w.last++
	id := w.last
	w.fns[id] = fn
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fns, id)
	}
}

func (w *watchers) tell(a *agent.Agent, l *agent.Lane) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, fn := range w.fns {
		fn(a, l)
	}
}

func (w *watchers) gone(a *agent.Agent) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, fn := range w.ends {
		fn(a)
	}
}

// WatchEnds has fn called for each agent that is not in memory any more. One that comes back is told
// to Watch again.
func (h *Host) WatchEnds(fn func(*agent.Agent)) (cancel func()) {
	w := &h.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends == nil {
		w.ends = map[int]func(*agent.Agent){}
	}
	w.last++
	id := w.last
	w.ends[id] = fn
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ends, id)
	}
}

// Watch has fn called for each agent there is and each that comes to be, with no lane, and for each
// of their lanes. A lane that its agent makes anew after a restart comes again, and one that comes to
// be during the call may come twice. Its calls may overlap; fn must not block, nor call the host.
func (h *Host) Watch(fn func(*agent.Agent, *agent.Lane)) (cancel func()) {
	cancel = h.watchers.add(fn)
	for a := range h.Nodes() {
		fn(a, nil)
		for _, l := range a.Lanes() {
			fn(a, l)
		}
	}
	return cancel
}

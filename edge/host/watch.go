package host

import (
	"sync"

	"selvage/edge/agent"
)

// watchers are told of agents and lanes as they come and go.
type watchers struct {
	mu   sync.RWMutex
	all  map[int]watcher
	last int
}

// watcher is what one of them wants to be told; what is nil it does not.
type watcher struct {
	comes  func(*agent.Agent, *agent.Lane)
	leaves func(*agent.Agent, *agent.Lane) // a lane whose agent is still there
	ends   func(*agent.Agent)
}

func (w *watchers) add(who watcher) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[int]watcher{}
	}
	w.last++
	id := w.last
	w.all[id] = who
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, id)
	}
}

func (w *watchers) tell(a *agent.Agent, l *agent.Lane) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, who := range w.all {
		if who.comes != nil {
			who.comes(a, l)
		}
	}
}

func (w *watchers) left(a *agent.Agent, l *agent.Lane) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, who := range w.all {
		if who.leaves != nil {
			who.leaves(a, l)
		}
	}
}

func (w *watchers) gone(a *agent.Agent) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, who := range w.all {
		if who.ends != nil {
			who.ends(a)
		}
	}
}

// WatchEnds has fn called for each agent that is not in memory any more. One that comes back is told
// to Watch again, after that. fn must not block, nor call the host.
func (h *Host) WatchEnds(fn func(*agent.Agent)) (cancel func()) {
	return h.watchers.add(watcher{ends: fn})
}

// Watch has fn called for each agent there is and each that comes to be, with no lane, and for each
// of their lanes. A lane that its agent makes anew after a restart comes again, and one that comes to
// be during the call may come twice. Its calls may overlap; fn must not block, nor call the host.
func (h *Host) Watch(fn func(*agent.Agent, *agent.Lane)) (cancel func()) {
	cancel = h.watchers.add(watcher{comes: fn})
	for a := range h.Nodes() {
		fn(a, nil)
		for _, l := range a.Lanes() {
			fn(a, l)
		}
	}
	return cancel
}

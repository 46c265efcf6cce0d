package host

import (
	"slices"
	"sync/atomic"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// awaits are the links to agents that there are not. It is guarded by Host.mu.
type awaits struct {
	awaited  map[route.NodeURI][]*agent.Wait
	refused  map[route.NodeURI]bool // those of awaited for which there was no room
	routings atomic.Uint64          // counts what may have made an agent that there was not before
}

// await offers w the lane of the agent at uri when there is one. It fails if somebody may have begun to make
// such agents since routings was read.
func (h *Host) await(uri route.NodeURI, w *agent.Wait, routings uint64, noRoom bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.HasLeft() {
		return true
	}
	if c := h.cells[uri]; c != nil {
		c.offer(w)
		return true
	}
	if h.routings.Load() != routings {
		return false
	}
	if h.awaited == nil {
		h.awaited, h.refused = map[route.NodeURI][]*agent.Wait{}, map[route.NodeURI]bool{}
	}
	h.awaited[uri] = append(h.awaited[uri], w)
	if noRoom {
		h.refused[uri] = true
	}
	return true
}

// forget ends an await. Where there is an agent at uri, w may have been offered its lane.
func (h *Host) forget(uri route.NodeURI, w *agent.Wait) *cell {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.awaited[uri]
	if i := slices.Index(waiting, w); i >= 0 {
		if waiting = slices.Delete(waiting, i, i+1); len(waiting) > 0 {
			h.awaited[uri] = waiting
		} else {
			h.noMore(uri)
		}
	}
	return h.cells[uri]
}

// noMore is called with h.mu held.
func (h *Host) noMore(uri route.NodeURI) {
	delete(h.awaited, uri)
	delete(h.refused, uri)
}

// serve makes those agents that links wait for and that are made now.
func (h *Host) serve(are func(route.NodeURI) bool) {
	h.mu.Lock()
	h.routings.Add(1) // who is about to wait looks again
	var uris []route.NodeURI
	for uri := range h.awaited {
		uris = append(uris, uri)
	}
	h.mu.Unlock()
	for _, uri := range uris {
		if are(uri) {
			h.makeAwaited(uri)
		}
	}
}

// serveRefused makes agents that links wait for and for which there was no room.
func (h *Host) serveRefused() {
	h.mu.Lock()
	refused := h.refused
	if len(refused) > 0 {
		h.refused = map[route.NodeURI]bool{}
		h.routings.Add(1)
	}
	h.mu.Unlock()
	for uri := range refused {
		h.makeAwaited(uri)
	}
}

// makeAwaited makes the agent at uri, or notes that there is no room for it.
func (h *Host) makeAwaited(uri route.NodeURI) {
	if _, err := h.find(uri); err != ErrTooMany {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.awaited[uri]) > 0 {
		h.refused[uri] = true
	}
}

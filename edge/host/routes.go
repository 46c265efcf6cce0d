package host

import (
	"fmt"
	"slices"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/route"
)

// routes are the patterns whose nodes are made when they are touched.
type routes struct {
	list  []*origin
	table route.Table[*origin]
}

func (r *routes) find(uri route.NodeURI) *origin {
	of, params, ok := r.table.Find(uri)
	if !ok || of.guard != nil && !of.guard(params) {
		return nil
	}
	return of
}

func (r *routes) add(of *origin) error {
	if err := r.table.Add(of.options.Pattern, of); err != nil {
		return err
	}
	r.list = append(r.list, of)
	return nil
}

// without makes the routes anew but for one.
func (r *routes) without(gone *origin) (left routes) {
	for _, of := range r.list {
		if of != gone {
			left.add(of) // which was there before
		}
	}
	return left
}

func (r *routes) of(p route.Pattern) *origin {
	i := slices.IndexFunc(r.list, func(of *origin) bool { return of.options.Pattern.String() == p.String() })
	if i < 0 {
		return nil
	}
	return r.list[i]
}

// Route has an agent of the kind made on the first touch of any node URI that the pattern
// matches. guard may refuse some of them; nil refuses none. Agents that a broader pattern has made
// become such as this one makes.
func (h *Host) Route(p route.Pattern, k agent.Kind, config any, guard func(route.Params) bool) error {
	h.mu.Lock()
	of := h.origin(Agents, k, config)
	of.options.Pattern, of.guard, of.routed = p, guard, true
	if err := h.routes.add(of); err != nil {
		h.mu.Unlock()
		return err
	}
	for uri, c := range h.cells {
		if c.of.routed && h.routes.find(uri) == of {
			c.replace(of)
		}
	}
	h.mu.Unlock()
	h.serve(func(uri route.NodeURI) bool {
		h.mu.RLock()
		defer h.mu.RUnlock()
		return h.routes.find(uri) == of
	})
	return nil
}

// mayRoute is called with h.mu held.
func (h *Host) mayRoute(uri route.NodeURI) error {
	if h.routed < h.MaxRouted {
		return nil
	}
	h.crowded = true
	h.Health.Raise(health.Condition{
		Code:     "host.agents",
		Text:     fmt.Sprintf("routes have made %d agents, and make no more: %s was refused", h.routed, uri),
		Remedy:   "if so many are meant, raise agents in the table [host]; else look who touches new node URIs",
		Severity: health.Failure,
	})
	return ErrTooMany
}

// unroute is called with h.mu held when there is one agent less that a route has made.
func (h *Host) unroute() {
	h.routed--
	if h.crowded && h.routed <= h.MaxRouted*9/10 { // and not at each that goes while others wait
		h.crowded = false
		h.Health.Clear("host.agents")
	}
	h.hasRoom()
}

// hasRoom is called with h.mu held when an agent has gone of a sort that is bounded.
func (h *Host) hasRoom() {
	if len(h.refused) > 0 {
		h.tidier.wake()
	}
}

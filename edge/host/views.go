package host

import (
	"selvage/edge/agent"
	"selvage/edge/route"
)

// maxViews bounds the views there are at the same time: anybody who may link can ask for them.
const maxViews = 2048

// Views has an agent made for a node URI that is nobody's if find knows one, and no find of an earlier call. It ends as soon as it is
// not used (agent.IsUsed) and has no mail, so views are for what is computed while somebody looks. find is called on
// any goroutine, and may call the host.
func (h *Host) Views(find func(route.NodeURI) (k agent.Kind, config any, ok bool)) {
	h.mu.Lock()
	h.views = append(h.views[:len(h.views):len(h.views)], find)
	h.mu.Unlock()
	h.serve(func(uri route.NodeURI) bool { return !uri.IsFar() && h.view(uri) != nil })
}

func (h *Host) view(uri route.NodeURI) *origin {
	h.mu.RLock()
	finds := h.views
	h.mu.RUnlock()
	for _, find := range finds {
		if k, config, ok := find(uri); ok {
			of := h.origin(Agents, k, config)
			of.options.View = true
			return of
		}
	}
	return nil
}

// makeView is called with h.mu held.
func (h *Host) makeView(uri route.NodeURI, of *origin) (*cell, error) {
	if h.viewed >= maxViews {
		h.Health.Add("views.refused", 1)
		return nil, ErrTooMany
	}
	h.viewed++
	return h.make(uri, of), nil
}

// reach gives push the agent at uri, and its successor if that is a view which ends just then.
func (h *Host) reach(uri route.NodeURI, push func(*cell) error) error {
	for {
		c, err := h.find(uri)
		if err == nil {
			err = push(c)
		}
		if err != errRetired {
			return err
		}
	}
}

// retireView ends a view that is not used and has no mail. Only its worker calls it, between turns, and
// readers come in turns.
func (c *cell) retireView() bool {
	if c.agent.IsUsed() {
		return false
	}
	h := c.host
	h.mu.Lock()
	c.mu.Lock()
	over := c.state == running && c.box == nil
	if over {
		c.state = retired
		delete(h.cells, c.agent.URI())
		if !c.agent.URI().IsFar() { // of which there are as many as this host's own agents want
			h.viewed--
			h.hasRoom()
		}
	}
	c.mu.Unlock()
	if over {
		h.Health.Clear(c.code()) // with h.mu held, while it has no successor
	}
	h.mu.Unlock()
	if over {
		c.finish()
		c.agent.Retire()
	}
	return over
}

package host

import (
	"context"
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// stop gives the agent its last turn and calls done after it.
func (c *cell) stop(done func()) {
	c.end(func() {
		c.shut(stopped, ErrStopped)
		done()
	})
}

// end gives the agent its last turn, after which its mailbox fills but is not read, and calls then.
func (c *cell) end(then func()) {
	c.mu.Lock()
	had := c.state == resting || c.state == idle && !c.started // its last turn
	if had {
		c.state = running
	}
	if had || c.more().ending != nil || c.state == stopped || c.state == retired {
		c.mu.Unlock()
		then()
		return
	}
	c.rare.ending = then
	c.mu.Unlock()
	c.between(func() {
		c.finish()
		c.over = true
	})
}

// conclude is called by the worker after the last turn. The state stays running, so that no worker gets
// the cell again.
func (c *cell) conclude(mail []agent.Mail) {
	c.mu.Lock()
	c.putBack(mail)
	then := c.rare.ending
	c.mu.Unlock()
	then()
}

// finish is the agent's last turn, called by its worker between turns.
func (c *cell) finish() {
	if err := c.agent.Finish(); err != nil {
		c.Log().Error("agent did not stop properly", "err", err)
	}
}

// between has fn run by the agent's worker between two turns, if there are any more.
func (c *cell) between(fn func()) {
	c.push(agent.Mail{Do: func() {}, Done: func(err error) {
		if err == nil {
			fn()
		}
	}}, true)
}

// Remove gives the agent at uri its last turn and takes it away. Links to it end, and local downlinks
// wait for another. What it stored stays in the store.
func (h *Host) Remove(ctx context.Context, uri route.NodeURI) error {
	h.mu.Lock()
	c := h.cells[uri]
	delete(h.passive, uri)
	h.mu.Unlock()
	if c == nil {
		return nil
	}
	ended := make(chan struct{})
	c.end(func() { close(ended) })
	select {
	case <-ended:
	case <-ctx.Done():
		h.works.start(func() { // it goes when its turn is over
			<-ended
			h.takeAway(context.Background(), c)
		})
		return fmt.Errorf("agent %s did not stop in time", uri)
	}
	return h.takeAway(ctx, c)
}

// isEnding reports whether somebody has asked for the agent's last turn.
func (c *cell) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rare != nil && c.rare.ending != nil
}

// takeAway is called after the last turn of c.
func (h *Host) takeAway(ctx context.Context, c *cell) error {
	uri := c.agent.URI()
	err := h.saved(ctx)
	h.mu.Lock()
	if h.cells[uri] == c {
		h.drop(c)
	}
	h.mu.Unlock()
	waiting := c.shut(retired, ErrStopped)
	c.agent.Retire(true)
	for _, w := range waiting { // who came too late wait for the next
		c.Join(uri, w)
	}
	h.watchers.gone(&c.agent)
	h.Health.Clear(c.code())
	return err
}

// drop is called with h.mu held.
func (h *Host) drop(c *cell) {
	delete(h.cells, c.agent.URI())
	if c.of.routed {
		h.routed--
	}
}

// saved waits until what agents have stored so far is on flash.
func (h *Host) saved(ctx context.Context) error {
	if h.Store == nil {
		return nil
	}
	return h.Store.Flush(ctx)
}

// Replace gives the agent at uri another kind or config: it has its last turn, then its setup over what
// its lanes published. Its readers and its mail stay.
func (h *Host) Replace(uri route.NodeURI, k agent.Kind, config any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.cells[uri]
	switch {
	case c != nil:
		if c.isEnding() {
			return fmt.Errorf("agent %s was taken away and has not ended its last turn yet", uri)
		}
		c.replace(h.origin(c.of.layer, k, config))
	case h.passive[uri] != nil:
		of := h.origin(Agents, k, config)
		delete(h.passive, uri)
		h.wakeUp(uri)
		h.make(uri, of)
	default:
		return fmt.Errorf("%s: %w", uri, ErrNoNode)
	}
	return nil
}

// replace is called with c.host.mu held.
func (c *cell) replace(of *origin) {
	c.mu.Lock()
	if c.state == resting { // and nobody else touches the agent
		c.agent.Reconfigure(&of.options)
		if c.of.routed && !of.routed {
			c.host.routed--
		}
		c.of, c.more().crashes, c.state = of, crashes{}, queued
		c.host.sched.add(c)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.between(func() {
		c.finish()
		c.agent.Reconfigure(&of.options)
		c.host.mu.Lock()
		if c.of.routed && !of.routed {
			c.host.routed--
		}
		c.of = of
		c.host.mu.Unlock()
		c.mu.Lock()
		if c.started = false; c.rare != nil {
			c.rare.crashes = crashes{}
		}
		c.mu.Unlock()
		c.Wake(func() {})
	})
}

// Reroute gives the agents of a pattern, those there are and those that will be, another kind or config.
func (h *Host) Reroute(p route.Pattern, k agent.Kind, config any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.routes.of(p)
	if old == nil {
		return fmt.Errorf("there is no route %s", p)
	}
	of := h.origin(Agents, k, config)
	of.options.Pattern, of.guard, of.routed = p, old.guard, true
	h.routes = h.routes.without(old)
	if err := h.routes.add(of); err != nil {
		return err
	}
	for _, c := range h.cells {
		if c.of.routed && c.of.options.Pattern.String() == p.String() {
			c.replace(of)
		}
	}
	return nil
}

// Unroute takes a pattern away, and the agents that were made by it.
func (h *Host) Unroute(ctx context.Context, p route.Pattern) error {
	h.mu.Lock()
	old := h.routes.of(p)
	if old == nil {
		h.mu.Unlock()
		return fmt.Errorf("there is no route %s", p)
	}
	h.routes = h.routes.without(old)
	var made []route.NodeURI
	for uri, c := range h.cells {
		if c.of.routed && c.of.options.Pattern.String() == p.String() {
			made = append(made, uri)
		}
	}
	h.mu.Unlock()
	for _, uri := range made {
		if err := h.Remove(ctx, uri); err != nil {
			return err
		}
	}
	return nil
}

package host

import (
	"context"
	"errors"
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

// end gives the agent its last turn, after which its mailbox takes no commands, and calls then.
func (c *cell) end(then func()) {
	c.mu.Lock()
	if c.state == resting || c.state == idle && !c.started { // its last turn was before
		c.state = ended
	}
	if c.state >= ended {
		c.mu.Unlock()
		then()
		return
	}
	r := c.more()
	if first := r.ending; first != nil {
		r.ending = func() { first(); then() }
		c.mu.Unlock()
		return
	}
	r.ending = then
	c.mu.Unlock()
	err := c.between(func() {
		if c.started {
			c.finish()
		}
		c.over = true
	})
	if err != nil { // a view that ended just now
		then()
	}
}

// conclude is called by the worker after the last turn.
func (c *cell) conclude(mail []agent.Mail) {
	c.mu.Lock()
	c.putBack(mail)
	c.state = ended
	then := c.rare.ending
	c.mu.Unlock()
	then()
}

// finish is the agent's last turn, called by its worker between turns.
func (c *cell) finish() {
	if err := c.agent.Finish(); err != nil {
		c.Log().Error("agent did not stop properly", "err", err)
	}
	c.mu.Lock()
	c.started = false
	c.mu.Unlock()
}

// Remove gives the agent at uri its last turn and takes it away. Links to it end, and local downlinks
// wait for another. What it stored stays in the store.
func (h *Host) Remove(ctx context.Context, uri route.NodeURI) error {
	h.mu.Lock()
	c := h.cells[uri]
	delete(h.passive, uri)
	if c == nil {
		h.wakeUp(uri)
	}
	h.mu.Unlock()
	if c == nil {
		h.Health.Clear(codeOf(uri))
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
	is := h.cells[uri]
	if is == c {
		h.drop(c)
		h.Health.Clear(c.code())
	}
	came := is != nil && is != c && is.of == c.of || is == nil && h.passive[uri] == c.of
	h.mu.Unlock()
	if came { // it had left memory by itself just before, and is to be taken away as what comes back
		return errors.Join(err, h.Remove(ctx, uri))
	}
	if is != c {
		return err
	}
	waiting := c.shut(retired, ErrStopped)
	c.agent.Retire()
	for _, w := range waiting { // who came too late wait for the next
		c.Join(uri, w)
	}
	return err
}

// drop is called with h.mu held, so that who is told of an agent's end is not told before of the next one.
func (h *Host) drop(c *cell) {
	delete(h.cells, c.agent.URI())
	if c.of.routed {
		h.unroute()
	}
	h.watchers.gone(&c.agent)
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
	c.more().next = of
	if c.state == resting && c.become() { // and nobody else touches the agent
		c.state = queued
		c.host.sched.add(c)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.between(func() {
		h := c.host
		h.mu.RLock()
		late := c.rare.next == nil // it has become what came after, too
		h.mu.RUnlock()
		if late {
			return
		}
		if c.started {
			c.finish()
		}
		h.mu.Lock()
		c.mu.Lock()
		c.become()
		c.asleep = false
		c.mu.Unlock()
		h.mu.Unlock()
		c.touch()
	})
}

// become gives an agent that does not run the last config that was asked for, if that is new. host.mu and
// c.mu are held.
func (c *cell) become() bool {
	r := c.rare
	if r == nil || r.next == nil {
		return false
	}
	of := r.next
	c.agent.Reconfigure(&of.options)
	if c.of.routed && !of.routed {
		c.host.unroute()
	}
	c.of, r.next, r.crashes = of, nil, crashes{}
	return true
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
	var err error
	for _, uri := range made {
		err = errors.Join(err, h.Remove(ctx, uri))
	}
	return err
}

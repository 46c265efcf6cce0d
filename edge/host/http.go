package host

import (
	"context"
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// IsHTTP reports whether a lane answers HTTP requests itself. An agent that a route makes is made to know it.
func (h *Host) IsHTTP(ctx context.Context, node route.NodeURI, lane route.LaneName) bool {
	if node.IsFar() {
		return false
	}
	if a, ok := h.Node(node); ok {
		if l := a.Lane(lane); l != nil {
			return l.Kind() == agent.HTTPKind
		}
	}
	err := h.turn(ctx, node, nil, func(a *agent.Agent) error {
		if l := a.Lane(lane); l == nil || l.Kind() != agent.HTTPKind {
			return agent.ErrNotHTTP
		}
		return nil
	})
	return err == nil
}

// HTTP has a lane answer an HTTP request. It returns when the agent has, and, unless the request only
// reads, what the turn stored is on flash.
func (h *Host) HTTP(ctx context.Context, node route.NodeURI, lane route.LaneName, r *agent.Request) (*agent.Reply, error) {
	var reply *agent.Reply
	err := h.turn(ctx, node, r.Raw, func(a *agent.Agent) (err error) {
		reply, err = a.Answer(lane, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.Method != "GET" && r.Method != "HEAD" {
		if err := h.saved(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotSaved, err)
		}
	}
	return reply, nil
}

// turn runs fn as a turn of the agent at node, and returns its error. body counts for the room that the
// agent's mailbox has. When ctx ends first, what fn does is of no use to anybody.
func (h *Host) turn(ctx context.Context, node route.NodeURI, body []byte, fn func(*agent.Agent) error) error {
	var failed error
	done := make(chan error, 1)
	err := h.reach(node, func(c *cell) error {
		return c.deliverSoon(ctx, agent.Mail{Body: body, Do: func() { failed = fn(&c.agent) }, Done: func(err error) { done <- err }})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", node, err)
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		return fmt.Errorf("%s: no turn yet: %w", node, ctx.Err())
	}
	if err != nil {
		return err
	}
	return failed
}

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/warp"
)

// fullPatience is how long a full mailbox holds up its sender before the mail is refused.
const fullPatience = time.Second

// Do sends a command through the one door and returns when the agent has taken or refused it,
// and what the turn stored is on flash.
func (h *Host) Do(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	c, err := h.find(node)
	if err != nil {
		return fmt.Errorf("%s: %w", node, err)
	}
	done := make(chan error, 1)
	m := agent.Mail{Lane: lane, Body: body, Done: func(err error) { done <- err }}
	if err := c.deliverSoon(ctx, m); err != nil {
		return fmt.Errorf("%s: %w", node, err)
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("%s: no turn yet: %w", node, ctx.Err())
	}
	if err != nil || h.Store == nil {
		return err
	}
	if err := h.Store.Flush(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSaved, err)
	}
	return nil
}

func (c *cell) deliverSoon(ctx context.Context, m agent.Mail) error {
	room, err := c.push(m, false)
	if room == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fullPatience)
	defer cancel()
	if err = c.deliver(ctx, m); errors.Is(err, ErrFull) {
		c.host.Health.Add("mail.refused", 1)
	}
	return err
}

// Command is for peer.Server: WARP has no answer for a command that nobody takes, so that one is
// dropped, as SwimOS does, and counted.
func (h *Host) Command(c *peer.Conn, node route.NodeURI, lane route.LaneName, body []byte) {
	h.take(c.Context(), node, lane, body)
}

func (h *Host) take(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) {
	c, err := h.find(node)
	if err == nil {
		err = c.deliverSoon(ctx, agent.Mail{Lane: lane, Body: bytes.Clone(body)})
	}
	if err != nil {
		h.Health.Add("command.dropped", 1)
	}
}

// Request is for peer.Server.
func (h *Host) Request(l *peer.Link, e *warp.Envelope) {
	c, err := h.find(l.Node())
	if err != nil {
		l.Refuse("nodeNotFound")
		return
	}
	req := *e
	req.Body = bytes.Clone(e.Body)
	answer := agent.Mail{Body: req.Body, Do: func() {
		lane := c.agent.Lane(l.Lane())
		if lane == nil && req.Tag != warp.Unlink {
			l.Refuse("laneNotFound")
			return
		}
		l.Answer(&req, func() warp.Source { return lane.Open(l) })
	}}
	if c.deliverSoon(l.Conn().Context(), answer) == nil {
		return
	}
	// In its place behind the requests before it. This much is bounded: its connection has waited for it.
	if _, err := c.push(agent.Mail{Do: func() { l.Refuse("busy") }}, true); err != nil {
		l.Refuse("")
	}
}

var _ peer.Server = (*Host)(nil)

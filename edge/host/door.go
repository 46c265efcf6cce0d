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
	if err := h.ask(ctx, node, lane, body); err != nil || h.Store == nil {
		return err
	}
	if err := h.Store.Flush(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSaved, err)
	}
	return nil
}

// ask is Do that does not wait for the store.
func (h *Host) ask(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	done := make(chan error, 1)
	m := agent.Mail{Lane: lane, Body: body, Done: func(err error) { done <- err }}
	err := h.reach(node, func(c *cell) error { return c.deliverSoon(ctx, m) })
	if err != nil {
		return fmt.Errorf("%s: %w", node, err)
	}
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: no turn yet: %w", node, ctx.Err())
	}
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
	m := agent.Mail{Lane: lane, Body: bytes.Clone(body)}
	err := h.reach(node, func(c *cell) error { return c.deliverSoon(ctx, m) })
	if err != nil {
		h.Health.Add("command.dropped", 1)
	}
}

// Request is for peer.Server.
func (h *Host) Request(l *peer.Link, e *warp.Envelope) {
	req := *e
	req.Body = bytes.Clone(e.Body)
	err := h.reach(l.Node(), func(c *cell) error {
		err := c.deliverSoon(l.Conn().Context(), agent.Mail{Body: req.Body, Do: func() { c.answer(l, &req) }, Done: func(err error) {
			if err == ErrStopped { // there was no turn any more
				l.Refuse("nodeNotFound")
			}
		}})
		if !errors.Is(err, ErrFull) {
			return err
		}
		// In its place behind the requests before it. This much is bounded: its connection has waited for it.
		if _, err := c.push(agent.Mail{Do: func() { l.Refuse("busy") }}, true); err != nil {
			l.Refuse("")
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrTooMany):
		l.Refuse("busy")
	case err != nil:
		l.Refuse("nodeNotFound")
	}
}

// answer is the turn in which a lane answers a request.
func (c *cell) answer(l *peer.Link, e *warp.Envelope) {
	var lane *agent.Lane
	if e.Tag == warp.Link || e.Tag == warp.Sync {
		lane = c.agent.Find(l.Lane())
	}
	switch {
	case e.Tag == warp.Unlink, e.Tag == warp.Unlinked:
	case lane == nil:
		l.Refuse("laneNotFound")
		return
	case lane.Kind() == agent.HTTPKind, e.Tag == warp.Sync && lane.CanShow(e.Body) != nil:
		l.Refuse("unsupported")
		return
	default:
		expect(lane, l, e.Tag)
	}
	var with any
	if e.Prio == 0 && e.Rate == 0 {
		with = l.Conn() // else it goes before others, or later
	}
	opened := false
	l.Answer(e, func() warp.Source {
		opened = true
		return lane.OpenWith(l, with)
	})
	if !opened && with == nil && (e.Tag == warp.Link || e.Tag == warp.Sync) {
		lane.Part(l)
	}
}

// expect has the lane prepare for its reader. If that panics the reader is told, too.
func expect(lane *agent.Lane, l *peer.Link, tag warp.Tag) {
	ready := false
	defer func() {
		if !ready {
			l.Refuse("")
		}
	}()
	if tag == warp.Sync {
		lane.Expect()
	} else {
		lane.ExpectLink()
	}
	ready = true
}

var _ peer.Server = (*Host)(nil)

package host

import (
	"context"
	"errors"
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// State is what a lane holds: the events that would bring a new link to know it. The bytes are
// shared and must not be altered.
type State struct {
	Kind   agent.LaneKind
	Events [][]byte
}

// ErrPast is what reading a history at once ends with.
var ErrPast = errors.New("a history may be too long to be read at once; link to it, or use Host.History")

// Read returns what a lane holds once everything sent to its agent before has had its turn.
func (h *Host) Read(ctx context.Context, node route.NodeURI, lane route.LaneName) (State, error) {
	turn := make(chan error, 1)
	var state State
	there, isPast := false, false
	err := h.reach(node, func(c *cell) error {
		read := func() {
			l := c.agent.Lane(lane)
			if there = l != nil && l.Kind() != agent.PastKind; there {
				l.Expect()
				state = State{Kind: l.Kind(), Events: l.Read()} // now: what was computed for this reader is his
			}
			isPast = !there && c.agent.HasLane(lane)
		}
		return c.deliverSoon(ctx, agent.Mail{Do: read, Done: func(err error) { turn <- err }})
	})
	if err != nil {
		return State{}, fmt.Errorf("%s: %w", node, err)
	}
	select {
	case err = <-turn:
	case <-ctx.Done():
		return State{}, fmt.Errorf("%s: no turn yet: %w", node, ctx.Err())
	}
	switch {
	case err != nil:
		return State{}, fmt.Errorf("%s: %w", node, err)
	case isPast:
		return State{}, fmt.Errorf("%s %s: %w", node, lane, ErrPast)
	case !there:
		return State{}, fmt.Errorf("%s %s: %w", node, lane, agent.ErrNoLane)
	}
	return state, nil
}

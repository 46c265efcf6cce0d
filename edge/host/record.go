package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/route"
)

// Past is a value that a lane had.
type Past struct {
	Body []byte
	At   clock.Stamp
}

// maxRecorded is how many values one turn records: other mail waits meanwhile.
const maxRecorded = 256

// Record puts values that a value lane had into its history, and returns when they are on flash, with how many
// it has taken and how many of these were left out, being older than what is kept. What the lane holds stays.
func (h *Host) Record(ctx context.Context, node route.NodeURI, lane route.LaneName, values []Past) (taken, expired int, err error) {
	if h.Store == nil {
		return 0, 0, ErrNoHistory
	}
	for len(values) > 0 {
		some := values[:min(len(values), maxRecorded)]
		var n, old atomic.Int64 // the turn may come when nobody waits any more
		failed := h.turn(ctx, node, nil, func(a *agent.Agent) error {
			l := a.Lane(lane)
			if l == nil {
				return fmt.Errorf("%s %s: %w", node, lane, agent.ErrNoLane)
			}
			for _, v := range some {
				if h.Store.Expired(node, lane, v.At) {
					old.Add(1)
				}
				if err := l.RecordText(v.Body, v.At); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
		if err := h.saved(ctx); err != nil {
			return taken, expired, fmt.Errorf("%w: %w", ErrNotSaved, err)
		}
		taken, expired, values = taken+int(n.Load()), expired+int(old.Load()), values[n.Load():]
		if failed != nil && !(errors.Is(failed, agent.ErrBehind) && n.Load() > 0) {
			return taken, expired, failed
		}
	}
	return taken, expired, nil
}

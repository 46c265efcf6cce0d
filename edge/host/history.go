package host

import (
	"errors"
	"maps"
	"slices"
	"time"

	"selvage/edge/route"
	"selvage/edge/series"
	"selvage/edge/store"
)

// ErrNoHistory is what reading the history of a host without a store ends with.
var ErrNoHistory = errors.New("this host keeps nothing")

// History returns the values that a lane had, as store.Store.History does.
func (h *Host) History(node route.NodeURI, lane route.LaneName, from, to time.Time) (*store.History, error) {
	if h.Store == nil {
		return nil, ErrNoHistory
	}
	return h.Store.History(node, lane, from, to)
}

// Rolled sums up the values that a lane had, as store.Store.Rolled does.
func (h *Host) Rolled(node route.NodeURI, lane route.LaneName, from, to time.Time, step time.Duration) ([]series.Span, error) {
	if h.Store == nil {
		return nil, ErrNoHistory
	}
	return h.Store.Rolled(node, lane, from, to, step)
}

// KeepAnew has all agents ask the store anew of which of their lanes it keeps a history.
func (h *Host) KeepAnew() {
	h.mu.RLock()
	cells := slices.Collect(maps.Values(h.cells))
	h.mu.RUnlock()
	for _, c := range cells {
		c.between(func() { c.agent.KeepAnew() })
	}
}

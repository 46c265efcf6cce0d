package host

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
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

// Keeps reports whether the host keeps a history of a lane.
func (h *Host) Keeps(node route.NodeURI, lane route.LaneName) bool {
	return h.Store != nil && h.Store.Keeps(node, lane)
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

// settleTime is how long who asks for a history waits for the commit of what came before, at most: a commit earlier
// than it is due wears the flash.
const settleTime = time.Second

// Past is for agent.Runtime.
func (c *cell) Past(lane route.LaneName, newest int) (agent.Past, error) {
	s := c.host.Store
	if s == nil {
		return nil, ErrNoHistory
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := s.Settle(ctx, settleTime); err != nil {
		return nil, err
	}
	var all *store.History
	var err error
	if newest > 0 {
		all, err = s.Newest(c.agent.URI(), lane, newest)
	} else {
		all, err = s.History(c.agent.URI(), lane, time.Time{}, time.Time{})
	}
	if err != nil {
		return nil, err
	}
	return past{all, s}, nil
}

// storeTime is how long the store may take for a commit before that is an error.
const storeTime = 30 * time.Second

// past is a history as agents read it.
type past struct {
	*store.History
	store *store.Store
}

func (p past) Next() (body []byte, at clock.Stamp, ok bool) {
	point, ok := p.History.Next()
	return point.Body, point.At, ok
}

func (p past) Round() uint64 { return p.store.Round() }

// tellDrops has those who read histories told of what is not kept any more.
func (h *Host) tellDrops() {
	of := func(node route.NodeURI, lane route.LaneName) *agent.Agent {
		a, _ := h.Node(node)
		if a == nil {
			return nil
		}
		if l := a.Lane(route.HistoryLane(lane)); l == nil || !l.IsRead() {
			return nil
		}
		return a
	}
	h.Store.OnDrop(
		func(node route.NodeURI, lane route.LaneName) bool { return of(node, lane) != nil },
		func(d store.Drop) {
			a := of(d.Node, d.Lane)
			if a == nil {
				return
			}
			h.works.start(func() {
				a.Dropped(d.Lane, d.At, h.isFirst(d), d.Round)
			})
		})
}

// isFirst reports whether a lane has nothing left of the time before what was dropped last.
func (h *Host) isFirst(d store.Drop) bool {
	all, err := h.Store.History(d.Node, d.Lane, time.Time{}, time.UnixMilli(d.At[len(d.At)-1]+1))
	if err != nil {
		return false
	}
	_, some := all.Next()
	return !some && all.Err() == nil
}

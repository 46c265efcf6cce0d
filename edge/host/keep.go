package host

import (
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/route"
	"selvage/edge/store"
)

// Save is called by the store when it gathers a commit.
func (c *cell) Save(b *store.Batch) {
	c.dirty.Store(false) // first: what changes from here on marks the cell anew
	c.agent.Save(keeper{c.host.Store, b, c.host.Clock.Now()})
}

// keeper puts an agent's changes into a batch of the store.
type keeper struct {
	store *store.Store
	batch *store.Batch
	now   clock.Stamp
}

func (k keeper) row(l *agent.Lane) store.LaneID {
	if l.RowID() == 0 {
		l.SetRowID(int64(k.store.Lane(l.Agent().URI(), l.Name(), l.Kind().String())))
	}
	return store.LaneID(l.RowID())
}

func (k keeper) Value(l *agent.Lane, body []byte) { k.batch.Value(k.row(l), body, k.now) }
func (k keeper) Point(l *agent.Lane, body []byte, at clock.Stamp, late bool) {
	if late && k.store.Expired(l.Agent().URI(), l.Name(), at) {
		l.Agent().Health().Add("history.expired", 1)
		return
	}
	k.batch.Point(k.row(l), body, at, late)
}
func (k keeper) Entry(l *agent.Lane, key, body []byte) { k.batch.Entry(k.row(l), key, body, k.now) }
func (k keeper) Remove(l *agent.Lane, key []byte)      { k.batch.Remove(k.row(l), key) }
func (k keeper) Clear(l *agent.Lane)                   { k.batch.Clear(k.row(l)) }

// nowhere remembers nothing.
type nowhere struct{}

func (nowhere) Value(*agent.Lane, []byte)                    {}
func (nowhere) Point(*agent.Lane, []byte, clock.Stamp, bool) {}
func (nowhere) Entry(*agent.Lane, []byte, []byte)            {}
func (nowhere) Remove(*agent.Lane, []byte)                   {}
func (nowhere) Clear(*agent.Lane)                            {}

// load reads what the store remembers of an agent.
func (h *Host) load(uri route.NodeURI) (map[route.LaneName]agent.Snapshot, error) {
	if h.Store == nil {
		return nil, nil
	}
	lanes, err := h.Store.Load(uri)
	if err != nil {
		return nil, err
	}
	stored := make(map[route.LaneName]agent.Snapshot, len(lanes))
	for _, l := range lanes {
		kind, ok := agent.ParseLaneKind(l.Kind)
		if !ok {
			return nil, fmt.Errorf("lane %s is stored as a %s lane, which this version does not know", l.Lane, l.Kind)
		}
		s := agent.Snapshot{Kind: kind, Value: l.Value}
		for _, e := range l.Entries {
			s.Entries = append(s.Entries, agent.Entry{Key: e.Key, Value: e.Body})
		}
		stored[l.Lane] = s
	}
	return stored, nil
}

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
func (k keeper) Point(l *agent.Lane, p agent.Point) {
	if p.Owed {
		k.batch.Owe()
	}
	if p.Late && k.store.Expired(l.Agent().URI(), l.Name(), p.At) {
		l.Agent().Health().Add("history.expired", 1)
		return
	}
	k.batch.Point(k.row(l), p.Body, p.At, p.Late)
}
func (k keeper) Entry(l *agent.Lane, key, body []byte) { k.batch.Entry(k.row(l), key, body, k.now) }
func (k keeper) Remove(l *agent.Lane, key []byte)      { k.batch.Remove(k.row(l), key) }
func (k keeper) Clear(l *agent.Lane)                   { k.batch.Clear(k.row(l)) }

// notesLane is the lane under which the store has the notes of a book.
const notesLane route.LaneName = "notes"

func (k keeper) Note(book route.NodeURI, key, value []byte) {
	switch row := k.store.Lane(book, notesLane, agent.MapKind.String()); {
	case key == nil:
		k.batch.Clear(row)
	case value == nil:
		k.batch.Remove(row, key)
	default:
		k.batch.Entry(row, key, value, k.now)
	}
}

// nowhere remembers nothing.
type nowhere struct{}

func (nowhere) Value(*agent.Lane, []byte)          {}
func (nowhere) Point(*agent.Lane, agent.Point)     {}
func (nowhere) Entry(*agent.Lane, []byte, []byte)  {}
func (nowhere) Remove(*agent.Lane, []byte)         {}
func (nowhere) Clear(*agent.Lane)                  {}
func (nowhere) Note(route.NodeURI, []byte, []byte) {}

// Notes returns what is in a book, see agent.Agent.Note, as of the last commit.
func (h *Host) Notes(book route.NodeURI) (map[string][]byte, error) {
	if h.Store == nil {
		return nil, nil
	}
	lanes, err := h.Store.Load(book)
	notes := map[string][]byte{}
	for _, l := range lanes {
		for _, e := range l.Entries {
			notes[string(e.Key)] = e.Body
		}
	}
	return notes, err
}

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

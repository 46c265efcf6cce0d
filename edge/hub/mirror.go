package hub

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
	link "selvage/uplink/warp"
)

// Freshness says whether a mirror's lanes are as they are at the edge.
type Freshness string

const (
	Live  Freshness = "live"
	Stale Freshness = "stale" // the edge is away, or does not send this agent any more
)

// Mirror is the value of a mirror's lane mirror.
type Mirror struct {
	State   Freshness        `recon:"state"`
	Since   time.Time        `recon:"since"`             // of the state, or since the hub's start; ms since 1970
	Of      route.NodeURI    `recon:"of"`                // the edge's node at this hub
	Missing []route.LaneName `recon:"missing,omitempty"` // lanes that the edge does not send any more, as they were last
}

// mirror is the copy of one agent of an edge.
type mirror struct {
	edge    *edge
	node    route.NodeURI
	turns   *host.Handle
	skipped atomic.Uint64 // session whose commands it could not take
	next    atomic.Uint64 // session to expect, once
	due     atomic.Bool   // a turn for that

	// The rest is used in its turns only.
	session uint64 // commands of a lower one come too late
	live    bool
	bytes   int64 // of Recon text in its lanes

	// Made anew by each start.
	agent *agent.Agent
	state *agent.ValueLane[Mirror]
	lanes map[route.LaneName]*copied
}

// copied is the copy of one lane: a value lane or a map lane.
type copied struct {
	value   *agent.ValueLane[recon.Value]
	entries *agent.MapLane[recon.Value, recon.Value]
	progress
}

// progress is how far the edge has shown a lane. It survives a restart of the mirror.
type progress struct {
	session uint64          // in which it was declared
	refused bool            // it was declared as another kind
	syncing bool            // its state is not complete yet
	seen    map[string]bool // while syncing: the keys met, as Recon text
}

func (m *mirror) setup(a *agent.Agent, _ struct{}) error {
	before := m.lanes
	m.room(-m.bytes)
	m.agent, m.lanes = a, map[route.LaneName]*copied{}
	m.state = agent.Value(a, string(link.MirrorLane), Mirror{State: Stale, Since: a.Now().Time(), Of: m.edge.node}).ReadOnly()
	for name, kind := range a.Remembered() {
		c := m.add(name, kind)
		if was := before[name]; was != nil {
			c.progress = was.progress
		}
	}
	if !m.live {
		m.turn(Stale, nil) // the hub stopped while it was live
	}
	return nil
}

func (m *mirror) add(name route.LaneName, kind agent.LaneKind) *copied {
	c := &copied{}
	if kind == agent.MapKind {
		c.entries = agent.Map[recon.Value, recon.Value](m.agent, string(name)).ReadOnly()
		for key, v := range c.entries.All() {
			m.room(size(key) + size(v))
		}
		c.entries.OnUpdate(func(key, old, now recon.Value) error {
			if _, known := c.entries.Get(key); known {
				return m.grow(size(now) - size(old))
			}
			return m.grow(size(key) + size(now))
		})
		c.entries.OnRemove(func(key, old recon.Value) error { return m.grow(-size(key) - size(old)) })
		c.entries.OnClear(func() error {
			for key, v := range c.entries.All() {
				m.room(-size(key) - size(v))
			}
			return nil
		})
	} else {
		c.value = agent.Value(m.agent, string(name), recon.Value{}).ReadOnly()
		m.room(size(c.value.Get()))
		c.value.OnSet(func(old, now recon.Value) error { return m.grow(size(now) - size(old)) })
	}
	m.lanes[name] = c
	return c
}

// size is the length of a value's Recon text.
func size(v recon.Value) int64 { return int64(len(recon.Append(nil, v))) }

// grow makes room for that many bytes more, or says that there is none.
func (m *mirror) grow(by int64) error {
	e := m.edge
	switch {
	case by <= 0:
	case e.bytes.Load()+by > maxEdgeBytes:
		return e.hub.full("the lanes of edge %s hold %d MB here, and no more is taken: %s was refused", e.node, maxEdgeBytes>>20, m.node)
	case e.hub.bytes.Load()+by > maxBytes:
		return e.hub.full("the lanes of all edges hold %d MB here, and no more is taken: %s was refused", maxBytes>>20, m.node)
	}
	m.room(by)
	return nil
}

func (m *mirror) room(by int64) {
	m.bytes += by
	m.edge.bytes.Add(by)
	m.edge.hub.bytes.Add(by)
}

func (m *mirror) turn(to Freshness, missing []route.LaneName) {
	m.live = to == Live
	now := m.state.Get()
	if now.State == to && slices.Equal(now.Missing, missing) {
		return
	}
	if now.State != to {
		now.State, now.Since = to, m.agent.Now().Time()
	}
	now.Missing = missing
	m.state.Set(now)
}

// expect makes the mirror stale until that session has shown it, and deaf to those before. It never
// waits, and any number of calls make one turn.
func (m *mirror) expect(session uint64) {
	m.next.Store(session)
	if !m.due.Swap(true) {
		m.turns.Wake(func() {
			m.due.Store(false)
			m.session = max(m.session, m.next.Load())
			m.turn(Stale, m.state.Get().Missing)
		})
	}
}

// skip gives up on a session whose commands the mirror does not take, so that its edge's other
// agents are not held up.
func (m *mirror) skip(session uint64) {
	m.skipped.Store(session)
	m.expect(session + 1)
	m.edge.hub.host.Health.Raise(health.Condition{
		Code:   m.code(),
		Text:   fmt.Sprintf("%s could not take what its edge sent for %v; it stays as it was until the edge connects anew", m.node, mirrorPatience),
		Remedy: "see whether agent " + string(m.node) + " has a condition of its own, and whether this machine is busy",
	})
}

func (m *mirror) code() string { return "mirror." + string(m.node) }

// take takes in what the edge sent in a session.
func (m *mirror) take(session uint64, lane route.LaneName, body []byte) {
	if session < m.session {
		return
	}
	var err error
	c := m.lanes[lane]
	switch {
	case lane == link.MirrorLane:
		err = m.declared(session, body)
	case c == nil || c.session != session:
		err = errors.New("the lane was not declared before")
	case c.refused:
	case c.syncing:
		err = c.sync(body)
	case c.value != nil:
		err = c.value.Apply(body)
	default:
		err = c.entries.Apply(body)
	}
	if err != nil {
		m.agent.Health().Add("mirror.refused", 1)
		m.agent.Log().Info("what an edge sent was refused", "lane", string(lane), "err", err)
	}
}

// declared takes in that the edge has a lane, or has sent all of its state.
func (m *mirror) declared(session uint64, body []byte) error {
	d, err := link.ReadDeclared(body)
	if err != nil {
		return err
	}
	m.edge.hub.host.Health.Clear(m.code())
	c := m.lanes[d.Lane]
	_, isPast := route.HistoryOf(d.Lane)
	switch {
	case isPast:
		return fmt.Errorf("the name of lane %s is for the history of another", d.Lane)
	case d.Synced && (c == nil || c.session != session):
		return fmt.Errorf("lane %s was not declared before", d.Lane)
	case d.Synced:
		c.synced()
		m.judge(session)
		return nil
	case c == nil && len(m.lanes) >= maxLanes:
		return m.edge.hub.full("%s has %d lanes here, and no more are taken: %s was refused", m.node, maxLanes, d.Lane)
	case c == nil:
		c = m.add(d.Lane, d.Kind)
	}
	c.progress = progress{session: session, syncing: true, seen: map[string]bool{}}
	code := fmt.Sprintf("lane.%s.%s", m.node, d.Lane)
	if c.refused = d.Kind == agent.MapKind != (c.entries != nil); !c.refused {
		m.agent.Health().Clear(code)
		return nil
	}
	m.agent.Health().Raise(health.Condition{
		Code:   code,
		Text:   fmt.Sprintf("lane %s of %s has become a %s lane at the edge; its copy here stays as it was", d.Lane, m.node, d.Kind),
		Remedy: "give the lane a new name at the edge, or the edge a new one in its key as",
	})
	return fmt.Errorf("lane %s is of another kind here", d.Lane)
}

// judge makes the mirror live once all of its lanes have been shown.
func (m *mirror) judge(session uint64) {
	for _, c := range m.lanes {
		if c.session != session || c.syncing || c.refused {
			return
		}
	}
	m.turn(Live, nil)
}

// complete takes in that the edge has shown all it sends: what is left it sends no more.
func (m *mirror) complete(session uint64) {
	if session < m.session {
		return
	}
	var missing []route.LaneName
	for name, c := range m.lanes {
		if c.session != session || c.refused {
			missing = append(missing, name)
		}
	}
	if len(missing) < len(m.lanes) {
		slices.Sort(missing)
		m.turn(Live, missing)
	}
}

// sync takes in a part of the lane's state. What is here already is left alone, so that nobody is
// told of it again.
func (c *copied) sync(body []byte) error {
	v, err := recon.Parse(body)
	if err != nil {
		return err
	}
	if c.value != nil {
		if !recon.Equal(v, c.value.Get()) {
			c.value.Set(v)
		}
		return nil
	}
	if v.Tag() != "update" {
		return c.entries.Apply(body)
	}
	key, now := v.Header("update").Get("key"), v.Body()
	c.seen[key.String()] = true
	if was, ok := c.entries.Get(key); !ok || !recon.Equal(was, now) {
		c.entries.Set(key, now)
	}
	return nil
}

// synced removes the entries that the edge has no more.
func (c *copied) synced() {
	if c.entries != nil && c.syncing && !c.refused {
		for key := range c.entries.All() {
			if !c.seen[key.String()] {
				c.entries.Remove(key)
			}
		}
	}
	c.syncing, c.seen = false, nil
}

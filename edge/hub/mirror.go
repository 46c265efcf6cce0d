package hub

import (
	"fmt"
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
	State Freshness     `recon:"state"`
	Since time.Time     `recon:"since"` // of the state, ms since 1970
	Of    route.NodeURI `recon:"of"`    // the edge's node at this hub
}

// mirror is the copy of one agent of an edge. All but turns is used in its turns only.
type mirror struct {
	edge  *edge
	node  route.NodeURI
	turns *host.Handle
	live  bool

	// Made anew by each start.
	agent *agent.Agent
	state *agent.ValueLane[Mirror]
	lanes map[route.LaneName]*copied
}

// copied is the copy of one lane: a value lane or a map lane.
type copied struct {
	value   *agent.ValueLane[recon.Value]
	entries *agent.MapLane[recon.Value, recon.Value]
	syncing bool
	seen    map[string]bool // while syncing: the keys met, as Recon text
}

func (m *mirror) setup(a *agent.Agent, _ struct{}) error {
	m.agent, m.lanes = a, map[route.LaneName]*copied{}
	m.state = agent.Value(a, string(link.MirrorLane), Mirror{State: Stale, Since: a.Now().Time(), Of: m.edge.node}).ReadOnly()
	for name, kind := range a.Remembered() {
		m.add(name, kind)
	}
	if !m.live {
		m.turn(Stale) // the hub stopped while it was live
	}
	return nil
}

func (m *mirror) add(name route.LaneName, kind agent.LaneKind) *copied {
	c := &copied{}
	if kind == agent.MapKind {
		c.entries = agent.Map[recon.Value, recon.Value](m.agent, string(name)).ReadOnly()
	} else {
		c.value = agent.Value(m.agent, string(name), recon.Value{}).ReadOnly()
	}
	m.lanes[name] = c
	return c
}

func (m *mirror) turn(to Freshness) {
	m.live = to == Live
	if was := m.state.Get(); was.State != to {
		m.state.Set(Mirror{State: to, Since: m.agent.Now().Time(), Of: m.edge.node})
	}
}

func (m *mirror) stale() { m.turn(Stale) }

// take takes in what the edge sent.
func (m *mirror) take(lane route.LaneName, body []byte) {
	var err error
	c := m.lanes[lane]
	switch {
	case lane == link.MirrorLane:
		err = m.declared(body)
	case c == nil:
		err = fmt.Errorf("the lane was not declared before")
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
func (m *mirror) declared(body []byte) error {
	d, err := link.ReadDeclared(body)
	if err != nil {
		return err
	}
	c := m.lanes[d.Lane]
	switch {
	case d.Synced && c != nil:
		c.synced()
		return nil
	case d.Synced:
		return fmt.Errorf("lane %s was not declared before", d.Lane)
	case c == nil && len(m.lanes) >= maxLanes:
		return m.edge.hub.full("%s has %d lanes here, and no more are taken: %s was refused", m.node, maxLanes, d.Lane)
	case c == nil:
		c = m.add(d.Lane, d.Kind)
	case d.Kind == agent.MapKind != (c.entries != nil):
		m.agent.Health().Raise(health.Condition{
			Code:   fmt.Sprintf("lane.%s.%s", m.node, d.Lane),
			Text:   fmt.Sprintf("lane %s of %s has become a %s lane at the edge; its copy here stays as it was", d.Lane, m.node, d.Kind),
			Remedy: "give the lane a new name at the edge, or the edge a new one in its key as",
		})
		return fmt.Errorf("lane %s is of another kind here", d.Lane)
	}
	c.syncing, c.seen = true, map[string]bool{}
	m.turn(Live)
	return nil
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
	if v.Tag() != "update" { // a change that came between the parts
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
	if c.entries != nil && c.syncing {
		for key := range c.entries.All() {
			if !c.seen[key.String()] {
				c.entries.Remove(key)
			}
		}
	}
	c.syncing, c.seen = false, nil
}

// Package hub is where edges uplink to. Below its mount stands an agent for each edge, such as
// /edge/greenhouse, and below that a copy of each agent that the edge sends lanes of: a mirror, such
// as /edge/greenhouse/device/air. A mirror's lane mirror says whether its lanes are live or stale.
//
// What edges say is described in package selvage/uplink/warp.
package hub

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/warp"
	link "selvage/uplink/warp"
)

// Bounds on what edges can make a hub hold.
const (
	maxEdges   = 1_000
	maxMirrors = 10_000 // of one edge
	maxLanes   = 1_000  // of one mirror

	maxEdgeBytes = 16 << 20  // of Recon text in the lanes of one edge
	maxBytes     = 128 << 20 // of all edges: a hub on a small machine must not be filled by one that runs wild
)

// Hub is a peer.Server: what concerns its edges' agents it answers itself, the rest its host does.
type Hub struct {
	host  *host.Host
	mount route.NodeURI
	turns *host.Handle // of the agent at mount

	known *agent.MapLane[string, Edge] // made anew by each start; used in turns only

	bytes   atomic.Int64 // of Recon text in all mirrors
	refused atomic.Int64 // when something was last refused since the hub is full, Unix nanoseconds

	mu       sync.RWMutex
	edges    map[route.NodeURI]*edge
	speakers map[*peer.Conn]*edge // a connection speaks for one edge
}

// New adds a hub to h, with what is remembered of its edges.
func New(h *host.Host, mount route.NodeURI) (*Hub, error) {
	hub := &Hub{host: h, mount: mount, edges: map[route.NodeURI]*edge{}, speakers: map[*peer.Conn]*edge{}}
	var err error
	hub.turns, err = h.Add(mount, host.Things, agent.NewKind("hub", struct{}{}, hub.setup), nil)
	return hub, err
}

// Edge is an entry of the lane edges of the hub's agent, under the edge's node URI.
type Edge struct {
	Name string `recon:"name"` // as its host calls itself
}

func (h *Hub) setup(a *agent.Agent, _ struct{}) error {
	h.known = agent.Map[string, Edge](a, "edges").ReadOnly()
	for node := range h.known.All() {
		if _, err := h.edge(route.NodeURI(node)); err != nil {
			return err
		}
	}
	a.Every(memory/10, func() {
		if last := h.refused.Load(); last != 0 && time.Since(time.Unix(0, last)) > memory {
			h.refused.Store(0)
			h.host.Health.Clear(fullCode)
		}
	})
	return nil
}

// split tells whether a node is below the mount, and whose it is.
func (h *Hub) split(node route.NodeURI) (edge route.NodeURI, ok bool) {
	rest, ok := strings.CutPrefix(string(node), string(h.mount)+"/")
	if !ok || rest == "" || strings.HasPrefix(rest, "/") {
		return "", false
	}
	name, _, _ := strings.Cut(rest, "/")
	return node[:len(h.mount)+1+len(name)], true
}

// Command is for peer.Server.
func (h *Hub) Command(c *peer.Conn, node route.NodeURI, lane route.LaneName, body []byte) {
	of, ok := h.split(node)
	if !ok {
		h.host.Command(c, node, lane, body)
		return
	}
	var err error
	if node == of && lane == link.HelloLane {
		err = h.hello(c, of, body)
	} else if e, session := h.spokenBy(of, c); e == nil {
		h.host.Command(c, node, lane, body) // somebody else's, who gets no further than the mirrors' read-only lanes
	} else if node != of {
		err = e.take(c.Context(), session, node, lane, bytes.Clone(body))
	}
	if err != nil {
		h.host.Health.Add("command.dropped", 1)
		h.host.Log.Info("what an edge sent was dropped", "edge", string(of), "from", c.RemoteAddr(), "node", string(node), "lane", string(lane), "err", err)
	}
}

// Request is for peer.Server.
func (h *Hub) Request(l *peer.Link, e *warp.Envelope) { h.host.Request(l, e) }

// hello takes in that c speaks for an edge, or has shown all of it.
func (h *Hub) hello(c *peer.Conn, node route.NodeURI, body []byte) error {
	hello, synced, err := link.ReadHello(body)
	if err != nil {
		return err
	}
	if synced {
		e, session := h.spokenBy(node, c)
		if e == nil {
			return fmt.Errorf("%s is not spoken for by this connection", node)
		}
		e.shown(session)
		return nil
	}
	if of := h.speaker(c); of != nil && of.node != node {
		return fmt.Errorf("this connection speaks for %s already", of.node)
	}
	e, err := h.edge(node)
	if err != nil {
		return err
	}
	h.bind(c, e)
	remember := func() {
		if was, ok := h.known.Get(string(node)); !ok || was.Name != hello.Name {
			h.known.Set(string(node), Edge{Name: hello.Name})
		}
	}
	if err := h.turns.Do(c.Context(), remember); err != nil {
		return err
	}
	e.speak(c)
	return nil
}

// speaker returns the edge that c has said to speak for, nil if it has not yet.
func (h *Hub) speaker(c *peer.Conn) *edge {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.speakers[c]
}

// bind notes that c speaks for e, until c is over.
func (h *Hub) bind(c *peer.Conn, e *edge) {
	h.mu.Lock()
	known := h.speakers[c] != nil
	h.speakers[c] = e
	h.mu.Unlock()
	if known {
		return
	}
	context.AfterFunc(c.Context(), func() {
		h.mu.Lock()
		delete(h.speakers, c)
		h.mu.Unlock()
		e.leave(c)
	})
}

// spokenBy returns the edge at node, and the number of c, if c speaks for it.
func (h *Hub) spokenBy(node route.NodeURI, c *peer.Conn) (*edge, uint64) {
	h.mu.RLock()
	e := h.edges[node]
	h.mu.RUnlock()
	if e == nil {
		return nil, 0
	}
	session := e.speaks(c)
	if session == 0 {
		return nil, 0
	}
	return e, session
}

// edge returns the edge at node, made if there is none.
func (h *Hub) edge(node route.NodeURI) (*edge, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.edges[node]; e != nil {
		return e, nil
	}
	if len(h.edges) >= maxEdges {
		return nil, h.full("there are %d edges, and no more are taken: %s was refused", maxEdges, node)
	}
	e := &edge{
		hub: h, node: node, mirrors: map[route.NodeURI]*mirror{},
		now: Status{State: Away, Since: h.host.Clock.Now().Time()},
	}
	e.mu.Lock() // until turns is set, which its first turn uses
	defer e.mu.Unlock()
	var err error
	if e.turns, err = h.host.Add(node, host.Things, agent.NewKind("edge", struct{}{}, e.setup), nil); err != nil {
		return nil, err
	}
	h.edges[node] = e
	return e, nil
}

const (
	fullCode = "hub.full"
	memory   = 10 * time.Minute // how long that stands after the last refusal
)

// full raises a condition and returns it as an error.
func (h *Hub) full(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	h.refused.Store(time.Now().UnixNano())
	h.host.Health.Raise(health.Condition{
		Code: fullCode, Text: err.Error(), Severity: health.Failure,
		Remedy: "look who connects, and what their tables [uplink.…] send; a second hub can take some of them",
	})
	return err
}

var _ peer.Server = (*Hub)(nil)

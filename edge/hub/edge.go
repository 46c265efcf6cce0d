package hub

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/route"
	link "selvage/uplink/warp"
)

// refresh is how often the count in the status lane follows.
const refresh = time.Second

// showAfter is how long an edge may be away before that is a condition: after a start of the hub
// they all come back.
const showAfter = 5 * time.Second

// EdgeState says whether an edge is here.
type EdgeState string

const (
	Connected EdgeState = "connected"
	Away      EdgeState = "away"
)

// Status is the value of an edge's lane status.
type Status struct {
	State    EdgeState `recon:"state"`
	Since    time.Time `recon:"since"`              // of the state, ms since 1970
	Complete bool      `recon:"complete,omitempty"` // all that it sends is here, as it is now
	From     string    `recon:"from,omitempty"`     // its address
	In       int64     `recon:"in"`                 // messages since the hub started
}

// Node is an entry of an edge's lane nodes, under the node's URI at the hub.
type Node struct {
	Since time.Time `recon:"since"` // when it was first met, ms since 1970
}

// edge is one edge as the hub knows it.
type edge struct {
	hub   *Hub
	node  route.NodeURI
	turns *host.Handle
	in    atomic.Int64

	speaking sync.Mutex                // held while conn changes, until the mirrors have mail about it
	conn     atomic.Pointer[peer.Conn] // who speaks for it; nil while it is away

	mu      sync.Mutex
	mirrors map[route.NodeURI]*mirror

	// Made anew by each start; used in turns only.
	agent  *agent.Agent
	status *agent.ValueLane[Status]
	nodes  *agent.MapLane[string, Node]
	now    Status // survives a restart
}

func (e *edge) setup(a *agent.Agent, _ struct{}) error {
	e.agent = a
	if e.now.State == "" {
		e.now = Status{State: Away, Since: a.Now().Time()}
		e.missing()
	}
	e.status = agent.Value(a, "status", e.now).Transient().ReadOnly()
	e.nodes = agent.Map[string, Node](a, "nodes").ReadOnly()
	for node := range e.nodes.All() {
		if _, _, err := e.mirror(route.NodeURI(node)); err != nil {
			return err
		}
	}
	a.Every(refresh, func() {
		if e.in.Load() != e.now.In {
			e.show()
		}
	})
	return nil
}

func (e *edge) show() {
	e.now.In = e.in.Load()
	e.status.Set(e.now)
}

// speak takes in that c speaks for the edge from now on.
func (e *edge) speak(c *peer.Conn, hello link.Hello) error {
	e.speaking.Lock()
	defer e.speaking.Unlock()
	if was := e.conn.Swap(c); was != nil && was != c {
		was.HangUp(websocket.ClosePolicyViolation, "another connection speaks for "+string(e.node))
		e.allStale()
	}
	context.AfterFunc(c.Context(), func() { e.leave(c) })
	return e.turns.Do(c.Context(), func() {
		e.hub.host.Health.Clear(e.code())
		e.now.State, e.now.Since, e.now.From, e.now.Complete = Connected, e.agent.Now().Time(), c.RemoteAddr(), false
		e.show()
	})
}

// shown takes in that the edge has sent the state of all it sends.
func (e *edge) shown(ctx context.Context) error {
	e.hub.host.Log.Info("edge has sent its state", "edge", string(e.node))
	return e.turns.Do(ctx, func() {
		e.now.Complete = true
		e.show()
	})
}

// leave takes in that c is over.
func (e *edge) leave(c *peer.Conn) {
	e.speaking.Lock()
	defer e.speaking.Unlock()
	if !e.conn.CompareAndSwap(c, nil) {
		return
	}
	e.allStale()
	_ = e.turns.Do(context.Background(), func() { // fails only when the host is stopping, and then at once
		e.now.State, e.now.Since, e.now.From, e.now.Complete = Away, e.agent.Now().Time(), "", false
		e.show()
		e.missing()
	})
}

func (e *edge) missing() {
	e.hub.host.Health.Raise(health.Condition{
		Code:   e.code(),
		Text:   fmt.Sprintf("edge %s is away since %s; its lanes here are as they were then", e.node, e.now.Since.Local().Format(time.DateTime)),
		Remedy: "see whether it runs and whether it reaches this host; it comes back by itself",
		After:  showAfter,
	})
}

func (e *edge) code() string { return "edge." + string(e.node) }

func (e *edge) allStale() {
	e.mu.Lock()
	mirrors := make([]*mirror, 0, len(e.mirrors))
	for _, m := range e.mirrors {
		mirrors = append(mirrors, m)
	}
	e.mu.Unlock()
	for _, m := range mirrors {
		_ = m.turns.Do(context.Background(), m.stale) // as above
	}
}

// take hands what the edge sent to the mirror it is for.
func (e *edge) take(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	e.in.Add(1)
	m, fresh, err := e.mirror(node)
	if err != nil {
		return err
	}
	if fresh {
		err := e.turns.Do(ctx, func() { e.nodes.Set(string(node), Node{Since: e.agent.Now().Time()}) })
		if err != nil {
			return err
		}
	}
	return m.turns.Give(ctx, body, func() { m.take(lane, body) })
}

// mirror returns the mirror at node, made if there is none.
func (e *edge) mirror(node route.NodeURI) (m *mirror, fresh bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.mirrors[node]; m != nil {
		return m, false, nil
	}
	if len(e.mirrors) >= maxMirrors {
		return nil, false, e.hub.full("edge %s has %d agents here, and no more are taken: %s was refused", e.node, maxMirrors, node)
	}
	m = &mirror{edge: e, node: node}
	if m.turns, err = e.hub.host.Add(node, host.Things, agent.NewKind("mirror", struct{}{}, m.setup), nil); err != nil {
		return nil, false, err
	}
	e.mirrors[node] = m
	return m, true, nil
}

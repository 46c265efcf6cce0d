package hub

import (
	"context"
	"errors"
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

const (
	refresh = time.Second // how often the count in the status lane follows

	// showAfter is how long an edge may be away before that is a condition: after a start of the hub
	// they all come back.
	showAfter = 5 * time.Second

	// mirrorPatience is how long a mirror whose mailbox is full may hold up its edge.
	mirrorPatience = time.Second

	// Two hosts of one name take over from each other again and again; one that lost its connection
	// does so once.
	clashTime = time.Minute
)

// EdgeState says whether an edge is here.
type EdgeState string

const (
	Connected EdgeState = "connected"
	Away      EdgeState = "away"
)

// Status is the value of an edge's lane status.
type Status struct {
	State    EdgeState `recon:"state"`
	Since    time.Time `recon:"since"`              // of the state, or since the hub's start; ms since 1970
	Complete bool      `recon:"complete,omitempty"` // all that it sends is here, as it is now
	From     string    `recon:"from,omitempty"`     // its address
	In       int64     `recon:"in"`                 // messages since the hub started
}

// Node is an entry of an edge's lane nodes, under the node's URI at the hub.
type Node struct {
	Since time.Time `recon:"since"` // when it was first met, ms since 1970
}

// edge is one edge as the hub knows it.
//
// Its connections are numbered, and what they send carries the number: a command that was read from a
// connection whose successor has begun must change nothing any more.
type edge struct {
	hub   *Hub
	node  route.NodeURI
	turns *host.Handle
	in    atomic.Int64
	bytes atomic.Int64 // of Recon text in its mirrors

	mu      sync.Mutex
	conn    *peer.Conn // who speaks for it; nil while it is away
	session uint64     // number of the connection, or of the time without one
	now     Status     // but for In
	came    bool       // since the hub started
	taken   time.Time  // when a connection last took over from another
	clash   string     // between whom that happened twice within clashTime
	mirrors map[route.NodeURI]*mirror
	fresh   []route.NodeURI // mirrors that are not in the lane nodes yet
	due     bool            // a turn that shows all this

	// Made anew by each start; used in turns only.
	agent  *agent.Agent
	status *agent.ValueLane[Status]
	hello  *agent.ValueLane[link.Answer]
	nodes  *agent.MapLane[string, Node]
}

func (e *edge) setup(a *agent.Agent, _ struct{}) error {
	e.agent = a
	e.status = agent.Value(a, "status", Status{State: Away}).Transient().ReadOnly()
	e.hello = agent.Value(a, string(link.HelloLane), link.Answer{}).Transient().ReadOnly()
	e.nodes = agent.Map[string, Node](a, "nodes").ReadOnly()
	for node := range e.nodes.All() {
		if _, err := e.mirror(route.NodeURI(node)); err != nil {
			return err
		}
	}
	e.look()
	a.Every(refresh, e.look)
	return nil
}

// look shows what is known of the edge, in a turn.
func (e *edge) look() {
	e.mu.Lock()
	e.due = false
	now, came, clash, fresh := e.now, e.came, e.clash, e.fresh
	if time.Since(e.taken) > clashTime {
		e.clash, clash = "", ""
	}
	e.fresh = nil
	e.mu.Unlock()

	for _, node := range fresh {
		if _, known := e.nodes.Get(string(node)); !known {
			e.nodes.Set(string(node), Node{Since: e.agent.Now().Time()})
		}
	}
	if now.In = e.in.Load(); now != e.status.Get() {
		e.status.Set(now)
	}
	if answer := (link.Answer{Speaks: now.From}); answer != e.hello.Get() {
		e.hello.Set(answer)
	}
	board := e.hub.host.Health
	switch {
	case now.State == Connected:
		board.Clear(e.code())
	case came:
		e.missing(fmt.Sprintf("is away since %s; its lanes here are as they were then", now.Since.Local().Format(time.DateTime)))
	default:
		e.missing("has not come since this host started; its lanes here are as they were before")
	}
	if clash == "" {
		board.Clear(e.code() + ".twice")
	} else {
		board.Raise(health.Condition{
			Code:     e.code() + ".twice",
			Text:     fmt.Sprintf("two hosts speak for %s and take over from each other: %s", e.node, clash),
			Remedy:   "give one of them another name, or another key as in its table [uplink.…]",
			Severity: health.Failure,
		})
	}
}

func (e *edge) missing(how string) {
	e.hub.host.Health.Raise(health.Condition{
		Code:   e.code(),
		Text:   fmt.Sprintf("edge %s %s", e.node, how),
		Remedy: "see whether it runs and whether it reaches this host; it comes back by itself",
		After:  showAfter,
	})
}

func (e *edge) code() string { return "edge." + string(e.node) }

// changed has a turn show what is known of the edge. It is called with e.mu held.
func (e *edge) changed() {
	if !e.due {
		e.due = true
		e.turns.Wake(e.look)
	}
}

// speaks returns the number of the connection, 0 if it does not speak for the edge.
func (e *edge) speaks(c *peer.Conn) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != c {
		return 0
	}
	return e.session
}

// speak takes in that c speaks for the edge from now on.
func (e *edge) speak(c *peer.Conn) {
	e.mu.Lock()
	was := e.conn
	if was == c {
		e.mu.Unlock()
		return
	}
	if was != nil {
		if time.Since(e.taken) < clashTime {
			e.clash = fmt.Sprintf("one at %s, one at %s", was.RemoteAddr(), c.RemoteAddr())
		}
		e.taken = time.Now()
	}
	e.conn, e.came = c, true
	e.next(Status{State: Connected, From: c.RemoteAddr()})
	e.mu.Unlock()
	if was != nil {
		was.HangUp(websocket.ClosePolicyViolation, link.TakenOver+string(e.node))
	}
}

// leave takes in that c is over.
func (e *edge) leave(c *peer.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == c {
		e.conn = nil
		e.next(Status{State: Away})
	}
}

// next begins another session. It is called with e.mu held.
func (e *edge) next(s Status) {
	s.Since = e.hub.host.Clock.Now().Time()
	e.now = s
	e.session++
	for _, m := range e.mirrors {
		m.expect(e.session)
	}
	e.changed()
}

// shown takes in that the edge has sent the state of all it sends.
func (e *edge) shown(session uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session != session || e.now.Complete {
		return
	}
	e.now.Complete = true
	for _, m := range e.mirrors {
		m.turns.Wake(func() { m.complete(session) })
	}
	e.changed()
}

// take hands what the edge sent to the mirror it is for.
func (e *edge) take(ctx context.Context, session uint64, node route.NodeURI, lane route.LaneName, body []byte) error {
	e.in.Add(1)
	m, err := e.mirror(node)
	if err != nil {
		return err
	}
	if m.skipped.Load() == session {
		return host.ErrFull
	}
	wait, cancel := context.WithTimeout(ctx, mirrorPatience)
	defer cancel()
	err = m.turns.Give(wait, body, func() { m.take(session, lane, body) })
	if errors.Is(err, host.ErrFull) && ctx.Err() == nil {
		m.skip(session)
	}
	return err
}

// mirror returns the mirror at node, made if there is none.
func (e *edge) mirror(node route.NodeURI) (*mirror, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.mirrors[node]; m != nil {
		return m, nil
	}
	if len(e.mirrors) >= maxMirrors {
		return nil, e.hub.full("edge %s has %d agents here, and no more are taken: %s was refused", e.node, maxMirrors, node)
	}
	m := &mirror{edge: e, node: node, session: e.session}
	var err error
	if m.turns, err = e.hub.host.Add(node, host.Things, agent.NewKind("mirror", struct{}{}, m.setup), nil); err != nil {
		return nil, err
	}
	e.mirrors[node] = m
	e.fresh = append(e.fresh, node)
	e.changed()
	return m, nil
}

package far

import (
	"context"
	"math/rand/v2"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// node is an agent of another host. It is used in turns of the agent that stands for it here, except
// where it says otherwise.
type node struct {
	line   *line
	key    string // at its host
	agent  *agent.Agent
	ctx    context.Context // ends with the agent
	cancel context.CancelFunc
	lanes  map[route.LaneName]*lane
	inbox  inbox
}

// start is the first turn of the agent. After a panic the lanes that there were are asked for anew;
// their readers wait for that.
func (n *node) start() {
	a := n.agent
	a.OnAsked(n.asked, n.left)
	a.StayWhile(func() bool { return len(n.lanes) > 0 })
	a.Relay(func(name route.LaneName, body []byte) error { return n.line.send(n.key, string(name), body) })
	a.OnClose(n.close)
	for name, l := range n.lanes {
		n.lanes[name] = &lane{node: n, name: name, kind: l.kind, known: l.known, err: l.err}
		n.lanes[name].open()
		n.lanes[name].idle()
	}
}

// close ends all links.
func (n *node) close() {
	for _, l := range n.lanes {
		l.close()
	}
}

// asked is told of a reader for a lane that there is not, and says why he has to wait.
func (n *node) asked(name route.LaneName, kind agent.LaneKind) error {
	l := n.lanes[name]
	if l == nil {
		l = &lane{node: n, name: name, kind: kind}
		n.lanes[name] = l
		l.open()
	} else if !l.known && l.kind == agent.CommandKind && kind != l.kind {
		l.become(kind)
	}
	return l.why()
}

// left is told that nobody waits any more for a lane that there is not.
func (n *node) left(name route.LaneName) {
	if l := n.lanes[name]; l != nil {
		l.idle()
	}
}

// takeIn is a turn for what came down the links.
func (n *node) takeIn() {
	for _, m := range n.inbox.take() {
		l := m.from.lane
		if l.from != m.from {
			continue // of a link that was given up
		}
		switch m.what {
		case changed:
			l.changed(m.body)
		case linked:
			l.linked()
		case synced:
			l.synced()
		case lost:
			l.lost(m.err)
		case ended:
			l.ended(m.err)
		}
	}
}

// The pause before a lane is asked for again that its host has refused: it grows up to a bound, and
// begins anew once the lane was there.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
	growth     = 1.8
)

// spread returns a pause from half of p to one and a half of it, at most lastPause.
func spread(p time.Duration) time.Duration { return min(p/2+rand.N(p), lastPause) }

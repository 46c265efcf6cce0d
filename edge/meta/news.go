package meta

import (
	"sync"
	"sync/atomic"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// news tells those who list agents or lanes when there is a new one.
type news struct {
	count atomic.Int32 // of ears

	mu   sync.Mutex
	ears map[route.NodeURI]map[*ear]bool // by whose lanes they are about; "" for agents
}

// ear gathers news until its agent has a turn. What it holds is bounded by what there is.
type ear struct {
	a   *agent.Agent
	fn  func([]*agent.Agent)
	new []*agent.Agent // guarded by news.mu
}

// tell is for host.Watch, and with no lane for host.WatchEnds.
func (n *news) tell(a *agent.Agent, l *agent.Lane) {
	if n.count.Load() == 0 {
		return
	}
	node := route.NodeURI("")
	if l != nil {
		node = a.URI()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for e := range n.ears[node] {
		if len(e.new) == 0 {
			e.a.Wake(func() { n.hear(e) })
		}
		e.new = append(e.new, a)
	}
}

func (n *news) hear(e *ear) {
	n.mu.Lock()
	fresh := e.new
	e.new = nil
	n.mu.Unlock()
	e.fn(fresh)
}

// listen has fn run in turns of a with the agents that come to be, or with the one at node when it has
// made lanes.
func (n *news) listen(a *agent.Agent, node route.NodeURI, fn func([]*agent.Agent)) (stop func()) {
	e := &ear{a: a, fn: fn}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ears == nil {
		n.ears = map[route.NodeURI]map[*ear]bool{}
	}
	if n.ears[node] == nil {
		n.ears[node] = map[*ear]bool{}
	}
	n.ears[node][e] = true
	n.count.Add(1)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.count.Add(-1)
		if delete(n.ears[node], e); len(n.ears[node]) == 0 {
			delete(n.ears, node)
		}
	}
}

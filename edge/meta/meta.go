// Package meta shows the host to its links: nodes of the scheme swim:meta in the forms of SwimOS,
// and the agent /host with what the host is and what is wrong right now.
package meta

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/route"
)

// Info is the value of the lane info of /host.
type Info struct {
	Name    string    `recon:"name"`
	Version string    `recon:"version"`
	Started time.Time `recon:"started"` // ms since 1970
	URI     string    `recon:"uri"`     // what WARP clients connect to
}

// Node is an entry of the lane nodes of swim:meta:host, under the node's URI.
type Node struct {
	NodeURI string   `recon:"nodeUri"`
	Agents  []string `recon:"agents"` // names of the kinds
}

// Lane is an entry of the lane lanes of swim:meta:node/…, under the lane's name.
type Lane struct {
	LaneURI  string `recon:"laneUri"`
	LaneType string `recon:"laneType"`
	ReadOnly bool   `recon:"readOnly,omitempty"` // not in SwimOS: takes no commands
}

// Condition is an entry of the lane conditions of /host, under the condition's code.
type Condition struct {
	Text     string    `recon:"text"`
	Remedy   string    `recon:"remedy,omitempty"`
	Severity string    `recon:"severity"`
	Since    time.Time `recon:"since"` // ms since 1970
}

// refresh is how soon a list shows what was news while its mailbox was full.
const refresh = 5 * time.Second

// Add makes these agents part of h. Those that list nodes and lanes exist once somebody asks.
func Add(h *host.Host, info Info) error {
	if _, err := h.Add("/host", host.Things, agent.NewKind("host", info, setupHost), nil); err != nil {
		return err
	}
	nodes, err := route.ParsePattern("swim:meta:host")
	if err != nil {
		return err
	}
	x := &index{host: h, news: map[route.NodeURI]func(){}}
	h.Watch(x.tell)
	if err := h.Route(nodes, agent.NewKind("meta", x, setupNodes), nil, nil); err != nil {
		return err
	}
	lanes, err := route.ParsePattern("swim:meta:node/:node")
	if err != nil {
		return err
	}
	return h.Route(lanes, agent.NewKind("meta", x, setupLanes), nil, func(p route.Params) bool {
		node := p.Get("node")
		_, ok := h.Node(route.NodeURI(node))
		return ok && !strings.HasPrefix(node, "swim:") // or there would be ever more of them
	})
}

func setupHost(a *agent.Agent, info Info) error {
	agent.Value(a, "info", info).Transient().ReadOnly()
	shown := agent.Map[string, Condition](a, "conditions").Transient().ReadOnly()
	show := func() {
		active := map[string]bool{}
		for _, c := range a.Health().Active() {
			active[c.Code] = true
			now := conditionOf(c)
			if was, ok := shown.Get(c.Code); !ok || was != now {
				shown.Set(c.Code, now)
			}
		}
		for code := range shown.All() {
			if !active[code] {
				shown.Remove(code)
			}
		}
	}
	show()
	a.OnClose(a.Health().Watch(once(a, show)))
	a.Every(refresh, show) // for news that found the mailbox full
	return nil
}

func conditionOf(c health.Condition) Condition {
	return Condition{Text: c.Text, Remedy: c.Remedy, Severity: c.Severity.String(), Since: c.Since.Truncate(time.Millisecond)}
}

// once returns a function for any goroutine that has fn run as a turn soon, however often it is called.
func once(a *agent.Agent, fn func()) func() {
	var due atomic.Bool
	return func() {
		if due.Swap(true) {
			return
		}
		if a.Do(func() { due.Store(false); fn() }) != nil {
			due.Store(false)
		}
	}
}

// index tells the agents that list nodes and lanes when there is a new one.
type index struct {
	host *host.Host

	mu   sync.Mutex
	news map[route.NodeURI]func() // of who lists the lanes of that node; of who lists the nodes, under ""
}

func (x *index) tell(a *agent.Agent, l *agent.Lane) {
	node := route.NodeURI("")
	if l != nil {
		node = a.URI()
	}
	x.mu.Lock()
	fn := x.news[node]
	x.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// keep has list run in turns of a: now, and when there is news of node.
func (x *index) keep(a *agent.Agent, node route.NodeURI, list func()) {
	x.mu.Lock()
	x.news[node] = once(a, list)
	x.mu.Unlock()
	a.OnClose(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.news, node)
	})
	list()
	a.Every(refresh, list)
}

func setupNodes(a *agent.Agent, x *index) error {
	nodes := agent.Map[string, Node](a, "nodes").Transient().ReadOnly()
	x.keep(a, "", func() {
		for n := range x.host.Nodes() {
			uri := string(n.URI())
			if _, known := nodes.Get(uri); !known && !strings.HasPrefix(uri, "swim:") {
				nodes.Set(uri, Node{NodeURI: uri, Agents: []string{n.KindName()}})
			}
		}
	})
	return nil
}

func setupLanes(a *agent.Agent, x *index) error {
	lanes := agent.Map[string, Lane](a, "lanes").Transient().ReadOnly()
	node := route.NodeURI(a.Param("node"))
	x.keep(a, node, func() {
		n, ok := x.host.Node(node)
		if !ok {
			return
		}
		for _, l := range n.Lanes() {
			name := string(l.Name())
			if _, known := lanes.Get(name); !known {
				lanes.Set(name, Lane{LaneURI: name, LaneType: l.Kind().String(), ReadOnly: l.IsReadOnly()})
			}
		}
	})
	return nil
}

// Package meta shows the host to its links: nodes of the scheme swim:meta in the forms of SwimOS,
// and the agent /host with what the host is and what is wrong right now.
package meta

import (
	"strings"
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
}

// Condition is an entry of the lane conditions of /host, under the condition's code.
type Condition struct {
	Text     string    `recon:"text"`
	Remedy   string    `recon:"remedy,omitempty"`
	Severity string    `recon:"severity"`
	Since    time.Time `recon:"since"` // ms since 1970
}

// refresh is how soon a linked list of nodes or lanes shows a new one.
const refresh = 500 * time.Millisecond

// Add makes these agents part of h. Those that list nodes and lanes exist once somebody asks.
func Add(h *host.Host, info Info) error {
	if _, err := h.Add("/host", host.Things, agent.NewKind("host", info, setupHost), nil); err != nil {
		return err
	}
	nodes, err := route.ParsePattern("swim:meta:host")
	if err != nil {
		return err
	}
	if err := h.Route(nodes, agent.NewKind("meta", h, setupNodes), nil, nil); err != nil {
		return err
	}
	lanes, err := route.ParsePattern("swim:meta:node/:node")
	if err != nil {
		return err
	}
	return h.Route(lanes, agent.NewKind("meta", h, setupLanes), nil, func(p route.Params) bool {
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
	a.Every(10*refresh, show) // for news that found the mailbox full
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

func setupNodes(a *agent.Agent, h *host.Host) error {
	nodes := agent.Map[string, Node](a, "nodes").Transient().ReadOnly()
	list := func() {
		for n := range h.Nodes() {
			uri := string(n.URI())
			if _, known := nodes.Get(uri); !known && !strings.HasPrefix(uri, "swim:") {
				nodes.Set(uri, Node{NodeURI: uri, Agents: []string{n.KindName()}})
			}
		}
	}
	list()
	a.Every(refresh, list)
	return nil
}

func setupLanes(a *agent.Agent, h *host.Host) error {
	lanes := agent.Map[string, Lane](a, "lanes").Transient().ReadOnly()
	node := route.NodeURI(a.Param("node"))
	list := func() {
		n, ok := h.Node(node)
		if !ok {
			return
		}
		for _, l := range n.Lanes() {
			name := string(l.Name())
			if _, known := lanes.Get(name); !known {
				lanes.Set(name, Lane{LaneURI: name, LaneType: l.Kind().String()})
			}
		}
	}
	list()
	a.Every(refresh, list)
	return nil
}

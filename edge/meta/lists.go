package meta

import (
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/route"
)

// Node is an entry of the lane nodes of swim:meta:host, under the node's URI.
type Node struct {
	NodeURI string    `recon:"nodeUri"`
	Created time.Time `recon:"created"` // ms since 1970
	Agents  []string  `recon:"agents"`  // names of the kinds
}

// Lane is an entry of the lane lanes of swim:meta:node/…, under the lane's name.
type Lane struct {
	LaneURI  string `recon:"laneUri"`
	LaneType string `recon:"laneType"`
	ReadOnly bool   `recon:"readOnly,omitempty"` // not in SwimOS: takes no commands
	Shows    string `recon:"shows,omitempty"`    // not in SwimOS: the lane whose history this one shows, which may be long
}

// nodes makes the lane that lists the agents of the host.
func (v *view) nodes() {
	l := agent.Map[string, Node](v.a, "nodes").Transient().ReadOnly()
	show := func(a *agent.Agent, load host.Load) {
		uri := string(a.URI())
		if _, known := l.Get(uri); !known && v.has(a.URI()) {
			l.Set(uri, Node{NodeURI: uri, Created: load.Created, Agents: a.Kinds()})
		}
	}
	all := func() {
		for uri := range l.All() {
			if _, ok := v.host.Node(route.NodeURI(uri)); !ok {
				l.Remove(uri)
			}
		}
		for a, load := range v.host.Loads() {
			show(a, load)
		}
	}
	v.follow(&l.Lane, "", all, func(news []*agent.Agent) {
		for _, a := range news {
			if load, ok := v.host.Load(a.URI()); ok {
				show(a, load)
			} else {
				l.Remove(string(a.URI()))
			}
		}
	})
}

// lanes makes the lane that lists those of an agent.
func (v *view) lanes() {
	l := agent.Map[string, Lane](v.a, "lanes").Transient().ReadOnly()
	all := func() {
		a, ok := v.host.Node(v.node)
		if !ok {
			return
		}
		for _, of := range a.Lanes() {
			name := string(of.Name())
			if _, known := l.Get(name); !known {
				l.Set(name, Lane{LaneURI: name, LaneType: of.Kind().String(), ReadOnly: of.IsReadOnly()})
			}
			past := string(route.HistoryLane(of.Name()))
			if _, known := l.Get(past); !known && of.ShowsPast() {
				l.Set(past, Lane{LaneURI: past, LaneType: agent.PastKind.String(), ReadOnly: true, Shows: name})
			}
		}
	}
	v.follow(&l.Lane, v.node, all, func([]*agent.Agent) { all() })
}

// follow has all run when l gets a reader, and from then on while it has one some with the agents that
// were made or have left; with a node, with that agent for each lane it makes.
func (v *view) follow(l *agent.Lane, node route.NodeURI, all func(), some func([]*agent.Agent)) {
	var stop func()
	l.OnFirst(func() {
		if stop == nil {
			stop = v.news.listen(v.a, node, some)
		}
		all()
	})
	end := func() {
		if stop != nil {
			stop()
			stop = nil
		}
	}
	l.OnIdle(func() {
		if !l.IsRead() {
			end()
		}
	})
	v.a.OnClose(end)
}

package host

import (
	"selvage/edge/agent"
	"selvage/edge/route"
)

// Watch is for agent.Runtime. Agents of other hosts and views are nobody's business.
func (c *cell) Watch(nodes func(route.NodeURI) bool, fn func(route.NodeURI, route.LaneName)) (cancel func()) {
	matches := func(uri route.NodeURI) bool { return !uri.IsFar() && nodes(uri) }
	tell := func(a *agent.Agent, l *agent.Lane) {
		if l != nil && matches(a.URI()) {
			fn(a.URI(), l.Name())
		}
	}
	cancel = c.host.watchers.add(watcher{
		comes:  tell,
		leaves: tell,
		ends: func(a *agent.Agent) {
			if matches(a.URI()) {
				for _, l := range a.Lanes() {
					fn(a.URI(), l.Name())
				}
			}
		},
	})
	for a := range c.host.Nodes() {
		if matches(a.URI()) {
			for _, l := range a.Lanes() {
				fn(a.URI(), l.Name())
			}
		}
	}
	return cancel
}

// IsThere is for agent.Runtime.
func (c *cell) IsThere(node route.NodeURI, lane route.LaneName) (kind agent.LaneKind, is bool) {
	if a, ok := c.host.Node(node); ok {
		if l := a.Lane(lane); l != nil {
			return l.Kind(), true
		}
	}
	return 0, false
}

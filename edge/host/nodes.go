package host

import (
	"selvage/edge/agent"
	"selvage/edge/route"
)

// Watch is for agent.Runtime. Agents of other hosts and views are nobody's business.
func (c *cell) Watch(fn func(node route.NodeURI, lane route.LaneName, kind agent.LaneKind, there bool)) (cancel func()) {
	tell := func(a *agent.Agent, l *agent.Lane, there bool) {
		if !a.URI().IsFar() {
			fn(a.URI(), l.Name(), l.Kind(), there)
		}
	}
	ends := c.host.WatchEnds(func(a *agent.Agent) {
		for _, l := range a.Lanes() {
			tell(a, l, false)
		}
	})
	comes := c.host.Watch(func(a *agent.Agent, l *agent.Lane) {
		if l != nil {
			tell(a, l, true)
		}
	})
	return func() { comes(); ends() }
}

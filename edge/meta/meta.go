// Package meta shows the host to its links: nodes of the scheme swim:meta in the forms of SwimOS,
// and the agent /host with what the host is and what is wrong right now.
//
// In the terms of SwimOS a host of ours is an edge with one mesh. The mesh has two parts with one host
// each: the part without a key holds the agents, the part swim the nodes of this package. These are
// views: they exist while somebody reads them, and are computed for as long.
package meta

import (
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/route"
)

// refresh is the least time between two events about what is measured, as in SwimOS.
const refresh = time.Second

// Add makes these agents part of h. What else /host is to have is made by more, in its setup.
func Add(h *host.Host, info Info, more ...func(*agent.Agent)) error {
	setup := func(a *agent.Agent, info Info) error {
		for _, make := range more {
			make(a)
		}
		return setupHost(a, info)
	}
	if _, err := h.Add("/host", host.Things, agent.NewKind("host", info, setup), nil); err != nil {
		return err
	}
	m := &model{host: h, started: info.Started}
	if m.started.IsZero() {
		m.started = time.Now()
	}
	h.Watch(m.news.tell)
	h.WatchEnds(func(a *agent.Agent) { m.news.tell(a, nil) })
	m.machine.cpu() // from here on its first share is taken
	h.Views(func(node route.NodeURI) (k agent.Kind, config any, ok bool) {
		if _, _, ok := asked(node); ok {
			return agent.NewKind("meta", node, m.setupAsked), node, true
		}
		p, ok := m.find(node)
		return agent.NewKind("meta", p, m.setup), p, ok
	})
	return nil
}

// model is what the views have in common.
type model struct {
	host    *host.Host
	started time.Time
	machine machine
	news    news
}

// view is one of them.
type view struct {
	*model
	place
	a   *agent.Agent
	was sample // when the pulse was looked at last
}

func (m *model) setup(a *agent.Agent, p place) error {
	v := &view{model: m, place: p, a: a}
	switch p.level {
	case atEdge:
		v.table("meshes", meshes)
		v.pulse()
	case atMesh:
		v.table("parts", parts)
		v.nodes()
		v.pulse()
	case atPart:
		v.table("hosts", v.hosts)
		v.pulse()
	case atHost:
		v.nodes()
		v.pulse()
		v.logs(func(fn func(host.Said)) (cancel func()) { return m.host.Listen("", fn) })
	case atNode:
		v.lanes()
		v.pulse()
		v.logs(func(fn func(host.Said)) (cancel func()) { return m.host.Listen(p.node, fn) })
	case atLane:
		v.table("uplinks", v.uplinks)
		v.logs(nil) // what an agent logs is of no lane
	}
	return nil
}

// keep has fn run when l gets a reader, and from then on about once a refresh while it has one. Where
// fn takes long, for there are very many agents, it runs less often: it costs a fiftieth of a processor
// at most.
func (v *view) keep(l *agent.Lane, fn func()) {
	const share = 50
	due := false
	var next func()
	look := func() {
		began := time.Now()
		fn()
		if !due {
			due = true
			v.a.After(max(refresh, share*time.Since(began)), next)
		}
	}
	next = func() {
		due = false
		if l.IsRead() {
			look()
		}
	}
	l.OnFirst(look)
}

// Package far makes agents of other hosts agents here. What an agent links or sends to as
// "warp://host:port/unit/1" is an agent of this host under that URI, whose lanes are copies: each is
// made when somebody asks for it and its host has shown all of it, keeps its last state while that
// host is away, and is dropped when nobody reads it any more. Commands to such an agent go to its host.
//
// All agents of one host share one connection, and all readers of a lane one link. The agent
// /peer/HOST:PORT shows how that connection is.
package far

import (
	"context"
	"maps"
	"slices"
	"sync"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/route"
)

// Peers are the agents of other hosts.
type Peers struct {
	host   *host.Host
	ctx    context.Context // ends with Stop
	cancel context.CancelFunc

	mu      sync.Mutex
	lines   map[string]*line // by the host's address
	nodes   map[*agent.Agent]*node
	stopped bool
}

// Add has h's agents reach those of other hosts.
func Add(h *host.Host) *Peers {
	p := &Peers{host: h, lines: map[string]*line{}, nodes: map[*agent.Agent]*node{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	h.Beyond(agent.NewKind("far", p, setup), p.send)
	return p
}

// Stop ends all connections. Commands that wait are sent before, where a host can be reached while
// ctx lasts; so it comes after the stop of the host, whose agents may send in their last turn.
func (p *Peers) Stop(ctx context.Context) {
	p.cancel()
	p.mu.Lock()
	p.stopped = true
	lines := slices.Collect(maps.Values(p.lines))
	p.mu.Unlock()
	var ends sync.WaitGroup
	for _, l := range lines {
		ends.Go(func() { l.stop(ctx) })
	}
	ends.Wait()
}

func setup(a *agent.Agent, p *Peers) error {
	n, err := p.node(a)
	if err != nil {
		a.OnAsked(func(route.LaneName, agent.LaneKind) error { return err }, nil)
		a.Relay(func(route.LaneName, []byte) error { return err })
		return err
	}
	a.OnStop(func() { p.forget(n) })
	n.start()
	return nil
}

// send hands on a command to an agent of another host.
func (p *Peers) send(uri route.NodeURI, name route.LaneName, body []byte) error {
	at, key := uri.Cut()
	p.mu.Lock()
	l, err := p.line(at)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return l.send(string(key), string(name), body)
}

// node returns what is known of a far agent, which outlives a restart of the agent here.
func (p *Peers) node(a *agent.Agent) (*node, error) {
	at, key := a.URI().Cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.nodes[a]; n != nil {
		return n, nil
	}
	l, err := p.line(at)
	if err != nil {
		return nil, err
	}
	n := &node{line: l, key: string(key), agent: a, lanes: map[route.LaneName]*lane{}}
	n.ctx, n.cancel = context.WithCancel(p.ctx)
	n.inbox.emptied = make(chan struct{})
	p.nodes[a] = n
	return n, nil
}

func (p *Peers) forget(n *node) {
	n.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.nodes, n.agent)
}

package agent

import (
	"slices"
	"time"

	"selvage/edge/route"
)

// following is all that one agent follows.
type following struct {
	agent  *Agent
	list   []*bundle
	index  map[bundleKey]*bundle // of list, once that is long
	forget func()
}

type bundleKey struct {
	node  route.NodeURI
	every time.Duration // between two turns, 0 without a rate
}

// maxSearched is how long a list of bundles is searched from one end to the other.
const maxSearched = 8

// slowest is the longest time between two turns that a rate comes to.
const slowest = 24 * time.Hour

func (b *bundle) key() bundleKey {
	if b.pace == nil {
		return bundleKey{node: b.node}
	}
	return bundleKey{b.node, b.pace.every}
}

// bundle returns where a downlink belongs.
func (f *following) bundle(node route.NodeURI, rate float64) *bundle {
	key := bundleKey{node: node}
	if rate > 0 {
		key.every = time.Duration(min(float64(time.Second)/rate, float64(slowest)))
	}
	if old := f.find(key); old != nil {
		return old
	}
	b := &bundle{of: f, node: node}
	b.do = b.deliver
	if key.every > 0 {
		b.pace = &pace{every: key.every}
	}
	if f.forget == nil {
		f.forget = f.agent.opens(f.close)
	}
	f.list = append(f.list, b)
	switch {
	case f.index != nil:
		f.index[key] = b
	case len(f.list) > maxSearched:
		f.index = map[bundleKey]*bundle{}
		for _, b := range f.list {
			f.index[b.key()] = b
		}
	}
	return b
}

func (f *following) find(key bundleKey) *bundle {
	if f.index != nil {
		return f.index[key]
	}
	for _, b := range f.list {
		if b.key() == key {
			return b
		}
	}
	return nil
}

func (f *following) drop(b *bundle) {
	b.pace.stop()
	delete(f.index, b.key())
	if i := slices.Index(f.list, b); i >= 0 {
		f.list = slices.Delete(f.list, i, i+1)
	}
	if len(f.list) == 0 && f.forget != nil {
		f.forget()
		f.forget = nil
	}
}

func (f *following) close() {
	all := f.list
	f.list, f.index, f.forget = nil, nil, nil
	for _, b := range all {
		b.close()
	}
}

// isFaulty reports whether a downlink to the lane cannot follow it.
func (f *following) isFaulty(node route.NodeURI, lane route.LaneName) bool {
	for _, b := range f.list {
		if b.node != node {
			continue
		}
		for _, p := range b.links {
			if d := p.base(); d.faulty && d.lane == lane {
				return true
			}
		}
	}
	return false
}

// follow returns what the agent follows.
func (a *Agent) follow() *following {
	f := &a.downlinks().follows
	f.agent = a
	return f
}

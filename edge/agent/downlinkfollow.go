package agent

import (
	"time"

	"selvage/edge/route"
)

// following is all that one agent follows: bundles in a list through themselves, for most agents follow one.
type following struct {
	first *bundle
	count int
	index map[bundleKey]*bundle // of all, once they are many
}

type bundleKey struct {
	node  route.NodeURI
	every time.Duration // between two turns, 0 without a rate
}

// maxSearched is how many bundles are searched one by one.
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
func (a *Agent) bundle(node route.NodeURI, rate float64) *bundle {
	key := bundleKey{node: node}
	if rate > 0 {
		key.every = time.Duration(min(float64(time.Second)/rate, float64(slowest)))
	}
	f := &a.downlinks().follows
	if old := f.find(key); old != nil {
		return old
	}
	b := &bundle{agent: a, node: node, run: a.run.Load()}
	b.do = b.deliver
	if key.every > 0 {
		b.pace = &pace{every: key.every}
	}
	f.add(b)
	return b
}

func (f *following) find(key bundleKey) *bundle {
	if f.index != nil {
		return f.index[key]
	}
	for b := f.first; b != nil; b = b.next {
		if b.key() == key {
			return b
		}
	}
	return nil
}

func (f *following) add(b *bundle) {
	b.next, f.first = f.first, b
	f.count++
	switch {
	case f.index != nil:
		f.index[b.key()] = b
	case f.count > maxSearched:
		f.index = map[bundleKey]*bundle{}
		for b := f.first; b != nil; b = b.next {
			f.index[b.key()] = b
		}
	}
}

func (f *following) drop(b *bundle) {
	b.pace.stop()
	delete(f.index, b.key())
	for at := &f.first; *at != nil; at = &(*at).next {
		if *at == b {
			*at = b.next
			f.count--
			return
		}
	}
}

// unfollow ends all downlinks.
func (a *Agent) unfollow() {
	d := a.down.Load()
	if d == nil {
		return
	}
	first := d.follows.first
	d.follows = following{}
	for b := first; b != nil; b = b.next {
		b.close()
	}
}

// isFaulty reports whether a downlink to the lane cannot follow it.
func (f *following) isFaulty(node route.NodeURI, lane route.LaneName) bool {
	for b := f.first; b != nil; b = b.next {
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

package agent

import (
	"iter"
	"maps"
	"time"

	"selvage/edge/route"
)

// following is all that one agent follows: a few bundles in a list through themselves, for most agents
// follow one, or many in a map.
type following struct {
	first  *bundle
	count  int
	index  map[bundleKey]*bundle
	faults faults
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
	if f.index == nil && f.count == maxSearched {
		f.index = map[bundleKey]*bundle{}
		for b := f.first; b != nil; b = f.first {
			f.first, b.next = b.next, nil
			f.index[b.key()] = b
		}
	}
	if f.count++; f.index != nil {
		f.index[b.key()] = b
	} else {
		b.next, f.first = f.first, b
	}
}

func (f *following) drop(b *bundle) {
	b.pace.stop()
	if f.count--; f.index != nil {
		delete(f.index, b.key())
		return
	}
	for at := &f.first; *at != nil; at = &(*at).next {
		if *at == b {
			*at = b.next
			return
		}
	}
}

func (f *following) all() iter.Seq[*bundle] {
	if f.index != nil {
		return maps.Values(f.index)
	}
	return func(yield func(*bundle) bool) {
		for b := f.first; b != nil && yield(b); b = b.next {
		}
	}
}

// unfollow ends all downlinks.
func (a *Agent) unfollow() {
	d := a.down.Load()
	if d == nil {
		return
	}
	for b := range d.follows.all() {
		b.close()
	}
	d.follows = following{}
}

// faults counts the downlinks to each lane that cannot follow it.
type faults map[laneAt]int

// laneAt is where a lane is.
type laneAt struct {
	node route.NodeURI
	lane route.LaneName
}

func (f *faults) add(node route.NodeURI, lane route.LaneName) {
	if *f == nil {
		*f = faults{}
	}
	(*f)[laneAt{node, lane}]++
}

// drop takes one back, and reports whether it was the last.
func (f *faults) drop(node route.NodeURI, lane route.LaneName) (last bool) {
	at := laneAt{node, lane}
	if (*f)[at]--; (*f)[at] > 0 {
		return false
	}
	if delete(*f, at); len(*f) == 0 {
		*f = nil
	}
	return true
}

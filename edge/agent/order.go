package agent

// reads is what an agent has that is read, or was.
type reads struct {
	events uint64         // that readers have taken
	notes  []note         // that the store is to take
	orders map[any]*order // of those who read several lanes together
}

// reading is called with mu held.
func (a *Agent) reading() *reads {
	if a.reads == nil {
		a.reads = new(reads)
	}
	return a.reads
}

// order has those who read lanes of one agent by one connection take what was published in the order in which
// it was: the events of a turn before those of any later turn. Each reader takes at its own pace, and what it
// has not taken may be overtaken by what is newer; so what was published is noted as places, in order. A reader
// that comes before its place has its event put by, so that no newer one overtakes it any more, and is woken
// when its place has come: everybody gets there, however fast lanes change. It is guarded by agent.mu, and costs
// next to nothing for who reads one lane.
type order struct {
	key   any
	tails int
	queue []place
	head  int
	full  int // length of queue at which it is looked through
}

// place says that tail may take what has a number up to upto.
type place struct {
	tail *Tail
	upto uint64
}

// maxPlaces bounds what is noted for readers that lag. It takes several event lanes to get there, or a map
// with that many keys; who lags so far behind these takes what there is in any order.
const (
	minPlaces = 64
	maxPlaces = 4096
)

// putBy is an event that waits for its place.
type putBy struct {
	body []byte
	seq  uint64
}

// join makes t one of those who read together under key.
func (a *Agent) join(t *Tail, key any) {
	r := a.reading()
	if r.orders == nil {
		r.orders = map[any]*order{}
	}
	o := r.orders[key]
	if o == nil {
		o = &order{key: key}
		r.orders[key] = o
	}
	o.tails++
	t.order = o
}

// part ends that, and returns who is to be woken.
func (t *Tail) part() *Tail {
	o := t.order
	if o == nil {
		return nil
	}
	if o.tails--; o.tails == 0 {
		delete(t.agent.reads.orders, o.key)
	}
	t.order = nil
	return o.next()
}

// note is called when t's lane has published; it appends to wakes who need not wait any more.
func (o *order) note(t *Tail, wakes []Reader) []Reader {
	if o.tails < 2 {
		return wakes
	}
	if len(o.queue) >= max(o.full, minPlaces) {
		wakes = o.shrink(wakes)
	}
	o.queue = append(o.queue, place{t, t.lane.typed.now()})
	t.places++
	return wakes
}

// isSolo reports whether there is nobody to keep an order with.
func (o *order) isSolo() bool { return o.tails < 2 && len(o.queue) == 0 }

// isLive reports whether there is something to take in a place, which for an event that was put by is the
// first of its reader.
func (o *order) isLive(p place, first bool) bool {
	t := p.tail
	if t.order != o || t.lane == nil {
		return false
	}
	if t.waits != nil && first {
		return t.waits.seq <= p.upto
	}
	n := t.lane.typed.due(t)
	return n > 0 && n <= p.upto
}

// first drops the places that are done with, and returns the reader whose turn it is; nil when it is anyone's.
func (o *order) first() *Tail {
	for o.head < len(o.queue) {
		p := o.queue[o.head]
		if o.isLive(p, true) {
			return p.tail
		}
		p.tail.places--
		o.queue[o.head] = place{}
		o.head++
	}
	o.queue, o.head = o.queue[:0], 0
	if cap(o.queue) > minPlaces {
		o.queue, o.full = nil, 0
	}
	return nil
}

// take is Tail.next for a reader that keeps to an order. wake is who is to be woken.
func (o *order) take(t *Tail) (body []byte, ok bool, wake *Tail) {
	first := o.first()
	if first != nil && first != t && t.places > 0 {
		if t.waits == nil {
			if n := t.lane.typed.due(t); n > 0 {
				if body, ok = t.lane.typed.next(t); ok {
					t.waits = &putBy{body, n}
				}
			}
		}
		return nil, false, o.next()
	}
	if t.waits != nil {
		body, ok, t.waits = t.waits.body, true, nil
	} else {
		body, ok = t.lane.typed.next(t)
	}
	return body, ok, o.next()
}

// next returns the reader whose turn it is, if it waits for that.
func (o *order) next() *Tail {
	if t := o.first(); t != nil && t.waits != nil {
		return t
	}
	return nil
}

// shrink makes room: it drops the places that are done with, makes one of those of a reader that follow each
// other, and drops all if there are still too many.
func (o *order) shrink(wakes []Reader) []Reader {
	kept := o.queue[:0]
	for _, p := range o.queue[o.head:] {
		first := !p.tail.passed
		switch last := len(kept) - 1; {
		case !o.isLive(p, first):
			p.tail.places--
			continue
		case last >= 0 && kept[last].tail == p.tail:
			p.tail.places--
			kept[last] = p
		default:
			kept = append(kept, p)
		}
		p.tail.passed = true
	}
	for _, p := range kept {
		p.tail.passed = false
	}
	clear(o.queue[len(kept):])
	o.queue, o.head, o.full = kept, 0, 2*len(kept)
	if len(kept) < maxPlaces/2 {
		return wakes
	}
	for _, p := range kept {
		if p.tail.places = 0; p.tail.waits != nil {
			wakes = append(wakes, p.tail.reader)
		}
	}
	clear(kept)
	o.queue = kept[:0]
	return wakes
}

// wake is called for a reader that may go on, with agent.mu not held.
func (t *Tail) wake() {
	if t != nil {
		t.reader.Wake()
	}
}

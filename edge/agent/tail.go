package agent

import (
	"sync/atomic"
)

// Tail is one reader's place in a lane's log.
type Tail struct {
	agent  *Agent
	reader Reader
	id     uint64 // of no other Tail in this process

	// Guarded by agent.mu.
	lane    *Lane // nil once closed
	at      uint64
	lost    uint64
	order   *order // of those who read together; nil for who reads alone
	waits   *putBy // for its place there
	places  int32  // that t has there
	passed  bool   // by order.shrink
	syncing bool   // between State and its end
}

var opened atomic.Uint64 // tails

// Next returns the body of the oldest event that the reader has not had. The bytes are shared
// by all readers and must not be altered.
func (t *Tail) Next() (body []byte, ok bool) {
	a := t.agent
	a.mu.Lock()
	body, ok, wake := t.next()
	if ok {
		a.reading().events++
	}
	a.mu.Unlock()
	wake.wake()
	return body, ok
}

func (t *Tail) next() (body []byte, ok bool, wake *Tail) {
	switch {
	case t.lane == nil:
	case t.order != nil && !t.order.isSolo():
		return t.order.take(t)
	case t.waits != nil:
		body, ok, t.waits = t.waits.body, true, nil
	default:
		body, ok = t.lane.typed.next(t)
	}
	return body, ok, nil
}

// State returns, one a call, the bodies of the events that bring the reader to the lane's present
// state; Next goes on from there.
func (t *Tail) State() func() (body []byte, ok bool) { return t.StateOf(nil) }

// StateOf is State of a part, where the lane can show one: what the body of a sync asks for.
func (t *Tail) StateOf(ask []byte) func() (body []byte, ok bool) {
	a := t.agent
	a.mu.Lock()
	l := t.lane
	if l == nil {
		a.mu.Unlock()
		return func() ([]byte, bool) { return nil, false }
	}
	t.syncing = true
	waits := t.waits
	t.waits = nil
	next := l.stateOf(t, ask)
	on := l.handlers(synced)
	var first *Tail
	if t.order != nil {
		first = t.order.next()
	}
	a.mu.Unlock()
	first.wake()
	l.tell(on)
	return func() (body []byte, ok bool) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if waits != nil {
			body, ok, waits = waits.body, true, nil
		} else {
			body, ok = next()
		}
		if t.syncing = ok; ok {
			a.reading().events++
		}
		return body, ok
	}
}

// stateOf is typed.state of what ask asks for. agent.mu is held.
func (l *Lane) stateOf(t *Tail, ask []byte) func() (body []byte, ok bool) {
	if p, is := l.typed.(*pastLane); is && len(ask) > 0 {
		if of, err := parseExcerpt(ask); err == nil {
			return p.open(t, of)
		}
	}
	return l.typed.state(t)
}

// IsPending reports whether more of what State shows is still being read. The reader is woken when it is there.
func (t *Tail) IsPending() bool {
	t.agent.mu.Lock()
	defer t.agent.mu.Unlock()
	return t.isPending()
}

func (t *Tail) isPending() bool {
	if t.lane == nil {
		return false
	}
	p, is := t.lane.typed.(*pastLane)
	return is && p.isPending(t)
}

// Skip forgets what the reader has not had.
func (t *Tail) Skip() {
	t.agent.mu.Lock()
	var next *Tail
	if t.lane != nil {
		t.lane.typed.left(t)
		t.at, t.waits = t.lane.typed.now(), nil
		if t.order != nil {
			next = t.order.next()
		}
	}
	t.agent.mu.Unlock()
	next.wake()
}

// lose counts events that t's reader has missed. Those of a link are told by the connection that it is on.
func (t *Tail) lose(n uint64) {
	t.lost += n
	if _, local := t.reader.(*Downlink); local && n > 0 {
		t.agent.rt.Health().Add("event.dropped", int64(n))
	}
}

// bounded is a lane that drops what its readers lag behind by too much.
type bounded interface{ dropped(t *Tail) uint64 }

// Lost returns how many events of a command, supply or demand-map lane were dropped because the reader
// lagged. It may be asked after Close.
func (t *Tail) Lost() uint64 {
	t.agent.mu.Lock()
	defer t.agent.mu.Unlock()
	if t.lane == nil {
		return t.lost
	}
	if b, ok := t.lane.typed.(bounded); ok {
		return t.lost + b.dropped(t)
	}
	return t.lost
}

// Close gives up the place.
func (t *Tail) Close() {
	a := t.agent
	a.mu.Lock()
	l := t.lane
	if l == nil {
		a.mu.Unlock()
		return
	}
	l.typed.left(t)
	t.lane = nil
	kept := make([]*Tail, 0, len(l.readers()))
	for _, o := range l.readers() {
		if o != t {
			kept = append(kept, o)
		}
	}
	if len(kept) == len(l.readers()) { // it was ended, and the lane with it
		a.mu.Unlock()
		return
	}
	l.setReaders(kept)
	on := l.handlers(unlinked)
	next := t.part()
	missed := a.options.Load().View || a.stopped && len(kept) == 0
	var idle func()
	if len(kept) == 0 && l.rare != nil {
		idle = l.rare.idle
	}
	a.mu.Unlock()
	next.wake()
	l.tell(on)
	switch {
	case idle != nil:
		a.rt.Wake(Mail{Do: idle, Run: a.run.Load()})
	case missed:
		a.rt.Wake(Mail{Do: func() {}, Run: a.run.Load()})
	}
}

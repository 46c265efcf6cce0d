package agent

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// maxBatch bounds how many linked values one turn takes, so that other mail gets its turn.
const maxBatch = 64

// linkPatience is how long a link may wait for its lane before that shows: at a start, what it
// follows may come a moment later.
const linkPatience = 3 * time.Second

// Downlink is an agent's link to a lane of an agent.
type Downlink struct {
	agent  *Agent
	node   route.NodeURI
	wait   Wait
	take   func(*Tail) (more bool)
	posted atomic.Bool // a turn is due
	faulty atomic.Bool // a condition may stand for it
	forget func()

	mu     sync.Mutex
	tail   *Tail
	closed bool
}

// Link follows a lane of another agent, of this host or of another one: fn runs as a turn with what the lane holds, then with
// each new value. If values come faster than turns a value lane's newest is what is seen. The
// value goes over as it is if T is the lane's own type, and by way of Recon otherwise.
func Link[T any](a *Agent, node, lane string, fn func(T)) *Downlink {
	codec := codecOf[T](a, lane)
	d := &Downlink{agent: a}
	d.wait = Wait{route.LaneName(lane), ValueKind, d.join}
	d.faulty.Store(true) // one of before a panic
	d.take = func(t *Tail) bool {
		v, ok, err := takeValue(t, codec)
		d.mark(err)
		if ok && err == nil {
			fn(v)
		}
		return ok
	}
	a.downlinks().links.Add(1)
	d.forget = a.opens(d.close)
	var err error
	if d.node, _, err = route.Anywhere(node); err != nil {
		d.node = route.NodeURI(node)
		d.mark(err)
		return d
	}
	a.rt.Join(d.node, &d.wait)
	return d
}

// takeValue takes the next value from a lane, without the codec where the types agree.
func takeValue[T any](t *Tail, codec *recon.Codec[T]) (v T, ok bool, err error) {
	t.agent.mu.Lock()
	if t.lane == nil {
		t.agent.mu.Unlock()
		return v, false, nil
	}
	if l, same := t.lane.typed.(*ValueLane[T]); same {
		defer t.agent.mu.Unlock()
		if t.at >= l.seq {
			return v, false, nil
		}
		t.at = l.seq
		return l.pub, true, nil
	}
	body, ok := t.lane.typed.next(t)
	t.agent.mu.Unlock()
	if ok {
		v, err = codec.Decode(body)
	}
	return v, ok, err
}

// join is told the lane, in the turn of the agent that it belongs to.
func (d *Downlink) join(l *Lane, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.mark(err)
	if err != nil {
		return
	}
	d.tail = l.Open(d)
	if l.kind == ValueKind {
		d.tail.rewind()
	}
	d.Wake()
}

// rewind puts a reader before everything, so that it is shown what the lane holds now.
func (t *Tail) rewind() {
	t.agent.mu.Lock()
	defer t.agent.mu.Unlock()
	t.at = 0
}

// Wake is called by the lane when it has news.
func (d *Downlink) Wake() {
	if d.posted.CompareAndSwap(false, true) {
		d.agent.rt.Wake(d.deliver)
	}
}

func (d *Downlink) deliver() {
	d.posted.Store(false)
	d.mu.Lock()
	t := d.tail
	d.mu.Unlock()
	if t == nil {
		return
	}
	events := &d.agent.downlinks().events
	for range maxBatch {
		if !d.take(t) {
			return
		}
		events.Add(1)
	}
	d.Wake()
}

// Close ends the link, in a turn. It may be called twice.
func (d *Downlink) Close() {
	d.close()
	d.forget()
	d.mark(nil)
}

func (d *Downlink) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	d.agent.downlinks().links.Add(-1)
	if d.tail != nil {
		d.tail.Close()
		d.tail = nil
	} else {
		d.agent.rt.Leave(d.node, &d.wait)
	}
}

func (d *Downlink) mark(err error) {
	if err == nil && !d.faulty.Load() {
		return
	}
	code := fmt.Sprintf("link.%s.%s.%s", d.agent.uri, d.node, d.wait.Lane)
	d.faulty.Store(err != nil)
	if err == nil {
		d.agent.rt.Health().Clear(code)
		return
	}
	d.agent.rt.Health().Raise(health.Condition{
		Code:   code,
		Text:   fmt.Sprintf("%s does not follow %s %s: %v", d.agent.uri, d.node, d.wait.Lane, err),
		Remedy: "see what there is with: selvage ls " + string(d.node),
		After:  linkPatience,
	})
}

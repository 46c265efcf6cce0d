package agent

import (
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/route"
)

// bundle is the downlinks of one agent to lanes of one other agent, of one rate: they share their mail,
// and so are told of a turn there in one turn here.
type bundle struct {
	agent *Agent
	next  *bundle // of what the agent follows
	node  route.NodeURI
	links []puller // in turns only
	do    func()   // deliver, made once
	run   uint32   // of the agent
	pace  *pace    // nil without a rate

	posted atomic.Bool // a turn is due

	mu       sync.Mutex // taken before that of an agent
	arrivals []arrival
}

// puller is a downlink that knows its Go type.
type puller interface {
	base() *Downlink
	take(t *Tail, in *intake) (n int) // n news as they are, or else their bodies; the lock of t's agent is held
	load(bodies [][]byte) error       // makes state of what was taken
	tell()                            // runs the handlers for it
}

// arrival is what befalls a downlink, but for news of its lane.
type arrival struct {
	to    *Downlink
	tail  *Tail // it got its lane
	stale bool  // what it knows is not up to date, or is again if there is no err
	err   error
}

// intake is what a bundle has taken at once.
type intake struct {
	bodies [][]byte
	parts  []part
	shown  []*Lane // whose whole state was taken
}

type part struct {
	of       puller
	news     int
	from, to int // of bodies
}

var intakes = sync.Pool{New: func() any { return new(intake) }}

func (in *intake) recycle() {
	clear(in.bodies)
	clear(in.parts)
	in.bodies, in.parts = in.bodies[:0], in.parts[:0]
	intakes.Put(in)
}

func (b *bundle) wake() {
	if b.posted.CompareAndSwap(false, true) {
		b.agent.rt.Wake(Mail{Do: b.do, Run: b.run})
	}
}

func (b *bundle) arrive(n arrival) {
	b.mu.Lock()
	if n.to.closed {
		b.mu.Unlock()
		return
	}
	b.arrivals = append(b.arrivals, n)
	b.mu.Unlock()
	b.wake()
}

// deliver is the turn in which the agent is told all that is new.
func (b *bundle) deliver() {
	if b.pace != nil && b.pace.waits(b) {
		return
	}
	b.posted.Store(false) // first: what comes from here on posts anew
	b.mu.Lock()
	arrivals := b.arrivals
	b.arrivals = nil
	b.mu.Unlock()
	for _, n := range arrivals {
		if !n.to.closed {
			n.to.settle(n)
		}
	}
	in := intakes.Get().(*intake)
	b.take(in)
	news := 0
	for _, p := range in.parts {
		d := p.of.base()
		if p.news > 0 {
			d.mark(p.of.load(in.bodies[p.from:p.to]))
			news += p.news
		}
	}
	if news > 0 {
		b.agent.downlinks().events.Add(uint64(news))
	}
	for _, p := range in.parts {
		d := p.of.base()
		if d.closed {
			continue
		}
		d.tellOf(lostDue | linkedDue)
		if !d.closed {
			p.of.tell()
		}
		if !d.closed {
			d.tellOf(syncedDue | staleDue)
		}
	}
	in.recycle()
}

// take takes what is new in all lanes under one lock, which is what makes it what some turn left.
func (b *bundle) take(in *intake) {
	var held *Agent
	for _, p := range b.links {
		d := p.base()
		t := d.tail
		from, news := len(in.bodies), 0
		if t != nil {
			if t.agent != held {
				if held != nil {
					held.mu.Unlock()
				}
				held = t.agent
				held.mu.Lock()
			}
			if t.lane != nil {
				news = p.take(t, in) + len(in.bodies) - from
				if d.fresh {
					if t.lane.handlers(synced) != nil {
						in.shown = append(in.shown, t.lane)
					}
					d.fresh = false
					d.know()
				}
			}
		}
		if news > 0 || d.due != 0 {
			in.parts = append(in.parts, part{p, news, from, len(in.bodies)})
		}
	}
	if held != nil {
		held.mu.Unlock()
	}
	for i, l := range in.shown {
		l.agent.mu.Lock()
		on := l.handlers(synced)
		l.agent.mu.Unlock()
		l.tell(on)
		in.shown[i] = nil
	}
	in.shown = in.shown[:0]
}

// forget takes d out of the bundle.
func (b *bundle) forget(d *Downlink) {
	kept := make([]puller, 0, len(b.links))
	for _, p := range b.links {
		if p.base() != d {
			kept = append(kept, p)
		}
	}
	if b.links = kept; len(kept) == 0 {
		b.agent.downlinks().follows.drop(b)
	}
}

func (b *bundle) close() {
	for _, p := range b.links {
		if !p.base().closed {
			p.base().close()
		}
	}
	b.links = nil
	b.pace.stop()
}

// pace is how often a bundle has its turn.
type pace struct {
	every time.Duration
	next  time.Time
	timer *time.Timer
}

// waits reports whether it is too early; b's turn then comes when it is not, and posted stays set until then.
func (p *pace) waits(b *bundle) bool {
	now := time.Now()
	if wait := p.next.Sub(now); wait > 0 {
		p.timer = time.AfterFunc(wait, func() { b.agent.rt.Wake(Mail{Do: b.do, Run: b.run}) })
		return true
	}
	p.next = now.Add(p.every)
	return false
}

func (p *pace) stop() {
	if p != nil && p.timer != nil {
		p.timer.Stop()
	}
}

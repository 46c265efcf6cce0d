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
	to   *Downlink
	what befall
	tail *Tail // of what is found
	err  error // why it waits or does not know what there is, or what is wrong with what is found
}

type befall uint8

const (
	refused befall = iota // there is no lane yet
	found
	stale   // what the lane shows is not up to date
	current // it is again
	gone    // the lane is no more; what is new there is to be taken yet
)

// intake is what a bundle has taken at once.
type intake struct {
	bodies [][]byte
	parts  []part
	news   int
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
	in.bodies, in.parts, in.news = in.bodies[:0], in.parts[:0], 0
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
	b.call()
}

// call is wake for an arrival, which does not wait for the time of a rate.
func (b *bundle) call() {
	if b.pace == nil {
		b.wake()
	} else {
		b.agent.rt.Wake(Mail{Do: b.do, Run: b.run})
	}
}

// deliver is the turn in which the agent is told all that is new.
func (b *bundle) deliver() {
	b.posted.Store(false) // first: what comes from here on posts anew
	b.mu.Lock()
	arrivals := b.arrivals
	b.arrivals = nil
	b.mu.Unlock()
	for _, n := range arrivals {
		if n.to.closed {
			continue
		}
		if n.to.settle(n); n.what == gone {
			b.pace.hurry()
		}
	}
	in := intakes.Get().(*intake)
	if b.take(in, b.pace.waits(b)); in.news > 0 {
		b.pace.spend()
		b.agent.downlinks().events.Add(uint64(in.news))
	}
	for _, n := range arrivals {
		if d := n.to; n.what == gone && !d.closed {
			d.tail = nil
			d.ask()
		}
	}
	for _, p := range in.parts {
		if p.news > 0 {
			p.of.base().mark(p.of.load(in.bodies[p.from:p.to]))
		}
	}
	for _, p := range in.parts {
		d := p.of.base()
		d.tellOf(linkedDue)
		if !d.closed {
			p.of.tell()
		}
		d.tellOf(lostDue | syncedDue)
	}
	in.recycle()
}

// take takes what is new in all lanes under one lock, which is what makes it what some turn left. If it is
// early for that, it takes only what is to be told beside it.
func (b *bundle) take(in *intake, early bool) {
	var held *Agent
	for _, p := range b.links {
		d := p.base()
		t := d.tail
		from, news := len(in.bodies), 0
		if t != nil && !early {
			if t.agent != held {
				if held != nil {
					held.mu.Unlock()
				}
				held = t.agent
				held.mu.Lock()
			}
			switch {
			case t.lane == nil:
			case d.fault == misfit:
				t.lane.typed.left(t)
				t.at = t.lane.typed.now()
			default:
				news = p.take(t, in) + len(in.bodies) - from
				if d.fresh {
					if t.lane.handlers(synced) != nil {
						in.shown = append(in.shown, t.lane)
					}
					d.fresh, d.flows = false, t.isPending()
					if !d.flows {
						d.know()
					}
				} else if d.flows && !t.isPending() {
					d.flows = false
					d.know()
				}
			}
		}
		if news > 0 || d.due != 0 {
			in.parts = append(in.parts, part{p, news, from, len(in.bodies)})
			in.news += news
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
	if p == nil {
		return false
	}
	wait := time.Until(p.next)
	if wait <= 0 {
		return false
	}
	b.posted.Store(true)
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, func() {
			b.agent.rt.Wake(Mail{Run: b.run, Do: func() {
				p.timer = nil
				b.deliver()
			}})
		})
	}
	return true
}

// spend begins the time until the next turn.
func (p *pace) spend() {
	if p != nil {
		p.next = time.Now().Add(p.every)
	}
}

// hurry ends that time: something is to be taken before it is too late.
func (p *pace) hurry() {
	if p != nil {
		p.next = time.Time{}
	}
}

func (p *pace) stop() {
	if p != nil && p.timer != nil {
		p.timer.Stop()
	}
}

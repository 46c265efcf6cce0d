package agent

import (
	"errors"
	"fmt"
	"time"

	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// linkPatience is how long a link may wait for its lane before that shows: at a start, what it
// follows may come a moment later.
const linkPatience = 3 * time.Second

// LinkOptions say how an agent wants to be told of what it follows.
type LinkOptions struct {
	Prio float64 // from 0 to 1: which of the links to another host go first when several have news
	Rate float64 // how often in a second its turn comes at most; 0 for as often as there is news
}

// Downlink is an agent's link to a lane of an agent, of this host or of another one. It is made in a turn
// and lasts until Close or the agent's end: while the lane is not there it waits for it, and when what it
// follows goes away and comes back it is linked anew by itself.
//
// What a turn of one agent has changed in several lanes, an agent that follows these is told in one turn:
// first all its downlinks to lanes of that agent take in what is new, then their handlers run. Downlinks
// with a Rate are told apart from those with another. If changes come faster than turns, only the newest
// value, the newest of each key, is what is seen.
type Downlink struct {
	bundle *bundle
	lane   route.LaneName
	wait   *Wait // on its way to its lane
	tail   *Tail // its place there
	rare   *rareDownlink
	kind   LaneKind // what it takes the lane for
	fresh  bool     // it is to be shown the lane's state
	synced bool     // it knows it
	away   bool     // what the lane shows is not up to date
	faulty bool     // a condition stands for it
	due    dues
	closed bool // set with bundle.mu held
}

// rareDownlink is what most downlinks do without.
type rareDownlink struct {
	options            LinkOptions
	lost               error
	onLinked, onSynced func()
	onLost             func(error)
}

// dues are what a downlink is to be told beside what its lane holds.
type dues uint8

const (
	lostDue dues = 1 << iota // of a lane before
	linkedDue
	syncedDue
	staleDue // of the present lane
)

func (d *Downlink) base() *Downlink { return d }

func (d *Downlink) more() *rareDownlink {
	if d.rare == nil {
		d.rare = new(rareDownlink)
	}
	return d.rare
}

// OnLinked has fn run when the lane was found, before what it holds is told.
func (d *Downlink) OnLinked(fn func()) {
	if before := d.more().onLinked; before != nil {
		d.rare.onLinked = func() { before(); fn() }
		return
	}
	d.rare.onLinked = fn
}

// OnSynced has fn run when what the lane holds is known, after the handlers that were told of it.
func (d *Downlink) OnSynced(fn func()) {
	if before := d.more().onSynced; before != nil {
		d.rare.onSynced = func() { before(); fn() }
		return
	}
	d.rare.onSynced = fn
}

// OnLost has fn run when what the downlink knows is not up to date any more: the agent that it follows was
// taken away, or the host of that agent cannot be reached. What was known stays until there is news; then
// come OnLinked, where the lane is another one, and OnSynced.
func (d *Downlink) OnLost(fn func(why error)) { d.more().onLost = then(d.more().onLost, fn) }

// IsSynced reports whether what the downlink knows is what its lane held when it last had news.
func (d *Downlink) IsSynced() bool { return d.synced }

// Node returns the URI of the agent that is followed.
func (d *Downlink) Node() route.NodeURI { return d.bundle.node }

// Lane returns the name of the lane that is followed.
func (d *Downlink) Lane() route.LaneName { return d.lane }

// open begins to follow. p is the downlink as a whole.
func (d *Downlink) open(a *Agent, p puller, node, lane string, kind LaneKind, o []LinkOptions) {
	if !a.turning {
		panic(fmt.Sprintf("agent %s: a link to %s %s is made outside a turn; use Do", a.uri, node, lane))
	}
	d.lane, d.kind = route.LaneName(lane), kind
	var options LinkOptions
	if len(o) > 0 && o[0] != (LinkOptions{}) {
		options = o[0]
		d.more().options = options
	}
	uri, _, err := route.Anywhere(node)
	if err != nil {
		uri = route.NodeURI(node)
	}
	a.downlinks().links.Add(1)
	d.bundle = a.bundle(uri, options.Rate)
	d.bundle.links = append(d.bundle.links, p)
	if err != nil {
		d.mark(err)
		return
	}
	d.ask(false)
}

// Options returns how the agent wants to be told.
func (d *Downlink) Options() LinkOptions {
	if d.rare == nil {
		return LinkOptions{}
	}
	return d.rare.options
}

// ask asks for the lane, or asks again because its agent has ended.
func (d *Downlink) ask(again bool) {
	d.wait = &Wait{Lane: d.lane, Kind: d.kind, Again: again, Ask: d.Options(), Join: d.join}
	d.bundle.agent.rt.Join(d.bundle.node, d.wait)
}

// join is told the lane, in the turn of the agent that it belongs to, or why there is none yet.
func (d *Downlink) join(l *Lane, err error) {
	n := arrival{to: d, err: err}
	b := d.bundle
	b.mu.Lock()
	if d.closed {
		b.mu.Unlock()
		return
	}
	if l != nil {
		n.tail = l.Open(d)
		if !fits(d.kind, l.kind) {
			n.err = fmt.Errorf("it is a %s lane, which is not followed as a %s lane", l.kind, d.kind)
		}
	}
	b.arrivals = append(b.arrivals, n)
	if l != nil {
		if why := l.staleness(); why != nil {
			b.arrivals = append(b.arrivals, arrival{to: d, err: why, stale: true})
		}
	}
	b.mu.Unlock()
	b.wake()
}

// fits reports whether a lane may be followed as one of another kind.
func fits(as, is LaneKind) bool {
	switch is {
	case ListKind:
		return as != MapKind
	case MapKind, DemandMapKind:
		return as != ListKind
	}
	return as != MapKind && as != ListKind
}

// Wake is called by the lane when it has news.
func (d *Downlink) Wake() { d.bundle.wake() }

// End is called when the lane's agent is no more.
func (d *Downlink) End() { d.bundle.arrive(arrival{to: d, err: ErrGone, stale: true}) }

// Stale is called when what the lane shows is not up to date, and with nil when it is again.
func (d *Downlink) Stale(why error) { d.bundle.arrive(arrival{to: d, err: why, stale: true}) }

// settle takes in an arrival.
func (d *Downlink) settle(n arrival) {
	switch {
	case n.tail != nil:
		d.wait, d.tail, d.away = nil, n.tail, false
		d.fresh = d.kind != CommandKind
		d.due |= linkedDue
		if !d.fresh {
			d.know()
		}
		d.mark(n.err)
	case !n.stale: // there is no lane yet
		if d.mark(n.err); errors.Is(n.err, ErrGone) {
			d.ask(true)
		}
	case n.err == nil:
		d.away = false
		d.know()
	case n.err == ErrGone:
		d.lose(n.err, lostDue)
		d.tail = nil
		d.ask(true)
	default:
		d.away = true
		d.lose(n.err, staleDue)
	}
}

// know notes that what the lane holds is known.
func (d *Downlink) know() {
	if !d.away {
		d.synced = true
		d.due |= syncedDue
	}
}

func (d *Downlink) lose(why error, due dues) {
	d.synced = false
	if d.due &^= syncedDue; due == lostDue {
		untold := d.due&linkedDue != 0
		if d.due &^= linkedDue | staleDue; untold {
			return // who does not know that it was there
		}
	}
	if d.rare != nil && d.rare.onLost != nil {
		d.rare.lost = why
		d.due |= due
	}
}

// tellOf runs the handlers of what is due.
func (d *Downlink) tellOf(due dues) {
	due &= d.due
	d.due &^= due
	r := d.rare
	if r == nil || due == 0 {
		return
	}
	if due&(lostDue|staleDue) != 0 {
		r.onLost(r.lost)
	}
	if due&linkedDue != 0 && r.onLinked != nil {
		r.onLinked()
	}
	if due&syncedDue != 0 && r.onSynced != nil {
		r.onSynced()
	}
}

// bodies takes what is new as events.
func (d *Downlink) bodies(t *Tail, in *intake) {
	if d.fresh {
		next := t.lane.typed.state(t)
		for body, ok := next(); ok; body, ok = next() {
			in.bodies = append(in.bodies, body)
		}
	}
	for body, ok := t.lane.typed.next(t); ok; body, ok = t.lane.typed.next(t) {
		in.bodies = append(in.bodies, body)
	}
}

// send sends a command to the lane.
func (d *Downlink) send(body []byte) error {
	a := d.bundle.agent
	a.downlinks().commands.Add(1)
	return a.rt.Send(d.bundle.node, d.lane, body)
}

func (d *Downlink) sendError(err error) error {
	return fmt.Errorf("send to %s %s: %w", d.bundle.node, d.lane, err)
}

// Close ends the link, in a turn. It may be called twice.
func (d *Downlink) Close() {
	if !d.closed {
		d.close()
		d.bundle.forget(d)
	}
}

func (d *Downlink) close() {
	b := d.bundle
	b.mu.Lock()
	d.closed = true
	for _, n := range b.arrivals {
		if n.to == d && n.tail != nil {
			d.tail, d.wait = n.tail, nil
		}
	}
	b.mu.Unlock()
	b.agent.downlinks().links.Add(-1)
	switch {
	case d.tail != nil:
		d.tail.Close()
	case d.wait != nil:
		b.agent.rt.Leave(b.node, d.wait)
	}
	d.tail, d.wait, d.synced, d.due = nil, nil, false, 0
	d.mark(nil)
}

// mark shows why the lane cannot be followed, in one condition for all of the agent's downlinks to it.
func (d *Downlink) mark(err error) {
	b := d.bundle
	if err == nil && !d.faulty {
		return
	}
	code := fmt.Sprintf("link.%s.%s.%s", b.agent.uri, b.node, d.lane)
	d.faulty = err != nil
	if err == nil {
		if !b.agent.downlinks().follows.isFaulty(b.node, d.lane) {
			b.agent.rt.Health().Clear(code)
		}
		return
	}
	b.agent.rt.Health().Raise(health.Condition{
		Code:      code,
		Text:      fmt.Sprintf("%s does not follow %s %s: %v", b.agent.uri, b.node, d.lane, err),
		Remedy:    "see what there is with: selvage ls " + string(b.node),
		After:     linkPatience,
		DependsOn: health.Causes(err),
	})
}

// then is both, one after the other.
func then[T any](one, two func(T)) func(T) {
	if one == nil {
		return two
	}
	return func(v T) { one(v); two(v) }
}

func sendValue[T any](d *Downlink, codec *recon.Codec[T], v T) error {
	body, err := codec.Append(nil, v)
	if err != nil {
		return d.sendError(err)
	}
	return d.send(body)
}

var _ Ender = (*Downlink)(nil)

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
	Part string  // of the history of a lane of this host: "@take(-100)" for its newest 100 entries, or as in WARP; "" for all
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
	asks   bool     // it has options, which are where rare is from the start; never altered
	fresh  bool     // it is to be shown the lane's state
	synced bool     // it knows it
	away   bool     // what the lane shows is not up to date
	flows  bool     // what it is to be shown comes a piece at a time
	fault  fault
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
	linkedDue dues = 1 << iota
	lostDue
	syncedDue
)

// fault says whether a condition stands for a downlink.
type fault uint8

const (
	faultless fault = iota
	faulty          // until there is better news
	misfit          // as long as its lane is of a kind that it is not for, which it takes nothing from
)

func (d *Downlink) base() *Downlink { return d }

func (d *Downlink) more() *rareDownlink {
	if d.rare == nil {
		d.rare = new(rareDownlink)
	}
	return d.rare
}

// inTurn panics when a downlink is used outside a turn: its author would get a race.
func (d *Downlink) inTurn() {
	if b := d.bundle; !b.agent.turning {
		panic(fmt.Sprintf("agent %s: its link to %s %s is used outside a turn; use Do", b.agent.uri, b.node, d.lane))
	}
}

// OnLinked has fn run when the lane was found, before what it holds is told.
func (d *Downlink) OnLinked(fn func()) {
	d.inTurn()
	d.more().onLinked = then0(d.more().onLinked, fn)
}

// OnSynced has fn run when what the lane holds is known, after the handlers that were told of it.
func (d *Downlink) OnSynced(fn func()) {
	d.inTurn()
	d.more().onSynced = then0(d.more().onSynced, fn)
}

// OnLost has fn run when what the downlink knows is not up to date any more: the agent that it follows was
// taken away, or the host of that agent cannot be reached. What was published before is told first. What
// was known stays until there is news; then come OnLinked, where the lane is another one, and OnSynced.
func (d *Downlink) OnLost(fn func(why error)) {
	d.inTurn()
	d.more().onLost = then(d.more().onLost, fn)
}

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
		d.asks, d.more().options = true, options
	}
	uri, _, err := route.Anywhere(node)
	if err != nil {
		uri = route.NodeURI(node)
	}
	a.downlinks().links.Add(1)
	d.bundle = a.bundle(uri, options.Rate)
	d.bundle.links = append(d.bundle.links, p)
	if err == nil && options.Part != "" {
		_, err = parseExcerpt([]byte(options.Part))
		if err == nil && uri.IsFar() {
			err = fmt.Errorf("a part of a history, %s, can be had of lanes of this host only", options.Part)
		}
	}
	if err != nil {
		d.mark(err)
		return
	}
	d.ask()
}

// Options returns how the agent wants to be told. Any goroutine may ask.
func (d *Downlink) Options() LinkOptions {
	if !d.asks {
		return LinkOptions{}
	}
	return d.rare.options
}

// ask asks for the lane, or asks again because its agent has ended.
func (d *Downlink) ask() {
	d.wait = &Wait{Lane: d.lane, Kind: d.kind, Ask: d.Options(), Join: d.join}
	d.bundle.agent.rt.Join(d.bundle.node, d.wait)
}

// join is told the lane, in the turn of the agent that it belongs to, or why there is none yet.
func (d *Downlink) join(l *Lane, err error) {
	b := d.bundle
	if l == nil {
		b.arrive(arrival{to: d, what: refused, err: err})
		return
	}
	b.mu.Lock()
	if d.closed {
		b.mu.Unlock()
		return
	}
	n := arrival{to: d, what: found, tail: l.Open(d)}
	if !fits(d.kind, l.kind) {
		n.err = fmt.Errorf("it is a %s lane, which is not followed as a %s lane", l.kind, d.kind)
	}
	b.arrivals = append(b.arrivals, n)
	if why := l.staleness(); why != nil {
		b.arrivals = append(b.arrivals, arrival{to: d, what: stale, err: why})
	}
	b.mu.Unlock()
	b.call()
}

// fits reports whether a lane may be followed as one of another kind.
func fits(as, is LaneKind) bool {
	switch is {
	case HTTPKind:
		return false
	case ListKind:
		return as != MapKind
	case MapKind, DemandMapKind, PastKind:
		return as != ListKind
	}
	return as != MapKind && as != ListKind
}

// Wake is called by the lane when it has news.
func (d *Downlink) Wake() { d.bundle.wake() }

// End is called when the lane's agent is no more. What it published last is still there to be taken.
func (d *Downlink) End() { d.bundle.arrive(arrival{to: d, what: gone, err: ErrGone}) }

// Stale is called when what the lane shows is not up to date, and with nil when it is again.
func (d *Downlink) Stale(why error) {
	what := stale
	if why == nil {
		what = current
	}
	d.bundle.arrive(arrival{to: d, what: what, err: why})
}

// settle takes in an arrival.
func (d *Downlink) settle(n arrival) {
	switch n.what {
	case refused:
		if d.mark(n.err); errors.Is(n.err, ErrGone) {
			d.ask()
		}
	case found:
		d.wait, d.tail, d.fault = nil, n.tail, min(d.fault, faulty)
		if d.mark(n.err); n.err != nil {
			d.fault, d.away = misfit, true
			return
		}
		d.away, d.fresh, d.flows = false, d.kind != CommandKind, false
		if d.due |= linkedDue; !d.fresh {
			d.know()
		}
	case current:
		if d.fault != misfit && d.away {
			if d.away = false; !d.fresh && !d.flows {
				d.know()
			}
		}
	case stale, gone:
		d.lose(n.err)
	}
}

// know notes that what the lane holds is known.
func (d *Downlink) know() {
	if !d.away {
		d.synced = true
		d.due |= syncedDue
	}
}

// lose notes that what is known is not up to date, once until it is again.
func (d *Downlink) lose(why error) {
	if d.away {
		return
	}
	d.away, d.synced = true, false
	if d.due &^= syncedDue; d.rare != nil && d.rare.onLost != nil {
		d.rare.lost = why
		d.due |= lostDue
	}
}

// tellOf runs the handlers of what is due, of which any may close the link.
func (d *Downlink) tellOf(due dues) {
	due &= d.due
	d.due &^= due
	r := d.rare
	if r == nil {
		return
	}
	if due&linkedDue != 0 && r.onLinked != nil && !d.closed {
		r.onLinked()
	}
	if due&lostDue != 0 && !d.closed {
		r.onLost(r.lost)
	}
	if due&syncedDue != 0 && r.onSynced != nil && !d.closed {
		r.onSynced()
	}
}

// bodies takes what is new as events.
func (d *Downlink) bodies(t *Tail, in *intake) {
	if d.fresh {
		next := t.lane.stateOf(t, []byte(d.Options().Part))
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
	if d.inTurn(); !d.closed {
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
	if d.fault == misfit && !d.closed || err == nil && d.fault == faultless {
		return
	}
	b := d.bundle
	faults := &b.agent.downlinks().follows.faults
	code := fmt.Sprintf("link.%s.%s.%s", b.agent.uri, b.node, d.lane)
	if err == nil {
		d.fault = faultless
		if faults.drop(b.node, d.lane) {
			b.agent.rt.Health().Clear(code)
		}
		return
	}
	if d.fault == faultless {
		d.fault = faulty
		faults.add(b.node, d.lane)
	}
	b.agent.rt.Health().Raise(health.Condition{
		Code:      code,
		Text:      fmt.Sprintf("%s does not follow %s %s: %v", b.agent.uri, b.node, d.lane, err),
		Remedy:    "see what there is with: selvage ls " + string(b.node),
		After:     linkPatience,
		DependsOn: health.Causes(err),
	})
}

// then0, then and then2 are both, one after the other.
func then0(one, two func()) func() {
	if one == nil {
		return two
	}
	return func() { one(); two() }
}

func then[T any](one, two func(T)) func(T) {
	if one == nil {
		return two
	}
	return func(v T) { one(v); two(v) }
}

func then2[T, U any](one, two func(T, U)) func(T, U) {
	if one == nil {
		return two
	}
	return func(v T, w U) { one(v, w); two(v, w) }
}

func then3[T, U, V any](one, two func(T, U, V)) func(T, U, V) {
	if one == nil {
		return two
	}
	return func(v T, w U, x V) { one(v, w, x); two(v, w, x) }
}

func sendValue[T any](d *Downlink, codec *recon.Codec[T], v T) error {
	body, err := codec.Append(nil, v)
	if err != nil {
		return d.sendError(err)
	}
	return d.send(body)
}

var _ Ender = (*Downlink)(nil)

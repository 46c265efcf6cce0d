package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/uplink/mqtt/announce"
)

// out is the way out of a bridge: lanes to topics, and commands from topics to lanes.
type out struct {
	bridge    *bridge
	status    string    // topic that says whether we are there; "" for none
	outlets   []*outlet // of what lanes hold
	history   []*outlet // of what they held
	commands  []*command
	announcer *announcer // nil if nothing is announced
	edge      *edgeNode  // nil if this is none
	teller    teller     // one of these two, or nil
	filters   []string   // subscriptions for commands

	wake    chan struct{} // something is pending
	mu      sync.Mutex
	lanes   map[follow]*follower
	pending []*follower // that have news, the first first
	live    bool        // a connection takes them

	reborn  atomic.Bool // Home Assistant has begun anew
	relayed relayed
}

// teller tells of agents rather than of lanes.
type teller interface {
	wants(laneAt) bool
	take(*window, *follower, recon.Value) error // that a lane has a value
	lose(*window, *follower) error              // that there is no such lane any more
}

// laneAt is where a lane is.
type laneAt struct {
	node route.NodeURI
	lane route.LaneName
}

// follow is what is published of a lane: by an outlet, or, where that is nil, by the teller.
type follow struct {
	outlet *outlet
	at     laneAt
}

// follower reads a lane that is published.
type follower struct {
	follow
	out  *out
	keys map[string]string // of a map lane whose entries have topics: these topics, by key; of who publishes

	// Guarded by out.mu.
	lane   *agent.Lane
	tail   *agent.Tail
	queued bool // in out.pending
	whole  bool // its state is to be published, not what changes
	gone   bool // there is no such lane any more
}

func newOut(b *bridge) (*out, error) {
	c := &b.config
	o := &out{bridge: b, wake: make(chan struct{}, 1), lanes: map[follow]*follower{}}
	all, err := openOutlets(c.Publish)
	if err != nil {
		return nil, err
	}
	for _, outlet := range all {
		if outlet.history {
			o.history = append(o.history, outlet)
		} else {
			o.outlets = append(o.outlets, outlet)
		}
	}
	if o.commands, err = openCommands(c.Command); err != nil {
		return nil, err
	}
	o.status = o.local(c.Status)
	if o.status == "" && (len(all) > 0 || c.Announce != nil) {
		o.status = o.local("selvage/{host}/status")
	}
	if c.Announce != nil {
		if o.announcer, err = newAnnouncer(o, c.Announce); err != nil {
			return nil, err
		}
		o.teller = o.announcer
	}
	if c.Sparkplug != nil {
		if o.edge, err = newEdgeNode(o, c.Sparkplug); err != nil {
			return nil, err
		}
		o.teller = o.edge
	}
	o.filters = o.subscriptions()
	return o, nil
}

// local puts the host's name into a topic.
func (o *out) local(topic string) string {
	return strings.ReplaceAll(topic, "{host}", topicPart(o.bridge.line.Host.Name()))
}

// setup follows lanes for as long as the uplink's agent lives.
func (o *out) setup(a *agent.Agent) {
	cancel := o.bridge.line.Host.Watch(o.meet)
	a.OnClose(func() {
		cancel()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, f := range o.lanes {
			f.tail.Close()
		}
		clear(o.lanes)
		o.pending = nil
	})
}

// meet takes in that there is a lane.
func (o *out) meet(l *agent.Lane) {
	at := laneAt{l.Agent().URI(), l.Name()}
	for _, outlet := range o.history {
		if l.Kind() == agent.ValueKind && selects(outlet.lanes, at.node, at.lane) {
			o.relayed.meet(o, outlet, at)
		}
	}
	if l.Kind() != agent.ValueKind && l.Kind() != agent.MapKind {
		return
	}
	for _, outlet := range o.outlets {
		if selects(outlet.lanes, at.node, at.lane) && (l.Kind() == agent.MapKind || !outlet.keyed) {
			o.follow(follow{outlet, at}, l)
		}
	}
	if o.teller != nil && l.Kind() == agent.ValueKind && o.teller.wants(at) {
		o.follow(follow{nil, at}, l)
	}
}

func (o *out) follow(what follow, l *agent.Lane) {
	o.mu.Lock()
	f := o.lanes[what]
	switch {
	case f == nil:
		f = &follower{follow: what, out: o, keys: map[string]string{}}
		o.lanes[what] = f
	case f.lane == l && !f.gone:
		o.mu.Unlock()
		return
	default: // made anew by its agent, perhaps of another kind
		f.tail.Close()
	}
	f.lane, f.tail, f.whole, f.gone = l, l.Open(f), true, false
	o.mu.Unlock()
	f.Wake()
}

// Wake is called by the lane when it has news. Without a connection they wait in the lane, of a value the newest only.
func (f *follower) Wake() {
	o := f.out
	o.mu.Lock()
	o.queue(f)
	o.mu.Unlock()
	notify(o.wake)
}

// End is called when there is no such lane any more.
func (f *follower) End() {
	o := f.out
	o.mu.Lock()
	f.gone = true
	o.queue(f)
	o.mu.Unlock()
	notify(o.wake)
}

// queue is called with mu held.
func (o *out) queue(f *follower) {
	if o.live && !f.queued {
		f.queued = true
		o.pending = append(o.pending, f)
	}
}

// attach has everything that the broker keeps published over a new connection, whose memory may be gone, and of the rest
// what has changed.
func (o *out) attach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live = true
	for _, f := range o.lanes {
		f.whole = f.whole || f.outlet == nil || f.outlet.retain
		o.queue(f)
	}
	slices.SortFunc(o.pending, func(a, b *follower) int {
		return strings.Compare(string(a.at.node)+" "+string(a.at.lane), string(b.at.node)+" "+string(b.at.lane))
	})
	notify(o.wake)
}

// detach is for when the connection is over.
func (o *out) detach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live, o.pending = false, nil
	for _, f := range o.lanes {
		f.queued = false
	}
}

// again has the announcer's part of all lanes that pick chooses published again.
func (o *out) again(pick func(*follower) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.lanes {
		if f.outlet == nil && pick(f) {
			f.whole = true
			o.queue(f)
		}
	}
	notify(o.wake)
}

// next returns the first that has news, what is to be done with it, and its place in its lane.
func (o *out) next() (f *follower, now follower) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) == 0 {
		return nil, now
	}
	f = o.pending[0]
	o.pending[0] = nil
	o.pending = o.pending[1:]
	f.queued = false
	now = follower{follow: f.follow, lane: f.lane, tail: f.tail, whole: f.whole, gone: f.gone}
	f.whole = false
	if f.gone {
		delete(o.lanes, f.follow)
	}
	return f, now
}

// tellLanes publishes what lanes hold, until the connection ends.
func (s *session) tellLanes() {
	o := s.bridge.out
	w := &window{session: s}
	if o.status != "" {
		s.fail(w.put(publication{o.status, []byte(announce.Online), 1, true}, nil))
	}
	if o.announcer != nil {
		o.announcer.anew()
	}
	o.attach()
	defer o.detach()
	orphans := time.NewTimer(orphanTime)
	defer orphans.Stop()
	var tick <-chan time.Time
	if o.edge != nil {
		ticker := time.NewTicker(tickTime)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		if o.reborn.Swap(false) {
			o.announcer.anew()
			o.again(func(*follower) bool { return true })
		}
		f, now := o.next()
		if f != nil {
			if err := s.show(w, f, now); err != nil {
				s.fail(err)
				return
			}
			continue
		}
		if o.edge != nil {
			if err := o.edge.settle(w); err != nil {
				s.fail(err)
				return
			}
		}
		select {
		case <-o.wake:
		case <-tick: // births may be owed
		case <-w.landing():
			if err := w.settle(mostFlights); err != nil {
				s.fail(err)
				return
			}
		case <-orphans.C:
			if err := s.bury(w); err != nil {
				s.fail(err)
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// show publishes what a lane has: its state, or its next change, so that others have their turn.
func (s *session) show(w *window, f *follower, now follower) error {
	switch {
	case now.gone:
		return s.takeAway(w, f)
	case now.lane.Kind() == agent.MapKind && !now.outlet.keyed:
		return s.object(w, f, now.tail)
	case now.whole:
		seen := map[string]bool{}
		state := now.tail.State()
		for body, ok := state(); ok; body, ok = state() {
			if err := s.event(w, f, body, seen); err != nil {
				return err
			}
		}
		for key, topic := range f.keys {
			if f.outlet.keyed && !seen[key] {
				delete(f.keys, key)
				if err := w.put(publication{topic, nil, f.outlet.qos, f.outlet.retain}, nil); err != nil {
					return err
				}
			}
		}
		f.Wake() // what came meanwhile
		return nil
	}
	body, ok := now.tail.Next()
	if !ok {
		return nil
	}
	f.Wake()
	return s.event(w, f, body, nil)
}

// object publishes all entries of a map lane together.
func (s *session) object(w *window, f *follower, tail *agent.Tail) error {
	var all []entry
	state := tail.State()
	for body, ok := state(); ok; body, ok = state() {
		if v, err := recon.Parse(body); err == nil && v.Tag() == "update" {
			all = append(all, entry{v.Header("update").Get("key"), v.Body()})
		}
	}
	return s.put(w, f, "", entriesOf(f.outlet.form, all))
}

// event publishes a value, or a change of a map lane whose entries have topics of their own.
func (s *session) event(w *window, f *follower, body []byte, seen map[string]bool) error {
	v, err := recon.Parse(body)
	if err != nil {
		return nil // no lane prints such a thing
	}
	switch {
	case f.outlet == nil:
		return s.bridge.out.teller.take(w, f, v)
	case !f.outlet.keyed:
		return s.put(w, f, "", payloadOf(f.outlet.form, v, clock.Stamp{}))
	}
	key := keyName(v.Header(v.Tag()).Get("key"))
	switch v.Tag() {
	case "update":
		if seen != nil {
			seen[key] = true
		}
		return s.put(w, f, key, payloadOf(f.outlet.form, v.Body(), clock.Stamp{}))
	case "remove":
		topic, was := f.keys[key]
		if !was {
			return nil
		}
		delete(f.keys, key)
		return w.put(publication{topic, nil, f.outlet.qos, f.outlet.retain}, nil)
	}
	s.bridge.out.whole(f) // a clear, a drop or a take
	return nil
}

// whole has the state of a lane published.
func (o *out) whole(f *follower) {
	o.mu.Lock()
	f.whole = true
	o.mu.Unlock()
	f.Wake()
}

// put publishes what is now on a lane's topic, or an entry's.
func (s *session) put(w *window, f *follower, key string, payload []byte) error {
	if payload == nil {
		return nil
	}
	topic := f.outlet.topicOf(s.bridge.line.Host.Name(), f.at, key)
	if !s.fits(f.at, topic, payload) || s.returns(f.at, topic) {
		return nil
	}
	f.keys[key] = topic
	return w.put(publication{topic, payload, f.outlet.qos, f.outlet.retain}, nil)
}

// takeAway has the broker forget what it keeps of a lane that is no more.
func (s *session) takeAway(w *window, f *follower) error {
	if f.outlet == nil {
		return s.bridge.out.teller.lose(w, f)
	}
	if !f.outlet.retain {
		return nil
	}
	for _, topic := range f.keys {
		if err := w.put(publication{topic, nil, f.outlet.qos, true}, nil); err != nil {
			return err
		}
	}
	return nil
}

// fits tells whether something is small enough to be published, and shows people if it is not.
func (s *session) fits(at laneAt, topic string, payload []byte) bool {
	if 4+len(topic)+len(payload) <= maxPacket && len(topic) <= maxTopic {
		return true
	}
	s.bridge.refuse("payloads", fmt.Sprintf("the lane %s of %s is not published on %s: it takes %d bytes, and %d can be sent", at.lane, at.node, shorten([]byte(topic)), len(payload), maxPacket),
		"split it, into the entries of a map lane for one, with {key} in the topic")
	return false
}

// returns tells whether what is published on a topic would come back as a command, and shows people that it is not. Most
// of such are found in the config already.
func (s *session) returns(at laneAt, topic string) bool {
	for _, c := range s.bridge.out.commands {
		if _, is := c.topic.match(topic); is {
			s.bridge.refuse("loops", fmt.Sprintf("the lane %s of %s is not published on %s: it would come back by the command %q", at.lane, at.node, shorten([]byte(topic)), c.topic.text),
				"give one of them another topic")
			return true
		}
	}
	return false
}

package mqtt

import (
	"fmt"
	"sync"
	"time"

	"selvage/edge/recon"
	"selvage/uplink"
)

const (
	relayPause = 500 * time.Millisecond // until the feed is looked at again
	relayPage  = 500                    // values read at a time, or a segment of the store
	relaySpan  = time.Minute            // of being behind, until the queue is measured again
)

// relayed is how far the outlets with a history have come.
type relayed struct {
	loaded bool   // of Run
	seq    uint64 // acknowledged by the broker; of Run, or the connection's relay

	mu    sync.Mutex
	kept  map[*outlet]bool
	never map[*outlet]laneAt // a lane of which nothing is kept
}

// meet notes whether anything is kept of a lane that is published by to.
func (r *relayed) meet(o *out, to *outlet, at laneAt) {
	feed := o.bridge.line.Host.Feed()
	keeps := feed != nil && feed.Keeps(at.node, at.lane)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept, r.never = map[*outlet]bool{}, map[*outlet]laneAt{}
	}
	if keeps {
		r.kept[to] = true
	} else {
		r.never[to] = at
	}
}

// check shows people outlets that have lanes, and no history of any.
func (r *relayed) check(b *bridge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, outlet := range b.out.history {
		if at, is := r.never[outlet]; is && !r.kept[outlet] {
			b.refuse("history", fmt.Sprintf("publish %q has history = true, and nothing is kept of the lane %s of %s", outlet.topic.text, at.lane, at.node),
				fmt.Sprintf("add a table [history.%q], or leave out history", string(at.node)+"/"+string(at.lane)))
		}
	}
}

// reader is the bridge's name at the feed.
func (b *bridge) reader() string { return string(uplink.Node(b.line.Name)) }

// loadCursor finds where to go on. Who is new begins with what comes from now on: years of history are no news.
func (b *bridge) loadCursor() error {
	feed, r := b.line.Host.Feed(), &b.out.relayed
	if r.loaded || feed == nil || len(b.out.history) == 0 {
		return nil
	}
	seq, ever, err := feed.Cursor(b.reader())
	if err != nil {
		return err
	}
	if r.seq, r.loaded = seq, true; !ever {
		r.seq = feed.Last()
		feed.Confirm(b.reader(), r.seq)
	}
	return nil
}

// relay publishes what the feed has of lanes with a history, until the connection ends. What the broker has not
// acknowledged then is published again over the next.
func (s *session) relay() {
	b := s.bridge
	feed, r := b.line.Host.Feed(), &b.out.relayed
	if feed == nil || !r.loaded {
		return
	}
	w := &window{session: s}
	at, err := s.bound(feed, r.seq)
	tick := time.NewTicker(relayPause)
	defer tick.Stop()
	for measured := time.Now(); err == nil; {
		var values []uplink.Kept
		from := at
		if values, at, err = feed.After(at, relayPage); err != nil {
			break
		}
		for _, v := range values {
			if err = s.publishKept(w, v); err != nil {
				s.fail(err)
				return
			}
		}
		if at > from {
			if err = w.settle(0); err != nil {
				s.fail(err)
				return
			}
			r.seq = at
			feed.Confirm(b.reader(), at)
			if time.Since(measured) > relaySpan {
				at, err = s.bound(feed, at)
				measured = time.Now()
			}
			continue
		}
		measured = time.Now()
		r.check(b)
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
	}
	if s.ctx.Err() == nil {
		s.cancel(fmt.Errorf("what waits for the broker cannot be read: %w", err))
	}
}

// publishKept publishes one value wherever it is to go.
func (s *session) publishKept(w *window, k uplink.Kept) error {
	at := laneAt{k.Node, k.Lane}
	for _, outlet := range s.bridge.out.history {
		if !selects(outlet.lanes, at.node, at.lane) {
			continue
		}
		v, err := recon.Parse(k.Body)
		if err != nil {
			return nil // the store has checked it
		}
		payload := payloadOf(outlet.form, v, k.At)
		topic := outlet.topicOf(s.bridge.line.Host.Name(), at, "")
		if payload == nil || !s.fits(at, topic, payload) {
			continue
		}
		if err := w.put(publication{topic, payload, outlet.qos, outlet.retain}, nil); err != nil {
			return err
		}
	}
	return nil
}

// bound drops the oldest of what waits beyond the bound of the queue, and returns where to go on. The values are in the
// store's history and stay there; they are measured as that has them.
func (s *session) bound(feed uplink.Feed, after uint64) (uint64, error) {
	b := s.bridge
	type page struct {
		upto          uint64
		values, bytes int
	}
	var pages []page
	waiting, dropped := 0, 0
	for at := after; s.ctx.Err() == nil; {
		values, upto, err := feed.After(at, relayPage)
		if err != nil {
			return after, err
		}
		if upto == at {
			break
		}
		at = upto
		p := page{upto: upto}
		for _, v := range values {
			if b.out.relays(laneAt{v.Node, v.Lane}) {
				p.values++
				p.bytes += len(v.Body)
			}
		}
		pages, waiting = append(pages, p), waiting+p.bytes
		for waiting > int(b.config.Queue) {
			first := pages[0]
			pages, waiting = pages[1:], waiting-first.bytes
			after, dropped = first.upto, dropped+first.values
		}
	}
	if dropped > 0 {
		b.line.Host.Health().Add("uplink."+b.line.Name+".dropped", int64(dropped))
		b.refuse("queue", fmt.Sprintf("%d values were not published: more than %v waited for the broker", dropped, b.config.Queue),
			"they are in the history here; if the broker is to have as many next time, raise queue")
		b.out.relayed.seq = after
		feed.Confirm(b.reader(), after)
	}
	return after, nil
}

func (o *out) relays(at laneAt) bool {
	for _, outlet := range o.history {
		if selects(outlet.lanes, at.node, at.lane) {
			return true
		}
	}
	return false
}

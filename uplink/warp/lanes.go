package warp

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

const (
	maxBody = 1 << 20 // of a value: with its head it fits into a message that a hub takes
	maxURI  = 2048    // of a node at the hub
)

// sentLane is a lane of this host that the hub has a copy of. It reads the lane from when that was
// met, so as to know which lanes changed last.
type sentLane struct {
	hub     *hub
	at      target
	lane    *agent.Lane
	tail    *agent.Tail
	changed atomic.Uint64 // number of its last change, 0 if there was none yet
	tooBig  atomic.Bool   // a condition stands for it

	stream atomic.Pointer[laneStream] // nil while there is no connection
}

// Wake is called by the lane when it has news.
func (s *sentLane) Wake() {
	s.changed.Store(s.hub.changes.Add(1))
	if stream := s.stream.Load(); stream != nil {
		stream.push.Wake()
	} else {
		s.hub.skip(s) // its state goes over the next connection; what led to it need not be kept
	}
}

func (h *hub) skip(s *sentLane) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.stream.Load() == nil {
		s.tail.Skip()
	}
}

// meet takes in that there is a lane.
func (h *hub) meet(l *agent.Lane) {
	at := target{l.Agent().URI(), l.Name()}
	if !sendable(l.Kind()) || at.lane == MirrorLane || !h.selects(at) {
		return
	}
	if why := h.unfit(at); why != "" {
		h.raise(at, "is not sent: "+why, "give it a shorter or plainer name")
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.lanes[at]
	counts := false
	switch {
	case s == nil:
		s = &sentLane{hub: h, at: at}
		h.lanes[at] = s
	case s.lane == l:
		return
	default: // made anew by its agent, perhaps of another kind
		if was := s.stream.Load(); was != nil {
			counts = was.retire()
		}
		s.tail.Close()
	}
	s.lane, s.tail = l, l.Open(s)
	if h.conn != nil {
		h.conn.send(s, counts)
	}
}

// unfit says why a hub cannot have a lane, "" if it can.
func (h *hub) unfit(at target) string {
	name, _, err := route.Lane(string(at.lane))
	switch {
	case err != nil:
		return err.Error()
	case name != at.lane:
		return fmt.Sprintf("in a link its name stands for %s", name)
	case len(at.lane) > maxName:
		return fmt.Sprintf("its name has more than %d bytes", maxName)
	case len(h.as)+len(at.node) > maxURI:
		return fmt.Sprintf("below %s its node has more than %d bytes", h.as, maxURI)
	}
	return ""
}

func (h *hub) raise(at target, what, remedy string) {
	h.line.Host.Health().Raise(health.Condition{
		Code:   h.code(at),
		Text:   fmt.Sprintf("lane %s of %s %s", at.lane, at.node, what),
		Remedy: remedy,
	})
}

func (h *hub) code(at target) string {
	return fmt.Sprintf("send.%s.%s.%s", h.line.Name, at.node, at.lane)
}

func (h *hub) selects(at target) bool {
	return slices.ContainsFunc(h.globs, func(g route.Glob) bool { return g.MatchLane(at.node, at.lane) })
}

// session is one connection's part of the sending.
type session struct {
	hub    *hub
	conn   *peer.Conn
	unsent atomic.Int64 // lanes of the beginning whose state is not over yet
}

// attach has every lane sent over the connection, the ones that changed last first.
func (h *hub) attach(conn *peer.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = &session{hub: h, conn: conn}
	lanes := make([]*sentLane, 0, len(h.lanes))
	for _, s := range h.lanes {
		lanes = append(lanes, s)
	}
	slices.SortFunc(lanes, func(a, b *sentLane) int {
		return cmp.Or(cmp.Compare(b.changed.Load(), a.changed.Load()), cmp.Compare(a.at.node, b.at.node), cmp.Compare(a.at.lane, b.at.lane))
	})
	h.conn.unsent.Store(int64(len(lanes)) + 1)
	for _, s := range lanes {
		h.conn.send(s, true)
	}
	conn.Push(&complete{session: h.conn}).Wake()
}

// detach is for when the connection is over.
func (h *hub) detach() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = nil
	for _, s := range h.lanes {
		s.stream.Store(nil)
	}
}

// send begins to send a lane. It is called with hub.mu held.
func (c *session) send(s *sentLane, counts bool) {
	stream := &laneStream{
		session: c, lane: s, tail: s.tail, node: string(c.hub.as) + string(s.at.node),
		head: Declared{Lane: s.at.lane, Kind: s.lane.Kind()},
	}
	stream.counts.Store(counts)
	stream.push = c.conn.Push(stream)
	s.stream.Store(stream)
	stream.push.Wake()
}

// shown appends that the state of all lanes is over, if that of the last of them is.
func (c *session) shown(dst []byte) ([]byte, bool) {
	if c.unsent.Add(-1) > 0 {
		return dst, false
	}
	return c.command(dst, string(c.hub.as), HelloLane, recon.Append(nil, tagged("synced"))), true
}

func (c *session) command(dst []byte, node string, lane route.LaneName, body []byte) []byte {
	c.hub.line.Out.Add(1)
	return appendCommand(dst, node, lane, body)
}

// complete is the stream that ends the beginning if no lane does.
type complete struct {
	*session
	done bool
}

func (c *complete) Step(dst []byte) ([]byte, bool) {
	if c.done {
		return dst, false
	}
	c.done = true
	return c.shown(dst)
}

// laneStream is one lane over one connection: that it is there, its state, then its changes.
type laneStream struct {
	*session
	lane   *sentLane
	tail   *agent.Tail
	node   string
	head   Declared
	push   *peer.Push
	counts atomic.Bool // it is one of the lanes of the beginning, and its state is not over

	phase phase
	state func() ([]byte, bool)
}

type phase uint8

const (
	declaring phase = iota
	showing
	closing
	counting
	following
)

// retire ends the stream, whose lane has another one, and hands over whether it counts.
func (s *laneStream) retire() (counts bool) { return s.counts.Swap(false) }

func (s *laneStream) Step(dst []byte) ([]byte, bool) {
	for s.lane.stream.Load() == s {
		switch s.phase {
		case declaring:
			s.phase, s.state = showing, s.tail.State()
			return s.command(dst, s.node, MirrorLane, s.head.body()), true
		case showing:
			body, ok := s.state()
			switch {
			case !ok:
				s.phase, s.state = closing, nil
			case s.fits(body):
				return s.command(dst, s.node, s.head.Lane, body), true
			}
		case closing:
			s.phase = counting
			return s.command(dst, s.node, MirrorLane, Declared{Lane: s.head.Lane, Synced: true}.body()), true
		case counting:
			s.phase = following
			if !s.counts.Swap(false) {
				continue
			}
			if text, ok := s.shown(dst); ok {
				return text, true
			}
		case following:
			body, ok := s.tail.Next()
			if !ok {
				return dst, false
			}
			if s.fits(body) {
				return s.command(dst, s.node, s.head.Lane, body), true
			}
		}
	}
	return dst, false
}

// fits tells whether a hub takes a value of that size; one more would end the connection.
func (s *laneStream) fits(body []byte) bool {
	big := len(body) > maxBody
	if s.lane.tooBig.Swap(big) != big || big {
		if h := s.hub; big {
			h.raise(s.lane.at, fmt.Sprintf("holds a value of %d bytes, and %d can be sent; the hub keeps the one before", len(body), maxBody), "split it, into the entries of a map lane for one")
		} else {
			h.line.Host.Health().Clear(h.code(s.lane.at))
		}
	}
	return !big
}

var (
	_ agent.Reader = (*sentLane)(nil)
	_ peer.Stream  = (*laneStream)(nil)
	_ peer.Stream  = (*complete)(nil)
)

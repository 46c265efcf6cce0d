package warp

import (
	"cmp"
	"slices"
	"sync/atomic"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// sentLane is a lane of this host that the hub has a copy of. It reads the lane from when that was
// met, so as to know which lanes changed last.
type sentLane struct {
	hub     *hub
	at      target
	kind    agent.LaneKind
	tail    atomic.Pointer[agent.Tail]
	changed atomic.Uint64 // number of its last change, 0 if there was none yet

	sending atomic.Pointer[peer.Push] // nil while there is no connection
}

// Wake is called by the lane when it has news.
func (s *sentLane) Wake() {
	s.changed.Store(s.hub.changes.Add(1))
	if p := s.sending.Load(); p != nil {
		p.Wake()
	} else if t := s.tail.Load(); t != nil {
		t.Skip() // its state goes over the next connection; what led to it need not be kept
	}
}

// meet takes in that there is a lane.
func (h *hub) meet(l *agent.Lane) {
	at := target{l.Agent().URI(), l.Name()}
	if !sendable(l.Kind()) || at.lane == MirrorLane || !h.selects(at) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lanes[at] != nil {
		return // made anew by its agent; the tail has gone over
	}
	s := &sentLane{hub: h, at: at, kind: l.Kind()}
	h.lanes[at] = s
	s.tail.Store(l.Open(s))
	if h.conn != nil {
		h.conn.send(s, false)
	}
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
		s.sending.Store(nil)
	}
}

func (c *session) send(s *sentLane, counts bool) {
	stream := &laneStream{session: c, lane: s, tail: s.tail.Load(), node: string(c.hub.as) + string(s.at.node), counts: counts}
	p := c.conn.Push(stream)
	s.sending.Store(p)
	p.Wake()
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
	counts bool // among the lanes of the beginning

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

func (s *laneStream) Step(dst []byte) ([]byte, bool) {
	for {
		switch s.phase {
		case declaring:
			s.phase, s.state = showing, s.tail.State()
			return s.command(dst, s.node, MirrorLane, Declared{Lane: s.lane.at.lane, Kind: s.lane.kind}.body()), true
		case showing:
			if body, ok := s.state(); ok {
				return s.command(dst, s.node, s.lane.at.lane, body), true
			}
			s.phase, s.state = closing, nil
		case closing:
			s.phase = counting
			return s.command(dst, s.node, MirrorLane, Declared{Lane: s.lane.at.lane, Synced: true}.body()), true
		case counting:
			s.phase = following
			if !s.counts {
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
			return s.command(dst, s.node, s.lane.at.lane, body), true
		}
	}
}

var (
	_ agent.Reader = (*sentLane)(nil)
	_ peer.Stream  = (*laneStream)(nil)
	_ peer.Stream  = (*complete)(nil)
)

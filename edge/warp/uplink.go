package warp

// Source is a lane as one link reads it: first its state, then what changes.
type Source interface {
	// Next returns the body of the oldest event that the link has not had; ok is false when there is none now.
	Next() (body []byte, ok bool)
	// State returns, one a call, the bodies of the events that bring the link to the lane's present state.
	State() func() (body []byte, ok bool)
	// Close ends the reading.
	Close()
}

// Lossy is a Source that drops events of a reader that lags too far.
type Lossy interface {
	// Lost returns how many events the reader has missed since the source was opened, also after Close.
	Lost() uint64
}

// Partial is a Source that can show a part of its state, and may take its time for that.
type Partial interface {
	// StateOf is State of the part that the body of a sync asks for.
	StateOf(ask []byte) func() (body []byte, ok bool)
	// IsPending reports, when the function that State has returned has nothing, whether there will be more. Then the
	// source says so when it is there, and until then the link waits.
	IsPending() bool
}

// Uplink is the serving end of one link: it turns requests and news into the frames owed to the
// reader, in the order that WARP promises (linked, events, synced, unlinked). It is pure: no
// socket, no clock, no lock, and it holds no events, only what the reader is owed of its source.
type Uplink struct {
	node, lane string // as the reader first spelled them
	source     Source
	owed       []control
	weight     int                   // of owed
	lost       uint64                // by sources that are closed
	state      func() ([]byte, bool) // of a sync under way
	event      []byte                // head of every event
}

type control struct {
	tag        Tag
	prio, rate float64
	body       []byte
	ask        []byte // the body of the sync that a synced answers
	source     Source // what a synced is about, and what an unlinked gives up
	emptied    bool   // that source, before it is given up
}

// NewUplink makes the serving end of a link that its reader knows as node and lane.
func NewUplink(node, lane string) *Uplink { return &Uplink{node: node, lane: lane} }

// Open reports whether the link has a source.
func (u *Uplink) Open() bool { return u.source != nil }

// Link gives the link its source, if it has none, and owes the reader a linked. body is the
// request's own, which linked repeats.
func (u *Uplink) Link(e *Envelope, open func() Source) {
	if u.source == nil {
		u.source = open()
	}
	u.owe(control{tag: Linked, prio: e.Prio, rate: e.Rate, body: e.Body})
}

// Sync is like Link, and owes the reader the lane's state and a synced behind it. A reader that
// is linked already gets no second linked.
func (u *Uplink) Sync(e *Envelope, open func() Source) {
	if u.source == nil {
		u.Link(e, open)
	}
	u.owe(control{tag: Synced, source: u.source, ask: e.Body})
}

// Unlink ends the link, if there is one: a sync under way goes out to its end, then an unlinked.
func (u *Uplink) Unlink() {
	if u.source != nil {
		u.Refuse("")
	}
}

// End is Unlink for a source that has ended: what the reader has not had of it goes out before the unlinked.
func (u *Uplink) End() {
	if u.source != nil {
		u.Refuse("")
		u.owed[len(u.owed)-1].emptied = true
	}
}

// Fail ends the link because its source, which may be one that it has given up, cannot go on: of a sync under way
// nothing more goes out, not even a synced. reason is as in Refuse.
func (u *Uplink) Fail(s Source, reason string) {
	kept := u.owed[:0]
	for i, c := range u.owed {
		if c.tag == Synced && c.source == s {
			u.weight -= c.weight()
			if i == 0 {
				u.state = nil
			}
			continue
		}
		kept = append(kept, c)
	}
	clear(u.owed[len(kept):])
	if u.owed = kept; len(kept) == 0 {
		u.owed = nil
	}
	if u.source == s {
		u.Refuse(reason)
	}
}

// Refuse owes the reader an unlinked whether there is a link or not. reason is the name of the
// attribute that says why: nodeNotFound, laneNotFound, or "" for a normal end.
func (u *Uplink) Refuse(reason string) {
	c := control{tag: Unlinked, source: u.source}
	if reason != "" {
		c.body = []byte("@" + reason)
	}
	u.source = nil
	u.owe(c)
}

// Close gives up all that the link reads; nothing is owed any more.
func (u *Uplink) Close() {
	u.shut(u.source)
	for _, c := range u.owed {
		if c.tag == Unlinked {
			u.shut(c.source)
		}
	}
	u.source, u.owed, u.state, u.weight = nil, nil, nil, 0
}

func (u *Uplink) shut(s Source) {
	if s == nil {
		return
	}
	s.Close()
	u.lost += lost(s)
}

func lost(s Source) uint64 {
	if l, ok := s.(Lossy); ok {
		return l.Lost()
	}
	return 0
}

// Lost returns how many events the reader has missed. Those of a link that is being unlinked count
// when that is over.
func (u *Uplink) Lost() uint64 { return u.lost + lost(u.source) }

func (u *Uplink) owe(c control) {
	u.owed = append(u.owed, c)
	u.weight += c.weight()
}

// weight is 1 for an answer, and 1 more for each 64 bytes of its body and of what it is about.
func (c control) weight() int { return 1 + (len(c.body)+len(c.ask))/64 }

// Owed returns the weight of the answers that the reader is owed, events apart.
func (u *Uplink) Owed() int { return u.weight }

// Done reports whether nothing is left of the link.
func (u *Uplink) Done() bool { return u.source == nil && len(u.owed) == 0 }

// Step appends the next frame's text to dst; ok is false when the reader is owed nothing now.
func (u *Uplink) Step(dst []byte) (frame []byte, ok bool) {
	if len(u.owed) > 0 {
		return u.answer(dst)
	}
	if u.source == nil {
		return dst, false
	}
	body, ok := u.source.Next()
	if !ok {
		return dst, false
	}
	return u.appendEvent(dst, body), true
}

// answer appends the oldest answer owed, or an event of the state that has to come before it; ok is false if that is
// not there yet.
func (u *Uplink) answer(dst []byte) (frame []byte, ok bool) {
	c := u.owed[0]
	switch {
	case c.tag == Synced:
		partial, isPartial := c.source.(Partial)
		switch {
		case u.state != nil:
		case isPartial && len(c.ask) > 0:
			u.state = partial.StateOf(c.ask)
		default:
			u.state = c.source.State()
		}
		if body, more := u.state(); more {
			return u.appendEvent(dst, body), true
		}
		if isPartial && partial.IsPending() {
			return dst, false
		}
		u.state = nil
	case c.tag == Unlinked:
		if c.emptied {
			if body, more := c.source.Next(); more {
				return u.appendEvent(dst, body), true
			}
		}
		u.shut(c.source)
	}
	u.pop()
	return AppendBody(AppendHead(dst, c.tag, u.node, u.lane, c.prio, c.rate), c.body), true
}

func (u *Uplink) pop() {
	u.weight -= u.owed[0].weight()
	u.owed[0] = control{}
	if u.owed = u.owed[1:]; len(u.owed) == 0 {
		u.owed = nil
	}
}

func (u *Uplink) appendEvent(dst, body []byte) []byte {
	if u.event == nil {
		u.event = AppendHead(nil, Event, u.node, u.lane, 0, 0)
	}
	return AppendBody(append(dst, u.event...), body)
}

package broker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Keeper is a client that sees to it that messages are kept: who has published one is sent the
// acknowledgement after the keeper's own. A keeper has its session whether it is connected or not.
type Keeper struct {
	Client  string // identifier
	User    string // that it logs in as
	Filters []string
	QoS     byte // of its subscriptions, 1 or 2
}

// Origin is where a message comes from that a keeper was sent.
type Origin struct {
	Client  string // that has published it
	ID      uint16 // its packet identifier there
	Again   bool   // the client says that it has sent it before
	Session bool   // the client has a session that outlasts its connections
	Number  int64  // no other message has it while the broker runs
}

// firstNumber is above the numbers that renumber gives.
const firstNumber = 1 << 32

// holds are the messages with QoS 1 and 2 that are on their way to keepers. mochi acknowledges a message
// before it hands it to anybody, so acknowledgements stay in their connections until the message is done
// with; the client may go on sending meanwhile.
type holds struct {
	limits Limits
	saver  *saver

	mu      sync.Mutex
	room    sync.Cond // some are done with, a connection ends, or a keeper's session has moved
	keepers map[string]*seat
	passing map[int64]*held   // that mochi hands out at this moment, by their numbers
	newest  map[sending]*held // not done with, by how their publishers call them
	sent    map[sending]*held // by how they were sent to keepers
	count   int               // not done with
	bytes   int64             // likewise
}

// seat is what there is of a keeper. It is guarded by holds.mu.
type seat struct {
	Keeper      // its Filters are those that are waited for
	passing int // messages that mochi hands out at this moment
	moving  int // connections that are about to take its session over
}

// sending is a packet identifier of a client.
type sending struct {
	client string
	id     uint16
}

// held is one message. It is guarded by holds.mu.
type held struct {
	Origin
	size int64
	left int     // who is to be done with it: mochi, keepers and the book
	to   []*seat // who is to be sent it
	got  []*seat // of those, who was
	conn *conn   // that is to have the acknowledgement
	book string  // the topic under which it is retained, if it is to be on flash there, too
	over bool
	done atomic.Bool // and may be acknowledged
}

func newHolds(l Limits, s *saver) *holds {
	h := &holds{limits: l, saver: s, passing: map[int64]*held{}, newest: map[sending]*held{}, sent: map[sending]*held{}}
	h.room.L = &h.mu
	return h
}

// set changes who the keepers are. Messages do not wait for those that are none any more, which it returns.
func (h *holds) set(keepers []Keeper) (gone []string) {
	h.mu.Lock()
	now := map[string]*seat{}
	for _, k := range keepers {
		s := h.keepers[k.Client]
		if s == nil {
			s = &seat{}
		}
		k.Filters = s.Filters // which hook.seat and the client itself change
		s.Keeper = k
		now[k.Client] = s
	}
	for id := range h.keepers {
		if _, still := now[id]; !still {
			gone = append(gone, id)
		}
	}
	h.keepers = now
	var after []func()
	for s, m := range h.sent {
		if slices.Contains(gone, s.client) {
			delete(h.sent, s)
			after = append(after, h.less(m))
		}
	}
	h.mu.Unlock()
	for _, do := range after {
		do()
	}
	return gone
}

func (h *holds) isKeeper(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, is := h.keepers[id]
	return is
}

// subscribe takes in that a keeper is about to get what matches a filter. What it is sent with QoS 0 it does not
// acknowledge, so that is not waited for.
func (h *holds) subscribe(id, filter string, qos byte) {
	if qos == 0 {
		h.unsubscribe(id, func(f string) bool { return f == filter })
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.keepers[id]; k != nil && !slices.Contains(k.Filters, filter) {
		k.Filters = append(k.Filters, filter)
	}
}

// unsubscribe takes in that a keeper is not sent any more what matches some of its filters.
func (h *holds) unsubscribe(id string, gone func(filter string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.keepers[id]; k != nil {
		k.Filters = slices.DeleteFunc(k.Filters, gone)
	}
}

// userOf tells who alone may come as a keeper.
func (h *holds) userOf(id string) (user string, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, is := h.keepers[id]
	if is {
		user = k.User
	}
	return user, is
}

// take notes a message that mochi is about to hand out, if a keeper is to have it. It waits for room, and while a
// keeper's session moves; false says that the connection has ended before. What it had sent when it ended is not
// handed out any more: the client sends again, in order, what was not acknowledged, of which that may be a part.
// Where it is retained in a book, it waits for that, too.
func (h *holds) take(c *conn, o Origin, pk *packets.Packet, retained bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, is := h.keepers[o.Client]; is {
		return true // it must read on, or nobody gets room
	}
	m := &held{Origin: o, size: sizeOf(*pk), left: 1, conn: c}
	if retained {
		m.book = strings.Clone(pk.TopicName) // it is part of a packet
		m.left++
	}
	for _, k := range h.keepers {
		if slices.ContainsFunc(k.Filters, func(f string) bool { return matches(f, pk.TopicName) }) {
			m.to = append(m.to, k)
		}
	}
	for !c.leaves.Load() && (c.unacked.Load() >= int64(h.limits.Held) || m.waits() && !h.fits(m)) {
		h.room.Wait()
	}
	switch {
	case c.leaves.Load():
		return false
	case !m.waits():
		return true
	}
	for _, k := range m.to {
		k.passing++
	}
	h.count++
	h.bytes += m.size
	h.passing[m.Number] = m
	h.newest[sending{m.Client, m.ID}] = m
	c.publishing = m
	return true
}

// waits tells whether anybody is to be done with m before it is acknowledged.
func (m *held) waits() bool { return m.to != nil || m.book != "" }

func (h *holds) fits(m *held) bool {
	return h.count < h.limits.Held && (h.count == 0 || h.bytes+m.size <= h.limits.HeldBytes) &&
		!slices.ContainsFunc(m.to, func(k *seat) bool { return k.moving > 0 })
}

// move says that a connection is about to take a client's session over, and returns when nothing is handed to the
// session, if it is a keeper's. Until moved is called nothing will be: mochi would lose it in between, or send it
// ahead of what has waited in the session.
func (h *holds) move(c *conn, client string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.keepers[client]
	if k == nil {
		return
	}
	k.moving++
	c.moves = k
	for k.passing > 0 && !c.leaves.Load() {
		h.room.Wait()
	}
}

func (h *holds) moved(k *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k.moving--
	h.room.Broadcast()
}

// wake has those who wait for room look whether they still should.
func (h *holds) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.room.Broadcast()
}

// hand notes that a client was sent a message under a packet identifier. A session that another connection
// has just taken over may have lost it.
func (h *holds) hand(client string, pk packets.Packet, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, k := h.passing[pk.Created], h.keepers[client]
	if m == nil || k == nil {
		return
	}
	if !lost {
		m.got = append(m.got, k)
		m.left++
	}
	h.sent[sending{client, pk.PacketID}] = m
}

// drop notes that a client was not sent a message after all.
func (h *holds) drop(client string, number int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.passing[number]; m != nil {
		m.got = slices.DeleteFunc(m.got, func(k *seat) bool { return k.Client == client })
	}
}

// passed notes that mochi has handed a message out, or has not. If a keeper has not got it, the publisher's
// connection ends, so that it sends it again.
func (h *holds) passed(m *held, err error) {
	h.mu.Lock()
	delete(h.passing, m.Number)
	lacks := false
	for _, k := range m.to {
		k.passing--
		lacks = lacks || h.keepers[k.Client] == k && !slices.Contains(m.got, k)
	}
	h.room.Broadcast()
	var then func()
	if err != nil || lacks {
		then = h.end(m, false)
	} else {
		then = h.less(m)
	}
	h.mu.Unlock()
	then()
	if m.book != "" {
		h.saver.await(m.book, func() { h.kept(m) })
	}
}

// kept notes that m is on flash.
func (h *holds) kept(m *held) {
	h.mu.Lock()
	then := h.less(m)
	h.mu.Unlock()
	then()
}

// acknowledged takes in that a client has acknowledged what it was sent under a packet identifier.
func (h *holds) acknowledged(client string, id uint16) {
	h.mu.Lock()
	s := sending{client, id}
	m := h.sent[s]
	if m == nil {
		h.mu.Unlock()
		return
	}
	delete(h.sent, s)
	then := h.less(m)
	h.mu.Unlock()
	then()
}

// less notes that one more is done with m. It is called with h.mu held; what it returns, without.
func (h *holds) less(m *held) func() {
	if m.left--; m.left > 0 {
		return func() {}
	}
	return h.end(m, true)
}

// end is likewise.
func (h *holds) end(m *held, well bool) func() {
	if m.over {
		return func() {}
	}
	m.over = true
	m.done.Store(well)
	h.count--
	h.bytes -= m.size
	s := sending{m.Client, m.ID}
	if h.newest[s] == m {
		delete(h.newest, s)
	}
	h.room.Broadcast()
	c := m.conn
	if !well {
		return func() { c.Close() }
	}
	return c.release
}

// await returns the message whose acknowledgement c is to hold back; nil if it need not.
func (h *holds) await(c *conn, s sending) *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.newest[s]
	if m != nil {
		m.conn = c // its client may have come back by another connection
	}
	return m
}

func (h *holds) origin(client string, id uint16) (o Origin, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.sent[sending{client, id}]; m != nil {
		return m.Origin, true
	}
	return o, false
}

// matches tells whether a topic filter matches a topic [MQTT 3.1.1, 4.7].
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, restOfFilter, more := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restOfTopic, deeper := strings.Cut(topic, "/")
		switch {
		case f != "+" && f != t, !more && deeper:
			return false
		case !deeper:
			return !more || restOfFilter == "#"
		}
		filter, topic = restOfFilter, restOfTopic
	}
}

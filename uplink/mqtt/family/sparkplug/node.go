package sparkplug

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

const (
	// reorderTime is how long a message waits for those before it: "as little as a couple of seconds" (the specification
	// under Sparkplug Host Application Message Ordering)
	reorderTime = 2 * time.Second
	maxHeld     = 64      // messages of a node that wait
	maxWaiting  = 4 << 20 // bytes of all that wait

	// birthTime is how long the births of a node's devices may take after its own.
	birthTime = 10 * time.Second
)

// node is an edge node. It is sure as long as no message of its session has been missed, the session being from one
// birth to the next, and dead from its death on.
type node struct {
	group, name string
	sure, dead  bool
	heard       bool // of, since the broker was connected
	silent      bool // it was told that it is not

	bdSeq     int64 // which session it is, -1 if it does not say
	birthSum  uint32
	birthTime uint64 // by its clock
	bornAt    time.Time
	expecting bool // births of devices

	next uint8       // the number of the next message
	sums [256]uint32 // of the last 256 messages, by their numbers
	held []message   // that came too early, as they came

	own     *unit
	devices map[string]*unit

	request
}

// node returns the node that a message is of, or nil if there are too many.
func (h *Host) node(t sparkplug.Topic, to family.Sink) *node {
	key := t.Group + "/" + t.Node
	n := h.nodes[key]
	switch {
	case n != nil:
		return n
	case len(h.all) >= maxNodes:
		to.Doubt(family.Problem{Kind: "nodes", Text: fmt.Sprintf("there are %d edge nodes, and no more are read: %s was left out", maxNodes, key),
			Remedy: "let discover name the group that is meant; or look who publishes under ever new names"})
		return nil
	}
	n = &node{group: t.Group, name: t.Node, bdSeq: -1, devices: map[string]*unit{}}
	n.own = &unit{id: "sparkplug/" + key, name: t.Node}
	h.nodes[key] = n
	h.all = append(h.all, n)
	return n
}

// unit returns the device that a message is of, or the node itself; nil if there is none.
func (n *node) unit(t sparkplug.Topic) *unit {
	if t.Device == "" {
		return n.own
	}
	return n.devices[t.Device]
}

// units are the node and its devices.
func (n *node) units() []*unit {
	all := []*unit{n.own}
	for _, name := range slices.Sorted(maps.Keys(n.devices)) {
		all = append(all, n.devices[name])
	}
	return all
}

// forget ends the session: what aliases mean now is not known any more.
func (n *node) forget() {
	n.own.end()
	for _, u := range n.devices {
		u.end()
	}
}

// recall takes a birth of the past. What is known of the present is better.
func (h *Host) recall(n *node, m message, to family.Sink) {
	switch {
	case n.sure || n.dead:
	case m.Verb == sparkplug.NBIRTH:
		n.bdSeq = sessionOf(m)
		h.define(n, m, to)
	case m.Verb == sparkplug.DBIRTH:
		h.define(n, m, to)
	}
}

// sessionOf returns the number of the session that a birth or a death of a node is of, or -1.
func sessionOf(m message) int64 {
	for _, one := range m.Metrics {
		if one.Name == sparkplug.BdSeq {
			switch v, _ := sparkplug.Read(sparkplug.UInt64, one.Value); v := v.(type) {
			case uint64:
				return int64(v & 0xFF)
			}
		}
	}
	return -1
}

// birth begins a session. That of a device is in its sequel.
func (h *Host) birth(n *node, m message, to family.Sink) {
	if n.sure && n.birthSum == m.sum { // sent twice
		return
	}
	n.forget()
	n.sure, n.dead, n.heard = true, false, true
	n.wanted, n.tries = false, 0
	n.bdSeq, n.birthSum, n.birthTime, n.bornAt, n.expecting = sessionOf(m), m.sum, m.Timestamp, m.at, true
	clear(n.sums[:])
	n.pass(m)
	h.live(n, m, to)
	early := h.release(n)
	for _, e := range early {
		if !n.past(e) {
			h.hold(n, e, to)
		}
	}
	h.drain(n, to)
}

// past tells whether a message seems to have been published before the birth. One that has the right number all the same
// may be what a node has stored, with the time of then.
func (n *node) past(m message) bool { return m.Timestamp != 0 && m.Timestamp < n.birthTime }

// pass notes that a message had its turn.
func (n *node) pass(m message) {
	n.sums[m.Seq] = m.sum
	n.next = m.Seq + 1
}

// sequel takes a message that has a place after a birth.
func (h *Host) sequel(n *node, m message, to family.Sink) {
	switch {
	case !m.HasSeq && n.sure:
		h.live(n, m, to)
	case n.dead, !n.sure && m.Verb == sparkplug.DBIRTH: // the birth of the node may be on its way
		h.hold(n, m, to)
	case !n.sure:
		h.live(n, m, to)
	case m.Seq == n.next && !(n.past(m) && m.Verb == sparkplug.DBIRTH):
		n.pass(m)
		h.live(n, m, to)
		h.drain(n, to)
	case n.sums[m.Seq] == m.sum: // sent twice
	case n.past(m): // if it is none of the past, but of a clock that was set back, its number is missed
	default:
		h.hold(n, m, to)
	}
}

// hold has a message wait for those before it.
func (h *Host) hold(n *node, m message, to family.Sink) {
	full := len(n.held) >= maxHeld || h.waiting+m.size > maxWaiting
	for _, e := range n.held {
		if e.Seq == m.Seq && e.sum == m.sum {
			return
		}
		full = full || e.Seq == m.Seq // one of the two is of another session
	}
	n.held = append(n.held, m)
	h.waiting += m.size
	if full {
		h.giveUp(n, m.at, to)
	}
}

// release returns the messages that wait, and has them wait no more.
func (h *Host) release(n *node) []message {
	all := n.held
	n.held = nil
	for _, m := range all {
		h.waiting -= m.size
	}
	return all
}

// drain takes the messages whose turn it is now.
func (h *Host) drain(n *node, to family.Sink) {
	for n.sure {
		i := slices.IndexFunc(n.held, func(m message) bool { return m.Seq == n.next })
		if i < 0 {
			return
		}
		m := n.held[i]
		n.held = slices.Delete(n.held, i, i+1)
		h.waiting -= m.size
		n.pass(m)
		h.live(n, m, to)
	}
}

// giveUp waits no more for what is missing.
func (h *Host) giveUp(n *node, now time.Time, to family.Sink) {
	early := h.release(n)
	n.sure = false
	n.forget()
	slices.SortStableFunc(early, func(a, b message) int { return cmp.Compare(a.Seq-n.next, b.Seq-n.next) })
	for _, m := range early {
		h.live(n, m, to)
	}
	h.want(n, now, to)
}

// live takes a message when it is its turn, or nobody knows whose turn it is.
func (h *Host) live(n *node, m message, to family.Sink) {
	n.heard = true
	switch u := n.unit(m.Topic); {
	case n.dead:
		h.late(u, m, to)
		h.want(n, m.at, to)
	case m.Verb == sparkplug.NBIRTH || m.Verb == sparkplug.DBIRTH:
		if u = h.define(n, m, to); u != nil {
			u.begin(n.sure)
			h.tell(n, u, m, to)
		}
	case u == nil || n.sure && !u.born:
		h.late(u, m, to)
		h.want(n, m.at, to)
	case m.Verb == sparkplug.DDEATH:
		u.end()
		u.leave("the edge node does not reach it", to)
	default:
		if !h.tell(n, u, m, to) || !n.sure {
			h.want(n, m.at, to)
		}
	}
}

// death ends a session, if it is that of the present one: the will of an earlier one may come long after it.
func (h *Host) death(n *node, m message, to family.Sink) {
	session := sessionOf(m)
	age := uint8(session - n.bdSeq) // 0 if it is of the session that is known, more if of a later one
	switch {
	case !n.own.defined() || n.dead:
		return
	case session < 0 || n.bdSeq < 0 || age == 0:
	case n.sure || age >= 128:
		return
	}
	early := h.release(n)
	n.sure = false
	for _, e := range early {
		h.live(n, e, to)
	}
	n.dead, n.wanted, n.expecting = true, false, false
	n.forget()
	for _, u := range n.units() {
		u.leave("the edge node's connection has ended", to)
	}
}

// missing has devices be away that were not born again with their node, and the node if it says nothing.
func (h *Host) missing(n *node, now time.Time, to family.Sink) {
	switch {
	case n.sure && n.expecting && now.Sub(n.bornAt) >= birthTime:
		n.expecting = false
		for _, u := range n.devices {
			if !u.born {
				u.leave("the edge node was born again without it", to)
			}
		}
	case !n.heard && !n.silent && n.tries == mostTries && now.After(n.notBefore):
		n.silent = true
		for _, u := range n.units() {
			u.leave("the edge node has said nothing since the broker was connected, and was asked to", to)
		}
	}
}

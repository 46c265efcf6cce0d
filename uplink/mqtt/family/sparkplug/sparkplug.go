// Package sparkplug is the host's side of Sparkplug B 3.0: edge nodes and what is behind them become devices.
//
// Nodes and devices tell in a birth which metrics they have, and from then on only what changes, mostly with a number in
// place of a metric's name. So a host that has missed a message may not know what the next ones mean. Messages of a node
// are numbered: what comes too early waits for what is missing, and if that does not come, the node is asked to be born
// again. Until it is, values that have no name are uncertain; they may be of another metric by then. It is the same after
// the connection to the broker was lost, for births are not retained; those of earlier are kept by us.
//
// The specification does not say which metrics can be commanded. Here those can that their publisher says so of, by the
// property readOnly, which is Ignition's, being false, or writable being true; and those under Outputs/, as in
// the examples of the specification, unless readOnly is true. Controls of nodes and devices (Node Control/Reboot) are no
// outputs, for they are orders rather than states.
package sparkplug

import (
	"hash/crc32"
	"strings"
	"sync/atomic"
	"time"

	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

// Bounds of what is known at a time.
const (
	maxNodes   = 2000
	maxDevices = 10_000
	maxMetrics = 100_000
)

// Host is a host application.
type Host struct {
	group string // whose nodes it reads, "" for all
	name  string // as it is known to nodes, "" where it does not say whether it is there

	stated   uint64    // when its will was made
	restated time.Time // when it said last that it is there

	nodes   map[string]*node // by group and name
	all     []*node
	devices int
	metrics int
	waiting int // bytes of messages that wait for others

	asked   int // nodes, in the second that began at asking
	asking  time.Time
	turn    int          // of all, whose it is to be asked
	present atomic.Int64 // the time as it was told last, Unix milliseconds
}

// New returns a family that reads the nodes of all groups, or with "spBv1.0/Plant1" or "Plant1" those of one.
func New(base string) family.Family { return NewHost(base, "") }

// NewHost is New for a host that nodes may wait for: it says under its name that it is there, and Will is to be the
// will of its connection.
func NewHost(base, name string) *Host {
	return &Host{group: groupOf(base), name: name, nodes: map[string]*node{}}
}

func groupOf(base string) string {
	base = strings.TrimSuffix(base, "/")
	if base == sparkplug.Namespace {
		return ""
	}
	return strings.TrimPrefix(base, sparkplug.Namespace+"/")
}

// Filters implements family.Family.
func (h *Host) Filters() []string {
	if h.group == "" {
		return []string{sparkplug.Namespace + "/#"}
	}
	all := []string{sparkplug.Namespace + "/" + h.group + "/#"}
	if h.name != "" {
		all = append(all, h.stateTopic())
	}
	return all
}

// Will returns the will of the connection that is to be made. ok is false for a host without a name.
func (h *Host) Will(now time.Time) (p family.Publication, ok bool) {
	h.stated = sparkplug.Millis(now)
	return h.state(false), h.name != ""
}

func (h *Host) stateTopic() string {
	return sparkplug.Topic{Verb: sparkplug.STATE, Node: h.name}.String()
}

// state has the time of the will, also when it says that the host is there
// (tck-id-operational-behavior-host-application-connect-birth-payload).
func (h *Host) state(online bool) family.Publication {
	p := sparkplug.Presence{Online: online, Timestamp: h.stated}
	return family.Publication{Topic: h.stateTopic(), Payload: p.Encode(), QoS: 1, Retain: true}
}

// message is one of a node or device.
type message struct {
	sparkplug.Topic
	sparkplug.Payload
	at   time.Time
	size int
	sum  uint32 // tells it from others of the same number
}

// Take implements family.Family.
func (h *Host) Take(m family.Message, to family.Sink) {
	h.present.Store(m.At.UnixMilli())
	t, ok := sparkplug.ParseTopic(m.Topic)
	switch {
	case !ok || len(m.Payload) == 0 || t.Verb == sparkplug.NCMD || t.Verb == sparkplug.DCMD:
		return
	case t.Verb == sparkplug.STATE:
		h.takeState(t, m, to)
		return
	case h.group != "" && t.Group != h.group:
		return
	}
	p, err := sparkplug.Decode(m.Payload)
	if err != nil {
		to.Doubt(family.Problem{Kind: "payload", Text: "what came on " + m.Topic + " is " + err.Error(),
			Remedy: "see what publishes there; its number is missing now, so its edge node will be asked to be born again"})
		return
	}
	n := h.node(t, to)
	if n == nil {
		return
	}
	is := message{Topic: t, Payload: p, at: m.At, size: len(m.Payload), sum: crc32.ChecksumIEEE(m.Payload) ^ crc32.ChecksumIEEE([]byte(m.Topic))}
	if t.Verb == sparkplug.NBIRTH || t.Verb == sparkplug.DBIRTH {
		to.Keep()
	}
	switch {
	case m.Retained || m.Replayed:
		h.recall(n, is, to)
	case t.Verb == sparkplug.NBIRTH:
		h.birth(n, is, to)
	case t.Verb == sparkplug.NDEATH:
		h.death(n, is, to)
	default:
		h.sequel(n, is, to)
	}
}

// takeState answers who says that this host is not there
// (tck-id-message-flow-hid-sparkplug-state-message-delivered).
func (h *Host) takeState(t sparkplug.Topic, m family.Message, to family.Sink) {
	p, err := sparkplug.ParsePresence(m.Payload)
	if h.name == "" || t.Node != h.name || err != nil || p.Online || m.At.Sub(h.restated) < time.Second {
		return
	}
	h.restated = m.At
	to.Publish(h.state(true))
}

// Connected implements family.Connecter.
func (h *Host) Connected(now time.Time, to family.Sink) {
	h.present.Store(now.UnixMilli())
	if h.name != "" {
		h.restated = now
		to.Publish(h.state(true))
	}
	for _, n := range h.all {
		n.wanted = !n.sure
	}
	h.askAll(now, to)
}

// Lost implements family.Loser.
func (h *Host) Lost(time.Time, family.Sink) {
	for _, n := range h.all {
		n.sure, n.dead, n.heard, n.silent, n.wanted, n.tries = false, false, false, false, false, 0
		n.forget()
		h.release(n)
	}
}

// Tick implements family.Ticker.
func (h *Host) Tick(now time.Time, to family.Sink) {
	h.present.Store(now.UnixMilli())
	for _, n := range h.all {
		if len(n.held) > 0 && now.Sub(n.held[0].at) >= reorderTime {
			h.giveUp(n, now, to)
		}
		h.missing(n, now, to)
	}
	h.askAll(now, to)
}

var (
	_ family.Family    = (*Host)(nil)
	_ family.Connecter = (*Host)(nil)
	_ family.Ticker    = (*Host)(nil)
	_ family.Loser     = (*Host)(nil)
)

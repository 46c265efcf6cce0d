package far

import (
	"fmt"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// grace is how long a lane is kept that nobody reads: whoever closes a link may open it again.
const grace = time.Second

// linkPatience is how long a link may be refused before that shows: a host that has just started may
// make its agents a moment later.
const linkPatience = 3 * time.Second

// lane is the copy of one lane, or what will be one.
type lane struct {
	node  *node
	name  route.LaneName
	kind  agent.LaneKind // what its readers take it for
	known bool           // whether it keeps state
	looks int            // at whether it does; see tell
	since time.Time      // the last of them
	seen  recon.Value    // the newest event before the next
	calm  bool           // between these
	pause time.Duration  // before it is asked for again, after it was refused

	link    *peer.ClientLink  // nil while it is refused
	asked   agent.LinkOptions // of link
	from    *listener         // of link
	err     error             // why it was refused the last time
	marks   bool              // the next linked is where the state begins
	waits   bool              // for the next look
	replica replica

	// The lane itself, nil until its host has shown all of it, and its typed half.
	made    *agent.Lane
	value   *agent.ValueLane[recon.Value]
	entries *agent.MapLane[recon.Value, recon.Value]
	list    *agent.ListLane[recon.Value]
	leaving bool // the grace runs
}

// open asks for the lane.
func (l *lane) open() {
	n := l.node
	if n.lanes[l.name] != l {
		return // given up meanwhile
	}
	l.from = &listener{l}
	l.replica.begin()
	l.looks, l.marks, l.waits = 0, false, false
	l.asked = n.agent.Asked(l.name)
	o := peer.LinkOptions{KeepSynced: true, Prio: l.asked.Prio, Rate: l.asked.Rate}
	link, err := n.line.client.Link(n.key, string(l.name), o, l.from)
	if err != nil {
		l.refused(err)
		return
	}
	l.link = link
}

// ask asks for what its readers want by now, if that is another priority or rate.
func (l *lane) ask() {
	if asked := l.node.agent.Asked(l.name); l.link != nil && l.asked != asked {
		l.asked = asked
		l.link.Grade(asked.Prio, asked.Rate)
	}
}

// why returns why the lane is not there yet. What explains it may change while its reader waits.
func (l *lane) why() error {
	return health.Because(l.code(), health.Because(l.node.line.code(), l.wait()))
}

func (l *lane) wait() error {
	c := l.node.line.client
	s := c.Status()
	switch {
	case l.err != nil:
		return l.err
	case s.State == peer.Connected:
		return fmt.Errorf("waiting for the answer of %s", c.Host)
	case s.Err != nil:
		return fmt.Errorf("connecting to %s: %w", c.Host, s.Err)
	}
	return fmt.Errorf("connecting to %s", c.Host)
}

// close ends the link, in or after the agent's last turn.
func (l *lane) close() {
	if l.link != nil {
		l.link.Close()
		l.link = nil
	}
	l.from = nil
}

// ended takes in that the host refused the link or ended it. It is asked for again: the agent there
// may be made later.
func (l *lane) ended(err error) {
	l.link, l.from = nil, nil
	l.refused(fmt.Errorf("%s: %w", l.node.line.client.Host, err))
	if l.made != nil {
		l.made.Stale(l.err)
	}
	l.pause = min(max(time.Duration(float64(l.pause)*growth), firstPause), lastPause)
	l.node.agent.After(spread(l.pause), l.open)
}

// refused shows why there is no link.
func (l *lane) refused(err error) {
	l.err = err
	uri := l.node.agent.URI()
	l.node.agent.Health().Raise(health.Condition{
		Code:      l.code(),
		Text:      fmt.Sprintf("%s of %s cannot be followed: %v", l.name, uri, err),
		Remedy:    "see what there is with: selvage ls " + string(uri),
		After:     linkPatience,
		DependsOn: []string{l.node.line.code()},
	})
}

func (l *lane) code() string { return fmt.Sprintf("far.%s.%s", l.node.agent.URI(), l.name) }

func (l *lane) accepted() {
	if l.err != nil {
		l.err = nil
		l.node.agent.Health().Clear(l.code())
	}
	l.pause = 0
}

// changed takes in an event.
func (l *lane) changed(body []byte) {
	var err error
	state := l.replica.syncing && l.kind != agent.CommandKind
	if state {
		err = l.replica.event(l.kind, body)
	}
	if l.made != nil && (!state || l.made.Kind() == agent.CommandKind) {
		err = l.made.Apply(body) // which makes it a condition
	}
	if err != nil {
		l.node.agent.Log().Info("an event was refused", "lane", string(l.name), "err", err)
	}
}

// synced takes in that what came since the link was asked for is all of the lane's state.
func (l *lane) synced() {
	r := &l.replica
	if l.accepted(); r.wrong != nil {
		l.refused(fmt.Errorf("it is no %s lane there: %w", l.kind, r.wrong))
	}
	if r.syncing = false; !l.tell() {
		return
	}
	switch {
	case l.made == nil:
		l.make()
	case l.value != nil:
		if !recon.Equal(l.value.Get(), r.value) {
			l.value.Set(r.value)
		}
	case l.list != nil:
		l.relist()
	case l.entries != nil:
		set, gone := r.entries.diff(l.entries.All())
		for _, key := range gone {
			l.entries.Remove(key)
		}
		for _, e := range set {
			l.entries.Set(e.key, e.value)
		}
	}
	r.forget()
	// In a turn of its own, when what was set in this one is seen.
	from := l.from
	l.node.agent.Wake(func() {
		if l.from == from && !l.replica.syncing {
			l.made.Stale(nil)
		}
	})
}

// lost takes in that the connection is lost. What the lane shows stays.
func (l *lane) lost(err error) {
	l.replica.begin()
	l.marks, l.waits = false, false
	if l.made != nil {
		l.made.Stale(fmt.Errorf("the connection to %s is lost: %w", l.node.line.client.Host, err))
	}
}

// relist makes the list what its host has shown.
func (l *lane) relist() {
	for _, op := range l.replica.elements.diff(l.list.Keyed()) {
		if err := l.made.Apply(op); err != nil {
			l.node.agent.Log().Info("an element was refused", "lane", string(l.name), "err", err)
		}
	}
}

// make makes the lane of what its host has shown. Those who waited for it join at the end of the turn.
func (l *lane) make() {
	a, name := l.node.agent, string(l.name)
	switch l.kind {
	case agent.MapKind:
		l.entries = agent.Map[recon.Value, recon.Value](a, name).Transient()
		for _, e := range l.replica.entries.sorted() {
			l.entries.Set(e.key, e.value)
		}
		l.made = &l.entries.Lane
	case agent.ListKind:
		l.list = agent.List[recon.Value](a, name).Transient()
		l.made = &l.list.Lane
		l.relist()
	case agent.CommandKind:
		l.made = &agent.Command(a, name, func(recon.Value) error { return nil }).Lane
		l.made.ForEvents(!l.known)
	default:
		l.value = agent.Value(a, name, l.replica.value).Transient()
		l.made = &l.value.Lane
	}
	l.made.OnIdle(l.idle)
	l.made.OnLink(l.ask)
	l.idle() // those who waited may all have gone
}

// idle gives up the lane if nobody reads it or waits for it at the end of the grace, so that a later
// reader is not shown an old state as a new one.
func (l *lane) idle() {
	if l.leaving {
		return
	}
	l.leaving = true
	n := l.node
	n.agent.After(grace, func() {
		l.leaving = false
		if n.lanes[l.name] != l || n.agent.Awaits(l.name) || l.made != nil && !l.made.Drop() {
			return
		}
		if l.close(); l.made != nil {
			l.made.Stale(nil)
		}
		l.accepted()
		delete(n.lanes, l.name)
	})
}

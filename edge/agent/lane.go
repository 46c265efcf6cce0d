package agent

import (
	"errors"
	"fmt"
	"slices"

	"selvage/edge/health"
	"selvage/edge/route"
)

// LaneKind says how a lane behaves on the wire.
type LaneKind uint8

const (
	ValueKind LaneKind = iota
	MapKind
	CommandKind
	ListKind
	SupplyKind
	DemandKind
	DemandMapKind // a map on the wire
	HTTPKind      // not on the wire
	PastKind      // the history of a value lane; a map on the wire
)

// laneKinds are the names that the reference's introspection has for them.
var laneKinds = [...]string{ValueKind: "value", MapKind: "map", CommandKind: "command", ListKind: "list",
	SupplyKind: "supply", DemandKind: "demand", DemandMapKind: "map", HTTPKind: "http", PastKind: "map"}

func (k LaneKind) String() string { return laneKinds[k] }

// TakesCommands reports whether lanes of the kind can be set from outside at all.
func (k LaneKind) TakesCommands() bool { return k <= ListKind }

// ParseLaneKind is the reverse of String.
func ParseLaneKind(s string) (LaneKind, bool) {
	i := slices.Index(laneKinds[:], s)
	return LaneKind(max(i, 0)), i >= 0
}

// Lane is a lane as the host, its links and the store see it: the encoded, published half,
// without the Go type that the author gave it. What a turn changes is published at its end.
//
// A lane keeps one log of changes however many readers it has; a reader is a place in that log
// (a Tail). So a reader that lags costs nothing but what the log keeps for it: a value lane the
// newest value, a map lane the newest change of each key, a command lane a bounded number of bytes.
type Lane struct {
	agent   *Agent
	name    route.LaneName
	typed   typed
	rare    *rareLane // what most lanes do without
	sibling *Lane     // the next of agent.lanes

	kind     LaneKind
	stored   bool  // remembered over a restart
	readOnly bool  // only its agent sets it
	changed  bool  // in this turn
	faulty   bool  // a condition stands for it
	phase    phase // changed by its agent, with agent.mu held

	// Guarded by agent.mu.
	unsaved bool
	tails   *[]*Tail // replaced, never altered, when one comes or goes; nil for none
	rowID   int64
}

// phase is where a lane is in its life.
type phase uint8

const (
	coming phase = iota // the turn that makes it is under way
	here
	orphan // its agent starts anew, and has not made it again
)

// rareLane is made in turns, with agent.mu held, and so is what is in it.
type rareLane struct {
	first, idle func()             // when a lane begins to be read, and when it no longer is
	heir        *Lane              // that took its place at a restart
	on          *[moments][]func() // the handlers, if there are any
	stale       error              // why what the lane shows is not up to date
	kept        *backlog           // of a lane with a history
	past        *pastLane          // that shows this
	wipe        bool               // the store has entries of a lane of another kind under its name
	forEvents   bool               // see ForEvents
}

func (l *Lane) more() *rareLane {
	if l.rare == nil {
		l.rare = new(rareLane)
	}
	return l.rare
}

// heirs returns the lane that l is now, after any number of restarts. agent.mu is held, or it is a turn.
func (l *Lane) heirs() *Lane {
	for l.rare != nil && l.rare.heir != nil {
		l = l.rare.heir
	}
	return l
}

// readers returns the places of all who read the lane. agent.mu is held.
func (l *Lane) readers() []*Tail {
	if l.tails == nil {
		return nil
	}
	return *l.tails
}

func (l *Lane) setReaders(tails []*Tail) {
	if l.tails = nil; len(tails) > 0 {
		l.tails = &tails
	}
}

// typed is the half of a lane that knows its Go type. Only command is called in a turn;
// the rest is called with agent.mu held.
type typed interface {
	command(body []byte) error
	publish()
	now() uint64                                 // the place behind the newest change
	next(t *Tail) (body []byte, ok bool)         // the oldest change behind t's place, as an event's body
	due(t *Tail) uint64                          // the number of that change; 0 when there is none
	state(t *Tail) func() (body []byte, ok bool) // all that makes t's reader know the lane, then nothing
	left(t *Tail)                                // t reads no more
	save(l *Lane, to Keeper)                     // what the store has not seen
	snapshot() Snapshot
	resume(old *Lane) // carry on after a restart: old's readers, who are this lane's now, see everything
}

// Reader is whoever reads a lane through a Tail. Wake says that there is news; it must not block.
type Reader interface{ Wake() }

// Name returns the lane's name.
func (l *Lane) Name() route.LaneName { return l.name }

// Kind returns how the lane behaves on the wire.
func (l *Lane) Kind() LaneKind { return l.kind }

// Stored reports whether the lane is remembered over a restart.
func (l *Lane) Stored() bool { return l.stored }

// IsReadOnly reports whether only its agent sets the lane.
func (l *Lane) IsReadOnly() bool { return l.readOnly }

// Agent returns the lane's agent.
func (l *Lane) Agent() *Agent { return l.agent }

// Apply changes the lane as a command with that body does, in a turn of its agent, also a lane that
// is read-only to others. It is for agents that copy lanes from elsewhere.
func (l *Lane) Apply(body []byte) error {
	l.inTurn()
	err := l.typed.command(body)
	l.mark(err)
	return err
}

// Open gives r a place in the lane's log, behind everything published so far.
func (l *Lane) Open(r Reader) *Tail { return l.OpenWith(r, nil) }

// OpenWith is Open for one who reads several lanes: those who share a key that is not nil take the events of
// a turn before those of any later turn.
func (l *Lane) OpenWith(r Reader, key any) *Tail {
	a := l.agent
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		return ended(a, r)
	}
	l = l.heirs() // for whoever found the lane before a restart
	t := &Tail{agent: a, lane: l, reader: r, at: l.typed.now(), id: opened.Add(1)}
	l.setReaders(append(slices.Clip(l.readers()), t))
	if key != nil {
		a.join(t, key)
	}
	if d, ok := l.typed.(demanded); ok {
		d.owed().coming = false
	}
	on := l.handlers(linked)
	a.mu.Unlock()
	l.tell(on)
	return t
}

// Part has r, who reads this lane, from now on take events whatever others have had.
func (l *Lane) Part(r Reader) {
	l.agent.mu.Lock()
	var next *Tail
	for _, t := range l.readers() {
		if t.reader == r {
			next = t.part()
		}
	}
	l.agent.mu.Unlock()
	next.wake()
	r.Wake() // it may have waited, too
}

// Read returns the bodies of the events that show the lane's present state. They must not be altered.
func (l *Lane) Read() (bodies [][]byte) {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	t := &Tail{agent: l.agent, lane: l, at: l.typed.now()}
	next := l.typed.state(t)
	for body, ok := next(); ok; body, ok = next() {
		bodies = append(bodies, body)
	}
	l.typed.left(t)
	return bodies
}

// OnFirst has fn run when a reader is about to come to a lane that has none; it sees what fn sets. The
// reader may stay away, so fn may run twice in a row.
func (l *Lane) OnFirst(fn func()) {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	l.more().first = fn
}

// OnIdle has fn run as a turn when the lane's last reader has gone. Another may have come by then.
func (l *Lane) OnIdle(fn func()) {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	l.more().idle = fn
}

// Expect is called in the turn that brings a reader who wants to be shown the lane's state, before Open.
func (l *Lane) Expect() {
	l.ExpectLink()
	if d, ok := l.typed.(demanded); ok {
		d.demand()
	}
}

// ExpectLink is Expect for a reader who wants to be shown what changes from now on.
func (l *Lane) ExpectLink() {
	l.inTurn()
	if l.rare != nil && l.rare.first != nil && !l.IsRead() {
		l.rare.first()
		l.agent.publish(nil)
	}
}

// Drop takes the lane away, in a turn, unless it has readers. It is for lanes that show what is elsewhere.
func (l *Lane) Drop() bool {
	l.inTurn()
	a := l.agent
	a.mu.Lock()
	drops := l.phase == here && len(l.readers()) == 0 && a.lanes.remove(l)
	var leavers []leaver
	if drops {
		leavers = l.endPast(nil)
	}
	a.mu.Unlock()
	for _, v := range leavers {
		v.end()
	}
	if drops {
		l.mark(nil) // what was wrong with it is over, too
		turn := a.deed()
		turn.dropped = append(turn.dropped, l)
	}
	return drops
}

// add makes l one of a's lanes, or says why it cannot be.
func (a *Agent) add(l *Lane, name string, kind LaneKind, t typed) {
	if !a.turning {
		panic(fmt.Sprintf("agent %s: lane %s is made outside a turn", a.uri, name))
	}
	if name == TimersLane && a.few().alarms == nil && !a.options.Load().View { // a view may show that of another host
		panic(fmt.Sprintf("agent %s: lane %s is for its alarms, see At; give it another name", a.uri, name))
	}
	l.agent, l.name, l.kind, l.typed = a, route.LaneName(name), kind, t
	if of, is := route.HistoryOf(l.name); is && !a.options.Load().View {
		panic(fmt.Sprintf("agent %s: lane %s is for the history of a lane %s; give it another name", a.uri, name, of))
	}
	a.mu.Lock()
	for other := range a.lanes.all() {
		if other.name == l.name && other.phase != orphan {
			a.mu.Unlock()
			panic(fmt.Sprintf("agent %s: lane %s is made twice", a.uri, name))
		}
	}
	if old := a.orphan(l.name); old != nil {
		l.faulty = old.faulty
		if why := old.whyStale(); why != nil {
			l.more().stale = why
		}
	}
	a.lanes.add(l)
	a.mu.Unlock()
	turn := a.deed()
	turn.made = append(turn.made, l)
}

// claim returns what is remembered of the lane.
func (l *Lane) claim() (s Snapshot, ok bool) {
	a := l.agent
	s, ok = a.few().stored[l.name]
	a.mu.Lock()
	if old := a.orphan(l.name); old != nil && old.stored {
		s, ok = old.typed.snapshot(), true
	}
	wrong := ok && s.Kind != l.kind
	if wrong {
		l.more().wipe = true
	}
	a.mu.Unlock()
	if wrong {
		l.fail(fmt.Errorf("a %s lane was stored under this name, it is a %s lane now and starts anew", s.Kind, l.kind))
	}
	return s, ok && !wrong
}

// inTurn panics when a lane is set outside a turn: its author would get a race.
func (l *Lane) inTurn() {
	if !l.agent.turning {
		panic(fmt.Sprintf("agent %s: lane %s is set outside a turn; use Do", l.agent.uri, l.name))
	}
}

// mayChange is inTurn for what changes the lane. What an agent began before a restart may set a lane from before
// it, which is an error: a panic would restart the agent once more for each.
func (l *Lane) mayChange() error {
	l.inTurn()
	if l.rare != nil && l.rare.heir != nil {
		return errHeir
	}
	return nil
}

var errHeir = errors.New("it was set by something that its agent had begun before it started anew, and that value is lost; " +
	"what setup begins has to end with OnClose")

// isPrinted reports whether somebody needs the text of what is set now: the store, or a reader who is not an
// agent of this host. For others it is made when they ask.
func (l *Lane) isPrinted() bool {
	if l.stored {
		return true
	}
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	return slices.ContainsFunc(l.readers(), func(t *Tail) bool {
		_, local := t.reader.(*Downlink)
		return !local
	})
}

// touch notes that this turn has changed the lane.
func (l *Lane) touch() {
	if !l.changed {
		l.changed = true
		turn := l.agent.deed()
		turn.changed = append(turn.changed, l)
	}
}

// mark shows err, or its absence, as the lane's condition.
func (l *Lane) mark(err error) {
	if err != nil {
		l.fail(err)
	} else if l.faulty {
		l.faulty = false
		l.agent.rt.Health().Clear(l.code())
	}
}

func (l *Lane) fail(err error) {
	l.heirs().faulty = true
	remedy := fmt.Sprintf("send a value that the lane takes; it is as before: selvage get %s %s", l.agent.uri, l.name)
	if l.kind == CommandKind {
		remedy = "the command had no effect; send one that the lane takes, or send it again when what stood in the way is over"
	}
	l.agent.rt.Health().Raise(health.Condition{
		Code:   l.code(),
		Text:   fmt.Sprintf("lane %s of %s: %v", l.name, l.agent.uri, err),
		Remedy: remedy,
	})
}

func (l *Lane) code() string { return "lane." + string(l.agent.uri) + "." + string(l.name) }

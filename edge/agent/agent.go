// Package agent is what the author of an agent imports: lanes, downlinks, timers and Register.
//
// An agent runs one turn at a time: a command, a timer, a reading or a linked value starts a
// turn, its handlers run to their end, and then everything they set becomes visible at once.
// So an agent's state needs no locks. Lanes, downlinks and timers are made in setup, and used
// inside turns only.
package agent

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// Agent is one agent as its author sees it.
type Agent struct {
	uri    route.NodeURI
	params route.Params
	kind   Kind
	config any
	rt     Runtime

	pending int // bytes of events that a command lane keeps for readers that lag

	turning bool                        // inside a turn, so lanes may be touched
	view    bool                        // Options.View
	changed []*Lane                     // lanes set in this turn
	wakes   []Reader                    // reused by publish
	stored  map[route.LaneName]Snapshot // what was remembered, until a lane of that name claims it
	onStop  []func()
	open    map[int]func() // gives back downlinks, timers and what else setup took
	opened  int            // numbers them
	down    atomic.Pointer[downlinks]

	waiting map[route.LaneName][]*Wait // for a lane that does not exist yet
	asked   func(route.LaneName, LaneKind) error
	left    func(route.LaneName)
	stay    func() bool
	relay   func(route.LaneName, []byte) error
	made    []*Lane // in this turn

	mu     sync.Mutex // guards what is published: lanes, and the published half of each
	lanes  []*Lane
	events uint64 // that readers have taken
}

// Runtime is what an agent asks of the host that runs it. All of it may be called inside a turn
// and none of it blocks.
type Runtime interface {
	Post(m Mail) error // to this agent's own mailbox; an error when that is full
	Wake(do func())    // the same, never refused: for news that is bounded by construction
	Send(node route.NodeURI, lane route.LaneName, body []byte) error
	Join(node route.NodeURI, w *Wait)
	Leave(node route.NodeURI, w *Wait) // takes back a Join; w may be told once more
	Changed()                          // a stored lane has news for the store
	Made(*Lane)                        // there is a lane that was not there before, or not since the last restart
	Clock() *clock.Clock
	Health() *health.Board
	Log() *slog.Logger
}

// Options say what a new agent is.
type Options struct {
	URI    route.NodeURI
	Params route.Params
	Kind   Kind
	Config any // nil for the kind's defaults
	Host   Runtime
	View   bool // it is there for its readers: Runtime.Wake is called when one leaves

	Pending int // bytes of events that a command lane keeps for readers that lag; 1 MiB when 0
}

// New makes an agent that has not run yet. Start is its first turn.
func New(o Options) *Agent {
	if o.Config == nil {
		o.Config = o.Kind.Defaults
	}
	return &Agent{uri: o.URI, params: o.Params, kind: o.Kind, config: o.Config, rt: o.Host, view: o.View, pending: cmp.Or(o.Pending, defaultPending)}
}

// URI returns the agent's node URI.
func (a *Agent) URI() route.NodeURI { return a.uri }

// KindName returns the name of the agent's kind.
func (a *Agent) KindName() string { return a.kind.Name }

// Param returns what stood in the URI in place of :name in the route's pattern.
func (a *Agent) Param(name string) string { return a.params.Get(name) }

// Now returns the present instant with its trust mark.
func (a *Agent) Now() clock.Stamp { return a.rt.Clock().Now() }

// Log returns the agent's logger.
func (a *Agent) Log() *slog.Logger { return a.rt.Log() }

// Health returns the host's board of conditions.
func (a *Agent) Health() *health.Board { return a.rt.Health() }

// OnStop has fn run in the agent's last turn, when the host stops.
func (a *Agent) OnStop(fn func()) { a.onStop = append(a.onStop, fn) }

// OnClose has fn run when the agent ends for any reason: the host stops, or a panic restarts it.
// It is for giving back what setup took, and runs outside of turns.
func (a *Agent) OnClose(fn func()) { a.opens(fn) }

// opens notes how something is given back when the agent ends; forget is for what ends before.
func (a *Agent) opens(giveBack func()) (forget func()) {
	if a.open == nil {
		a.open = map[int]func(){}
	}
	id := a.opened
	a.opened++
	a.open[id] = giveBack
	return func() { delete(a.open, id) }
}

// Do runs fn as a turn of its own. Any goroutine may call it; it fails when the agent's mailbox is full.
func (a *Agent) Do(fn func()) error { return a.rt.Post(Mail{Do: fn}) }

// Wake is Do whatever the mailbox holds: for news that is bounded by construction.
func (a *Agent) Wake(fn func()) { a.rt.Wake(fn) }

// Send sends v as a command to a lane of an agent, through the one door that all commands take.
// It never waits for that agent; it fails when its mailbox is full or v has no Recon form.
func (a *Agent) Send(node, lane string, v any) error {
	key, _, err := route.Anywhere(node)
	if err != nil {
		return fmt.Errorf("send to %s: %w", node, err)
	}
	body, err := recon.AppendAny(nil, v)
	if err != nil {
		return fmt.Errorf("send to %s %s: %w", node, lane, err)
	}
	a.downlinks().commands.Add(1)
	return a.rt.Send(key, route.LaneName(lane), body)
}

// Every has fn run as a turn each d from now on. The timer ends with the agent.
func (a *Agent) Every(d time.Duration, fn func()) {
	if d <= 0 {
		panic(fmt.Sprintf("agent %s: Every(%v) wants a time above zero", a.uri, d))
	}
	stopped := make(chan struct{})
	var t *time.Timer
	t = time.AfterFunc(never, func() {
		a.rt.Wake(func() {
			select {
			case <-stopped:
			default:
				t.Reset(d)
				fn()
			}
		})
	})
	t.Reset(d) // not given to AfterFunc: the timer must not fire before t is set
	a.opens(func() { close(stopped); t.Stop() })
}

const never time.Duration = math.MaxInt64

// After has fn run as a turn once, d from now. The returned function, called in a turn, cancels it.
func (a *Agent) After(d time.Duration, fn func()) (cancel func()) {
	over := false // only turns ask, or what comes after the last
	var forget func()
	t := time.AfterFunc(never, func() {
		a.rt.Wake(func() {
			if !over {
				cancel()
				fn()
			}
		})
	})
	cancel = func() {
		over = true
		t.Stop()
		forget()
	}
	forget = a.opens(cancel)
	t.Reset(d)
	return cancel
}

// Mail is one turn's cause.
type Mail struct {
	Lane route.LaneName // a command's lane, with
	Body []byte         // its body; or
	Do   func()         // anything else
	Done func(error)    // told how the turn ended; nil when nobody waits
}

// What a command ends with that no lane takes.
var (
	ErrNoLane   = errors.New("no such lane")
	ErrReadOnly = errors.New("this lane shows what the agent knows; it is not set from outside")
)

// Panicked is the error of a turn that panicked; the host restarts the agent.
type Panicked struct {
	Cause any
	Stack []byte
}

func (p *Panicked) Error() string { return fmt.Sprintf("panic: %v", p.Cause) }

// Remember gives the agent what was stored of its lanes. It is for before the first Start.
func (a *Agent) Remember(stored map[route.LaneName]Snapshot) {
	if len(a.lanes) == 0 {
		a.stored = stored
	}
}

// Start runs setup as the agent's first turn, over what is remembered of its lanes. After a
// panic it is called again: the lanes start from what they last published, and their readers
// stay with them.
func (a *Agent) Start() error {
	before := a.reset()
	err := a.turn(func() error { return a.kind.setup(a, a.config) })
	a.adopt(before)
	a.stored = nil
	return err
}

// Step runs one turn.
func (a *Agent) Step(m Mail) (err error) { // turn would do, but for a closure that is allocated each time
	defer a.endTurn(&err)
	a.turning = true
	err = a.take(m)
	a.publish()
	a.show()
	return err
}

func (a *Agent) take(m Mail) error {
	if m.Do != nil {
		m.Do()
		return nil
	}
	if a.relay != nil {
		return a.relay(m.Lane, m.Body)
	}
	l := a.Lane(m.Lane)
	if l == nil {
		return ErrNoLane
	}
	if l.readOnly {
		return fmt.Errorf("%s %s: %w", a.uri, l.name, ErrReadOnly)
	}
	if err := l.Apply(m.Body); err != nil {
		return fmt.Errorf("%s %s: %w", a.uri, l.name, err)
	}
	return nil
}

// Stop runs the agent's last turn and closes its downlinks and timers.
func (a *Agent) Stop() error {
	err := a.turn(func() error {
		for _, fn := range a.onStop {
			fn()
		}
		return nil
	})
	a.close()
	return err
}

func (a *Agent) close() {
	for _, giveBack := range a.open {
		a.guard(giveBack)
	}
	a.open, a.onStop = nil, nil
}

// guard runs what an author gave outside of a turn; its panic is his, not the host's.
func (a *Agent) guard(fn func()) {
	defer a.caught()
	fn()
}

func (a *Agent) caught() {
	if p := recover(); p != nil {
		a.Log().Error("panic outside of a turn", "cause", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

// turn runs fn, and publishes what it set unless it panicked: half a turn is never seen.
func (a *Agent) turn(fn func() error) (err error) {
	defer a.endTurn(&err)
	a.turning = true
	err = fn()
	a.publish()
	a.show()
	return err
}

// endTurn is deferred by a turn. Of one that panics nothing stays.
func (a *Agent) endTurn(err *error) {
	a.turning = false
	p := recover()
	if p == nil {
		return
	}
	*err = &Panicked{Cause: p, Stack: debug.Stack()}
	for _, l := range a.changed {
		l.changed = false
	}
	a.changed = a.changed[:0]
	a.unmake()
	a.close()
}

// show lets others see the lanes that a turn made, all at once.
func (a *Agent) show() {
	if len(a.made) == 0 {
		return
	}
	made := a.made
	a.made = nil
	a.mu.Lock()
	for _, l := range made {
		l.joined = true
	}
	a.mu.Unlock()
	for _, l := range made {
		l.join()
	}
}

// unmake takes away the lanes that a turn made before it panicked: nobody has seen them.
func (a *Agent) unmake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.made {
		i := slices.Index(a.lanes, l)
		if a.lanes = slices.Delete(a.lanes, i, i+1); l.before != nil {
			a.lanes = append(a.lanes, l.before)
		}
	}
	a.made = nil
}

// publish makes all of a turn's changes visible at once, then wakes their readers.
func (a *Agent) publish() {
	if len(a.changed) == 0 {
		return
	}
	stored := false
	a.mu.Lock()
	for i, l := range a.changed {
		l.changed = false
		l.typed.publish()
		if l.stored {
			l.unsaved, stored = true, true
		}
		for _, t := range l.tails {
			a.wakes = append(a.wakes, t.reader)
		}
		a.changed[i] = nil
	}
	a.mu.Unlock()
	a.changed = a.changed[:0]
	if stored {
		a.rt.Changed()
	}
	for i, r := range a.wakes {
		r.Wake()
		a.wakes[i] = nil
	}
	a.wakes = a.wakes[:0]
}

// Lane finds a lane by name; nil when there is none. A lane is there from the end of the turn that made it.
func (a *Agent) Lane(name route.LaneName) *Lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.lane(name); l != nil && l.joined {
		return l
	}
	return nil
}

func (a *Agent) lane(name route.LaneName) *Lane {
	for _, l := range a.lanes {
		if l.name == name {
			return l
		}
	}
	return nil
}

// Lanes lists the agent's lanes in the order they were made.
func (a *Agent) Lanes() []*Lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.lanes), func(l *Lane) bool { return !l.joined })
}

// Remembered tells the stored lanes that no lane has claimed yet. An agent whose lanes depend on
// what it meets, such as a twin, opens them again from here.
func (a *Agent) Remembered() map[route.LaneName]LaneKind {
	lanes := make(map[route.LaneName]LaneKind, len(a.stored))
	for name, s := range a.stored {
		lanes[name] = s.Kind
	}
	return lanes
}

// OnAsked has asked told of each reader that asks for a lane that there is not, within a turn, and what
// kind it takes the lane for. What asked returns tells the reader why it has to wait. left is told when
// the last of a lane's readers has gone and there is still no such lane; another may come. They are for
// agents that show what is elsewhere.
func (a *Agent) OnAsked(asked func(name route.LaneName, kind LaneKind) error, left func(name route.LaneName)) {
	a.asked, a.left = asked, left
}

// Awaits reports, in a turn, whether somebody waits for a lane of that name to be made, or reads one
// that has not been made anew since a panic.
func (a *Agent) Awaits(name route.LaneName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lane(name)
	return len(a.waiting[name]) > 0 || l != nil && l.orphan
}

// StayWhile has an agent that is there for its readers stay without them as long as fn says so, which
// is asked between turns.
func (a *Agent) StayWhile(fn func() bool) { a.stay = fn }

// IsUsed reports, between turns, whether an agent that is there for its readers is to stay.
func (a *Agent) IsUsed() bool { return a.IsRead() || len(a.waiting) > 0 || a.stay != nil && a.stay() }

// Relay has fn take all commands to the agent, whatever their lane.
func (a *Agent) Relay(fn func(lane route.LaneName, body []byte) error) { a.relay = fn }

// Wait is a reader on its way to a lane.
type Wait struct {
	Lane route.LaneName
	Kind LaneKind           // what the reader takes it for
	Join func(*Lane, error) // given the lane, or why there is none yet
}

// Offer gives w its lane, within a turn. While there is none, w is told so now, and is given the lane
// when it is made.
func (a *Agent) Offer(w *Wait) {
	if l := a.Lane(w.Lane); l != nil {
		l.Expect()
		w.Join(l, nil)
		return
	}
	why := ErrNoLane
	if a.asked != nil {
		why = a.asked(w.Lane, w.Kind)
	}
	if a.waiting == nil {
		a.waiting = map[route.LaneName][]*Wait{}
	}
	a.waiting[w.Lane] = append(a.waiting[w.Lane], w)
	w.Join(nil, why)
}

// Withdraw takes back an Offer, within a turn.
func (a *Agent) Withdraw(w *Wait) {
	waiting := a.waiting[w.Lane]
	i := slices.Index(waiting, w)
	switch {
	case i < 0: // it has got its lane
		return
	case len(waiting) > 1:
		a.waiting[w.Lane] = slices.Delete(waiting, i, i+1)
		return
	}
	delete(a.waiting, w.Lane)
	if a.left != nil {
		a.left(w.Lane)
	}
}

// Package agent is what the author of an agent imports: lanes, downlinks, timers and Register.
//
// An agent runs one turn at a time: a command, a timer, a reading or a linked value starts a
// turn, its handlers run to their end, and then everything they set becomes visible at once.
// Of a turn that panics nothing becomes visible, but what it has sent to others is on its way.
// So an agent's state needs no locks. Lanes, downlinks and timers are made in setup, and used
// inside turns only.
package agent

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// Agent is one agent as its author sees it. There may be a million of them, so what few need is
// behind a pointer.
type Agent struct {
	uri     route.NodeURI
	options atomic.Pointer[Options]
	rt      Runtime
	turning bool          // inside a turn, so lanes may be touched
	ended   bool          // it has left memory; guarded by mu
	stopped bool          // it has had its last turn and may start again; guarded by mu
	run     atomic.Uint32 // changes whenever it ends; see Mail.Run
	turn    *turn         // what this turn has done to lanes; nil while it did nothing
	rare    *rare         // use more() in turns
	down    atomic.Pointer[downlinks]

	mu    sync.Mutex // guards what is published: lanes, the published half of each, and reads
	lanes laneList
	reads *reads // use reading()
}

// rare is what most agents do without.
type rare struct {
	stored  map[route.LaneName]Snapshot // what was remembered, until a lane of that name claims it
	onStop  []func()
	open    map[int]func()             // gives back timers and what else setup took; guarded by mu
	opened  int                        // numbers them
	waiting map[route.LaneName][]*Wait // for a lane that does not exist yet
	asked   func(route.LaneName, LaneKind) error
	left    func(route.LaneName)
	stay    func() bool
	relay   func(route.LaneName, []byte) error
	other   bool // Reconfigure has changed the kind since the last Start
	alarms  *alarms
	ringing string // the alarm whose turn this is, or was when it panicked
	works   *works
	failed  map[uintptr]bool // the places of works that have panicked
}

var nothing rare // of an agent that has none; never altered

func (a *Agent) pending() int { return cmp.Or(a.options.Load().Pending, defaultPending) }

func (a *Agent) few() *rare {
	if a.rare == nil {
		return &nothing
	}
	return a.rare
}

func (a *Agent) more() *rare {
	if a.rare == nil {
		a.rare = new(rare)
	}
	return a.rare
}

// Runtime is what an agent asks of the host that runs it. All of it may be called inside a turn
// and none of it blocks.
type Runtime interface {
	Post(m Mail) error // to this agent's own mailbox; an error when that is full
	Wake(m Mail)       // the same, never refused: for news that is bounded by construction
	Send(node route.NodeURI, lane route.LaneName, body []byte) error
	Join(node route.NodeURI, w *Wait)
	Leave(node route.NodeURI, w *Wait)                                                            // takes back a Join; w may be told once more
	Changed()                                                                                     // a stored lane has news for the store
	Watch(nodes func(route.NodeURI) bool, fn func(route.NodeURI, route.LaneName)) (cancel func()) // of lanes of the host that come or go, and those there are; fn must not block
	IsThere(route.NodeURI, route.LaneName) (LaneKind, bool)
	Keeps(*Lane) bool // whether there is a history of it; called with the agent's lock held
	// Past reads the history of a lane, the newest entries only if that is not 0: all that was published before the
	// call. Unlike the rest it may wait, for the disk, and is called outside of turns.
	Past(lane route.LaneName, newest int) (Past, error)
	Hurry() bool    // much waits for the store: it is to take it soon; false if it cannot save anything now; called with the agent's lock held
	Made(*Lane)     // there is a lane that was not there before, or not since the last restart
	Gone(*Lane)     // it is not any more
	Work(do func()) // on a goroutine that the host waits for when it stops
	End()           // the agent wants to have its last turn after this one
	Clock() *clock.Clock
	Health() *health.Board
	Log() *slog.Logger
}

// Options say what an agent is. Agents of one kind share them.
type Options struct {
	Kind    Kind
	Config  any           // nil for the kind's defaults
	Pattern route.Pattern // that the agents' URIs match, for Param
	View    bool          // they are there for their readers: Runtime.Wake is called when one leaves

	Pending int // bytes of events that a command lane keeps for readers that lag; 1 MiB when 0
}

// New makes an agent that has not run yet. Start is its first turn.
func New(uri route.NodeURI, o *Options, rt Runtime) *Agent {
	a := new(Agent)
	a.Init(uri, o, rt)
	return a
}

// Init is New for an agent that is part of something larger.
func (a *Agent) Init(uri route.NodeURI, o *Options, rt Runtime) {
	a.uri, a.rt = uri, rt
	a.options.Store(o)
}

// Reconfigure has the next Start run the setup of o, over what the lanes published. If that is of another
// kind, lanes that it does not make end. It is for between turns.
func (a *Agent) Reconfigure(o *Options) {
	before := a.options.Swap(o)
	if before.Kind.Name != o.Kind.Name {
		a.more().other = true
	}
}

// URI returns the agent's node URI.
func (a *Agent) URI() route.NodeURI { return a.uri }

// KindName returns the name of the agent's kind.
func (a *Agent) KindName() string { return a.options.Load().Kind.Name }

// Kinds returns the names of the kinds whose traits the agent has, mostly one.
func (a *Agent) Kinds() []string { return a.options.Load().Kind.Names() }

// Param returns what stood in the URI in place of :name in the route's pattern.
func (a *Agent) Param(name string) string {
	params, _ := a.options.Load().Pattern.Match(a.uri)
	return params.Get(name)
}

// Now returns the present instant with its trust mark.
func (a *Agent) Now() clock.Stamp { return a.rt.Clock().Now() }

// Log returns the agent's logger.
func (a *Agent) Log() *slog.Logger { return a.rt.Log() }

// Health returns the host's board of conditions.
func (a *Agent) Health() *health.Board { return a.rt.Health() }

// OnStop has fn run as a turn when the agent ends: when the host stops, when it leaves memory, when it is
// taken away or gets another config, and after Stop. It is for setup.
func (a *Agent) OnStop(fn func()) {
	a.inTurn("OnStop")
	a.more().onStop = append(a.more().onStop, fn)
}

// Stop ends the agent after this turn: what OnStop has is done, timers, links and works end, and the agent
// leaves memory, where what it stored is kept. Who links to it stays linked, and has its lanes as they are: they
// leave memory with the last such link. Whoever touches its URI next, with a command, a request or a link, has
// it start again, and who has stayed linked goes on with that. Mail that it has already got counts as a touch.
func (a *Agent) Stop() { a.rt.End() }

// OnClose has fn run when the agent ends for any reason: the host stops, or a panic restarts it.
// It is for giving back what setup took, and runs outside of turns.
func (a *Agent) OnClose(fn func()) { a.opens("OnClose", fn) }

// opens notes how something is given back when the agent ends; forget is for what ends before. It locks for
// who calls it from a goroutine of his own: two writers of a map at a time end the process.
func (a *Agent) opens(what string, giveBack func()) (forget func()) {
	a.inTurn(what)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.more()
	if r.open == nil {
		r.open = map[int]func(){}
	}
	id := r.opened
	r.opened++
	r.open[id] = giveBack
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(r.open, id)
	}
}

// inTurn panics when what belongs into a turn is called outside: its author would get a race.
func (a *Agent) inTurn(what string) {
	if !a.turning {
		panic(fmt.Sprintf("agent %s: %s is called outside a turn; use Do", a.uri, what))
	}
}

// later returns what has fn run as a turn, on any goroutine, unless the agent has ended by then.
func (a *Agent) later(fn func()) (wake func()) {
	m := Mail{Do: fn, Run: a.run.Load()}
	return func() { a.rt.Wake(m) }
}

// Expects reports whether m is of use to the agent as it runs now.
func (a *Agent) Expects(m Mail) bool { return m.Run == 0 || m.Run == a.run.Load() }

// Run identifies the time from one start of the agent to its end, see Mail.Run.
func (a *Agent) Run() uint32 { return a.run.Load() }

// Do runs fn as a turn of its own. Any goroutine may call it; it fails when the agent's mailbox is full.
func (a *Agent) Do(fn func()) error { return a.rt.Post(Mail{Do: fn}) }

// Wake is Do whatever the mailbox holds: for news that is bounded by construction.
func (a *Agent) Wake(fn func()) { a.rt.Wake(Mail{Do: fn}) }

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

// Remember gives the agent what was stored of its lanes. It is for before the first Start.
func (a *Agent) Remember(stored map[route.LaneName]Snapshot) {
	if len(stored) > 0 {
		a.more().stored = stored
	}
}

func (a *Agent) remember(name route.LaneName, s Snapshot) {
	r := a.more()
	if r.stored == nil {
		r.stored = map[route.LaneName]Snapshot{}
	}
	r.stored[name] = s
}

// HasRun reports, between turns, whether Start has nothing to remember, for the agent has lanes.
func (a *Agent) HasRun() bool { return a.lanes.first != nil }

// Lane finds a lane by name; nil when there is none. A lane is there from the end of the turn that made it.
func (a *Agent) Lane(name route.LaneName) *Lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lane(name)
}

func (a *Agent) lane(name route.LaneName) *Lane {
	for l := range a.lanes.all() {
		if l.name == name && l.phase != coming {
			return l
		}
	}
	return nil
}

// Lanes lists the agent's lanes in the order they were made, but for those that show the history of one, see
// Lane.ShowsPast.
func (a *Agent) Lanes() []*Lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(a.lanes.all()), func(l *Lane) bool { return l.phase == coming || l.kind == PastKind })
}

// Remembered tells the stored lanes that no lane has claimed yet. An agent whose lanes depend on
// what it meets, such as a twin, opens them again from here.
func (a *Agent) Remembered() map[route.LaneName]LaneKind {
	lanes := make(map[route.LaneName]LaneKind, len(a.few().stored))
	for name, s := range a.few().stored {
		lanes[name] = s.Kind
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.lanes.all() {
		if l.phase == orphan && l.stored {
			lanes[l.name] = l.kind
		}
	}
	for l := range a.lanes.all() {
		if l.phase != orphan {
			delete(lanes, l.name)
		}
	}
	return lanes
}

// StayWhile has an agent that is there for its readers stay without them as long as fn says so, which
// is asked between turns.
func (a *Agent) StayWhile(fn func() bool) { a.more().stay = fn }

// IsUsed reports, between turns, whether an agent that is there for its readers is to stay.
func (a *Agent) IsUsed() bool {
	r := a.few()
	return a.IsRead() || len(r.waiting) > 0 || r.stay != nil && r.stay()
}

// Relay has fn take all commands to the agent, whatever their lane.
func (a *Agent) Relay(fn func(lane route.LaneName, body []byte) error) { a.more().relay = fn }

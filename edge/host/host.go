// Package host runs agents: it finds or makes them by node URI, gives them their turns on a
// bounded set of workers, restarts the one that panics, remembers their stored lanes, and serves
// links to their lanes.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
	"selvage/edge/store"
)

// Options say what a host runs on. Store may be nil: then nothing is remembered.
type Options struct {
	Name    string // of this host, to its peers
	Clock   *clock.Clock
	Health  *health.Board
	Log     *slog.Logger
	Store   *store.Store
	Workers int // turns at the same time; 0 for one per processor, at least two

	// MaxRouted is how many agents routes may make, 10,000 if 0: anybody who may send can touch
	// new node URIs.
	MaxRouted int

	Pending int // bytes of events that a command lane keeps for links that lag; 1 MiB when 0

	// Passivate is how long an agent of a config or route stays in memory that nobody touches or links
	// to and that waits for nothing but alarms; 0 for ever. It needs a Store.
	Passivate time.Duration
	Budget    time.Duration // that a turn may take before it is reported and others get another worker; 1 s when 0
}

// Host runs agents.
type Host struct {
	Options
	sched scheduler

	mu      sync.RWMutex
	cells   map[route.NodeURI]*cell
	passive map[route.NodeURI]*origin // agents of the config that are not in memory
	routes  routes
	routed  int
	crowded bool // a condition says that these are too many
	awaits
	stopped bool

	far     *origin // of agents of other hosts; nil while there are none
	sendFar func(route.NodeURI, route.LaneName, []byte) error

	views  []func(route.NodeURI) (agent.Kind, any, bool)
	viewed int // views there are

	watchers  watchers
	listeners listeners
	tidier
	works works
}

// origin is what agents of one table or route have in common.
type origin struct {
	options agent.Options
	layer   Layer
	routed  bool
	guard   func(route.Params) bool
}

// returns reports whether an agent comes back at the first touch after it has left memory.
func (o *origin) returns() bool { return o.layer == Agents && !o.options.View }

// Errors of a command or link that found nobody.
var (
	ErrNoNode  = errors.New("no such agent")
	ErrStopped = errors.New("the host is stopping")
	ErrTooMany = errors.New("the host makes no more agents: see agents in the table [host]")
	// ErrNotSaved is what a command ends with that its agent took, while the store could not keep it.
	ErrNotSaved = errors.New("done, but not saved yet")
)

// New makes a host and starts its workers; Stop ends them.
func New(o Options) *Host {
	if o.Workers == 0 {
		o.Workers = max(2, runtime.GOMAXPROCS(0))
	}
	o.MaxRouted = cmp.Or(o.MaxRouted, 10_000)
	o.Budget = cmp.Or(o.Budget, time.Second)
	h := &Host{Options: o, cells: map[route.NodeURI]*cell{}, passive: map[route.NodeURI]*origin{}}
	if h.Store != nil {
		h.tellDrops()
	}
	h.sched.start(h, o.Workers)
	h.startTidier()
	return h
}

// Layer says when an agent stops: the higher first, so that what an agent sends in its last turn
// is still heard by those below.
type Layer uint8

const (
	Things Layer = iota // twins and the host's own agents
	Agents              // what the config asks for
)

// Add makes an agent at uri and gives it its first turn. Handle is what the host's own parts
// reach it by.
func (h *Host) Add(uri route.NodeURI, layer Layer, k agent.Kind, config any) (*Handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil, ErrStopped
	}
	if h.cells[uri] != nil || h.passive[uri] != nil {
		return nil, fmt.Errorf("there is already an agent %s", uri)
	}
	return &Handle{h.make(uri, h.origin(layer, k, config))}, nil
}

func (h *Host) origin(layer Layer, k agent.Kind, config any) *origin {
	return &origin{options: agent.Options{Kind: k, Config: config, Pending: h.Pending}, layer: layer}
}

// Beyond has an agent of the kind made for each node of another host that an agent of this one links
// to; its URI tells which. It ends as views do. What an agent sends to such a node goes to send, which
// must not block. From outside nobody reaches them.
func (h *Host) Beyond(k agent.Kind, send func(node route.NodeURI, lane route.LaneName, body []byte) error) {
	h.mu.Lock()
	h.far, h.sendFar = h.origin(Things, k, nil), send
	h.far.options.View = true
	h.mu.Unlock()
	h.serve(route.NodeURI.IsFar)
}

func (h *Host) make(uri route.NodeURI, of *origin) *cell {
	c := &cell{host: h, of: of, born: time.Now().UnixMilli()}
	c.agent.Init(uri, &of.options, c)
	h.cells[uri] = c
	h.watchers.tell(&c.agent, nil)
	if !of.options.View { // whose first mail is about to come
		c.touch() // mail makes a cell run, and a cell that runs starts first
	}
	for _, w := range h.awaited[uri] {
		c.offer(w)
	}
	h.noMore(uri)
	return c
}

// find returns the agent at uri, made now if a route says so.
func (h *Host) find(uri route.NodeURI) (*cell, error) {
	h.mu.RLock()
	c := h.cells[uri]
	var of *origin
	switch {
	case c != nil:
	case uri.IsFar():
		of = h.far
	default:
		of = h.passive[uri]
		if of == nil {
			of = h.routes.find(uri)
		}
	}
	h.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	if of == nil {
		of = h.view(uri)
	}
	if of == nil {
		return nil, ErrNoNode
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.cells[uri]; c != nil {
		return c, nil
	}
	if h.stopped {
		return nil, ErrStopped
	}
	switch {
	case uri.IsFar():
	case of.options.View:
		return h.makeView(uri, of)
	default: // what it is may have changed meanwhile
		if of = h.passive[uri]; of == nil {
			of = h.routes.find(uri)
		}
	}
	switch {
	case of == nil:
		return nil, ErrNoNode
	case uri.IsFar():
	case of.routed:
		if err := h.mayRoute(uri); err != nil {
			return nil, err
		}
		h.routed++
	default:
		delete(h.passive, uri)
	}
	h.wakeUp(uri)
	return h.make(uri, of), nil
}

// Nodes goes through the agents that exist.
func (h *Host) Nodes() iter.Seq[*agent.Agent] {
	h.mu.RLock()
	all := make([]*agent.Agent, 0, len(h.cells))
	for _, c := range h.cells {
		all = append(all, &c.agent)
	}
	h.mu.RUnlock()
	return func(yield func(*agent.Agent) bool) {
		for _, a := range all {
			if !yield(a) {
				return
			}
		}
	}
}

// Node returns the agent at uri if it exists; it makes none.
func (h *Host) Node(uri route.NodeURI) (*agent.Agent, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	c := h.cells[uri]
	if c == nil {
		return nil, false
	}
	return &c.agent, true
}

// Handle is how a part of the host reaches an agent it made.
type Handle struct{ cell *cell }

// Do has fn run as a turn of the agent; it waits while the agent's mailbox is full.
func (h *Handle) Do(ctx context.Context, fn func()) error { return h.Post(ctx, fn, nil) }

// Post is Do; done, if it is not nil, is told how the turn ended, by the worker that ran it.
func (h *Handle) Post(ctx context.Context, fn func(), done func(error)) error {
	return h.cell.deliver(ctx, agent.Mail{Do: fn, Done: done})
}

// Give is Do for a turn about body, which counts for the room that the agent's mailbox has.
func (h *Handle) Give(ctx context.Context, body []byte, fn func()) error {
	return h.cell.deliver(ctx, agent.Mail{Body: body, Do: fn})
}

// Wake is Do without waiting, whatever the mailbox holds: for what is bounded by construction.
func (h *Handle) Wake(fn func()) { h.cell.Wake(agent.Mail{Do: fn}) }

// Note is agent.Agent.Note.
func (h *Handle) Note(book route.NodeURI, key, value []byte) { h.cell.agent.Note(book, key, value) }

// Agent returns the agent itself.
func (h *Handle) Agent() *agent.Agent { return &h.cell.agent }

// Stop gives every agent its last turn, layer by layer from the top, then ends the workers. What
// ctx leaves no time for is named in the error.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	h.stopped = true
	layers := map[Layer][]*cell{}
	for _, c := range h.cells {
		layers[c.of.layer] = append(layers[c.of.layer], c)
	}
	h.mu.Unlock()
	h.stopTidier()
	var err error
	for _, layer := range []Layer{Agents, Things} {
		part, cancel := half(ctx)
		err = errors.Join(err, stopAll(part, layers[layer]))
		cancel()
	}
	h.sched.stop(ctx)
	return errors.Join(err, h.works.stop(ctx))
}

// half leaves the other half of ctx's time to what comes after an agent that hangs.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	return context.WithCancel(ctx)
}

func stopAll(ctx context.Context, cells []*cell) error {
	stopped := make(chan *cell, len(cells))
	for _, c := range cells {
		c.stop(func() { stopped <- c })
	}
	left := map[*cell]bool{}
	for _, c := range cells {
		left[c] = true
	}
	for len(left) > 0 {
		select {
		case c := <-stopped:
			delete(left, c)
		case <-ctx.Done():
			for c := range left {
				if len(left) == 1 {
					return fmt.Errorf("agent %s did not stop in time", c.agent.URI())
				}
				return fmt.Errorf("%d agents did not stop in time, %s among them", len(left), c.agent.URI())
			}
		}
	}
	return nil
}

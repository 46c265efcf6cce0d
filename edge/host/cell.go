package host

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

const maxTurns = 256 // an agent takes before the next agent's are due

// cell is an agent and its place in the host: its mailbox and its turn in the queue. It is the
// agent's Runtime. There may be a million of them.
type cell struct {
	agent agent.Agent
	host  *Host
	of    *origin // altered by its worker only, with host.mu held
	born  int64   // ms since 1970

	mu       sync.Mutex
	box      *mailbox // nil while there is no mail
	rare     *rare    // what most cells do without
	busy     time.Duration
	commands uint64 // taken
	touched  uint32 // the round of Host.tidy in which the last mail came
	state    cellState
	started  bool // setup has run; only its worker sets it
	asleep   bool // it has had its last turn, and starts when it is touched; only its worker sets it

	over  bool        // it has had its last turn; only its worker asks
	dirty atomic.Bool // marked at the store
}

// rare is guarded by cell.mu.
type rare struct {
	crashes
	ending func()  // called after the last turn; nil before somebody asks for it
	next   *origin // what the agent is to become; altered with host.mu held, too
}

// more is called with c.mu held.
func (c *cell) more() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

type cellState uint8

const (
	idle   cellState = iota
	queued           // in the scheduler's queue
	running
	resting // panicked; a timer brings it back
	ended   // has had its last turn, and is about to be taken away
	stopped
	retired // it is not in memory any more; its node may have a successor
)

var stateNames = [...]string{"idle", "queued", "running", "restarting", "stopped", "stopped", "stopped"}

func (s cellState) String() string { return stateNames[s] }

// errRetired is for who has found an agent in its last moment, and does well to find it anew.
var errRetired = errors.New("it has just ended")

// What mail of the host's own has in place of an agent's run.
const (
	aside = math.MaxUint32 - iota // is done between turns, and never has the agent start
	quiet                         // is a turn of an agent that runs
)

// run gives the agent the turns that its mail is worth, on a worker.
func (c *cell) run(w *worker) {
	weight := w.watch.start()
	c.mu.Lock()
	if c.state != queued { // it ended while it waited
		c.mu.Unlock()
		return
	}
	c.state = running
	left, box := c.take(&w.batch)
	c.mu.Unlock()

	w.begin(c)
	returned := false
	defer func() {
		w.end()
		if !returned {
			c.exit(left)
		}
	}()
	commands, goesOn := c.spend(w, &left)
	returned = true
	if box != nil && len(left) == 0 {
		box.recycle()
	}
	if goesOn && c.of.options.View && c.retireView() {
		return
	}
	var took time.Duration
	if weight > 0 {
		took = weight * time.Since(w.watch.begun)
	}
	c.mu.Lock()
	c.busy += took
	c.commands += commands
	if !goesOn {
		c.mu.Unlock()
		return
	}
	if len(left) > 0 {
		c.putBack(left)
	}
	departs := false
	switch {
	case c.state != running:
	case c.box != nil:
		c.state = queued
		c.host.sched.add(c)
	default:
		c.state = idle
		departs = c.asleep && c.of.returns()
	}
	c.mu.Unlock()
	if departs {
		c.depart()
	}
}

// spend gives the agent its turns until no mail is left, or it is time for others. goesOn is false if the
// agent rests now, or has ended.
func (c *cell) spend(w *worker, left *[]agent.Mail) (commands uint64, goesOn bool) {
	if !c.started && !c.asleep && !c.start(*left) {
		return 0, false
	}
	for len(*left) > 0 {
		m := (*left)[0]
		if c.isOver(m) {
			(*left)[0], *left = agent.Mail{}, (*left)[1:]
			continue
		}
		if m.Run == aside {
			m.Do()
		} else {
			if !c.started && !c.start(*left) {
				return commands, false
			}
			if m.Do == nil && m.Wait == nil {
				commands++
			}
			err := c.turn(w, m)
			if p := (*agent.Panicked)(nil); err != nil && errors.As(err, &p) {
				c.crash(p, (*left)[1:])
				return commands, false
			}
		}
		(*left)[0], *left = agent.Mail{}, (*left)[1:]
		if c.over {
			c.conclude(*left)
			return commands, false
		}
		if w.yield.Load() {
			break
		}
	}
	return commands, true
}

// isOver reports whether m is of use to nobody any more: it is of the agent itself, which has ended since.
func (c *cell) isOver(m agent.Mail) bool {
	switch m.Run {
	case 0, aside:
		return false
	case quiet:
		if c.asleep {
			m.Do()
		}
		return c.asleep
	}
	return c.asleep || !c.agent.Expects(m)
}

func (c *cell) turn(w *worker, m agent.Mail) error {
	w.turns.Add(1)
	err := c.agent.Step(m)
	switch {
	case m.Done != nil:
		m.Done(err)
	case err != nil && m.Do == nil && m.Wait == nil:
		c.host.Health.Add("command.dropped", 1)
	}
	return err
}

// exit takes in that a handler has ended its goroutine, and so the worker. left begins with the mail whose
// turn that was, unless the agent was about to start.
func (c *cell) exit(left []agent.Mail) {
	p := agent.Exited()
	if c.started {
		if done := left[0].Done; done != nil {
			done(p)
		}
		left = left[1:]
	}
	c.crash(p, left)
}

// start runs the agent's setup over what the store remembers of it. If that fails, mail waits for
// the next time.
func (c *cell) start(mail []agent.Mail) bool {
	var stored map[route.LaneName]agent.Snapshot
	var err error
	if !c.of.options.View && !c.agent.HasRun() {
		stored, err = c.host.load(c.agent.URI())
	}
	if err != nil {
		c.rest(fmt.Errorf("what is stored of it cannot be read: %w", err), mail)
		return false
	}
	c.agent.Remember(stored)
	err = c.agent.Start()
	if p := (*agent.Panicked)(nil); err != nil && errors.As(err, &p) {
		c.crash(p, mail)
		return false
	}
	if err != nil {
		c.raise(fmt.Sprintf("agent %s did not start properly: %v", c.agent.URI(), err), "mend its table in the config, then start again")
	} else {
		c.host.Health.Clear(c.code())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started, c.asleep = true, false
	if c.rare != nil {
		c.rare.since = time.Now()
	}
	return true
}

func (c *cell) raise(text, remedy string) {
	c.host.Health.Raise(health.Condition{Code: c.code(), Text: text, Remedy: remedy, Severity: health.Failure})
}

func (c *cell) code() string { return codeOf(c.agent.URI()) }

func codeOf(uri route.NodeURI) string { return "agent." + string(uri) }

// The rest is agent.Runtime.

func (c *cell) Post(m agent.Mail) error {
	_, err := c.push(m, false)
	return err
}

func (c *cell) Wake(m agent.Mail) { c.push(m, true) }

func (c *cell) Send(node route.NodeURI, lane route.LaneName, body []byte) error {
	err := c.host.hand(node, lane, body)
	if err != nil {
		c.host.Health.Add("mail.refused", 1)
		return fmt.Errorf("send to %s %s: %w", node, lane, err)
	}
	return nil
}

// hand puts a command in the mailbox of its agent, or on its way to another host.
func (h *Host) hand(node route.NodeURI, lane route.LaneName, body []byte) error {
	if node.IsFar() {
		h.mu.RLock()
		send := h.sendFar
		h.mu.RUnlock()
		if send == nil {
			return ErrNoNode
		}
		return send(node, lane, body)
	}
	return h.reach(node, func(to *cell) error {
		_, err := to.push(agent.Mail{Lane: lane, Body: body}, false)
		return err
	})
}

// Join makes the agent at node, if there is none.
func (c *cell) Join(node route.NodeURI, w *agent.Wait) {
	h := c.host
	for {
		routed := h.routings.Load()
		err := h.reach(node, func(to *cell) error { return to.offer(w) })
		if err == nil {
			return
		}
		w.Join(nil, err) // first: once it waits the lane may come
		if err == ErrStopped || h.await(node, w, routed, err == ErrTooMany) {
			return
		}
	}
}

func (c *cell) Leave(node route.NodeURI, w *agent.Wait) {
	w.Leave()
	if to := c.host.forget(node, w); to != nil {
		to.Wake(agent.Mail{Run: quiet, Do: func() { to.agent.Withdraw(w) }})
	}
}

func (c *cell) offer(w *agent.Wait) error {
	if _, err := c.push(agent.Mail{Wait: w}, true); err == errRetired {
		return err
	}
	return nil // a host that stops offers nothing, which is no news
}

func (c *cell) Changed() {
	switch {
	case c.host.Store == nil:
		c.agent.Save(nowhere{}) // or what is to be saved would pile up
	case !c.dirty.Swap(true):
		c.host.Store.Mark(c)
	}
}

func (c *cell) Made(l *agent.Lane) { c.host.watchers.tell(&c.agent, l) }
func (c *cell) Gone(l *agent.Lane) { c.host.watchers.left(&c.agent, l) }
func (c *cell) Work(do func())     { c.host.works.start(do) }
func (c *cell) Keeps(l *agent.Lane) bool {
	return c.host.Keeps(c.agent.URI(), l.Name())
}
func (c *cell) Hurry() bool           { return c.host.Store != nil && c.host.Store.Hurry() }
func (c *cell) Clock() *clock.Clock   { return c.host.Clock }
func (c *cell) Health() *health.Board { return c.host.Health }
func (c *cell) Log() *slog.Logger     { return c.host.heardLog(c.agent.URI()) }

var _ agent.Runtime = (*cell)(nil)

package host

import (
	"errors"
	"fmt"
	"log/slog"
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

	over  bool        // it has had its last turn; only its worker asks
	dirty atomic.Bool // marked at the store
}

// rare is guarded by cell.mu.
type rare struct {
	crashes
	ending func() // called after the last turn; nil before somebody asks for it
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
	stopped
	retired // it is not in memory any more; its node may have a successor
)

var stateNames = [...]string{"idle", "queued", "running", "restarting", "stopped", "stopped"}

func (s cellState) String() string { return stateNames[s] }

// errRetired is for who has found an agent in its last moment, and does well to find it anew.
var errRetired = errors.New("it has just ended")

// run gives the agent the turns that its mail is worth, on a worker.
func (c *cell) run(w *worker) {
	weight := w.watch.start()
	c.mu.Lock()
	if c.state != queued { // it ended while it waited
		c.mu.Unlock()
		return
	}
	c.state = running
	mail, box := c.take()
	c.mu.Unlock()

	w.begin(c)
	defer w.end()
	if !c.started && !c.start(mail) {
		return
	}
	commands := uint64(0)
	for i, m := range mail {
		if !c.started && !c.start(mail[i:]) { // the mail before was its last
			return
		}
		if m.Do == nil && m.Wait == nil {
			commands++
		}
		w.turns.Add(1)
		err := c.agent.Step(m)
		if m.Done != nil {
			m.Done(err)
		}
		mail[i] = agent.Mail{}
		if c.over {
			c.conclude(mail[i+1:])
			return
		}
		if p := (*agent.Panicked)(nil); err != nil && errors.As(err, &p) {
			c.mu.Lock()
			c.commands += commands
			c.mu.Unlock()
			c.crash(p, mail[i+1:])
			return
		}
	}
	if box != nil {
		box.recycle()
	}

	if c.of.options.View && c.retireView() {
		return
	}
	var took time.Duration
	if weight > 0 {
		took = weight * time.Since(w.watch.begun)
	}
	c.mu.Lock()
	c.busy += took
	c.commands += commands
	departs := false
	switch {
	case c.state != running:
	case c.box != nil:
		c.state = queued
		c.host.sched.add(c)
	default:
		c.state = idle
		departs = !c.started && c.of.returns()
	}
	c.mu.Unlock()
	if departs {
		c.depart()
	}
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
	c.started = true
	if c.rare != nil {
		c.rare.since = time.Now()
	}
	return true
}

func (c *cell) raise(text, remedy string) {
	c.host.Health.Raise(health.Condition{Code: c.code(), Text: text, Remedy: remedy, Severity: health.Failure})
}

func (c *cell) code() string { return "agent." + string(c.agent.URI()) }

// The rest is agent.Runtime.

func (c *cell) Post(m agent.Mail) error {
	_, err := c.push(m, false)
	return err
}

func (c *cell) Wake(do func()) { c.push(agent.Mail{Do: do}, true) }

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

func (c *cell) Join(node route.NodeURI, w *agent.Wait) {
	err := c.host.reach(node, func(to *cell) error { return to.offer(w) })
	if errors.Is(err, ErrNoNode) {
		c.host.await(node, w)
	}
	if err != nil {
		w.Join(nil, err)
	}
}

func (c *cell) Leave(node route.NodeURI, w *agent.Wait) {
	if to := c.host.forget(node, w); to != nil {
		to.Wake(func() { to.agent.Withdraw(w) })
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

func (c *cell) Made(l *agent.Lane)    { c.host.watchers.tell(&c.agent, l) }
func (c *cell) Work(do func())        { c.host.works.start(do) }
func (c *cell) Clock() *clock.Clock   { return c.host.Clock }
func (c *cell) Health() *health.Board { return c.host.Health }
func (c *cell) Log() *slog.Logger     { return c.host.heardLog(c.agent.URI()) }

var _ agent.Runtime = (*cell)(nil)

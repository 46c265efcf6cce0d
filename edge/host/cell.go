package host

import (
	"context"
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

const (
	maxMail  = 256 << 10 // bytes a mailbox holds, beside what is having its turns
	mailSize = 64        // what a piece of mail costs beside its body
	maxTurns = 256       // turns an agent takes before the next agent's are due
)

// A panic restarts its agent after a pause that doubles up to a bound, and begins anew once the
// agent has run for that long.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// ErrFull is what a sender gets whose mail finds no room.
var ErrFull = errors.New("its mailbox is full; the agent is slower than what it is sent")

// cell is an agent's place in the host: its mailbox and its turn in the queue. It is the agent's Runtime.
type cell struct {
	host  *Host
	agent *agent.Agent
	layer Layer
	dirty atomic.Bool // marked at the store
	gone  bool        // had its last turn; only its worker asks
	view  bool        // ends when nobody reads it; see Host.Views and Host.Beyond
	born  int64       // ms since 1970

	mu      sync.Mutex
	state   cellState
	mail    []agent.Mail
	box     *[]agent.Mail // where mail goes back to when it is read
	bytes   int
	room    chan struct{} // closed when mail was taken; nil while nobody waits
	started bool
	crashes *crashes // nil while there was none

	busy     time.Duration // in turns
	commands uint64        // taken
}

type crashes struct {
	pause time.Duration // before the next restart
	since time.Time     // of the last start
}

type cellState uint8

const (
	idle   cellState = iota
	queued           // in the scheduler's queue
	running
	resting // panicked; a timer brings it back
	stopped
	retired // a view that nobody read; its node may have another by now
)

// errRetired is for who has found a view in its last moment, and does well to find it anew.
var errRetired = errors.New("it has just ended")

// boxes keep mailboxes that have been emptied for whoever gets mail next: an idle agent needs none.
var boxes = sync.Pool{New: func() any { return new([]agent.Mail) }}

const maxBox = 1024 // pieces of mail for which a box is kept

// push puts m in the mailbox. Urgent mail is bounded by those who send it, and never refused.
func (c *cell) push(m agent.Mail, urgent bool) (room <-chan struct{}, err error) {
	size := mailSize + len(m.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case stopped:
		return nil, ErrStopped
	case retired:
		return nil, errRetired
	}
	if !urgent && c.bytes+size > maxMail && len(c.mail) > 0 {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		return c.room, ErrFull
	}
	if c.mail == nil {
		c.box = boxes.Get().(*[]agent.Mail)
		c.mail = *c.box
	}
	c.mail = append(c.mail, m)
	c.bytes += size
	if c.state == idle {
		c.state = queued
		c.host.sched.add(c)
	}
	return nil, nil
}

// deliver puts m in the mailbox, waiting for room while ctx lasts.
func (c *cell) deliver(ctx context.Context, m agent.Mail) error {
	for {
		room, err := c.push(m, false)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return err
		}
	}
}

// run gives the agent the turns that its mail is worth, on a worker.
func (c *cell) run(watch *stopwatch) {
	weight := watch.start()
	c.mu.Lock()
	c.state = running
	mail := c.mail
	box := c.box
	c.mail, c.box, c.bytes = nil, nil, 0
	if len(mail) > maxTurns {
		c.mail, mail, box = mail[maxTurns:], mail[:maxTurns], nil
		for _, m := range c.mail {
			c.bytes += mailSize + len(m.Body)
		}
	}
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	started := c.started
	c.mu.Unlock()

	if !started && !c.start(mail) {
		return
	}
	commands := uint64(0)
	for i, m := range mail {
		if m.Do == nil {
			commands++
		}
		err := ErrStopped
		if !c.gone {
			err = c.agent.Step(m)
		}
		if m.Done != nil {
			m.Done(err)
		}
		mail[i] = agent.Mail{}
		if p := (*agent.Panicked)(nil); err != nil && errors.As(err, &p) {
			c.mu.Lock()
			c.commands += commands
			c.mu.Unlock()
			c.crash(p, mail[i+1:])
			return
		}
	}
	if box != nil && cap(mail) <= maxBox {
		*box = mail[:0]
		boxes.Put(box)
	}

	if c.view && c.retire() {
		return
	}
	var took time.Duration
	if weight > 0 {
		took = weight * time.Since(watch.begun)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy += took
	c.commands += commands
	switch {
	case c.state == stopped:
	case len(c.mail) > 0:
		c.state = queued
		c.host.sched.add(c)
	default:
		c.state = idle
	}
}

// start runs the agent's setup over what the store remembers of it. If that fails, mail waits for
// the next time.
func (c *cell) start(mail []agent.Mail) bool {
	var stored map[route.LaneName]agent.Snapshot
	var err error
	if !c.view {
		stored, err = c.host.load(c.agent.URI())
	}
	if err != nil {
		c.rest(fmt.Errorf("what is stored of it cannot be read: %w", err), mail)
		return false
	}
	c.agent.Remember(stored)
	err = c.agent.Start()
	if p := (*agent.Panicked)(nil); errors.As(err, &p) {
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
	if c.crashes != nil {
		c.crashes.since = time.Now()
	}
	return true
}

func (c *cell) crash(p *agent.Panicked, mail []agent.Mail) {
	c.host.Health.Add("agent.restarts", 1)
	c.host.logOf(c.agent.URI()).Error("agent panicked", "cause", fmt.Sprint(p.Cause), "stack", string(p.Stack))
	c.host.listeners.tell(Said{Node: c.agent.URI(), Time: time.Now(), Panic: p})
	c.rest(p, mail)
}

// rest takes the agent out of the queue until its pause is over. Mail that had no turn is put
// back, before what came since.
func (c *cell) rest(cause error, mail []agent.Mail) {
	c.mu.Lock()
	for _, m := range mail {
		c.bytes += mailSize + len(m.Body)
	}
	c.mail = append(mail, c.mail...)
	c.box = nil
	if c.crashes == nil {
		c.crashes = new(crashes)
	}
	if since := c.crashes.since; !since.IsZero() && time.Since(since) > lastPause {
		c.crashes.pause = 0
	}
	pause := min(max(2*c.crashes.pause, firstPause), lastPause)
	c.crashes.pause = pause
	c.started, c.state = false, resting
	c.mu.Unlock()
	c.raise(fmt.Sprintf("agent %s stopped: %v; it starts again in %v", c.agent.URI(), cause, pause),
		"its state is kept; the log has the place, and the agent's author would like to know")
	time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state == resting {
			c.state = queued
			c.host.sched.add(c)
		}
	})
}

func (c *cell) raise(text, remedy string) {
	c.host.Health.Raise(health.Condition{Code: c.code(), Text: text, Remedy: remedy, Severity: health.Failure})
}

func (c *cell) code() string { return "agent." + string(c.agent.URI()) }

// stop gives the agent its last turn and calls done after it.
func (c *cell) stop(done func()) {
	last := agent.Mail{Do: func() {}, Done: func(error) {
		c.gone = true
		if err := c.agent.Stop(); err != nil {
			c.Log().Error("agent did not stop properly", "err", err)
		}
		c.shut()
		done()
	}}
	c.mu.Lock()
	out := c.state == resting || c.state == stopped || c.state == retired
	c.mu.Unlock()
	if out {
		c.shut()
		done()
		return
	}
	if _, err := c.push(last, true); err != nil {
		done()
	}
}

// shut ends the mailbox; who waits for a turn is told.
func (c *cell) shut() {
	c.mu.Lock()
	c.state = stopped
	waiting := c.mail
	c.mail = nil
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	c.mu.Unlock()
	for _, m := range waiting {
		if m.Done != nil {
			m.Done(ErrStopped)
		}
	}
}

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
	if _, err := c.push(agent.Mail{Do: func() { c.agent.Offer(w) }}, true); err == errRetired {
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

func (c *cell) Made(l *agent.Lane)    { c.host.watchers.tell(c.agent, l) }
func (c *cell) Clock() *clock.Clock   { return c.host.Clock }
func (c *cell) Health() *health.Board { return c.host.Health }
func (c *cell) Log() *slog.Logger     { return c.host.heardLog(c.agent.URI()) }

var _ agent.Runtime = (*cell)(nil)

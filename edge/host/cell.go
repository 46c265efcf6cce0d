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

	mu      sync.Mutex
	state   cellState
	mail    []agent.Mail
	box     *[]agent.Mail // where mail goes back to when it is read
	bytes   int
	room    chan struct{} // closed when mail was taken; nil while nobody waits
	started bool
	pause   time.Duration // before the next restart
	since   time.Time     // of the last start
}

type cellState uint8

const (
	idle   cellState = iota
	queued           // in the scheduler's queue
	running
	resting // panicked; a timer brings it back
	stopped
)

// boxes keep mailboxes that have been emptied for whoever gets mail next: an idle agent needs none.
var boxes = sync.Pool{New: func() any { return new([]agent.Mail) }}

const maxBox = 1024 // pieces of mail for which a box is kept

// push puts m in the mailbox. Urgent mail is bounded by those who send it, and never refused.
func (c *cell) push(m agent.Mail, urgent bool) (room <-chan struct{}, err error) {
	size := mailSize + len(m.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stopped {
		return nil, ErrStopped
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
func (c *cell) run() {
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
	for i, m := range mail {
		err := ErrStopped
		if !c.gone {
			err = c.agent.Step(m)
		}
		if m.Done != nil {
			m.Done(err)
		}
		mail[i] = agent.Mail{}
		if p := (*agent.Panicked)(nil); err != nil && errors.As(err, &p) {
			c.crash(p, mail[i+1:])
			return
		}
	}
	if box != nil && cap(mail) <= maxBox {
		*box = mail[:0]
		boxes.Put(box)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
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
	stored, err := c.host.load(c.agent.URI())
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
	c.started, c.since = true, time.Now()
	return true
}

func (c *cell) crash(p *agent.Panicked, mail []agent.Mail) {
	c.host.Health.Add("agent.restarts", 1)
	c.Log().Error("agent panicked", "cause", fmt.Sprint(p.Cause), "stack", string(p.Stack))
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
	if !c.since.IsZero() && time.Since(c.since) > lastPause {
		c.pause = 0
	}
	c.pause = min(max(2*c.pause, firstPause), lastPause)
	c.started, c.state = false, resting
	pause := c.pause
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
	out := c.state == resting || c.state == stopped
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
	to, err := c.host.find(node)
	if err == nil {
		_, err = to.push(agent.Mail{Lane: lane, Body: body}, false)
	}
	if err != nil {
		c.host.Health.Add("mail.refused", 1)
		return fmt.Errorf("send to %s %s: %w", node, lane, err)
	}
	return nil
}

func (c *cell) Join(node route.NodeURI, lane route.LaneName, kind agent.LaneKind, join func(*agent.Lane, error)) {
	to, err := c.host.find(node)
	if err != nil {
		if errors.Is(err, ErrNoNode) {
			c.host.await(node, func(to *cell) { to.offer(lane, kind, join) })
		}
		join(nil, err)
		return
	}
	to.offer(lane, kind, join)
}

func (c *cell) offer(lane route.LaneName, kind agent.LaneKind, join func(*agent.Lane, error)) {
	c.Wake(func() { c.agent.Offer(lane, kind, join) })
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
func (c *cell) Log() *slog.Logger     { return c.host.Log.With("node", string(c.agent.URI())) }

var _ agent.Runtime = (*cell)(nil)

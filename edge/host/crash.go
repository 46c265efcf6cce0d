package host

import (
	"fmt"
	"time"

	"selvage/edge/agent"
)

// A panic restarts its agent after a pause that doubles up to a bound, and begins anew once the
// agent has run for that long.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

type crashes struct {
	count uint64
	pause time.Duration // before the next restart
	since time.Time     // of the last start
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
	if c.rare != nil && c.rare.ending != nil {
		c.mu.Unlock()
		c.conclude(mail)
		return
	}
	c.putBack(mail)
	r := c.more()
	r.count++
	if since := r.since; !since.IsZero() && time.Since(since) > lastPause {
		r.pause = 0
	}
	pause := min(max(2*r.pause, firstPause), lastPause)
	r.pause = pause
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

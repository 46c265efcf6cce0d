package host

import (
	"context"
	"fmt"
	"slices"
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
	since time.Time     // of the last start, while it runs
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
	c.host.mu.Lock()
	c.mu.Lock()
	if c.rare != nil && c.rare.ending != nil {
		c.mu.Unlock()
		c.host.mu.Unlock()
		c.conclude(mail)
		return
	}
	c.putBack(mail)
	c.started, c.asleep = false, false
	if c.become() { // something else, which need not wait
		c.state = queued
		c.host.sched.add(c)
		c.mu.Unlock()
		c.host.mu.Unlock()
		return
	}
	r := c.more()
	r.count++
	if since := r.since; !since.IsZero() && time.Since(since) > lastPause {
		r.pause = 0
	}
	r.since = time.Time{} // of a start that was whole
	if c.of.routed && r.pause == lastPause && c.isHopeless() {
		c.state = ended
		c.mu.Unlock()
		c.host.mu.Unlock()
		c.host.works.start(func() { c.host.takeAway(context.Background(), c) })
		return
	}
	pause := min(max(2*r.pause, firstPause), lastPause)
	r.pause = pause
	c.state = resting
	c.mu.Unlock()
	c.raise(fmt.Sprintf("agent %s stopped: %v; it starts again in %v", c.agent.URI(), cause, pause),
		"its state is kept; the log has the place, and the agent's author would like to know")
	c.host.mu.Unlock() // not before, or it might get a config with which this is over
	time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state == resting {
			c.state = queued
			c.host.sched.add(c)
		}
	})
}

// isHopeless reports whether an agent has never come to be, and nobody waits for that: a route need not keep a
// place for it, for anybody can touch such. c.mu is held.
func (c *cell) isHopeless() bool {
	return !c.agent.HasRun() && !slices.ContainsFunc(c.box.waiting(), func(m agent.Mail) bool { return m.Wait != nil })
}

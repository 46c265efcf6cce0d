package host

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/route"
)

// perPassivate is how many rounds the tidier goes in the time that an agent may be idle.
const perPassivate = 4

// tidier takes agents out of memory that are done, or that nobody has touched for long.
type tidier struct {
	rounds atomic.Uint32
	tidies chan struct{} // closed when it has ended
	halt   context.CancelFunc
	news   chan struct{} // there is somebody in done

	doneMu   sync.Mutex
	done     []*cell // have had their last turn
	sleepers map[route.NodeURI]*sleeper
}

func (h *Host) startTidier() {
	ctx, halt := context.WithCancel(context.Background())
	h.halt, h.tidies, h.news = halt, make(chan struct{}), make(chan struct{}, 1)
	h.sleepers = map[route.NodeURI]*sleeper{}
	go h.tidy(ctx)
}

func (h *Host) stopTidier() {
	h.halt()
	<-h.tidies
	h.doneMu.Lock()
	defer h.doneMu.Unlock()
	for _, s := range h.sleepers {
		s.stop()
	}
	h.sleepers = nil
}

func (h *Host) tidy(ctx context.Context) {
	defer close(h.tidies)
	var round <-chan time.Time
	if h.Passivate > 0 && h.Store != nil {
		t := time.NewTicker(max(h.Passivate/perPassivate, time.Millisecond))
		defer t.Stop()
		round = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.news:
		case <-round:
			h.lookForIdle()
		}
		h.letGo(ctx)
		h.serveRefused()
	}
}

func (t *tidier) wake() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// lookForIdle gives agents their last turn that were not touched for long.
func (h *Host) lookForIdle() {
	now := h.rounds.Add(1)
	var old []*cell
	h.mu.RLock()
	for _, c := range h.cells {
		if c.of.returns() && c.isIdle(now) {
			old = append(old, c)
		}
	}
	h.mu.RUnlock()
	for _, c := range old {
		c.between(func() {
			if c.started && c.agent.CanRest() {
				c.leave()
			}
		})
	}
}

func (c *cell) isIdle(now uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == idle && !c.asleep && now-c.touched > perPassivate
}

// End is for agent.Runtime: after the turn that asked for it the agent has its last one. If it is not touched
// then it leaves memory, once nobody links to it.
func (c *cell) End() {
	run := c.agent.Run()
	c.between(func() {
		if c.started && c.agent.Run() == run {
			c.leave()
		}
	})
}

// leave is called by the agent's worker between two turns. If nobody touches the agent then, it departs.
func (c *cell) leave() {
	c.finish()
	c.mu.Lock()
	c.asleep = true
	c.mu.Unlock()
}

// depart is called when the agent has had its last turn and is idle.
func (c *cell) depart() {
	h := c.host
	h.doneMu.Lock()
	h.tidier.done = append(h.tidier.done, c)
	h.doneMu.Unlock()
	h.tidier.wake()
}

// letGo takes those out of memory that have had their last turn, once what they stored is on flash.
func (h *Host) letGo(ctx context.Context) {
	h.doneMu.Lock()
	done := h.tidier.done
	h.tidier.done = nil
	h.doneMu.Unlock()
	if len(done) == 0 {
		return
	}
	if err := h.saved(ctx); err != nil { // then they stay; who touches one starts it again
		h.doneMu.Lock()
		h.tidier.done = append(done, h.tidier.done...) // until the next round
		h.doneMu.Unlock()
		return
	}
	for _, c := range done {
		h.mu.Lock()
		goes := c.retire()
		if goes {
			h.drop(c)
			if !c.of.routed && !h.stopped {
				h.passive[c.agent.URI()] = c.of
			}
			if at, ok := c.agent.NextAlarm(); ok && !h.stopped {
				h.sleep(c.agent.URI(), at)
			}
			if c.of.routed {
				h.Health.Clear(c.code())
			}
		}
		h.mu.Unlock()
		if goes {
			c.agent.Retire()
		}
	}
}

// retire ends a cell that has left, unless somebody has come meanwhile, or links to it. The last of those
// wakes it when he leaves, and it departs again.
func (c *cell) retire() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != idle || !c.asleep || c.box != nil || c.dirty.Load() || c.agent.IsUsed() {
		return false
	}
	c.state = retired
	return true
}

// sleeper brings an agent back that is not in memory, for its next alarm.
type sleeper struct {
	timer *time.Timer
	step  func() // ends the watch on the clock
}

func (s *sleeper) stop() {
	s.timer.Stop()
	s.step()
}

// sleep is called with h.mu held, and so is wakeUp.
func (h *Host) sleep(uri route.NodeURI, at time.Time) {
	s := &sleeper{}
	touch := func() {
		switch h.reach(uri, func(*cell) error { return nil }) {
		case ErrTooMany:
			s.timer.Reset(time.Minute)
		case ErrNoNode:
			h.mu.Lock()
			h.wakeUp(uri)
			h.mu.Unlock()
		}
	}
	s.timer = time.AfterFunc(math.MaxInt64, touch) // touch wants s.timer
	s.timer.Reset(h.Clock.Now().Until(at))
	s.step = h.Clock.OnStep(func() { s.timer.Reset(h.Clock.Now().Until(at)) })
	h.doneMu.Lock()
	defer h.doneMu.Unlock()
	if h.sleepers == nil {
		s.stop()
		return
	}
	h.sleepers[uri] = s
}

// wakeUp forgets the sleeper of an agent that comes back.
func (h *Host) wakeUp(uri route.NodeURI) {
	h.doneMu.Lock()
	defer h.doneMu.Unlock()
	if s := h.sleepers[uri]; s != nil {
		s.stop()
		delete(h.sleepers, uri)
	}
}

// Resume has the agents come back for their alarms that were not in memory when the host stopped. It
// is called once all routes and agents are there, and goes on in the background.
func (h *Host) Resume() {
	if h.Store == nil {
		return
	}
	h.works.start(func() {
		due, err := h.Store.Entries(agent.TimersLane)
		if err != nil {
			h.Health.Raise(health.Condition{
				Code: "host.alarms", Text: fmt.Sprintf("agents that are not in memory miss their alarms: %v", err), Severity: health.Failure,
				Remedy: "they get them when they are touched; start again when the store can be read",
			})
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for node, entries := range due {
			if at, ok := agent.FirstAlarm(entries); ok && h.cells[node] == nil && !h.stopped {
				h.sleep(node, at)
			}
		}
	})
}

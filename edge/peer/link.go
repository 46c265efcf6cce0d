package peer

import (
	"cmp"
	"fmt"
	"net"
	"sync/atomic"

	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/warp"
)

// Link is the other end's link to a lane of ours.
type Link struct {
	conn   *Conn
	target target
	lane   route.LaneName
	queued atomic.Bool   // in the connection's write queue, or about to be when limit's timer fires
	class  atomic.Uint32 // of its prio

	// Guarded by conn.mu.
	up      warp.Uplink
	pending int32    // requests that the lane has not answered yet
	revoked int32    // of these the first, which the other end may not make any more
	limit   *limiter // nil without one
	loss    *loss    // nil while there was none
}

const (
	maxBody  = 4096    // bytes of the body of a link or sync, which is kept until the answer repeats it
	maxNamed = 4 << 20 // bytes of the names of all links
)

// Node returns the node the link is about.
func (l *Link) Node() route.NodeURI { return l.target.node }

// Lane returns the lane the link is about.
func (l *Link) Lane() route.LaneName { return l.lane }

// Conn returns the link's connection.
func (l *Link) Conn() *Conn { return l.conn }

// request finds or makes the link and passes the request on.
func (c *Conn) request(e *warp.Envelope) error {
	if c.server == nil {
		return nil
	}
	node, lane, err := c.names.resolve(c.base, e.Node, e.Lane)
	if err != nil {
		return err
	}
	if len(e.Body) > maxBody {
		return fmt.Errorf("the body of a %s has at most %d bytes", e.Tag, maxBody)
	}
	if len(e.Body) > 0 && e.Tag != warp.Unlink { // linked repeats it
		if _, err := recon.Parse(e.Body); err != nil {
			return fmt.Errorf("the body of a %s is not Recon: %w", e.Tag, err)
		}
	}
	t := target{node.key, lane.spelling}
	c.mu.Lock()
	for c.owed > c.limits.Owed && c.ended == nil && !c.deaf {
		c.room.Wait()
	}
	if c.ended != nil || c.deaf {
		defer c.mu.Unlock()
		return cmp.Or(c.ended, net.ErrClosed)
	}
	l := c.links[t]
	if l == nil {
		if e.Tag == warp.Unlink {
			c.mu.Unlock()
			return nil
		}
		if len(c.links) >= c.limits.Links || c.named > maxNamed {
			defer c.mu.Unlock()
			if c.named > maxNamed {
				return fmt.Errorf("more than %d bytes of names of links on one connection", maxNamed)
			}
			return fmt.Errorf("more than %d links on one connection", c.limits.Links)
		}
		l = &Link{conn: c, target: t, lane: lane.key, up: *warp.NewUplink(node.spelling, lane.spelling)}
		c.links[t] = l
		c.named += l.size()
	}
	l.pending++
	first := l.pending == 1
	c.mu.Unlock()
	if e.Tag != warp.Unlink && c.policy != nil && !c.policy.Link(c, node.key, lane.key) {
		if c.estranged() {
			return errUnauthorized
		}
		if first {
			l.Refuse("")
			return nil
		}
		e = &warp.Envelope{Tag: warp.Unlinked} // in its place behind the requests before it
	}
	c.server.Request(l, e)
	return nil
}

func (l *Link) size() int { return len(l.target.node) + len(l.target.lane) }

// Answer answers a request that Server.Request was given; open is called when the link needs its
// source. The prio and rate of a link or sync hold until the next of them: one that gives none makes
// the link an ordinary one again.
func (l *Link) Answer(e *warp.Envelope, open func() warp.Source) {
	l.answer(func() {
		switch e.Tag {
		case warp.Link:
			l.grade(e.Prio, e.Rate)
			l.up.Link(e, open)
		case warp.Sync:
			l.grade(e.Prio, e.Rate)
			l.up.Sync(e, open)
		case warp.Unlink:
			l.up.Unlink()
		case warp.Unlinked:
			l.up.Refuse("")
		}
	})
}

// Refuse answers a request with an unlinked: reason is nodeNotFound, laneNotFound or "".
func (l *Link) Refuse(reason string) {
	l.answer(func() { l.up.Refuse(reason) })
}

func (l *Link) answer(do func()) {
	l.change(func() {
		l.pending--
		if l.revoked > 0 {
			l.revoked--
			l.up.Refuse("")
			return
		}
		do()
	})
}

// change has do change what the link's reader is owed.
func (l *Link) change(do func()) {
	c := l.conn
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return
	}
	before := l.up.Owed()
	do()
	c.owed += l.up.Owed() - before
	if !l.up.Open() {
		l.throttle(0)
	}
	l.hurry()
	missed := uint64(0)
	if c.forget(l) {
		missed = l.missed(true)
	}
	c.mu.Unlock()
	l.Wake()
	l.tell(missed)
}

// grade makes prio and rate those of the link.
func (l *Link) grade(prio, rate float64) {
	l.class.Store(classOf(prio))
	l.throttle(rate)
}

// forget drops a link of which nothing is left, and reports whether it did. A late wake-up may come
// for one that has a successor.
func (c *Conn) forget(l *Link) bool {
	gone := l.pending == 0 && l.up.Done() && c.links[l.target] == l
	if gone {
		delete(c.links, l.target)
		c.named -= l.size()
	}
	return gone
}

// Wake says that the link's source has news. It never waits for the other end.
func (l *Link) Wake() {
	if l.queued.CompareAndSwap(false, true) {
		l.conn.wake(l, l.class.Load())
	}
}

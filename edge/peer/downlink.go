package peer

import (
	"fmt"

	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/warp"
)

// Follower is told what comes down a link, by the connection's reading goroutine.
type Follower interface {
	Event(body []byte) // body is only valid during the call
	Synced()
	Ended(err error) // the last call: an *Unlinked, or why the connection ended
}

// Linker is a Follower that wants to know that the other end has said that there is the link, or still is.
type Linker interface{ Linked() }

// Unlinked is how a link ends that the other end gave up or refused.
type Unlinked struct {
	Node, Lane string
	Reason     string // nodeNotFound, laneNotFound, busy (Selvage's own), or "" for a normal end
}

func (u *Unlinked) Error() string {
	switch u.Reason {
	case "nodeNotFound":
		return fmt.Sprintf("there is no agent %s", u.Node)
	case "laneNotFound":
		return fmt.Sprintf("agent %s has no lane %s", u.Node, u.Lane)
	case "busy":
		return fmt.Sprintf("agent %s is too busy to answer; try again", u.Node)
	case "":
		return fmt.Sprintf("the host ended the link to %s %s", u.Node, u.Lane)
	}
	return fmt.Sprintf("the host ended the link to %s %s: %s", u.Node, u.Lane, u.Reason)
}

// LinkOptions say how a lane is linked to. The zero value brings its news, as they come.
type LinkOptions struct {
	KeepSynced bool // over each connection the lane's present state comes first, then a call of Synced

	// Prio, from 0 to 1, says which of a connection's links go first when several have news. Rate, unless
	// it is 0, is how many events may come in a second: between two of them a lane that keeps state is
	// silent about what was overtaken. Both travel in single precision. SwimOS heeds only Prio.
	Prio, Rate float64
}

// request is what asks for a link.
func (o LinkOptions) request() warp.Tag {
	if o.KeepSynced {
		return warp.Sync
	}
	return warp.Link
}

// Downlink is our link to a lane of the other end.
type Downlink struct {
	conn       *Conn
	target     target
	node, lane string
	prio, rate float64
	to         Follower
}

// Follow is Link with no options but KeepSynced.
func (c *Conn) Follow(node, lane string, sync bool, to Follower) (*Downlink, error) {
	return c.Link(node, lane, LinkOptions{KeepSynced: sync}, to)
}

// Link links to a lane of the other end.
func (c *Conn) Link(node, lane string, o LinkOptions, to Follower) (*Downlink, error) {
	key, spelling, err := route.Node(c.base, node)
	if err != nil {
		return nil, err
	}
	_, laneSpelling, err := route.Lane(lane)
	if err != nil {
		return nil, err
	}
	d := &Downlink{conn: c, target: target{key, laneSpelling}, node: spelling, lane: laneSpelling, prio: o.Prio, rate: o.Rate, to: to}
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return nil, c.ended
	}
	if c.down[d.target] != nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("%s %s is linked to already on this connection", node, lane)
	}
	c.down[d.target] = d
	c.mu.Unlock()
	return d, d.request(o.request())
}

// Sync asks for the lane's state again; the Synced that answers follows everything sent to the lane before.
func (d *Downlink) Sync() error { return d.request(warp.Sync) }

// Close ends the link; Ended is called when the other end has agreed.
func (d *Downlink) Close() error { return d.request(warp.Unlink) }

func (d *Downlink) request(tag warp.Tag) error {
	return d.conn.write(warp.AppendHead(nil, tag, d.node, d.lane, d.prio, d.rate))
}

// downward handles an envelope that belongs to one of our downlinks; others are ignored, as SwimOS does.
func (c *Conn) downward(e *warp.Envelope) error {
	node, lane, err := c.names.resolve(c.base, e.Node, e.Lane)
	if err != nil {
		return err
	}
	t := target{node.key, lane.spelling}
	c.mu.Lock()
	d := c.down[t]
	if d != nil && e.Tag == warp.Unlinked {
		delete(c.down, t)
	}
	c.mu.Unlock()
	if d == nil {
		return nil
	}
	switch e.Tag {
	case warp.Linked:
		if to, ok := d.to.(Linker); ok {
			to.Linked()
		}
	case warp.Event:
		d.to.Event(e.Body)
	case warp.Synced:
		d.to.Synced()
	case warp.Unlinked:
		reason := ""
		if v, err := recon.Parse(e.Body); err == nil {
			reason = v.Tag()
		}
		d.to.Ended(&Unlinked{Node: d.node, Lane: d.lane, Reason: reason})
	}
	return nil
}

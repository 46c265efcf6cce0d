package peer

import (
	"errors"
	"fmt"
	"time"

	"selvage/edge/warp"
)

// ClientLink is a link to a lane of a Client's host, over as many connections as it takes.
type ClientLink struct {
	client     *Client
	target     target
	node, lane string // as they are spelled on the wire
	options    LinkOptions
	to         Listener

	// Guarded by client.mu.
	on     bool // asked for over the present connection
	closed bool
}

// Follow is Link with no options but KeepSynced.
func (c *Client) Follow(node, lane string, sync bool, to Listener) (*ClientLink, error) {
	return c.Link(node, lane, LinkOptions{KeepSynced: sync}, to)
}

// Link links to a lane. A lane has one link: who has several readers for it hands on what comes.
func (c *Client) Link(node, lane string, o LinkOptions, to Listener) (*ClientLink, error) {
	t, nodeSpelling, laneSpelling, err := c.spell(node, lane)
	if err != nil {
		return nil, err
	}
	l := &ClientLink{client: c, target: t, node: nodeSpelling, lane: laneSpelling, options: o, to: to}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return nil, ErrClientClosed
	}
	if c.links[t] != nil {
		return nil, fmt.Errorf("%s %s is linked to already", node, lane)
	}
	c.links[t] = l
	if c.session != nil {
		c.ask(l)
	}
	c.need()
	return l, nil
}

// Grade changes the options that the link was made with, where it is.
func (l *ClientLink) Grade(prio, rate float64) {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	l.options.Prio, l.options.Rate = prio, rate
	l.again(warp.Link)
}

// Sync asks for the lane's state again: it comes between a call of Linked, see Linker, and the next of Synced.
// Without a connection it does nothing, for the next one begins with that.
func (l *ClientLink) Sync() {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	l.again(warp.Link) // which is answered again, and marks where the state begins
	l.again(warp.Sync)
}

func (l *ClientLink) again(tag warp.Tag) {
	if l.on && !l.closed {
		l.client.send(l.request(tag))
	}
}

// request is an envelope about the link.
func (l *ClientLink) request(tag warp.Tag) outgoing {
	return outgoing{text: warp.AppendHead(nil, tag, l.node, l.lane, l.options.Prio, l.options.Rate)}
}

// Close ends the link. Its listener may be in one more call, and gets none after that.
func (l *ClientLink) Close() {
	c := l.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.closed {
		return
	}
	if l.on {
		c.send(l.request(warp.Unlink))
	}
	c.forget(l)
}

func (c *Client) forget(l *ClientLink) {
	l.closed = true
	delete(c.links, l.target)
	c.used = time.Now()
	if len(c.links) == 0 {
		c.poke()
	}
}

// ask asks for l's lane over the present connection. While that lane's last link is still being
// unlinked it has to wait, or the answer to that would be taken for one to this.
func (c *Client) ask(l *ClientLink) {
	l.on = c.session.conn.expect(&Downlink{
		conn: c.session.conn, target: l.target, node: l.node, lane: l.lane, to: (*clientFollower)(l),
	})
	if l.on {
		c.send(l.request(l.options.request()))
	}
}

// expect makes d one of the connection's downlinks, unless its lane has one.
func (c *Conn) expect(d *Downlink) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.down[d.target] != nil {
		return false
	}
	c.down[d.target] = d
	return true
}

// clientFollower is a link as its connection sees it.
type clientFollower ClientLink

func (f *clientFollower) closedNow() bool {
	f.client.mu.Lock()
	defer f.client.mu.Unlock()
	return f.closed
}

func (f *clientFollower) Event(body []byte) {
	if !f.closedNow() {
		f.to.Event(body)
	}
}

func (f *clientFollower) Linked() {
	if to, ok := f.to.(Linker); ok && !f.closedNow() {
		to.Linked()
	}
}

func (f *clientFollower) Synced() {
	if !f.closedNow() {
		f.to.Synced()
	}
}

// Ended takes in that the host ended the link. That the connection ended, the client finds itself.
func (f *clientFollower) Ended(err error) {
	if unlinked := (*Unlinked)(nil); !errors.As(err, &unlinked) {
		return
	}
	c := f.client
	c.mu.Lock()
	closed := f.closed
	f.on = false
	if !closed {
		c.forget((*ClientLink)(f))
	}
	if next := c.links[f.target]; next != nil && !next.on && c.session != nil {
		c.ask(next)
	}
	c.mu.Unlock()
	if !closed {
		f.to.Ended(err)
	}
}

var (
	_ Follower = (*clientFollower)(nil)
	_ Linker   = (*clientFollower)(nil)
)

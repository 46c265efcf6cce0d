package peer

import (
	"context"
	"net"

	"github.com/gorilla/websocket"

	"selvage/edge/warp"
)

// What the tests of Client, which need the package's own outside, reach in by.

const (
	MaxWaiting = maxWaiting
	IdleTime   = idleTime
	Hasty      = hasty
)

func (c *Client) SetDial(dial func(context.Context) (*Conn, error)) { c.dial = dial }

// DialOver is Dial over a connection that stands.
func DialOver(nc net.Conn, o Options) (*Conn, error) {
	over := &handshake{Conn: nc}
	d := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return over, nil }}
	if _, _, err := d.Dial("ws://test/", nil); err != nil {
		return nil, err
	}
	c := newConn(nc, over.ahead, "/", o)
	c.mask, c.in.masked = true, false
	go c.Serve()
	return c, nil
}

// Grade asks for the link with another prio and rate.
func (d *Downlink) Grade(prio, rate float64) error {
	d.prio, d.rate = prio, rate
	return d.request(warp.Link)
}

package peer

import (
	"bytes"

	"github.com/gorilla/websocket"

	"selvage/edge/route"
	"selvage/edge/warp"
)

// Policy decides what the other end of a connection may do. Its methods are called by the
// connection's reading goroutine: as long as they wait, nothing more is read.
type Policy interface {
	// Auth judges the claims of an auth, Recon text that is only valid during the call. If ok, identity
	// is what Conn.Identity returns from now on and session, Recon text, is told to the other end. If
	// not, the connection ends with 1008 (policy violation), Unauthorized.
	Auth(c *Conn, claims []byte) (identity any, session []byte, ok bool)
	// Link reports whether the other end may link to a lane. If not, that link is ended at once.
	Link(c *Conn, node route.NodeURI, lane route.LaneName) bool
	// Command reports whether it may send commands to a lane. If not, the connection ends with 1008, Forbidden.
	Command(c *Conn, node route.NodeURI, lane route.LaneName) bool
}

// violation is why this end closes a connection.
type violation struct {
	code   int // of the close frame (RFC 6455, 7.4)
	reason string
}

func (v *violation) Error() string { return v.reason }

var (
	errUnauthorized = &violation{websocket.ClosePolicyViolation, "Unauthorized"}
	errForbidden    = &violation{websocket.ClosePolicyViolation, "Forbidden"}
)

// Identity returns what Policy.Auth made of the other end's claims, nil before.
func (c *Conn) Identity() any {
	if p := c.identity.Load(); p != nil {
		return *p
	}
	return nil
}

// auth answers an auth.
func (c *Conn) auth(claims []byte) error {
	var identity any
	var session []byte
	if c.policy != nil {
		var ok bool
		if identity, session, ok = c.policy.Auth(c, claims); !ok {
			c.identity.Store(nil)
			c.write(warp.AppendHead(nil, warp.Deauthed, "", "", 0, 0))
			return errUnauthorized
		}
	}
	c.identity.Store(&identity)
	return c.write(warp.AppendBody(warp.AppendHead(nil, warp.Authed, "", "", 0, 0), session))
}

func (c *Conn) deauth() error {
	c.identity.Store(nil)
	return c.write(warp.AppendHead(nil, warp.Deauthed, "", "", 0, 0))
}

// Authenticate sends claims, Recon text, before anything else is asked of the other end.
func (c *Conn) Authenticate(claims []byte) error {
	return c.write(warp.AppendBody(warp.AppendHead(nil, warp.Auth, "", "", 0, 0), bytes.TrimSpace(claims)))
}

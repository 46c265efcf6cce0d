package peer

import (
	"bytes"
	"maps"
	"slices"

	"github.com/gorilla/websocket"

	"selvage/edge/route"
	"selvage/edge/warp"
)

// Policy decides what the other end of a connection may do. Its methods are called by the
// connection's reading goroutine: as long as they wait, nothing more is read.
type Policy interface {
	// Auth judges the claims of an auth, Recon text that is only valid during the call. If ok, identity
	// is what Conn.Identity returns from now on. If not, the connection ends with 1008 (policy
	// violation), Unauthorized. In both cases session, Recon text, is told to the other end.
	Auth(c *Conn, claims []byte) (identity any, session []byte, ok bool)
	// Link reports whether the other end may link to a lane. If not, that link is ended at once. It is asked
	// again of all links that there are after each auth and deauth, since they may be those of somebody else.
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
			c.write(warp.AppendBody(warp.AppendHead(nil, warp.Deauthed, "", "", 0, 0), session))
			return errUnauthorized
		}
	}
	c.identity.Store(&identity)
	c.in.limit = c.limits.Message
	defer c.review()()
	return c.write(warp.AppendBody(warp.AppendHead(nil, warp.Authed, "", "", 0, 0), session))
}

func (c *Conn) deauth() error {
	c.identity.Store(nil)
	c.in.limit, c.refused = c.stranger, 0
	if c.deauthed != nil {
		c.deauthed()
	}
	defer c.review()()
	return c.write(warp.AppendHead(nil, warp.Deauthed, "", "", 0, 0))
}

// review sees to it that the other end gets no link that it has asked for and may not have any more.
// With end those end that it has.
func (c *Conn) review() (end func()) {
	if c.policy == nil {
		return func() {}
	}
	var lost []*Link
	c.mu.Lock()
	links := slices.Collect(maps.Values(c.links))
	c.mu.Unlock()
	for _, l := range links {
		if c.policy.Link(c, l.target.node, l.lane) {
			continue
		}
		c.mu.Lock()
		l.revoked = l.pending
		c.mu.Unlock()
		lost = append(lost, l)
	}
	return func() {
		for _, l := range lost {
			l.change(func() {
				if l.up.Open() {
					l.up.Refuse("")
				}
			})
		}
	}
}

// strangerLinks is how many links a stranger may be refused, for who asks at random finds out nothing
// and costs something.
const strangerLinks = 100

// estranged counts a refused link of an end without identity, and reports whether that is enough.
func (c *Conn) estranged() bool {
	if c.stranger == c.limits.Message || c.identity.Load() != nil {
		return false
	}
	c.refused++
	return c.refused > strangerLinks
}

// Authenticate sends claims, Recon text, before anything else is asked of the other end.
func (c *Conn) Authenticate(claims []byte) error {
	return c.write(warp.AppendBody(warp.AppendHead(nil, warp.Auth, "", "", 0, 0), bytes.TrimSpace(claims)))
}

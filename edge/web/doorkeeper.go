package web

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/peer"
	"selvage/edge/policy"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// defaultAuthTime is how long a WARP connection from elsewhere may stay that has not said whose it is.
const defaultAuthTime = 10 * time.Second

// Why a connection is closed with 1008 (policy violation).
const (
	unauthorized = "Unauthorized"
	loggedOut    = "logged out"
	newPolicy    = "the policy of this host has changed"
)

// A doorkeeper asks the policy about what comes by one WARP connection.
type doorkeeper struct {
	visitor // as the upgrade request showed him
	server  *Server
	seat    *seat
	claimed atomic.Bool // to be a user, by an auth
	asked   bool        // not where everybody who comes may do everything, unnoted
	release func()      // of the session, nil without one
	timer   *time.Timer
}

// Auth is for peer.Policy. The claims are {user: NAME, password: PASSWORD} or {token: TOKEN}.
func (d *doorkeeper) Auth(c *peer.Conn, claims []byte) (identity any, session []byte, ok bool) {
	v, err := recon.Parse(claims)
	if err != nil {
		return nil, nil, false
	}
	gate := d.server.gate
	d.claimed.Store(true) // before the policy is asked that may be replaced meanwhile
	var who policy.Who
	if token, has := v.Get("token").Text(); has {
		who, err = gate.Token(d.from, token)
	} else {
		name, _ := v.Get("user").Text()
		password, _ := v.Get("password").Text()
		who, err = gate.Password(c.Context(), d.from, name, password)
	}
	switch {
	case err == nil && gate.Holds(who):
	case err == nil || errors.Is(err, policy.ErrWrong):
		return nil, nil, false
	default: // it was not looked at
		return nil, recon.Append(nil, recon.String(err.Error())), false
	}
	d.know(true)
	gate.Note(policy.Event{Who: who.Name(), From: d.from, What: "login", OK: true})
	return who, recon.Append(nil, recon.Record(recon.Field("user", recon.String(who.Name())))), true
}

// deauthed is told that the other end is who it was at first again.
func (d *doorkeeper) deauthed() {
	if !d.who.Known() {
		d.know(false)
		d.timer.Reset(d.server.authTime)
	}
}

func (d *doorkeeper) know(known bool) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.know(d.seat, known || d.seat.near == "")
}

// present returns who the other end is now. What it was told under another policy holds no more.
func (d *doorkeeper) present(c *peer.Conn) policy.Who {
	who, ok := c.Identity().(policy.Who)
	if !ok {
		who = d.who
	}
	gate := d.server.gate
	switch {
	case gate.Holds(who):
		return who
	case who.Name() == "":
		return gate.Policy().Here(d.local)
	}
	return policy.Who{}
}

// Link is for peer.Policy.
func (d *doorkeeper) Link(c *peer.Conn, node route.NodeURI, lane route.LaneName) bool {
	who := d.present(c)
	if who.May(policy.Link, node, lane) {
		return true
	}
	d.server.gate.Refuse(policy.Event{Who: who.Name(), From: d.from, What: policy.Link.String(), Node: node, Lane: lane})
	return false
}

// Command is for peer.Policy.
func (d *doorkeeper) Command(c *peer.Conn, node route.NodeURI, lane route.LaneName) bool {
	who := d.present(c)
	if who.Free() && !d.server.audits.Load() {
		return true
	}
	e := policy.Event{Who: who.Name(), From: d.from, What: policy.Command.String(), Node: node, Lane: lane}
	if !who.May(policy.Command, node, lane) {
		d.server.gate.Refuse(e)
		return false
	}
	d.server.note(who, e)
	return true
}

// watch ends the connection that stays nobody's, or whose session is over.
func (d *doorkeeper) watch(c *peer.Conn) {
	s := d.server
	switch {
	case d.session != nil:
		d.release = s.gate.Hold(d.session)
		d.timer = time.AfterFunc(time.Until(d.session.Ends()), func() {
			s.dismiss(loggedOut, func(other *doorkeeper) bool { return other == d })
		})
	case !d.who.Known():
		d.timer = time.AfterFunc(s.authTime, func() {
			if c.Identity() == nil {
				s.dismiss(unauthorized, func(other *doorkeeper) bool { return other == d })
			}
		})
	}
}

func (d *doorkeeper) leave() {
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.release != nil {
		d.release()
	}
}

// dismiss closes the WARP connections that are meant.
func (s *Server) dismiss(why string, means func(*doorkeeper) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return
	}
	for c, d := range s.conns {
		if means(d) {
			s.serving.Go(func() { c.Close(websocket.ClosePolicyViolation, why) })
		}
	}
}

// note tells the audit of a command that the policy has let pass.
func (s *Server) note(who policy.Who, e policy.Event) {
	if s.gate.Policy().Audits(who) {
		e.OK = true
		s.gate.Note(e)
	}
}

// SetPolicy puts another policy in force, nil standing for that of a host that names no users. Logins
// by the page stay if their user's password has. Connections end, but those of this machine that
// need no login before and after.
func (s *Server) SetPolicy(p *policy.Policy) {
	p = orDefault(p)
	s.gate.Set(p)
	s.begin(p)
	s.dismiss(newPolicy, func(d *doorkeeper) bool {
		return d.claimed.Load() || !d.who.Free() || !p.Here(d.local).Free() || !d.asked && p.Config().Audit
	})
}

// orDefault is the policy of a host whose config has none.
func orDefault(p *policy.Policy) *policy.Policy {
	if p == nil {
		p, _ = policy.New(nil)
	}
	return p
}

var _ peer.Policy = (*doorkeeper)(nil)

package web

import (
	"errors"
	"net/http"

	"github.com/gorilla/websocket"

	"selvage/edge/peer"
	"selvage/edge/policy"
)

func wantsSocket(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// accept makes a WARP connection of a request, whatever its path: node URIs that come over it are
// resolved against that.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, v visitor) {
	d, o, p := &doorkeeper{visitor: v, server: s, seat: seatOf(r)}, s.Peer, s.gate.Policy()
	switch {
	case p.HasUsers() || s.audits.Load():
		o.Policy, o.Deauthed, d.asked = d, d.deauthed, true
	case !v.who.Known():
		s.denied(w, v, policy.Event{What: policy.Link.String()})
		return
	}
	if !v.who.Known() {
		o.Stranger = maxLogin
	}
	c, err := peer.Upgrade(w, r, http.Header{"Server": {s.name}}, o)

	s.mu.Lock()
	defer s.mu.Unlock()
	var refused websocket.HandshakeError // answered in HTTP, so it still is a connection of http.Server
	switch {
	case errors.As(err, &refused):
		return
	case err != nil:
		s.closed(d.seat)
		return
	case s.stopping:
		s.closed(d.seat)
		c.HangUp(websocket.CloseGoingAway, stopping)
		return
	}
	s.conns[c] = d
	d.watch(c)
	switch { // either may have ended meanwhile, while this connection was not yet to be seen
	case d.session != nil && !s.gate.Lives(d.session):
		s.serving.Go(func() { c.Close(websocket.ClosePolicyViolation, loggedOut) })
	case !s.gate.Holds(d.who):
		s.serving.Go(func() { c.Close(websocket.ClosePolicyViolation, newPolicy) })
	}
	s.serving.Go(func() { s.serveConn(c) }) // not in this request's goroutine, which keeps 12 KB of buffers
}

func (s *Server) serveConn(c *peer.Conn) {
	err := c.Serve()
	if err != nil {
		s.Log.Info("WARP connection ended", "from", c.RemoteAddr(), "err", err)
	}
	c.Close(websocket.CloseNormalClosure, "") // for what it still writes
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.conns[c]
	d.leave()
	delete(s.conns, c)
	s.closed(d.seat)
}

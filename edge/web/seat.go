package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"selvage/edge/health"
	"selvage/edge/policy"
)

// spareSeats are for this machine when all other connections are in use, so that whoever runs the host
// can still look at it.
const spareSeats = 16

// A seat is the place of one connection among those there may be. The fields are guarded by Server.mu.
type seat struct {
	from     netip.Addr
	near     string // the neighbourhood it comes from, "" on this machine
	stranger bool   // counts among those of near that have not shown a login
}

type seatKey struct{}

// seatOf returns the seat of a request's connection.
func seatOf(r *http.Request) *seat {
	t, _ := r.Context().Value(seatKey{}).(*seat)
	return t
}

// giveSeat is for http.Server.ConnContext, which is asked before ConnState.
func (s *Server) giveSeat(ctx context.Context, c net.Conn) context.Context {
	at, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	t := &seat{from: at.Addr().Unmap()}
	if !t.from.IsLoopback() {
		t.near = policy.Neighbourhood(t.from)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seats[c] = t
	return context.WithValue(ctx, seatKey{}, t)
}

// count keeps the number of connections, and closes those beyond the limit, of which strangers from one
// neighbourhood have a quarter. One that became a WebSocket counts until serveConn has ended.
func (s *Server) count(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.seats[c]
	switch state {
	case http.StateNew:
		s.open++
		most := s.Connections
		if t.near == "" {
			most += spareSeats
		}
		s.know(t, t.near == "")
		switch {
		case s.open > most:
			s.Host.Health.Add("web.refused", 1)
			s.Host.Health.Raise(health.Condition{
				Code:   "web.connections",
				Text:   fmt.Sprintf("all %d connections are in use, and more are turned away", s.Connections),
				Remedy: "see whose they are: ss -tn; a client may open them and forget them",
			})
			c.Close()
		case t.stranger && s.strangers[t.near] > max(1, s.Connections/4):
			s.Host.Health.Add("web.refused", 1)
			s.gate.Refuse(policy.Event{From: t.from, What: "connect"})
			c.Close()
		}
	case http.StateHijacked:
		delete(s.seats, c)
	case http.StateClosed:
		delete(s.seats, c)
		s.closed(t)
	}
}

// know notes whether a login has been shown on a connection. It is called with s.mu held.
func (s *Server) know(t *seat, known bool) {
	if t == nil || t.stranger != known {
		return
	}
	t.stranger = !known
	if t.stranger {
		s.strangers[t.near]++
	} else if s.strangers[t.near]--; s.strangers[t.near] == 0 {
		delete(s.strangers, t.near)
	}
}

// closed counts one connection less. It is called with s.mu held.
func (s *Server) closed(t *seat) {
	s.know(t, true)
	s.open--
	if s.open*10 <= s.Connections*9 {
		s.Host.Health.Clear("web.connections")
	}
}

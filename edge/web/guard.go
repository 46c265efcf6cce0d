package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// refusal says why a request is not served at all, "" if it is. It keeps web pages from elsewhere
// from driving this host by way of the browser of somebody who may:
//
//   - A page whose domain was made to resolve to this machine (DNS rebinding) shows in Host, so that
//     must be a name this host has.
//   - Any other page shows in Origin, which browsers always send with a WebSocket handshake and a
//     POST, and in Sec-Fetch-Site.
//
// Programs that are no browser send neither of the latter two, and are not meant.
//
// A proxy on this machine that nobody has told of is refused too, for what it passes on is neither
// this machine's own, nor known by its address.
func (s *Server) refusal(r *http.Request) string {
	if !s.isHere(r.Host) {
		return fmt.Sprintf("refused: this host is not known as %q; use its address, or give it the name by hosts in [policy]", r.Host)
	}
	if by := passedOn(r); by != "" && comesFrom(r).IsLoopback() && !s.gate.Policy().Config().Proxy {
		return fmt.Sprintf("refused: a proxy on this machine passes this request on, as its header %s says; if it is yours, write proxy = true in [policy]", by)
	}
	for _, origin := range r.Header.Values("Origin") {
		if !sameOrigin(origin, r.Host) {
			return fmt.Sprintf("refused: a page from %s may not use the host %s", origin, r.Host)
		}
	}
	// Reading a lane may make an agent, so it is no business of other sites' pages either. A plain
	// link to the front page is.
	touches := wantsSocket(r) || wantsLane(r) || r.Method != http.MethodGet && r.Method != http.MethodHead
	if site := r.Header.Get("Sec-Fetch-Site"); touches && site != "" && site != "same-origin" && site != "none" {
		return fmt.Sprintf("refused: a %s page may not use the host %s", site, r.Host)
	}
	return ""
}

// isHere tells whether a Host header names this host: by a loopback address, as configured, or where it
// listens for other machines by any address, since a rebound page shows its own name.
func (s *Server) isHere(host string) bool {
	name := hostName(host)
	if isLoopback(name) || name != "" && (name == strings.ToLower(s.listener.host) || s.gate.Policy().HasHost(name)) {
		return true
	}
	at, ok := s.listener.Addr().(*net.TCPAddr)
	_, err := netip.ParseAddr(name)
	return ok && !at.IP.IsLoopback() && err == nil
}

// sameOrigin tells whether an Origin header means the host of the Host header. TLS may have been
// ended before this server, so either scheme may stand.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null", for one
	}
	port, ok := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return ok && withPort(u.Host, port) == withPort(host, port)
}

func withPort(host, port string) string {
	u := url.URL{Host: strings.ToLower(host)}
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}

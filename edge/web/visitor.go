package web

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"selvage/edge/policy"
)

// A visitor is who makes a request or has a connection.
type visitor struct {
	who     policy.Who
	session *policy.Session // nil unless he has logged in by the page
	from    netip.Addr
	local   bool
}

// visitor finds out who makes a request. An error is for answerLogin: credentials that are given
// must be right, also where none are needed.
func (s *Server) visitor(r *http.Request) (visitor, error) {
	p := s.gate.Policy()
	v := visitor{from: address(r, p.Config().Proxy), local: isLocal(r, p)}
	v.who = p.Here(v.local)
	if !p.HasUsers() {
		return v, nil
	}
	var err error
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		v.who, err = s.gate.Token(v.from, strings.TrimSpace(credentials))
		return v, err
	case "basic":
		name, password, ok := r.BasicAuth()
		if !ok {
			return v, policy.ErrWrong
		}
		v.who, err = s.gate.Password(r.Context(), v.from, name, password)
		return v, err
	case "":
	default:
		return v, policy.ErrWrong
	}
	for _, c := range r.CookiesNamed(s.cookie) {
		if session, who := s.gate.Session(c.Value); session != nil {
			v.session, v.who = session, who
			break
		}
	}
	return v, nil
}

// forwards are headers by which proxies tell that a request is not their own.
var forwards = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via", "Cf-Connecting-Ip", "True-Client-Ip"}

// passedOn returns the header by which a request shows that a proxy passes it on, "" without one.
func passedOn(r *http.Request) string {
	for _, name := range forwards {
		if len(r.Header.Values(name)) > 0 {
			return name
		}
	}
	return ""
}

func comesFrom(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr().Unmap()
}

// isLocal reports whether a request was made on this machine. One that a proxy on this machine passes
// on was not: it has a header that says so, or another name than this machine's own in Host, or is in
// HTTP/1.0, which proxies that are told nothing else still speak (nginx, before 1.29.7). A proxy
// that shows none of these cannot be told from a user, hence loopback = "login". Where there is no
// policy that could know a proxy, refusal has judged the headers and the name, and any version will do.
func isLocal(r *http.Request, p *policy.Policy) bool {
	return comesFrom(r).IsLoopback() && (p.IsNone() || r.ProtoAtLeast(1, 1) && isLoopback(hostName(r.Host)) && passedOn(r) == "")
}

// address returns where a request comes from. The word of a proxy is taken only if there is one on this
// machine, and only for whom it has seen itself, which it puts last.
func address(r *http.Request, proxy bool) netip.Addr {
	from := comesFrom(r)
	if proxy && from.IsLoopback() {
		all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if told, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			return told.Unmap().WithZone("")
		}
	}
	return from
}

// hostName is the name in a Host header, in small letters. The port does not matter, it may have been
// forwarded.
func hostName(host string) string { return strings.ToLower((&url.URL{Host: host}).Hostname()) }

func isLoopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// denied answers a request whose visitor may not do that.
func (s *Server) denied(w http.ResponseWriter, v visitor, e policy.Event) {
	e.Who, e.From = v.who.Name(), v.from
	s.gate.Refuse(e)
	s.askLogin(w, v)
}

// askLogin says what is missing.
func (s *Server) askLogin(w http.ResponseWriter, v visitor) {
	switch {
	case v.who.Known():
		say(w, http.StatusForbidden, "refused: "+v.who.Name()+" has no role that allows this")
	case !s.gate.Policy().HasUsers():
		say(w, http.StatusForbidden, "refused: only this machine itself may use this host; others need a login, which [policy] in its config gives them")
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="selvage"`)
		say(w, http.StatusUnauthorized, "refused: log in at /login, or send a token")
	}
}

// answerLogin answers a request whose credentials are no good.
func answerLogin(w http.ResponseWriter, err error) {
	code := loginStatus(w, err)
	say(w, code, "refused: "+err.Error())
}

// loginStatus sets the headers that go with it.
func loginStatus(w http.ResponseWriter, err error) int {
	var later *policy.Later
	switch {
	case errors.As(err, &later):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(later.Wait, time.Second).Seconds()))))
		return http.StatusTooManyRequests
	case errors.Is(err, policy.ErrWrong):
		w.Header().Set("WWW-Authenticate", `Bearer realm="selvage"`)
		return http.StatusUnauthorized
	}
	w.Header().Set("Retry-After", "1")
	return http.StatusServiceUnavailable
}

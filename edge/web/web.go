// Package web is the host's door to the network: one HTTP server that accepts WARP on any path, has
// a page with all agents for browsers, reads and sets single lanes for clients that only speak HTTP,
// and answers /metrics and /healthz.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/policy"
)

const (
	headerTime = 5 * time.Second  // for a request's header to arrive, from when its connection stands
	bodyTime   = 30 * time.Second // for all of a request to arrive
	idleTime   = 2 * time.Minute  // between two requests
	shutTime   = 500 * time.Millisecond
	maxHeader  = 16 << 10
)

const stopping = "the host is stopping"

// Options say what a server serves. Only Host is needed.
type Options struct {
	Host        *host.Host
	Peer        peer.Options   // of each WARP connection; Host answers when Server is nil
	Policy      *policy.Policy // nil when the config names no users: then this machine may do everything
	Version     string
	Log         *slog.Logger // slog.Default() when nil
	Connections int          // all that are open at one time, 0 for 1024; more are turned away, but some of this machine

	// Metrics are what other rooms add to /metrics. They are called for each request.
	Metrics []func(*Metrics)
}

// Listener is a bound address on which nobody is served yet.
type Listener struct {
	net.Listener
	host string // as configured
}

// Listen binds an address, so that a port that is taken is known before anything else starts.
func Listen(address string) (*Listener, error) {
	ln, err := net.Listen("tcp", address)
	var cause syscall.Errno
	if errors.As(err, &cause) {
		err = cause // without net's own account of the address
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	name, _, _ := net.SplitHostPort(address)
	return &Listener{ln, name}, nil
}

// Server serves a host on one address. Start makes it.
type Server struct {
	Options
	listener *Listener
	name     string // of the Server header
	http     http.Server
	served   chan struct{} // closed when no more connections are accepted
	gate     *policy.Gate
	cookie   string      // name of the cookie of a session
	audits   atomic.Bool // also what is done without a login
	authTime time.Duration

	mu        sync.Mutex
	open      int                // connections, of either protocol
	seats     map[net.Conn]*seat // of those that are no WebSockets
	strangers map[string]int     // of a neighbourhood, by seat.near
	conns     map[*peer.Conn]*doorkeeper
	audit     atomic.Pointer[audit] // nil while nobody can log in and nothing is to be noted
	serving   sync.WaitGroup        // one for each of conns
	stopping  bool
}

// Start serves o.Host on l until Stop.
func Start(l *Listener, o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Peer.Server == nil {
		o.Peer.Server = o.Host
	}
	if o.Peer.Limits == (peer.Limits{}) {
		o.Peer.Limits = peer.DefaultLimits
	}
	s := &Server{
		Options:  o,
		listener: l,
		name:     "selvage/" + cmp.Or(o.Version, "dev"),
		served:   make(chan struct{}),
		cookie:   cookieName(l),
		authTime: defaultAuthTime,
		seats:    map[net.Conn]*seat{}, strangers: map[string]int{},
		conns: map[*peer.Conn]*doorkeeper{},
	}
	p := orDefault(o.Policy)
	s.gate = policy.NewGate(p, policy.Options{Health: o.Host.Health, Log: o.Log, Audit: s.tell})
	s.begin(p)
	s.Connections = cmp.Or(o.Connections, 1024)
	s.http = http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       bodyTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       s.giveSeat,
		ConnState:         s.count,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	go s.serve()
	return s
}

// begin makes ready for what a policy asks for.
func (s *Server) begin(p *policy.Policy) {
	s.audits.Store(p.Config().Audit)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.audit.Load() != nil || !p.HasUsers() && !p.Config().Audit {
		return
	}
	t, err := beginAudit(s.Host)
	if err != nil {
		s.Log.Error("there is no audit", "node", string(auditNode), "err", err)
		return
	}
	s.audit.Store(t)
}

// tell adds to the audit.
func (s *Server) tell(e policy.Event) {
	if t := s.audit.Load(); t != nil {
		t.add(e)
	}
}

// Addr returns the address that the server listens on, with the port it was given.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

func (s *Server) serve() {
	defer close(s.served)
	err := s.http.Serve(s.listener)
	if errors.Is(err, http.ErrServerClosed) {
		return
	}
	s.Host.Health.Raise(health.Condition{
		Code:     "web.listen",
		Text:     fmt.Sprintf("nobody new is served on %s: %v", s.Addr(), err),
		Remedy:   "start selvage again; agents and devices go on meanwhile",
		Severity: health.Failure,
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", s.name)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if why := s.refusal(r); why != "" {
		s.Host.Health.Add("web.refused", 1)
		say(w, http.StatusForbidden, why)
		return
	}
	if seatOf(r).near != "" {
		h.Set("Connection", "close") // until it shows a login
	}
	socket := wantsSocket(r)
	switch lane := wantsLane(r); { // what needs no login
	case socket, lane:
	case wantsHealth(r):
		s.health(w, r)
		return
	case wantsLogin(r):
		s.login(w, r)
		return
	}
	v, err := s.visitor(r)
	if err != nil {
		answerLogin(w, err)
		return
	}
	if v.who.Known() {
		h.Del("Connection")
		s.mu.Lock()
		s.know(seatOf(r), true)
		s.mu.Unlock()
	}
	switch {
	case socket:
		s.accept(w, r, v)
	case wantsLane(r):
		s.lane(w, r, v)
	case wantsMetrics(r):
		s.metrics(w, r, v)
	case wantsLogout(r):
		s.logout(w, r, v)
	case wantsPage(r):
		s.page(w, r, v)
	default:
		say(w, http.StatusNotFound, fmt.Sprintf("there is no page here; a lane is read as %s?lane=NAME", r.URL.EscapedPath()))
	}
}

// say answers with a line of text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// Stop accepts nobody any more, closes every WARP connection with 1001 (going away), lets requests
// under way come to their end and waits for all of it, though not longer than ctx.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for c := range s.conns {
		// Its own goroutine, since a close waits for the other end a little. serving waits for it too.
		s.serving.Go(func() { c.Close(websocket.CloseGoingAway, stopping) })
	}
	s.mu.Unlock()

	// A connection that has not sent a request yet would hold up Shutdown for 5 s.
	shut, cancel := context.WithTimeout(ctx, shutTime)
	defer cancel()
	if s.http.Shutdown(shut) != nil {
		s.http.Close()
	}
	s.gate.Stop()
	ended := make(chan struct{})
	go func() {
		s.serving.Wait()
		<-s.served
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return errors.New("WARP connections did not end in time")
	}
}

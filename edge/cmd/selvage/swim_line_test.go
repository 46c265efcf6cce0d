package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A line leads to a host over TCP connections that a test can cut.
type line struct {
	net.Listener
	server *httptest.Server
	url    string // warp://127.0.0.1:PORT

	mu   sync.Mutex
	down bool
	open map[*lineConn]struct{}
}

// newLine starts a line to the host at to, a warp URL. A host takes pages from its own origin only,
// so the line says, as a proxy before a site does, that it is where origin is.
func newLine(t *testing.T, to, origin string) *line {
	l := &line{open: map[*lineConn]struct{}{}}
	l.server = httptest.NewUnstartedServer(handOn(t, to, origin))
	l.Listener, l.server.Listener = l.server.Listener, l
	l.server.Start()
	l.url = "warp" + strings.TrimPrefix(l.server.URL, "http")
	t.Cleanup(func() {
		l.cut()
		l.server.Close()
	})
	return l
}

// handOn passes requests on to the host at to, a warp URL, under the name host, or under the one that they come with.
func handOn(t *testing.T, to, host string) *httputil.ReverseProxy {
	t.Helper()
	u, err := url.Parse("http" + strings.TrimPrefix(to, "warp"))
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = host
			if host == "" {
				r.Out.Host = r.In.Host
			}
		},
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0), // connections that are cut
	}
}

// Accept resets what comes while the line is down.
func (l *line) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &lineConn{c.(*net.TCPConn), l}
		l.mu.Lock()
		down := l.down
		if !down {
			l.open[conn] = struct{}{}
		}
		l.mu.Unlock()
		if !down {
			return conn, nil
		}
		conn.reset()
	}
}

// cut resets all connections, and those to come.
func (l *line) cut() {
	l.mu.Lock()
	l.down = true
	open := l.open
	l.open = map[*lineConn]struct{}{}
	l.mu.Unlock()
	for c := range open {
		c.reset()
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// ServeHTTP is the control of the line: POST /line/cut and /line/mend.
func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /line/cut":
		l.cut()
	case "POST /line/mend":
		l.mend()
	default:
		http.NotFound(w, r)
	}
}

type lineConn struct {
	*net.TCPConn
	line *line
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.open, c)
	c.line.mu.Unlock()
	return c.TCPConn.Close()
}

// reset ends the connection as a broken network does, without a farewell.
func (c *lineConn) reset() {
	c.SetLinger(0)
	c.Close()
}

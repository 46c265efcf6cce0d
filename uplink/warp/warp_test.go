package warp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
	wire "selvage/edge/warp"
	"selvage/uplink"
)

// patience bounds the wait for what should come at once.
const patience = 30 * time.Second

// listener is a hub that writes down what it is told.
type listener struct {
	url string

	mu    sync.Mutex
	told  []string
	news  chan struct{} // closed when something is told
	whole chan struct{} // closed at the first @synced of a hello
	open  chan struct{} // commands are read only once it is closed
}

func (l *listener) Command(_ *peer.Conn, node route.NodeURI, lane route.LaneName, body []byte) {
	<-l.open
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, fmt.Sprintf("%s %s %s", node, lane, body))
	if l.news != nil {
		close(l.news)
	}
	l.news = make(chan struct{})
	if lane == HelloLane && string(body) == "@synced" {
		close(l.whole)
	}
}

func (l *listener) Request(link *peer.Link, e *wire.Envelope) {
	link.Answer(e, func() wire.Source { return yes{} })
}

// yes is the lane hello of a hub.
type yes struct{}

func (yes) Next() ([]byte, bool) { return nil, false }
func (yes) Close()               {}

func (yes) State() func() ([]byte, bool) {
	said := false
	return func() ([]byte, bool) {
		if said {
			return nil, false
		}
		said = true
		return []byte("{speaks:test}"), true
	}
}

func listen(t *testing.T, server peer.Server) (url string) {
	t.Helper()
	return listenWith(t, peer.Options{Server: server})
}

func listenWith(t *testing.T, o peer.Options) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := peer.Upgrade(w, r, nil, o)
		if err != nil {
			return
		}
		_ = c.Serve()
	}))
	t.Cleanup(s.Close)
	return "warp" + strings.TrimPrefix(s.URL, "http")
}

func newHost(t *testing.T) *host.Host {
	t.Helper()
	h := host.New(host.Options{Name: "a", Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// The lanes that changed last are sent first, whatever their names; each once, with its newest value.
func TestNewestFirst(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t)
	lanes := map[string]*agent.ValueLane[int]{}
	room, err := h.Add("/r/a", host.Agents, agent.NewKind("room", 0, func(a *agent.Agent, _ int) error {
		for i := range 9 {
			name := fmt.Sprint("l", i)
			lanes[name] = agent.Value(a, name, 0)
		}
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Read(t.Context(), "/r/a", "l0"); err != nil {
		t.Fatal(err)
	}
	hub := &listener{whole: make(chan struct{}), open: make(chan struct{})}
	hub.url = listen(t, hub)
	l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: Config{URL: hub.url, As: "/edge/b", Send: []string{"/r/*/*"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Read(t.Context(), "/uplink/hub", "status"); err != nil { // set up, so it watches
		t.Fatal(err)
	}
	for _, name := range []string{"l7", "l3", "l8", "l3"} {
		done := make(chan error, 1)
		if err := room.Post(t.Context(), func() { lanes[name].Set(lanes[name].Get() + 1) }, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	close(hub.open)
	l.Start()
	select {
	case <-hub.whole:
	case <-time.After(patience):
		t.Fatal("the state was not complete")
	}
	var order []string
	hub.mu.Lock()
	for _, line := range hub.told[1:] {
		if !strings.Contains(line, " mirror ") {
			order = append(order, strings.TrimPrefix(line, "/edge/b/r/a "))
		}
	}
	first := hub.told[0]
	hub.mu.Unlock()
	if want := "/edge/b hello @hello(name:a)"; first != want {
		t.Errorf("the first command is %s, want %s", first, want)
	}
	if got, want := strings.Join(order, ", "), "l3 2, l8 1, l7 1, l0 0, l1 0, l2 0, l4 0, l5 0, l6 0, /edge/b hello @synced"; got != want {
		t.Errorf("sent in the order\n%s, want\n%s", got, want)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// refusing is a host that is no hub.
type refusing struct{}

func (refusing) Command(*peer.Conn, route.NodeURI, route.LaneName, []byte) {}
func (refusing) Request(link *peer.Link, _ *wire.Envelope)                 { link.Refuse("nodeNotFound") }

func TestNoHub(t *testing.T) {
	for _, tt := range []struct{ url, text, remedy string }{
		{listen(t, refusing{}), "takes no lanes for /edge/a", "a table [hub]"},
		{"warp://127.0.0.1:1", "connection refused", "start the hub"},
		{"warp://no-such-host.invalid", "no-such-host", "check the name"},
	} {
		h := newHost(t)
		l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: Config{URL: tt.url, Send: []string{"/r/*/*"}}})
		if err != nil {
			t.Fatal(err)
		}
		up, err := open(l, Config{URL: tt.url, Send: []string{"/r/*/*"}})
		if err != nil {
			t.Fatal(err)
		}
		err = up.Run(t.Context())
		var fault *uplink.Fault
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(fault.Remedy, tt.remedy) {
			t.Errorf("%s: %v (%+v), want %s and the remedy %s", tt.url, err, fault, tt.text, tt.remedy)
		}
	}
}

// keeper lets in who shows the token good.
type keeper struct{}

func (keeper) Auth(_ *peer.Conn, claims []byte) (any, []byte, bool) {
	return "edge", nil, string(claims) == "{token:good}"
}

func (keeper) Link(c *peer.Conn, _ route.NodeURI, _ route.LaneName) bool { return c.Identity() != nil }
func (keeper) Command(c *peer.Conn, _ route.NodeURI, _ route.LaneName) bool {
	return c.Identity() != nil
}

func TestHubWithLogin(t *testing.T) {
	leaktest.Check(t)
	t.Setenv("SELVAGE_TEST_GOOD", "good")
	t.Setenv("SELVAGE_TEST_BAD", "bad")
	hub := &listener{whole: make(chan struct{}), open: make(chan struct{})}
	close(hub.open)
	url := listenWith(t, peer.Options{Server: hub, Policy: keeper{}})
	for token, want := range map[string]string{
		"":                      "lets this host send nothing to /edge/a",
		"env:SELVAGE_TEST_BAD":  "does not know the token",
		"env:SELVAGE_TEST_NONE": "the environment has no SELVAGE_TEST_NONE",
		"env:SELVAGE_TEST_GOOD": "",
	} {
		c := Config{URL: url, Send: []string{"/r/*/*"}}
		if token != "" {
			if err := c.Token.UnmarshalText([]byte(token)); err != nil {
				t.Fatal(err)
			}
		}
		h := newHost(t)
		l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: c})
		if err != nil {
			t.Fatal(err)
		}
		up, err := open(l, c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if want == "" {
			go func() {
				<-hub.whole
				cancel()
			}()
		}
		err = up.Run(ctx)
		cancel()
		var fault *uplink.Fault
		if want == "" && err == nil {
			continue
		}
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), want) || want == "" || fault.Remedy == "" {
			t.Errorf("with %q: %v, want %q", token, err, want)
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{URL: "warp://h:1", Send: []string{"/a/*"}}
	for _, tt := range []struct {
		change func(*Config)
		faults string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.As = "/edge/x" }, ""},
		{func(c *Config) { c.URL = "" }, "url"},
		{func(c *Config) { c.URL = "ftp://h" }, "url"},
		{func(c *Config) { c.URL = "warp://me:secret@h" }, "url"},
		{func(c *Config) { c.As = "edge/x" }, "as"},
		{func(c *Config) { c.Token.UnmarshalText([]byte("env:X")) }, ""},
		{func(c *Config) { c.Token.UnmarshalText([]byte("a secret")) }, "token"},
		{func(c *Config) { c.As = "/x" }, "as"},
		{func(c *Config) { c.As = "/edge/" }, "as"},
		{func(c *Config) { c.Send = nil }, "send"},
		{func(c *Config) { c.Send = []string{"/a"} }, "send"},
		{func(c *Config) { c.Send = []string{"swim:meta:*"} }, "send"},
		{func(c *Config) { c.Send = []string{"/a/b*/c", "/a/*"} }, "send"},
	} {
		c := good
		tt.change(&c)
		var keys []string
		c.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" || strings.Contains(problem+remedy, "secret") {
				t.Errorf("%+v: %q, %q", c, problem, remedy)
			}
			keys = append(keys, key)
		})
		if got := strings.Join(keys, " "); got != tt.faults {
			t.Errorf("%+v: faults at %q, want %q", c, got, tt.faults)
		}
	}
}

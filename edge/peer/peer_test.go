package peer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// server is a host behind a real socket.
type server struct {
	*host.Host
	url   string
	mu    sync.Mutex
	conns []*peer.Conn
	ended []error
}

func serve(t *testing.T, o peer.Options, setup func(a *agent.Agent)) *server {
	t.Helper()
	leaktest.Check(t)
	s := &server{Host: host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})}
	p, err := route.ParsePattern("/unit/:id")
	if err != nil {
		t.Fatal(err)
	}
	kind := agent.NewKind("unit", struct{}{}, func(a *agent.Agent, _ struct{}) error { setup(a); return nil })
	if err := s.Route(p, kind, nil, nil); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := o
		o.Server = s
		c, err := peer.Upgrade(w, r, nil, o)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		err = c.Serve()
		s.mu.Lock()
		s.ended = append(s.ended, err)
		s.mu.Unlock()
	}))
	s.url = "ws" + strings.TrimPrefix(web.URL, "http")
	t.Cleanup(func() {
		s.mu.Lock()
		conns := s.conns
		s.mu.Unlock()
		for _, c := range conns {
			c.Close(websocket.CloseGoingAway, "")
		}
		web.Close()
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func unit(a *agent.Agent) {
	agent.Value(a, "value", recon.Value{})
	agent.Value(a, "count", 0)
	agent.Map[recon.Value, recon.Value](a, "map")
	agent.Command(a, "echo", func(recon.Value) error { return nil })
}

// client is a WebSocket that knows nothing of WARP.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (s *server) dial(t *testing.T, path string) *client {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &client{t, ws}
}

func (c *client) send(frames ...string) {
	c.t.Helper()
	for _, f := range frames {
		if err := c.ws.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *client) next() string {
	c.t.Helper()
	c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	kind, b, err := c.ws.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	if kind != websocket.TextMessage {
		c.t.Errorf("frame of kind %d, want text", kind)
	}
	return string(b)
}

func (c *client) expect(frames ...string) {
	c.t.Helper()
	for _, want := range frames {
		if got := c.next(); got != want {
			c.t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestLinks(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	for _, step := range []struct {
		name     string
		in, want []string
	}{
		{"link", []string{`@link(node:"/unit/1",lane:value)`}, []string{`@linked(node:"/unit/1",lane:value)`}},
		{"command", []string{`@command(node:"/unit/1",lane:value) 1`}, []string{`@event(node:"/unit/1",lane:value) 1`}},
		{"equal values are sent again", []string{`@command(node:"/unit/1",lane:value) 1`}, []string{`@event(node:"/unit/1",lane:value) 1`}},
		{"unlink", []string{`@unlink(node:"/unit/1",lane:value)`}, []string{`@unlinked(node:"/unit/1",lane:value)`}},
		{"unlink without link, command without link, then sync", []string{
			`@unlink(node:"/unit/1",lane:value)`, `@command(node:"/unit/1",lane:value){a:2}`, `@sync(node:"/unit/1",lane:value)`},
			[]string{`@linked(node:"/unit/1",lane:value)`, `@event(node:"/unit/1",lane:value){a:2}`, `@synced(node:"/unit/1",lane:value)`}},
		{"never set", []string{`@sync(node:"/unit/2",lane:value)`}, []string{`@linked(node:"/unit/2",lane:value)`, `@event(node:"/unit/2",lane:value)`, `@synced(node:"/unit/2",lane:value)`}},
		{"map", []string{`@command(node:"/unit/1",lane:map)@update(key:b) 2`, `@command(node:"/unit/1",lane:map)@update(key:a) 1`, `@sync(node:"/unit/1",lane:map)`},
			[]string{`@linked(node:"/unit/1",lane:map)`, `@event(node:"/unit/1",lane:map)@update(key:a) 1`, `@event(node:"/unit/1",lane:map)@update(key:b) 2`, `@synced(node:"/unit/1",lane:map)`}},
		{"map change", []string{`@command(node:"/unit/1",lane:map)@remove(key:a)`}, []string{`@event(node:"/unit/1",lane:map)@remove(key:a)`}},
		{"a value that does not fit is not echoed", []string{`@link(node:"/unit/1",lane:count)`, `@command(node:"/unit/1",lane:count) abc`, `@command(node:"/unit/1",lane:count) 7`},
			[]string{`@linked(node:"/unit/1",lane:count)`, `@event(node:"/unit/1",lane:count) 7`}},
		{"unknown node, twice", []string{`@link(node:"/nope",lane:value)`, `@sync(node:"/nope",lane:value)`},
			[]string{`@unlinked(node:"/nope",lane:value)@nodeNotFound`, `@unlinked(node:"/nope",lane:value)@nodeNotFound`}},
		{"unknown lane, twice", []string{`@sync(node:"/unit/1",lane:nope)`, `@link(node:"/unit/1",lane:nope)`},
			[]string{`@unlinked(node:"/unit/1",lane:nope)@laneNotFound`, `@unlinked(node:"/unit/1",lane:nope)@laneNotFound`}},
		{"commands to nobody and envelopes of the other direction are ignored", []string{`@command(node:"/nope",lane:x) 1`, `@command(node:"/unit/1",lane:nope) 1`,
			`@event(node:"/unit/1",lane:value) 9`, `@linked(node:"/unit/1",lane:value)`, `@sync(node:"/unit/1",lane:value)`},
			[]string{`@event(node:"/unit/1",lane:value){a:2}`, `@synced(node:"/unit/1",lane:value)`}},
		{"the first spelling is what is answered", []string{`@link(node:"warp://example.com/unit/3?x=1",lane:echo,prio:0.5)`, `@link(node:"/unit/3",lane:echo)`, `@command(node:"/unit/3",lane:echo) hi`},
			[]string{`@linked(node:"warp://example.com/unit/3?x=1",lane:echo,prio:0.5)`, `@linked(node:"warp://example.com/unit/3?x=1",lane:echo)`, `@event(node:"warp://example.com/unit/3?x=1",lane:echo) hi`}},
	} {
		c.send(step.in...)
		for _, want := range step.want {
			if got := c.next(); got != want {
				t.Fatalf("%s:\ngot  %s\nwant %s", step.name, got, want)
			}
		}
	}
}

func TestBaseURI(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/unit/base")
	c.send(`@sync(node:"1x",lane:count)`)
	c.expect(`@linked(node:"1x",lane:count)`, `@event(node:"1x",lane:count) 0`, `@synced(node:"1x",lane:count)`)
}

// N commands, then a sync: its synced comes after the effect of all of them.
func TestSyncIsABarrier(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	const n = 3000
	for i := 1; i <= n; i++ {
		c.send(fmt.Sprintf(`@command(node:"/unit/1",lane:count) %d`, i), fmt.Sprintf(`@command(node:"/unit/1",lane:map)@update(key:%d) %d`, i%50, i))
	}
	c.send(`@sync(node:"/unit/1",lane:count)`, `@sync(node:"/unit/1",lane:map)`)
	var last string
	keys := map[string]string{}
	for synced := 0; synced < 2; {
		f := c.next()
		switch {
		case strings.HasPrefix(f, "@synced"):
			synced++
		case strings.HasPrefix(f, `@event(node:"/unit/1",lane:count) `):
			last = f[len(`@event(node:"/unit/1",lane:count) `):]
		case strings.HasPrefix(f, `@event(node:"/unit/1",lane:map)@update(key:`):
			k, v, _ := strings.Cut(f[len(`@event(node:"/unit/1",lane:map)@update(key:`):], ") ")
			keys[k] = v
		}
	}
	if last != fmt.Sprint(n) || len(keys) != 50 || keys["0"] != fmt.Sprint(n) || keys["49"] != fmt.Sprint(n-1) {
		t.Errorf("at synced: count %s, %d keys, key 0 %s, key 49 %s", last, len(keys), keys["0"], keys["49"])
	}
}

func TestFrames(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	c.send(`@link(node:"/unit/1",lane:echo)`)
	c.expect(`@linked(node:"/unit/1",lane:echo)`)
	for _, n := range []int{1, 125, 126, 1000, 65535, 65536, 300_000} {
		text := strings.Repeat("x", n)
		if err := c.ws.WriteMessage(websocket.BinaryMessage, []byte(`@command(node:"/unit/1",lane:echo)`+" "+text)); err != nil {
			t.Fatal(err)
		}
		c.expect(`@event(node:"/unit/1",lane:echo) ` + text)
	}
	// Fragments by hand: the library sends none this small. Mask key 0 leaves the payload as it is.
	parts := strings.SplitAfter(`@command(node:"/unit/1",lane:echo) "in two or more parts"`, " ")
	for i, part := range parts {
		head := byte(0) // continuation
		if i == 0 {
			head = websocket.TextMessage
		}
		if i == len(parts)-1 {
			head |= 0x80
		}
		if _, err := c.ws.NetConn().Write(append([]byte{head, 0x80 | byte(len(part)), 0, 0, 0, 0}, part...)); err != nil {
			t.Fatal(err)
		}
	}
	c.expect(`@event(node:"/unit/1",lane:echo)"in two or more parts"`)

	pong := ""
	c.ws.SetPongHandler(func(s string) error { pong = s; return nil })
	if err := c.ws.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	c.send(`@command(node:"/unit/1",lane:echo) 1`)
	c.expect(`@event(node:"/unit/1",lane:echo) 1`)
	if pong != "are you there" {
		t.Errorf("pong %q", pong)
	}
}

// Bad input ends its own connection, with a reason, and nothing else.
func TestBadInput(t *testing.T) {
	limits := peer.Limits{Message: 10_000, Links: 3, Owed: 100}
	s := serve(t, peer.Options{Limits: limits}, unit)
	bystander := s.dial(t, "/")
	bystander.send(`@link(node:"/unit/1",lane:value)`)
	bystander.expect(`@linked(node:"/unit/1",lane:value)`)
	for _, bad := range []struct {
		frame  string
		code   int
		reason string
	}{
		{"hello", websocket.ClosePolicyViolation, "not a WARP envelope"},
		{`@link(lane:x)`, websocket.ClosePolicyViolation, "not a WARP envelope"},
		{`@link(node:"/a b",lane:x)`, websocket.ClosePolicyViolation, ""},
		{"@command(node:a,lane:b) " + strings.Repeat("x", 10_000), websocket.CloseMessageTooBig, ""},
		{"\xff\xfe", websocket.CloseInvalidFramePayloadData, "not UTF-8"},
		{"@command(node:a,lane:b)\"\xff\"", websocket.CloseInvalidFramePayloadData, "not UTF-8"},
		{"@link(node:a,lane:b) 1.", websocket.ClosePolicyViolation, "not Recon"},
	} {
		c := s.dial(t, "/")
		c.send(bad.frame)
		_, _, err := c.ws.ReadMessage()
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != bad.code || !strings.Contains(closed.Text, bad.reason) {
			t.Errorf("%.40q ends with %v, want close %d %s", bad.frame, err, bad.code, bad.reason)
		}
	}
	c := s.dial(t, "/")
	for i := range 4 {
		c.send(fmt.Sprintf(`@link(node:"/unit/%d",lane:value)`, i))
	}
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			if !strings.Contains(err.Error(), "more than 3 links") {
				t.Errorf("a fourth link ends with %v", err)
			}
			break
		}
	}
	bystander.send(`@command(node:"/unit/1",lane:value) ok`)
	bystander.expect(`@event(node:"/unit/1",lane:value) ok`)
}

// A reader that takes nothing slows neither the agent nor another reader, and the host keeps but
// the newest value for it.
func TestSlowReader(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	slow, quick := s.dial(t, "/"), s.dial(t, "/")
	slow.send(`@sync(node:"/unit/1",lane:value)`)
	quick.send(`@link(node:"/unit/1",lane:value)`)
	quick.expect(`@linked(node:"/unit/1",lane:value)`)
	big := strings.Repeat("x", 10_000)
	const n = 3000 // 30 MB, more than socket buffers take
	for i := range n {
		quick.send(fmt.Sprintf(`@command(node:"/unit/1",lane:value){%d,%s}`, i, big))
		if got, want := quick.next(), fmt.Sprintf(`@event(node:"/unit/1",lane:value){%d,%s}`, i, big); got != want {
			t.Fatalf("event %d is %.60s", i, got)
		}
	}
	slow.send(`@sync(node:"/unit/1",lane:value)`)
	got, events := "", 0
	for synced := 0; synced < 2; {
		switch f := slow.next(); {
		case strings.HasPrefix(f, "@synced"):
			synced++
		case strings.HasPrefix(f, "@event"):
			got = f
			events++
		}
	}
	if want := fmt.Sprintf(`@event(node:"/unit/1",lane:value){%d,`, n-1); !strings.HasPrefix(got, want) {
		t.Errorf("the slow reader ends with %.60s", got)
	}
	if events > n*9/10 {
		t.Errorf("the slow reader was sent %d of %d values", events, n)
	}
}

// follower collects what comes down a link.
type follower struct {
	events chan string
	synced chan struct{}
	ended  chan error
}

func newFollower() *follower {
	return &follower{make(chan string, 1000), make(chan struct{}, 10), make(chan error, 1)}
}

func (f *follower) Event(body []byte) { f.events <- string(bytes.Clone(body)) }
func (f *follower) Synced()           { f.synced <- struct{}{} }
func (f *follower) Ended(err error)   { f.ended <- err }

func TestFollow(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c, err := peer.Dial(t.Context(), s.url, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := newFollower()
	d, err := c.Follow("/unit/1", "count", true, f)
	if err != nil {
		t.Fatal(err)
	}
	<-f.synced
	if got := <-f.events; got != "0" {
		t.Errorf("state %s, want 0", got)
	}
	if _, err := c.Follow("/unit/1", "count", true, f); err == nil {
		t.Error("a second link to the same lane on one connection was made")
	}
	if err := c.Command("/unit/1", "count", []byte("5")); err != nil {
		t.Fatal(err)
	}
	if got := <-f.events; got != "5" {
		t.Errorf("event %s, want 5", got)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	<-f.synced
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var u *peer.Unlinked
	if err := <-f.ended; !errors.As(err, &u) || u.Reason != "" {
		t.Errorf("the link ended with %v", err)
	}
	for target, text := range map[[2]string]string{
		{"/nope", "x"}:   "there is no agent /nope",
		{"/unit/1", "x"}: "agent /unit/1 has no lane x",
	} {
		g := newFollower()
		if _, err := c.Follow(target[0], target[1], true, g); err != nil {
			t.Fatal(err)
		}
		if err := <-g.ended; err.Error() != text {
			t.Errorf("%v: %v, want %s", target, err, text)
		}
	}
	g := newFollower()
	if _, err := c.Follow("/unit/1", "count", false, g); err != nil {
		t.Fatal(err)
	}
	c.Close(websocket.CloseNormalClosure, "")
	if err := <-g.ended; err == nil {
		t.Error("the link did not end with its connection")
	}
	if err := c.Command("/unit/1", "count", []byte("6")); err == nil {
		t.Error("a command went through a closed connection")
	}
}

// slowFollower takes its first event only when it may.
type slowFollower struct {
	entered, leave, ended chan struct{}
	inside                atomic.Bool
	overlap               bool
}

func (f *slowFollower) Event([]byte) {
	f.inside.Store(true)
	close(f.entered)
	<-f.leave
	f.inside.Store(false)
}

func (f *slowFollower) Synced() {}

func (f *slowFollower) Ended(error) {
	f.overlap = f.inside.Load()
	close(f.ended)
}

// Ended is the last call, also where this end hangs up while another is under way.
func TestEndedComesLast(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c, err := peer.Dial(t.Context(), s.url, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &slowFollower{entered: make(chan struct{}), leave: make(chan struct{}), ended: make(chan struct{})}
	if _, err := c.Follow("/unit/1", "count", true, f); err != nil {
		t.Fatal(err)
	}
	<-f.entered
	c.HangUp(websocket.CloseNormalClosure, "")
	close(f.leave)
	<-f.ended
	if f.overlap {
		t.Error("Ended was called during Event")
	}
}

// Either end of a connection may link to the other's lanes, whoever dialled.
func TestSymmetric(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	other := serve(t, peer.Options{}, unit)
	c, err := peer.Dial(t.Context(), s.url, peer.Options{Server: other})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(websocket.CloseNormalClosure, "")
	// The dialler's command has gone through once its synced is back, so the other end has its Conn.
	f := newFollower()
	if _, err := c.Follow("/unit/1", "count", true, f); err != nil {
		t.Fatal(err)
	}
	<-f.synced
	s.mu.Lock()
	back := s.conns[0]
	s.mu.Unlock()
	g := newFollower()
	if _, err := back.Follow("/unit/9", "count", true, g); err != nil {
		t.Fatal(err)
	}
	<-g.synced
	if err := back.Command("/unit/9", "count", []byte("3")); err != nil {
		t.Fatal(err)
	}
	if got := []string{<-g.events, <-g.events}; !slices.Equal(got, []string{"0", "3"}) {
		t.Errorf("through the dialler's own socket came %v, want [0 3]", got)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"warp://a:9001": "ws://a:9001/", "warps://a": "wss://a/", "swim://a:1/x": "ws://a:1/x",
		"http://a:1": "ws://a:1/", "a:9001": "ws://a:9001/",
	} {
		if u, err := peer.Address(in); err != nil || u.String() != want {
			t.Errorf("Address(%s) = %v, %v, want %s", in, u, err, want)
		}
	}
	for _, bad := range []string{"ftp://a", "warp://", "warp://[", "mqtt://a:1883"} {
		if u, err := peer.Address(bad); err == nil {
			t.Errorf("Address(%s) = %s, want an error", bad, u)
		}
	}
}

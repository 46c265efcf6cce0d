package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/hub"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/edge/web"
	"selvage/uplink"
	link "selvage/uplink/warp"
)

// patience bounds the wait for what should come at once.
const patience = 30 * time.Second

func newHost(t *testing.T, name, dir string) *host.Host {
	t.Helper()
	o := host.Options{Name: name, Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)}
	if dir != "" {
		s, err := store.Open(store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		o.Store = s
	}
	return host.New(o)
}

func stopHost(t *testing.T, h *host.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Error(err)
	}
	if h.Store != nil {
		if err := h.Store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A site is a running hub.
type site struct {
	*host.Host
	web *web.Server
}

func newSite(t *testing.T, dir, address string) *site {
	t.Helper()
	s := &site{Host: newHost(t, "hub", dir)}
	h, err := hub.New(s.Host, "/edge")
	if err != nil {
		t.Fatal(err)
	}
	door, err := web.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	s.web = web.Start(door, web.Options{Host: s.Host, Peer: peer.Options{Server: h}, Log: s.Log})
	return s
}

func (s *site) url() string { return "warp://" + s.web.Addr().String() }

func (s *site) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.web.Stop(ctx); err != nil {
		t.Error(err)
	}
	stopHost(t, s.Host)
}

// outpost is an edge with one agent that tests set lanes of.
type outpost struct {
	*host.Host
	line  *uplink.Line
	room  *host.Handle
	level *agent.ValueLane[int]
	notes *agent.MapLane[string, string]
}

func newOutpost(t *testing.T, name, url string) *outpost {
	t.Helper()
	o := &outpost{Host: newHost(t, name, "")}
	var err error
	o.room, err = o.Add("/room/a", host.Agents, agent.NewKind("room", 0, func(a *agent.Agent, _ int) error {
		o.level = agent.Value(a, "level", 1)
		o.notes = agent.Map[string, string](a, "notes")
		agent.Value(a, "secret", 7)
		agent.Command(a, "go", func(int) error { return nil })
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.set(t, func() { o.notes.Set("milk", "one") })
	o.line, err = uplink.Open(o.Uplinks(), uplink.Spec{Name: "hub", Kind: "warp", Config: link.Config{URL: url, Send: []string{"/room/*/level", "/room/*/notes", "/room/*/go"}}})
	if err != nil {
		t.Fatal(err)
	}
	o.line.Start()
	return o
}

func (o *outpost) set(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan error, 1)
	if err := o.room.Post(t.Context(), fn, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func (o *outpost) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.line.Stop(ctx); err != nil {
		t.Error(err)
	}
	stopHost(t, o.Host)
}

type bell chan struct{}

func (b bell) Wake() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// state returns a lane's state as text, "" if there is no such lane.
func state(h *host.Host, node route.NodeURI, lane route.LaneName) string {
	a, ok := h.Node(node)
	if !ok {
		return ""
	}
	l := a.Lane(lane)
	if l == nil {
		return ""
	}
	t := l.Open(make(bell, 1))
	defer t.Close()
	var all []string
	for next := t.State(); ; {
		body, ok := next()
		if !ok {
			return strings.Join(all, " ")
		}
		all = append(all, string(body))
	}
}

// wait waits until a lane holds all parts.
func wait(t *testing.T, h *host.Host, node route.NodeURI, lane route.LaneName, parts ...string) {
	t.Helper()
	until(t, h, node, lane, strings.Join(parts, " and "), func(got string) bool {
		return got != "" && !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(got, p) })
	})
}

// becomes waits until a lane holds just that.
func becomes(t *testing.T, h *host.Host, node route.NodeURI, lane route.LaneName, want string) {
	t.Helper()
	until(t, h, node, lane, want, func(got string) bool { return got == want })
}

func until(t *testing.T, h *host.Host, node route.NodeURI, lane route.LaneName, want string, ok func(string) bool) {
	t.Helper()
	news := make(bell, 1)
	var mu sync.Mutex // a lane that is made during the call of Watch comes from its agent's turn
	var tails []*agent.Tail
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, t := range tails {
			t.Close()
		}
	}()
	cancel := h.Watch(func(a *agent.Agent, l *agent.Lane) {
		if l != nil && a.URI() == node && l.Name() == lane {
			mu.Lock()
			defer mu.Unlock()
			tails = append(tails, l.Open(news))
			news.Wake()
		}
	})
	defer cancel()
	for deadline := time.After(patience); ; {
		got := state(h, node, lane)
		if ok(got) {
			return
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("%s %s holds %q, want %s", node, lane, got, want)
		}
	}
}

func has(t *testing.T, h *host.Host, node route.NodeURI, lane route.LaneName, want string) {
	t.Helper()
	if got := state(h, node, lane); got != want {
		t.Errorf("%s %s holds %q, want %q", node, lane, got, want)
	}
}

func TestCopy(t *testing.T) {
	leaktest.Check(t)
	s := newSite(t, "", "127.0.0.1:0")
	defer s.stop(t)
	o := newOutpost(t, "a", s.url())
	defer o.stop(t)

	wait(t, s.Host, "/edge/a", "status", "state:connected", "complete:true", "from:")
	wait(t, s.Host, "/edge/a/room/a", "level", "1")
	wait(t, s.Host, "/edge/a/room/a", "notes", "@update(key:milk) one")
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:live", `of:"/edge/a"`)
	wait(t, o.Host, "/uplink/hub", "status", "state:connected", s.url())

	o.set(t, func() { o.level.Set(2); o.notes.Set("salt", "two"); o.notes.Remove("milk") })
	wait(t, s.Host, "/edge/a/room/a", "level", "2")
	becomes(t, s.Host, "/edge/a/room/a", "notes", "@update(key:salt) two")

	o.set(t, func() { o.notes.Clear(); o.notes.Set("egg", "six") })
	becomes(t, s.Host, "/edge/a/room/a", "notes", "@update(key:egg) six")

	for _, lane := range []route.LaneName{"secret", "go"} {
		has(t, s.Host, "/edge/a/room/a", lane, "")
	}
	if err := s.Do(t.Context(), "/edge/a/room/a", "level", []byte("9")); err == nil {
		t.Error("a copy was set at the hub")
	}
	wait(t, s.Host, "/edge", "edges", `@update(key:"/edge/a"){name:a}`)

	// A lane made while the connection stands.
	_, err := o.Add("/room/late", host.Agents, agent.NewKind("room", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "level", 5)
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	wait(t, s.Host, "/edge/a/room/late", "level", "5")
}

// What happened while the hub was away is there when it is back, and nothing is told twice.
func TestHubAway(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	s := newSite(t, dir, "127.0.0.1:0")
	address := s.web.Addr().String()
	o := newOutpost(t, "a", s.url())
	defer o.stop(t)
	o.set(t, func() { o.notes.Set("salt", "two") })
	wait(t, s.Host, "/edge/a/room/a", "notes", "milk", "salt")
	wait(t, s.Host, "/edge/a", "status", "complete")
	s.stop(t)
	wait(t, o.Host, "/uplink/hub", "status", "state:lost", "lastError")

	o.set(t, func() { o.level.Set(2); o.notes.Remove("milk"); o.notes.Set("egg", "six") })
	s = newSite(t, dir, address)
	defer s.stop(t)
	wait(t, s.Host, "/edge/a/room/a", "level", "2")
	wait(t, s.Host, "/edge/a", "status", "complete")
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:live")
	wait(t, s.Host, "/edge/a/room/a", "notes", "egg")
	if _, err := s.Read(t.Context(), "/edge/a/room/a", "mirror"); err != nil { // all its mail has had its turn
		t.Fatal(err)
	}
	has(t, s.Host, "/edge/a/room/a", "notes", "@update(key:egg) six @update(key:salt) two")
}

func TestEdgeAway(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	s := newSite(t, dir, "127.0.0.1:0")
	o := newOutpost(t, "a", s.url())
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:live")
	wait(t, s.Host, "/edge/a", "status", "complete")
	o.stop(t)
	wait(t, s.Host, "/edge/a", "status", "state:away")
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:stale")
	has(t, s.Host, "/edge/a/room/a", "level", "1")
	s.stop(t)

	s = newSite(t, dir, "127.0.0.1:0")
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:stale")
	wait(t, s.Host, "/edge/a", "status", "state:away")
	has(t, s.Host, "/edge/a/room/a", "level", "1")
	has(t, s.Host, "/edge/a/room/a", "notes", "@update(key:milk) one")
	o = newOutpost(t, "a", s.url())
	wait(t, s.Host, "/edge/a/room/a", "mirror", "state:live")
	o.stop(t)
	s.stop(t)
}

// dial connects as an edge may that is not ours.
func dial(t *testing.T, s *site) *peer.Conn {
	t.Helper()
	c, err := peer.Dial(t.Context(), s.url(), peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(1000, "") })
	return c
}

func tell(t *testing.T, c *peer.Conn, node, lane, body string) {
	t.Helper()
	if err := c.Command(node, lane, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// A connection that has not said so speaks for no edge; one that has closes the one before.
func TestWhoSpeaks(t *testing.T) {
	leaktest.Check(t)
	s := newSite(t, "", "127.0.0.1:0")
	defer s.stop(t)
	tell := func(c *peer.Conn, node, lane, body string) { t.Helper(); tell(t, c, node, lane, body) }
	first := dial(t, s)
	tell(first, "/edge/b", "hello", "@hello(name:b)")
	tell(first, "/edge/b/x", "mirror", "@lane(name:t,kind:value)")
	tell(first, "/edge/b/x", "t", "1")
	wait(t, s.Host, "/edge/b/x", "t", "1")

	stranger := dial(t, s)
	tell(stranger, "/edge/b/x", "mirror", "@lane(name:u,kind:value)")
	tell(stranger, "/edge/b/x", "t", "2")
	tell(stranger, "/edge/c/x", "mirror", "@lane(name:t,kind:value)")
	tell(stranger, "/edge/b", "hello", "nonsense")
	tell(stranger, "/edge/c", "hello", "@hello(name:c)")
	wait(t, s.Host, "/edge/c", "status", "connected") // everything before it was taken
	has(t, s.Host, "/edge/b/x", "t", "1")
	has(t, s.Host, "/edge/b/x", "u", "")
	has(t, s.Host, "/edge/c/x", "t", "")

	second := dial(t, s)
	tell(second, "/edge/b", "hello", "@hello(name:b)")
	if err := first.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "another connection speaks for /edge/b") {
		t.Errorf("the first connection ended with %v", err)
	}
	wait(t, s.Host, "/edge/b/x", "mirror", "stale")
	tell(second, "/edge/b/x", "mirror", "@lane(name:t,kind:value)")
	tell(second, "/edge/b/x", "t", "3")
	wait(t, s.Host, "/edge/b/x", "t", "3")
	wait(t, s.Host, "/edge/b/x", "mirror", "stale") // more may be to come
	tell(second, "/edge/b/x", "mirror", "@synced(name:t)")
	wait(t, s.Host, "/edge/b/x", "mirror", "live")
	wait(t, s.Host, "/edge/b/x", "t", "3")
	if got := state(s.Host, "/edge/b", "status"); !strings.Contains(got, "connected") {
		t.Errorf("/edge/b status = %s, want connected", got)
	}
}

// What an edge cannot be right about is refused, and harms nothing else of it.
func TestBadMirror(t *testing.T) {
	leaktest.Check(t)
	s := newSite(t, "", "127.0.0.1:0")
	defer s.stop(t)
	c := dial(t, s)
	tell := func(node, lane, body string) { t.Helper(); tell(t, c, node, lane, body) }
	tell("/edge/a", "hello", "@hello(name:a)")
	for _, body := range []string{"", "1", "@lane", "@lane(name:t)", "@lane(name:t,kind:command)", "@lane(kind:value)", "@lane(name:mirror,kind:value)", "@synced(name:none)", "@lane(name:" + strings.Repeat("n", 256) + ",kind:value)"} {
		tell("/edge/a/x", "mirror", body)
	}
	tell("/edge/a/x", "undeclared", "1")
	tell("/edge/a/x", "mirror", "@lane(name:m,kind:map)")
	tell("/edge/a/x", "m", "5")
	tell("/edge/a/x", "m", "@update(key:1)2")
	tell("/edge/a/x", "mirror", "@synced(name:m)")
	tell("/edge/a/x", "mirror", "@lane(name:m,kind:value)")
	for i := range 1001 {
		tell("/edge/a/x", "mirror", fmt.Sprintf("@lane(name:l%d,kind:value)", i))
	}
	tell("/edge/a/x", "l5", "5")
	wait(t, s.Host, "/edge/a/x", "l5", "5")
	has(t, s.Host, "/edge/a/x", "m", "@update(key:1) 2")
	a, _ := s.Node("/edge/a/x")
	if n := len(a.Lanes()); n != 1001 {
		t.Errorf("%d lanes, want 1000 and the lane mirror", n)
	}
	var codes []string
	for _, c := range s.Health.Active() {
		codes = append(codes, c.Code)
	}
	if got := strings.Join(codes, " "); !strings.Contains(got, "hub.full") || !strings.Contains(got, "lane./edge/a/x.m") {
		t.Errorf("conditions %s", got)
	}
	tell("/edge/a/x", "mirror", "@lane(name:m,kind:map)")
	tell("/edge/a/x", "m", "@update(key:2)3")
	tell("/edge/a/x", "mirror", "@synced(name:m)")
	becomes(t, s.Host, "/edge/a/x", "m", "@update(key:2) 3")
	for _, c := range s.Health.Active() {
		if c.Code == "lane./edge/a/x.m" {
			t.Errorf("declared as what it is, there still is %s", c.Text)
		}
	}
}

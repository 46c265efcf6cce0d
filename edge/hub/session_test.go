package hub

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/store"
)

// A bench is an edge without connections: a test begins its sessions and takes what they bring.
type bench struct {
	*edge
	t *testing.T
}

func newBench(t *testing.T, s *store.Store) *bench {
	t.Helper()
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: s})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	hub, err := New(h, "/edge")
	if err != nil {
		t.Fatal(err)
	}
	e, err := hub.edge("/edge/a")
	if err != nil {
		t.Fatal(err)
	}
	return &bench{e, t}
}

func (b *bench) begin() (session uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next(Status{State: Connected})
	return b.session
}

func (b *bench) tell(session uint64, lane route.LaneName, body string) {
	b.t.Helper()
	if err := b.take(b.t.Context(), session, "/edge/a/x", lane, []byte(body)); err != nil {
		b.t.Fatal(err)
	}
}

// holds compares what a lane of the mirror holds after all that was sent to it.
func (b *bench) holds(lane route.LaneName, want string) {
	b.t.Helper()
	s, err := b.hub.host.Read(b.t.Context(), "/edge/a/x", lane)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, body := range s.Events {
		v, err := recon.Parse(body)
		if err != nil {
			b.t.Fatal(err)
		}
		if lane == "mirror" {
			v = v.Get("state")
		}
		all = append(all, v.String())
	}
	if got := strings.Join(all, " "); got != want {
		b.t.Errorf("%s is %s, want %s", lane, got, want)
	}
}

// What was read from a connection whose successor has begun comes too late, to a mirror that is
// there and to one that it makes.
func TestLateCommands(t *testing.T) {
	b := newBench(t, nil)
	old := b.begin()
	b.tell(old, "mirror", "@lane(name:v,kind:value)")
	b.tell(old, "v", "1")
	b.tell(old, "mirror", "@synced(name:v)")
	b.holds("mirror", "live")
	now := b.begin()
	b.holds("mirror", "stale")
	b.tell(now, "mirror", "@lane(name:v,kind:value)")
	b.tell(now, "v", "2")
	b.tell(now, "mirror", "@synced(name:v)")
	b.tell(old, "v", "1")
	b.holds("v", "2")
	b.holds("mirror", "live")
	b.begin()
	b.tell(old, "mirror", "@lane(name:v,kind:value)")
	b.tell(old, "mirror", "@synced(name:v)")
	b.shown(old)
	b.holds("mirror", "stale")
	if err := b.take(t.Context(), old, "/edge/a/y", "mirror", []byte("@lane(name:v,kind:value)")); err != nil {
		t.Fatal(err)
	}
	if s, err := b.hub.host.Read(t.Context(), "/edge/a/y", "v"); err == nil {
		t.Errorf("a late command made a lane that holds %s", s.Events)
	}
}

// A mirror is live once all of its lanes have been shown; lanes that the edge sends no more are named.
func TestLiveAndMissing(t *testing.T) {
	b := newBench(t, nil)
	first := b.begin()
	for _, lane := range []string{"v", "w"} {
		b.tell(first, "mirror", "@lane(name:"+lane+",kind:value)")
		b.tell(first, route.LaneName(lane), "1")
		b.tell(first, "mirror", "@synced(name:"+lane+")")
	}
	second := b.begin()
	b.tell(second, "mirror", "@lane(name:v,kind:value)")
	b.tell(second, "v", "2")
	b.tell(second, "mirror", "@synced(name:v)")
	b.holds("mirror", "stale") // w may still come
	b.shown(second)
	b.holds("mirror", "live")
	s, err := b.hub.host.Read(t.Context(), "/edge/a/x", "mirror")
	if err != nil || !strings.Contains(string(s.Events[0]), "missing:{w}") {
		t.Errorf("mirror is %s, %v; want the lane w missing", s.Events, err)
	}
	b.holds("w", "1")
}

// A mirror that panics while a map is shown removes what is gone all the same.
func TestRestartInSync(t *testing.T) {
	b := newBench(t, nil)
	s := b.begin()
	b.tell(s, "mirror", "@lane(name:m,kind:map)")
	b.tell(s, "m", "@update(key:old) 1")
	b.tell(s, "m", "@update(key:kept) 1")
	b.tell(s, "mirror", "@synced(name:m)")
	b.tell(s, "mirror", "@lane(name:m,kind:map)")
	b.tell(s, "m", "@update(key:kept) 1")
	ended := make(chan error, 1)
	if err := b.mirrors["/edge/a/x"].turns.Post(t.Context(), func() { panic("in the middle") }, func(err error) { ended <- err }); err != nil {
		t.Fatal(err)
	}
	<-ended
	b.tell(s, "mirror", "@synced(name:m)")
	b.holds("m", "@update(key:kept) 1")
	b.holds("mirror", "live")
}

// A mirror that takes nothing is given up on, and the edge's other agents go on.
func TestStuckMirror(t *testing.T) {
	dir := t.TempDir()
	kept, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	kept.Lane("/edge/a/x", "v", "join") // as a later version may store it: the mirror cannot start
	if err := kept.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, kept)
	s := b.begin()
	for err == nil {
		err = b.take(t.Context(), s, "/edge/a/x", "v", make([]byte, 10_000))
	}
	if err := b.take(t.Context(), s, "/edge/a/y", "mirror", []byte("@lane(name:v,kind:value)")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.hub.host.Read(t.Context(), "/edge/a/y", "v"); err != nil {
		t.Error(err)
	}
	var codes []string
	for _, c := range b.hub.host.Health.Active() {
		codes = append(codes, c.Code)
	}
	if got := strings.Join(codes, " "); !strings.Contains(got, "mirror./edge/a/x") {
		t.Errorf("conditions %s, want one for the mirror", got)
	}
	b.begin() // does not wait for it either
}

// An edge that sends more than its share keeps what is here, and gets room again by sending less.
func TestShare(t *testing.T) {
	b := newBench(t, nil)
	s := b.begin()
	b.tell(s, "mirror", "@lane(name:m,kind:map)")
	b.tell(s, "mirror", "@synced(name:m)")
	entry := strings.Repeat("x", 1<<20)
	for i := range 18 {
		b.tell(s, "m", fmt.Sprintf("@update(key:%d) %s", i, entry))
	}
	count := func(want int) {
		t.Helper()
		st, err := b.hub.host.Read(t.Context(), "/edge/a/x", "m")
		if err != nil || len(st.Events) != want {
			t.Errorf("the copy has %d entries, %v; want %d", len(st.Events), err, want)
		}
	}
	count(15)
	if c := b.hub.host.Health.Active(); !slices.ContainsFunc(c, func(c health.Condition) bool { return c.Code == fullCode }) {
		t.Errorf("conditions %v, want %s", c, fullCode)
	}
	b.tell(s, "m", "@update(key:3) small")
	b.tell(s, "m", "@remove(key:4)")
	b.tell(s, "m", "@update(key:20) "+entry)
	b.tell(s, "m", "@update(key:21) "+entry)
	b.tell(s, "m", "@update(key:22) "+entry)
	count(16)
	b.tell(s, "m", "@clear")
	count(0)
	if n := b.bytes.Load(); n != 0 {
		t.Errorf("nothing is left, and counts as %d bytes", n)
	}
}

// An edge cannot give a lane the name of a history, which is for that of its own copy here.
func TestNoLaneNamedHistory(t *testing.T) {
	b := newBench(t, nil)
	s := b.begin()
	b.tell(s, "mirror", "@lane(name:v,kind:value)")
	b.tell(s, "mirror", `@lane(name:"v/history",kind:map)`)
	b.tell(s, "v", "1")
	b.tell(s, "mirror", "@synced(name:v)")
	b.holds("mirror", "live")
	if n := b.hub.host.Health.Count("mirror.refused"); n != 1 {
		t.Errorf("%d lanes were refused, want 1", n)
	}
}

package peer_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// tape is a Follower that notes what comes, and when. While gate is not nil it takes no event, and so
// nothing more is read from its connection.
type tape struct {
	begin time.Time

	mu    sync.Mutex
	heard []string
	at    []time.Duration
	gate  chan struct{}
}

func newTape() *tape { return &tape{begin: time.Now()} }

func (r *tape) note(s string) {
	r.mu.Lock()
	gate := r.gate
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, s)
	r.at = append(r.at, time.Since(r.begin))
}

func (r *tape) Event(body []byte) { r.note(string(body)) }
func (r *tape) Synced()           { r.note("synced") }
func (r *tape) Ended(err error)   { r.note("ended") }

// deaf makes the tape take nothing until the next call of hear.
func (r *tape) deaf() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{})
}

func (r *tape) hear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.gate)
	r.gate = nil
}

// all returns what was noted since the last call, and when, after everything has settled.
func (r *tape) all() (heard []string, at []time.Duration) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	heard, at, r.heard, r.at = r.heard, r.at, nil, nil
	return heard, at
}

func (m *inMemory) connect(t *testing.T) *peer.Conn {
	t.Helper()
	c, err := m.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(websocket.CloseNormalClosure, "") })
	return c
}

func linkBy(t *testing.T, c *peer.Conn, node, lane string, o peer.LinkOptions, to peer.Follower) *peer.Downlink {
	t.Helper()
	d, err := c.Link(node, lane, o, to)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return d
}

func (m *inMemory) do(t *testing.T, node, lane, body string) {
	t.Helper()
	if err := m.Do(context.Background(), route.NodeURI(node), route.LaneName(lane), []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// Who has waited behind a reader that took nothing goes out by prio, not by when it came.
func TestPrio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		c := m.connect(t)
		gate, rest := newTape(), newTape()
		linkBy(t, c, "/unit/gate", "value", peer.LinkOptions{}, gate)
		prios := map[string]float64{"a": 0, "b": 0.5, "c": 1, "d": 0, "e": 0.5, "f": 1}
		for node, prio := range prios {
			linkBy(t, c, "/unit/"+node, "value", peer.LinkOptions{Prio: prio}, rest)
		}
		linkBy(t, c, "/unit/plug", "value", peer.LinkOptions{}, rest)
		gate.deaf()
		m.do(t, "/unit/gate", "value", "0")
		synctest.Wait()
		for _, node := range []string{"plug", "a", "b", "c", "d", "e", "f"} {
			m.do(t, "/unit/"+node, "value", node)
			synctest.Wait() // the first is in the write that nobody takes
		}
		gate.hear()
		if heard, _ := rest.all(); !slices.Equal(heard, strings.Fields("plug c f b e a d")) {
			t.Errorf("events came in the order %v", heard)
		}
	})
}

func TestRateOfValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		slow, all := newTape(), newTape()
		linkBy(t, m.connect(t), "/unit/1", "value", peer.LinkOptions{Rate: 2}, slow)
		linkBy(t, m.connect(t), "/unit/1", "value", peer.LinkOptions{}, all)
		const n = 1000
		for i := range n {
			m.do(t, "/unit/1", "value", strconv.Itoa(i))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if heard, _ := all.all(); len(heard) != n {
			t.Errorf("a link without a rate had %d of %d events", len(heard), n)
		}
		heard, at := slow.all()
		if len(heard) != 21 || heard[20] != strconv.Itoa(n-1) {
			t.Fatalf("in 10 s came %v, want 21 values and the last of them", heard)
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap != 500*time.Millisecond {
				t.Errorf("event %d came %v after the one before it", i, gap)
			}
			if v, _ := strconv.Atoi(heard[i]); i < 20 && time.Duration(v)*10*time.Millisecond < at[i]-20*time.Millisecond {
				t.Errorf("event %d is %s, which was not the newest", i, heard[i])
			}
		}
	})
}

// A sync is not held up by the rate, changes after it are; of each key the newest comes.
func TestRateOfMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		for i := range 100 {
			m.do(t, "/unit/1", "map", fmt.Sprintf("@update(key:%d) 0", i))
		}
		r := newTape()
		d := linkBy(t, m.connect(t), "/unit/1", "map", peer.LinkOptions{KeepSynced: true, Rate: 0.1}, r)
		if heard, at := r.all(); len(heard) != 101 || heard[100] != "synced" || at[100] != 0 {
			t.Fatalf("the sync brought %d events by %v", len(heard), at)
		}
		for i := 1; i <= 50; i++ {
			for key := range 3 {
				m.do(t, "/unit/1", "map", fmt.Sprintf("@update(key:%d) %d", key, i))
				synctest.Wait()
			}
		}
		time.Sleep(time.Minute)
		heard, at := r.all()
		if want := []string{"@update(key:0) 1", "@update(key:0) 50", "@update(key:1) 50", "@update(key:2) 50"}; !slices.Equal(slices.Sorted(slices.Values(heard)), want) {
			t.Errorf("heard %q, want in some order %q", heard, want)
		}
		for i := range at {
			if want := time.Duration(i) * 10 * time.Second; at[i].Round(time.Millisecond) != want {
				t.Errorf("event %d came at %v, want %v", i, at[i], want)
			}
		}

		// Another sync, in the middle of a wait, brings all there is at once.
		m.do(t, "/unit/1", "map", "@update(key:0) 51")
		synctest.Wait()
		m.do(t, "/unit/1", "map", "@update(key:1) 51")
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
		if heard, _ := r.all(); len(heard) != 102 || !slices.Contains(heard, "@update(key:1) 51") {
			t.Errorf("the second sync brought %d events", len(heard))
		}
	})
}

// A link's next request may change its rate; its end does not wait for a tick.
func TestRateChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		r := newTape()
		d := linkBy(t, m.connect(t), "/unit/1", "echo", peer.LinkOptions{Rate: 1}, r)
		echo := func() {
			for i := range 10 {
				m.do(t, "/unit/1", "echo", strconv.Itoa(i))
			}
		}
		want := func(n int) {
			t.Helper()
			if heard, _ := r.all(); len(heard) != n {
				t.Errorf("heard %q, want %d events", heard, n)
			}
		}
		echo()
		want(1)
		time.Sleep(3*time.Second + time.Millisecond)
		want(3)
		d.Grade(0, 0)
		want(6)
		echo()
		want(10)
		d.Grade(0, 4)
		echo()
		want(1)
		time.Sleep(time.Second + time.Millisecond)
		want(4)
		d.Grade(0, 1e-45)
		want(1)
		time.Sleep(10 * time.Hour)
		want(0)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		want(1) // that it has ended
	})
}

// No rate is too odd.
func TestRatesOnTheWire(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	for _, rate := range []string{"-1", "NaN", "Infinity", `"-Infinity"`, "0", "1e-300", "1e300", "1000000", "-1e-40"} {
		c.send(`@link(node:"/unit/1",lane:echo,rate:` + rate + `)`)
		if got := c.next(); !strings.HasPrefix(got, `@linked(node:"/unit/1",lane:echo`) {
			t.Errorf("rate %s: %s", rate, got)
		}
		for i := range 3 {
			c.send(fmt.Sprintf(`@command(node:"/unit/1",lane:echo) %d`, i))
			c.expect(fmt.Sprintf(`@event(node:"/unit/1",lane:echo) %d`, i))
		}
	}
}

// Both ends ping, and neither is ever so busy with that that it does not listen: over a pipe, which
// holds nothing, they would wait for each other.
func TestPingsCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		c := m.connect(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := c.Context().Err(); err != nil {
			t.Fatal("the connection has ended")
		}
		r := newTape()
		linkBy(t, c, "/unit/1", "count", peer.LinkOptions{KeepSynced: true}, r)
		if heard, _ := r.all(); !slices.Equal(heard, []string{"0", "synced"}) {
			t.Errorf("after an hour a sync brings %q", heard)
		}
	})
}

// What a lane dropped because its reader lagged is reported, all of it and not too often.
func TestDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Time
		total := 0
		m := newInMemory(t, 200, peer.Options{Dropped: func(l *peer.Link, n uint64) {
			if l.Node() != "/unit/1" || l.Lane() != "echo" || l.Conn().Context() == nil {
				t.Errorf("a report about %s %s", l.Node(), l.Lane())
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Now())
			total += int(n)
		}}, unit)
		quick, slow := newTape(), newTape()
		linkBy(t, m.connect(t), "/unit/1", "echo", peer.LinkOptions{}, quick)
		linkBy(t, m.connect(t), "/unit/1", "echo", peer.LinkOptions{}, slow)
		sent := 0
		for range 20 {
			slow.deaf()
			for range 300 {
				m.do(t, "/unit/1", "echo", strconv.Itoa(sent))
				sent++
				synctest.Wait()
			}
			slow.hear()
			time.Sleep(110 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if heard, _ := quick.all(); len(heard) != sent {
			t.Errorf("the quick reader had %d of %d events", len(heard), sent)
		}
		heard, _ := slow.all()
		mu.Lock()
		defer mu.Unlock()
		if total+len(heard) != sent || total < sent/2 {
			t.Errorf("of %d events the slow reader had %d, and %d were reported", sent, len(heard), total)
		}
		if len(times) < 3 || len(times) > 4 {
			t.Errorf("%d reports in 2.2 s", len(times))
		}
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < time.Second {
				t.Errorf("a report %v after the last", gap)
			}
		}
	})
}

// changing is an agent whose command lane changes all its lanes.
func changing(a *agent.Agent) {
	value := agent.Value(a, "value", recon.Value{})
	entries := agent.Map[int, recon.Value](a, "map")
	list := agent.List[recon.Value](a, "list")
	n := 0
	agent.Command(a, "go", func(v recon.Value) error {
		value.Set(v)
		entries.Set(n%10, v)
		if n < 10 {
			list.Append(v)
		} else {
			list.Set(n%10, v)
		}
		n++
		return nil
	})
}

// eachEvent is a Follower that keeps nothing.
type eachEvent func(body string)

func (f eachEvent) Event(body []byte) { f(string(body)) }
func (eachEvent) Synced()             {}
func (eachEvent) Ended(error)         {}

// numberOf reads the n of what numbered made.
func numberOf(t *testing.T, body string) int {
	_, rest, _ := strings.Cut(body, "{")
	digits, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Errorf("event %s", body)
	}
	return n
}

func numbered(n int) string { return fmt.Sprintf("{%d,%s}", n, strings.Repeat("x", 300)) }

// A connection that takes nothing for an hour costs a bounded number of bytes, and another on the same
// lanes has every event as if it were alone. Then it is told what it needs to know, and what it missed
// is reported.
func TestDeafForAnHour(t *testing.T) {
	const (
		rounds   = 3600
		perRound = 7       // of four lanes each: 100,800 changes, 8 MB a lane
		most     = 8 << 20 // bytes; 1.3 MB measured, of which 1 MiB is the bound of the command lane's log
	)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		dropped := 0
		m := newInMemory(t, 0, peer.Options{Dropped: func(_ *peer.Link, n uint64) {
			mu.Lock()
			defer mu.Unlock()
			dropped += int(n)
		}}, changing)

		lanes := []string{"go", "value", "map", "list"}
		healthy, deaf := m.connect(t), m.connect(t)
		last, lastDeaf := map[string]int{}, map[string]int{}
		inOrder := 0
		events := map[string]int{}
		gate := newTape()
		for _, lane := range lanes {
			linkBy(t, healthy, "/unit/1", lane, peer.LinkOptions{}, eachEvent(func(body string) {
				n := numberOf(t, body)
				if lane == "go" && n == last[lane]+1 {
					inOrder++
				}
				last[lane] = n
			}))
			linkBy(t, deaf, "/unit/1", lane, peer.LinkOptions{}, eachEvent(func(body string) {
				events[lane]++
				if body != "@clear" {
					lastDeaf[lane] = numberOf(t, body)
				}
			}))
		}
		linkBy(t, deaf, "/unit/gate", "value", peer.LinkOptions{}, gate)
		gate.deaf()
		m.do(t, "/unit/gate", "value", "{0,0}")

		heap := func() int64 {
			runtime.GC()
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			return int64(s.HeapAlloc)
		}
		before, grown := heap(), int64(0)
		n := 0
		for round := range rounds {
			for range perRound {
				n++
				m.do(t, "/unit/1", "go", numbered(n))
			}
			synctest.Wait()
			if inOrder != n || last["value"] != n || last["map"] != n || last["list"] != n {
				t.Fatalf("after %d changes the healthy reader has %d commands in order, and of the others %v", n, inOrder, last)
			}
			if round%300 == 299 {
				grown = max(grown, heap()-before)
			}
			time.Sleep(time.Second)
		}
		t.Logf("%d changes: the heap grew by %d kB at most", 4*n, grown>>10)
		if grown > most {
			t.Errorf("the heap grew by %d bytes, want %d at most", grown, most)
		}
		if total := sum(events); total > 0 {
			t.Errorf("who took nothing had %d events", total)
		}

		gate.hear()
		synctest.Wait()
		for _, lane := range lanes {
			if lastDeaf[lane] != n {
				t.Errorf("%s: the last that the deaf reader hears of is %d of %d", lane, lastDeaf[lane], n)
			}
		}
		t.Logf("then it was told in %v events", events)
		mu.Lock()
		defer mu.Unlock()
		if events["go"]+dropped != n || events["value"] > 4 || events["map"] > 30 {
			t.Errorf("it was told in %v events, and %d are reported to be dropped, of %d", events, dropped, n)
		}
	})
}

func sum(of map[string]int) (total int) {
	for _, n := range of {
		total += n
	}
	return total
}

package peer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/leaktest"
	"selvage/edge/peer"
)

// ear is a Listener that notes what it is told.
type ear struct {
	mu    sync.Mutex
	heard []string
	news  chan struct{}
}

func newEar() *ear { return &ear{news: make(chan struct{}, 1)} }

func (e *ear) note(s string) {
	e.mu.Lock()
	e.heard = append(e.heard, s)
	e.mu.Unlock()
	select {
	case e.news <- struct{}{}:
	default:
	}
}

func (e *ear) Event(body []byte) { e.note(string(body)) }
func (e *ear) Synced()           { e.note("synced") }
func (e *ear) Lost(error)        { e.note("lost") }
func (e *ear) Ended(err error)   { e.note("ended: " + err.Error()) }

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// wait waits until as much has been heard, and compares it.
func (e *ear) wait(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for len(e.all()) < len(want) {
		select {
		case <-e.news:
		case <-deadline:
			t.Fatalf("heard %q, want %q", e.all(), want)
		}
	}
	if got := e.all(); !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// last waits for a last event; when the sync that it may be part of ends is not looked at.
func (e *ear) last(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		events := slices.DeleteFunc(e.all(), func(s string) bool { return s == "synced" })
		if len(events) > 0 && events[len(events)-1] == want {
			return
		}
		select {
		case <-e.news:
		case <-deadline:
			t.Fatalf("heard %q, want %s at last", e.all(), want)
		}
	}
}

func newClient(t *testing.T, o peer.ClientOptions) *peer.Client {
	t.Helper()
	c, err := peer.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func followBy(t *testing.T, c *peer.Client, node, lane string, e *ear) *peer.ClientLink {
	t.Helper()
	l, err := c.Follow(node, lane, true, e)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestClient(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := newClient(t, peer.ClientOptions{Host: s.url})
	count, nobody := newEar(), newEar()
	l := followBy(t, c, "/unit/1", "count", count)
	followBy(t, c, "/nobody", "x", nobody)
	count.wait(t, "0", "synced")
	nobody.wait(t, "ended: there is no agent /nobody")
	if err := c.Command("/unit/1", "count", []byte("5")); err != nil {
		t.Fatal(err)
	}
	count.wait(t, "0", "synced", "5")
	if st := c.Status(); st.State != peer.Connected || st.Links != 1 || st.Waiting != 0 {
		t.Errorf("Status() = %+v", st)
	}
	if _, err := c.Follow("/unit/1", "count", true, newEar()); err == nil {
		t.Error("a lane was followed twice")
	}

	// The same lane again, before the host has agreed to the end of the link.
	l.Close()
	l.Close()
	again := newEar()
	followBy(t, c, "/unit/1", "count", again)
	again.wait(t, "5", "synced")

	// A link that was refused may be asked for again.
	nobody = newEar()
	followBy(t, c, "/nobody", "x", nobody)
	nobody.wait(t, "ended: there is no agent /nobody")

	s.mu.Lock()
	conns := slices.Clone(s.conns)
	s.mu.Unlock()
	if len(conns) != 1 {
		t.Errorf("%d connections, want one", len(conns))
	}
	conns[0].Close(1001, "over")
	again.wait(t, "5", "synced", "lost")
	if err := c.Command("/unit/1", "count", []byte("6")); err != nil { // for which it need not wait long
		t.Fatal(err)
	}
	again.last(t, "6")
	if heard := count.all(); len(heard) != 3 {
		t.Errorf("a closed link heard %q", heard)
	}

	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Command("/unit/1", "count", nil); !errors.Is(err, peer.ErrClientClosed) {
		t.Errorf("a command after Close: %v", err)
	}
	if _, err := c.Follow("/unit/1", "value", true, again); !errors.Is(err, peer.ErrClientClosed) {
		t.Errorf("a link after Close: %v", err)
	}
}

// Authentication comes first, then the links, then what has waited, in order.
func TestClientBegins(t *testing.T) {
	s := serve(t, peer.Options{Policy: guard{}}, unit)
	c := newClient(t, peer.ClientOptions{Host: s.url, Claims: []byte("{token:good}")})
	var mu sync.Mutex
	reachable := false
	c.SetDial(func(ctx context.Context) (*peer.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if !reachable {
			return nil, errors.New("away")
		}
		return peer.Dial(ctx, s.url, peer.Options{})
	})
	var want []string
	for i := range 100 {
		if err := c.Command("/unit/1", "value", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i))
		if err := c.Command("/unit/1", "echo", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	echo, count := newEar(), newEar()
	followBy(t, c, "/unit/1", "echo", echo)
	followBy(t, c, "/unit/1", "count", count) // only for who has authenticated
	mu.Lock()
	reachable = true
	mu.Unlock()
	count.wait(t, "0", "synced")
	echo.last(t, "99")
	got := slices.DeleteFunc(echo.all(), func(s string) bool { return s == "synced" })
	if !slices.Equal(got, want) { // an echo comes down a link, so that was asked for before
		t.Errorf("heard %q, want %q", got, want)
	}
	if st := c.Status(); st.Waiting != 0 || st.Dropped != 0 {
		t.Errorf("Status() = %+v", st)
	}
}

func TestClientBounds(t *testing.T) {
	leaktest.Check(t)
	c := newClient(t, peer.ClientOptions{Host: "warp://127.0.0.1:1"})
	c.SetDial(func(ctx context.Context) (*peer.Conn, error) { return nil, errors.New("away") })
	for range peer.MaxWaiting {
		if err := c.Command("/a", "b", []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Command("/a", "b", []byte("1")); !errors.Is(err, peer.ErrBufferFull) {
		t.Errorf("one too many: %v", err)
	}
	if st := c.Status(); st.Waiting != peer.MaxWaiting || st.Dropped != 1 {
		t.Errorf("Status() = %+v", st)
	}
	if err := c.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "1024") {
		t.Errorf("Close, with commands that wait: %v", err)
	}
	if st := c.Status(); st.State != peer.Idle || st.Waiting != 0 || st.Dropped != peer.MaxWaiting+1 {
		t.Errorf("Status() = %+v", st)
	}

	c = newClient(t, peer.ClientOptions{Host: "warp://127.0.0.1:1"})
	c.SetDial(func(ctx context.Context) (*peer.Conn, error) { <-ctx.Done(); return nil, ctx.Err() })
	large := []byte(`"` + strings.Repeat("x", 600<<10) + `"`)
	if err := c.Command("/a", "b", append(large, large...)); err != nil {
		t.Errorf("one that is larger than the bound: %v", err)
	}
	if err := c.Command("/a", "b", []byte("1")); !errors.Is(err, peer.ErrBufferFull) {
		t.Errorf("one byte too many: %v", err)
	}
	for _, bad := range []string{"/a b", "http://x y/"} {
		if err := c.Command(bad, "b", nil); err == nil || errors.Is(err, peer.ErrBufferFull) {
			t.Errorf("command to %q: %v", bad, err)
		}
	}
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(soon); err == nil {
		t.Error("Close was silent on a command that waits")
	}
	if _, err := peer.NewClient(peer.ClientOptions{Host: "ftp://x"}); err == nil {
		t.Error("ftp is no WARP host")
	}
}

func TestClientBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, peer.ClientOptions{Host: "warp://test"})
		began := time.Now()
		var tries []time.Duration
		c.SetDial(func(context.Context) (*peer.Conn, error) {
			tries = append(tries, time.Since(began))
			return nil, errors.New("away")
		})
		time.Sleep(time.Hour)
		if len(tries) != 0 {
			t.Fatal("it connected though nobody needed it")
		}
		began = time.Now()
		l := followBy(t, c, "/a", "b", newEar())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for i, want := range []time.Duration{1000, 1800, 3240, 5832, 10000, 10000, 10000} {
			want *= time.Millisecond
			if got := tries[i+1] - tries[i]; got < want/2 || got > want*3/2 {
				t.Errorf("pause %d was %v, want %v, a half more or less", i, got, want)
			}
		}
		if st := c.Status(); st.State != peer.Connecting || st.Err == nil {
			t.Errorf("Status() = %+v", st)
		}

		// A command does not wait for the pause to end, though many of them make no storm.
		time.Sleep(time.Until(began.Add(tries[len(tries)-1] + 5*time.Second)))
		n := len(tries)
		for range 100 {
			c.Command("/a", "b", nil)
		}
		synctest.Wait()
		if len(tries) != n+1 {
			t.Errorf("%d tries for a command, want 1", len(tries)-n)
		}
		// However many come, every second pause is kept.
		for range 600 {
			c.Command("/a", "b", nil)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		hasty := 0
		for i := n + 1; i < len(tries); i++ {
			switch pause := tries[i] - tries[i-1]; {
			case pause < peer.Hasty:
				t.Errorf("two tries within %v", pause)
			case pause < 5*time.Second:
				hasty++
			}
			if two := tries[i] - tries[i-2]; two < 5*time.Second {
				t.Errorf("three tries within %v", two)
			}
		}
		if hasty < 20 {
			t.Errorf("of %d pauses the commands ended %d", len(tries)-n, hasty)
		}

		l.Close()
		if err := c.Close(t.Context()); err == nil {
			t.Error("commands were dropped without a word")
		}
	})
}

func TestClientHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		c := newClient(t, peer.ClientOptions{Host: "warp://test"})
		c.SetDial(m.dial)
		want := func(when string, open, all int, state peer.State) {
			t.Helper()
			synctest.Wait()
			if o, n := m.open(); o != open || n != all || c.Status().State != state {
				t.Errorf("%s: %d of %d connections open, %s, want %d of %d, %s", when, o, n, c.Status().State, open, all, state)
			}
		}
		want("at first", 0, 0, peer.Idle)
		e := newEar()
		l := followBy(t, c, "/unit/1", "value", e)
		time.Sleep(10 * peer.IdleTime)
		want("linked", 1, 1, peer.Connected)
		l.Close()
		time.Sleep(peer.IdleTime - time.Millisecond)
		want("still", 1, 1, peer.Connected)
		time.Sleep(time.Millisecond)
		want("not needed", 0, 1, peer.Idle)

		for range 10 {
			c.Command("/unit/1", "value", []byte("7"))
			time.Sleep(peer.IdleTime - time.Millisecond)
		}
		want("commands now and then", 1, 2, peer.Connected)
		time.Sleep(time.Millisecond)
		want("no commands", 0, 2, peer.Idle)

		// The pause begins anew after a connection that lasted.
		e = newEar()
		l = followBy(t, c, "/unit/1", "value", e)
		for range 10 {
			time.Sleep(10 * time.Second)
			_, n := m.open()
			want("linked again", 1, n, peer.Connected)
			m.last().Close(1001, "")
			synctest.Wait()
			if got := c.Status().State; got != peer.Lost {
				t.Errorf("after the loss: %s", got)
			}
			time.Sleep(3 * time.Second / 2)
		}
		want("lost ten times", 1, 13, peer.Connected)
		l.Close()

		// What a client was given before its end is sent.
		c.Command("/unit/1", "value", []byte("8"))
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		got, err := m.Read(t.Context(), "/unit/1", "value")
		if err != nil || len(got.Events) != 1 || string(got.Events[0]) != "8" {
			t.Errorf("the value is %q, %v, want 8", got.Events, err)
		}
		want("closed", 0, 13, peer.Idle)
	})
}

// Prio and rate are asked for over each connection, and do not get lost with a sync.
func TestClientAsksByPrioAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, 0, peer.Options{}, unit)
		c := newClient(t, peer.ClientOptions{Host: "warp://test"})
		c.SetDial(m.dial)
		ask := func(want ...string) {
			t.Helper()
			synctest.Wait()
			m.mu.Lock()
			defer m.mu.Unlock()
			if !slices.Equal(m.asked, want) {
				t.Errorf("asked for %q, want %q", m.asked, want)
			}
			m.asked = nil
		}
		l, err := c.Link("/unit/1", "value", peer.LinkOptions{KeepSynced: true, Prio: 0.5, Rate: 2}, newEar())
		if err != nil {
			t.Fatal(err)
		}
		ask("sync 0.5 2")
		m.last().Close(1001, "")
		time.Sleep(10 * time.Second)
		ask("sync 0.5 2")
		l.Close()
		if l, err = c.Link("/unit/1", "value", peer.LinkOptions{Rate: 0.25}, newEar()); err != nil {
			t.Fatal(err)
		}
		ask("unlink 0 0", "link 0 0.25")
		l.Close()
		ask("unlink 0 0")

		conn, err := m.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(websocket.CloseNormalClosure, "")
		d, err := conn.Link("/unit/1", "value", peer.LinkOptions{Prio: 1}, newEar())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
		ask("link 1 0", "sync 1 0")
	})
}

// A client that was idle connects to send the last commands before its end.
func TestClientLastWords(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	for i := range 20 {
		c := newClient(t, peer.ClientOptions{Host: s.url})
		var want string
		for n := range i*20 + 1 {
			want = fmt.Sprint(n)
			if err := c.Command(fmt.Sprintf("/unit/%d", i), "value", []byte(want)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := newEar()
		followBy(t, newClient(t, peer.ClientOptions{Host: s.url}), fmt.Sprintf("/unit/%d", i), "value", e)
		e.last(t, want)
	}
}

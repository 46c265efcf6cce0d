package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// patience bounds the wait for what should come at once.
const patience = 30 * time.Second

// house is a host that ends with its test.
type house struct {
	*host.Host
	t *testing.T
}

func newHouse(t *testing.T, workers int) *house {
	t.Helper()
	leaktest.Check(t)
	h := &house{host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Workers: workers}), t}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) add(uri string, setup func(a *agent.Agent)) *host.Handle {
	h.t.Helper()
	k := agent.NewKind("test", 0, func(a *agent.Agent, _ int) error { setup(a); return nil })
	a, err := h.Add(route.NodeURI(uri), host.Agents, k, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// turn runs fn as a turn of a and waits for its end.
func (h *house) turn(a *host.Handle, fn func()) error {
	h.t.Helper()
	done := make(chan error, 1)
	if err := a.Post(h.t.Context(), fn, func(err error) { done <- err }); err != nil {
		h.t.Fatal(err)
	}
	return <-done
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("not reached")
	}
}

// What a turn sets in several lanes is seen in one turn, all of it or nothing, however turns of source and
// readers fall.
func TestConsistentCut(t *testing.T) {
	const turns, readers = 5_000, 4
	h := newHouse(t, 4)
	var x, y *agent.ValueLane[int]
	var m *agent.MapLane[string, int]
	s := h.add("/s", func(a *agent.Agent) {
		x, y, m = agent.Value(a, "x", 0).Transient(), agent.Value(a, "y", 0).Transient(), agent.Map[string, int](a, "m").Transient()
		m.Set("n", 0)
	})
	ends := make(chan error, readers)
	for i := range readers {
		h.add(fmt.Sprint("/d/", i), func(a *agent.Agent) {
			dx := agent.LinkValue[int](a, "/s", "x")
			dy := agent.LinkValue[float64](a, "/s", "y")
			dm := agent.LinkMap[string, int](a, "/s", "m")
			over := false
			look := func() {
				n, _ := dm.Get("n")
				switch {
				case over || !dx.IsSynced() || !dy.IsSynced() || !dm.IsSynced():
				case float64(dx.Get()) != dy.Get() || dx.Get() != n:
					over = true
					ends <- fmt.Errorf("a handler sees x %d, y %g, n %d", dx.Get(), dy.Get(), n)
				case dx.Get() == turns:
					over = true
					ends <- nil
				}
			}
			dx.OnSet(func(int, int) { look() })
			dy.OnSet(func(float64, float64) { look() })
			dm.OnUpdate(func(string, int, int) { look() })
		})
	}
	for i := 1; i <= turns; i++ {
		if err := s.Do(t.Context(), func() { x.Set(i); y.Set(i); m.Set("n", i) }); err != nil {
			t.Fatal(err)
		}
	}
	for range readers {
		if err := receive(t, ends); err != nil {
			t.Error(err)
		}
	}
}

// What an agent follows may be taken away and come back as another one.
func TestLostAndFound(t *testing.T) {
	h := newHouse(t, 0)
	told := make(chan string, 100)
	note := func(format string, args ...any) { told <- fmt.Sprintf(format, args...) }
	wants := func(all ...string) {
		t.Helper()
		for _, want := range all {
			if got := receive(t, told); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
	}
	source := func(n int) func(a *agent.Agent) {
		return func(a *agent.Agent) {
			agent.Value(a, "x", n)
			agent.Map[string, int](a, "m").Set(fmt.Sprint("k", n), n)
		}
	}
	h.add("/s", source(1))
	var d *agent.ValueDownlink[int]
	reader := h.add("/d", func(a *agent.Agent) {
		d = agent.LinkValue[int](a, "/s", "x").OnSet(func(old, now int) { note("%d to %d", old, now) })
		d.OnLinked(func() { note("linked") })
		d.OnSynced(func() { note("synced") })
		d.OnLost(func(why error) {
			if !errors.Is(why, agent.ErrGone) {
				t.Errorf("lost: %v", why)
			}
			note("lost")
		})
		agent.LinkMap[string, int](a, "/s", "m").
			OnUpdate(func(k string, _, now int) { note("%s: %d", k, now) }).
			OnRemove(func(k string, _ int) { note("%s removed", k) })
		agent.Link(a, "/s", "nope", func(v int) { note("nope %d", v) })
	})
	wants("linked", "0 to 1", "synced", "k1: 1")
	for n := 2; n < 10; n++ {
		if err := h.Remove(t.Context(), "/s"); err != nil {
			t.Fatal(err)
		}
		wants("lost")
		h.turn(reader, func() {
			if d.IsSynced() || d.Get() != n-1 {
				t.Errorf("it is synced %v and has %d", d.IsSynced(), d.Get())
			}
		})
		s := h.add("/s", source(n))
		wants("linked", fmt.Sprintf("%d to %d", n-1, n), "synced", fmt.Sprintf("k%d removed", n-1), fmt.Sprintf("k%d: %d", n, n))
		h.turn(s, func() { agent.Value(s.Agent(), "nope", n) })
		wants(fmt.Sprintf("nope %d", n))
	}
}

// An agent is told of the lanes that come and go on its host.
func TestWatch(t *testing.T) {
	h := newHouse(t, 0)
	lanes := func(a *agent.Agent) { agent.Value(a, "level", 1); agent.Value(a, "other", 1) }
	h.add("/unit/1", lanes)
	told := make(chan string, 100)
	w := h.add("/unit/w", func(a *agent.Agent) {
		agent.Value(a, "level", 0)
		err := a.Watch("/unit/*/level", func(node route.NodeURI, lane route.LaneName, there bool) {
			told <- fmt.Sprint(node, " ", lane, " ", there)
		})
		if err != nil {
			t.Error(err)
		}
		if a.Watch("unit", nil) == nil {
			t.Error("a pattern without a slash is taken")
		}
	})
	next := func(want string) {
		t.Helper()
		if got := receive(t, told); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	next("/unit/1 level true")
	h.add("/unit/2", lanes)
	next("/unit/2 level true")
	if err := h.Remove(t.Context(), "/unit/1"); err != nil {
		t.Fatal(err)
	}
	next("/unit/1 level false")
	h.add("/unit/1", lanes)
	next("/unit/1 level true")
	h.turn(w, func() { panic("spilt") })
	got := map[string]bool{receive(t, told): true, receive(t, told): true}
	if !got["/unit/1 level true"] || !got["/unit/2 level true"] {
		t.Errorf("after a restart it is told %v", got)
	}
}

// What an agent asks of a lane is known there while that agent goes on; for -race.
func TestAskedWhileSetup(t *testing.T) {
	h := newHouse(t, 4)
	linked := make(chan bool, 10)
	h.add("/s", func(a *agent.Agent) {
		x := agent.Value(a, "x", 1)
		x.OnLink(func() {
			linked <- true
			if got := a.Asked("x"); got.Rate != 0 {
				t.Errorf("asked for %v", got)
			}
		})
	})
	synced := make(chan bool, 1)
	h.add("/d", func(a *agent.Agent) {
		d := agent.LinkValue[int](a, "/s", "x")
		receive(t, linked)
		d.OnSynced(func() { synced <- true })
	})
	receive(t, synced)
}

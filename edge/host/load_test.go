package host

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

func TestLoad(t *testing.T) {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Workers: 1})
	defer stop(t, h)
	const spin = time.Millisecond
	before := time.Now().Truncate(time.Millisecond)
	add(t, h, "/busy", func(a *agent.Agent) {
		agent.Command(a, "go", func(int) error {
			for t := time.Now(); time.Since(t) < spin; {
			}
			return nil
		})
	})
	if err := h.Do(t.Context(), "/busy", "go", []byte("1")); err != nil {
		t.Fatal(err)
	}
	state(t, h, "/busy", "go")                  // the run before is over
	if l, _ := h.Load("/busy"); l.Busy < spin { // the first runs of a worker are all looked at
		t.Errorf("/busy was busy for %v", l.Busy)
	}
	add(t, h, "/a", func(a *agent.Agent) {
		agent.Command(a, "go", func(int) error { return a.Send("/b", "level", 3) })
	})
	linked := make(chan struct{})
	add(t, h, "/b", func(a *agent.Agent) {
		agent.Value(a, "level", 0)
		agent.Link(a, "/c", "level", func(n int) {
			if n == 1 {
				close(linked)
			}
		})
	})
	add(t, h, "/c", func(a *agent.Agent) { agent.Value(a, "level", 0) })
	for _, node := range []struct{ uri, lane string }{{"/a", "go"}, {"/c", "level"}} {
		if err := h.Do(t.Context(), route.NodeURI(node.uri), route.LaneName(node.lane), []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	<-linked
	state(t, h, "/b", "level") // has had its turns
	node, _ := h.Node("/b")
	tail := node.Lane("level").Open(nobody{})
	defer tail.Close()
	for next := tail.State(); ; {
		if _, ok := next(); !ok {
			break
		}
	}
	got := map[route.NodeURI]Load{}
	for a, l := range h.Loads() {
		got[a.URI()] = l
	}
	a, b := got["/a"], got["/b"]
	if a.Up.Commands != 1 || a.Down != (agent.Traffic{Commands: 1}) || a.Created.Before(before) || a.Created.After(time.Now()) {
		t.Errorf("/a: %+v", a)
	}
	if b.Up.Commands != 1 || b.Up.Links != 0 || b.Up.Events != 2 || b.Down.Links != 1 || b.Down.Events == 0 {
		t.Errorf("/b: %+v", b)
	}
	if _, ok := h.Load("/nobody"); ok {
		t.Error("nobody has a load")
	}
}

// However often a worker looks at the clock, what it counts comes to the number of its runs.
func TestStopwatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopwatch{weight: 1}
		const runs = 200_000
		counted, looks := time.Duration(0), 0
		for range runs {
			if n := w.start(); n > 0 {
				counted += n
				looks++
			}
			time.Sleep(time.Microsecond)
		}
		if looks > runs/20 || counted < runs*9/10 || counted > runs*11/10 {
			t.Errorf("%d runs, a microsecond each: %d looks, counted as %d", runs, looks, counted)
		}
		for range 1000 {
			w.start()
			time.Sleep(10 * time.Millisecond)
		}
		if w.weight != 1 {
			t.Errorf("of runs that are far apart one of %d is looked at", w.weight)
		}
	})
}

package host

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
)

// ending is a reader that counts how often it was told that there is nothing more to come.
type ending struct{ ended chan struct{} }

func (ending) Wake()  {}
func (e ending) End() { close(e.ended) }

func TestRemove(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, openStore(t, t.TempDir()))
		defer h.endWithStore(t)
		setup := func(a *agent.Agent) {
			n := agent.Value(a, "n", 0)
			a.OnStop(func() { n.Set(n.Get() + 100) })
		}
		add(t, h, "/x", setup)
		command(t, h, "/x", "n", "1")
		a, _ := h.Node("/x")
		l := a.Lane("n")
		e := ending{make(chan struct{})}
		l.Open(e)
		var gone []*agent.Agent
		defer h.WatchEnds(func(a *agent.Agent) { gone = append(gone, a) })()
		if err := h.Remove(t.Context(), "/x"); err != nil {
			t.Fatal(err)
		}
		<-e.ended
		if h.inMemory("/x") || len(gone) != 1 || gone[0] != a {
			t.Errorf("it is there: %v; told of the end of %d agents", h.inMemory("/x"), len(gone))
		}
		if err := h.Do(t.Context(), "/x", "n", []byte("2")); !errors.Is(err, ErrNoNode) {
			t.Errorf("a command to a removed agent: %v", err)
		}
		late := ending{make(chan struct{})}
		l.Open(late) // by who had found the lane before
		<-late.ended

		add(t, h, "/x", setup)
		if got := state(t, h, "/x", "n"); got != "101" {
			t.Errorf("the next agent has n = %s, want what was stored, 101", got)
		}
		if err := h.Remove(t.Context(), "/nobody"); err != nil {
			t.Errorf("to remove nobody: %v", err)
		}
	})
}

// An agent gets another config: readers, mail and what is stored stay.
func TestReplace(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, openStore(t, t.TempDir()))
		defer h.endWithStore(t)
		k := agent.NewKind("test", 1, func(a *agent.Agent, factor int) error {
			n := agent.Value(a, "n", 0)
			agent.Command(a, "add", func(v int) error { n.Set(n.Get() + factor*v); return nil })
			if factor == 13 {
				panic("unlucky")
			}
			return nil
		})
		if _, err := h.Add("/x", Agents, k, 1); err != nil {
			t.Fatal(err)
		}
		command(t, h, "/x", "add", "5")
		a, _ := h.Node("/x")
		tail := a.Lane("n").Open(nobody{})
		block, entered := make(chan struct{}), make(chan struct{})
		a.Wake(func() { close(entered); <-block })
		<-entered
		h.take(t.Context(), "/x", "add", []byte("1"))
		if err := h.Replace("/x", k, 10); err != nil {
			t.Fatal(err)
		}
		h.take(t.Context(), "/x", "add", []byte("2"))
		close(block)
		if got := state(t, h, "/x", "n"); got != "26" {
			t.Errorf("n is %s, want 5 + 1 + 10*2 = 26", got)
		}
		var last string
		for b, ok := tail.Next(); ok; b, ok = tail.Next() {
			last = string(b)
		}
		if last != "26" {
			t.Errorf("a reader from before saw %s last, want 26", last)
		}
		tail.Close()

		// One that cannot start is mended by a config with which it can, and need not wait for its pause.
		if err := h.Replace("/x", k, 13); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := h.Replace("/x", k, 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		command(t, h, "/x", "add", "2")
		if got := state(t, h, "/x", "n"); got != "30" {
			t.Errorf("n is %s, want 26 + 2*2 = 30", got)
		}
		if found := h.Health.Active(); len(found) != 0 {
			t.Errorf("conditions: %v", found)
		}
		if err := h.Replace("/nobody", k, 2); !errors.Is(err, ErrNoNode) {
			t.Errorf("to replace nobody: %v", err)
		}
	})
}

func TestReroute(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := passing(t, t.TempDir())
		defer h.endWithStore(t)
		shows := func(s string) func(*agent.Agent) {
			return func(a *agent.Agent) { agent.Value(a, "is", s).Transient(); agent.Value(a, "kept", 0) }
		}
		mustRoute(t, h, "/r/:id", shows("one"))
		command(t, h, "/r/1", "kept", "1")
		p := h.routes.list[0].options.Pattern
		if err := h.Reroute(p, kind(shows("two")), nil); err != nil {
			t.Fatal(err)
		}
		if a, b := state(t, h, "/r/1", "is"), state(t, h, "/r/2", "is"); a != "two" || b != "two" {
			t.Errorf("the agent from before is %s, a new one is %s, want two", a, b)
		}
		mustRoute(t, h, "/r/1", shows("narrow"))
		if a, b := state(t, h, "/r/1", "is"), state(t, h, "/r/2", "is"); a != "narrow" || b != "two" {
			t.Errorf("with a narrower route beside it they are %s and %s, want narrow and two", a, b)
		}
		if kept := state(t, h, "/r/1", "kept"); kept != "1" || h.routed != 2 {
			t.Errorf("it kept %s, and %d count; want 1 and 2", kept, h.routed)
		}
		if err := h.Unroute(t.Context(), h.routes.list[1].options.Pattern); err != nil {
			t.Fatal(err)
		}
		if a := state(t, h, "/r/1", "is"); a != "two" {
			t.Errorf("without the narrower route it is %s, want two", a)
		}
		if err := h.Unroute(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if h.inMemory("/r/1") || h.routed != 0 {
			t.Errorf("agents of a route that is gone are there; %d count", h.routed)
		}
		if _, err := h.find("/r/1"); !errors.Is(err, ErrNoNode) {
			t.Errorf("it is made anew: %v", err)
		}
		mustRoute(t, h, "/r/:other", shows("three"))
		if a, b := state(t, h, "/r/1", "is"), state(t, h, "/r/1", "kept"); a != "three" || b != "1" {
			t.Errorf("behind a new route it is %s and kept %s, want three and 1", a, b)
		}
	})
}

// An agent of another kind has no lanes of the one before, and who read these is told.
func TestReplaceKind(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, openStore(t, t.TempDir()))
		defer h.endWithStore(t)
		first := agent.NewKind("first", 0, func(a *agent.Agent, _ int) error {
			agent.Value(a, "both", 0)
			agent.Value(a, "old", 0)
			agent.Value(a, "shape", 0)
			return nil
		})
		second := agent.NewKind("second", 0, func(a *agent.Agent, _ int) error {
			agent.Value(a, "both", 0)
			agent.Map[string, int](a, "shape")
			return nil
		})
		if _, err := h.Add("/x", Agents, first, nil); err != nil {
			t.Fatal(err)
		}
		command(t, h, "/x", "both", "1")
		a, _ := h.Node("/x")
		stays := a.Lane("both").Open(nobody{})
		old, shape := ending{make(chan struct{})}, ending{make(chan struct{})}
		a.Lane("old").Open(old)
		a.Lane("shape").Open(shape)
		if err := h.Replace("/x", second, nil); err != nil {
			t.Fatal(err)
		}
		<-old.ended
		<-shape.ended
		command(t, h, "/x", "both", "2")
		if b, _ := stays.Next(); string(b) != "2" {
			t.Errorf("the reader of a lane of both saw %s, want 2", b)
		}
		stays.Close()
		var names []string
		for _, l := range a.Lanes() {
			names = append(names, string(l.Name())+" "+l.Kind().String())
		}
		if got := strings.Join(names, ", "); got != "both value, shape map" {
			t.Errorf("its lanes are %s", got)
		}
	})
}

// An agent that leaves memory while it is being taken away does not come back.
func TestRemoveWhileLeaving(t *testing.T) {
	within(t, forgetful, func(t *testing.T, h *Host) {
		for _, comesBack := range []bool{false, true} {
			c := add(t, h, "/x", func(a *agent.Agent) { agent.Command(a, "stop", func(int) error { a.Stop(); return nil }) }).cell
			command(t, h, "/x", "stop", "1")
			synctest.Wait()
			if h.inMemory("/x") {
				t.Fatal("it is in memory after it has stopped")
			}
			if comesBack {
				h.take(t.Context(), "/x", "touch", nil)
			}
			c.end(func() {}) // as Remove has found it a moment before
			if err := h.takeAway(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if _, err := h.find("/x"); !errors.Is(err, ErrNoNode) {
				t.Errorf("it came back: %v; it is there all the same: %v", comesBack, err)
			}
		}
	})
}

package agent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// diary is what handlers were told.
type diary []string

func (n *diary) note(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// take returns what was noted since the last call.
func (n *diary) take() []string {
	all := *n
	*n = nil
	return all
}

func (n *diary) follow(name string, d *Downlink) {
	d.OnLinked(func() { n.note("%s linked", name) })
	d.OnSynced(func() { n.note("%s synced", name) })
	d.OnLost(func(why error) { n.note("%s lost: %v", name, why) })
}

func TestValueDownlink(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	s := o.add("/s", func(a *Agent) { x = Value(a, "x", 1) })
	var told diary
	var d *ValueDownlink[int]
	var f *ValueDownlink[float64]
	a := o.add("/d", func(a *Agent) {
		d = LinkValue[int](a, "/s", "x").OnSet(func(old, now int) { told.note("%d to %d", old, now) })
		told.follow("x", &d.Downlink)
		f = LinkValue[float64](a, "/s", "x")
	})
	if d.IsSynced() || d.Get() != 0 {
		t.Errorf("before its first turn it is synced %v and has %d", d.IsSynced(), d.Get())
	}
	o.run()
	want(t, "first", told.take(), []string{"x linked", "0 to 1", "x synced"})
	o.do(s, func() { x.Set(2); x.Set(3) })
	want(t, "a turn", told.take(), []string{"1 to 3"})
	if d.Get() != 3 || f.Get() != 3 {
		t.Errorf("they have %d and %g, want 3", d.Get(), f.Get())
	}
	o.do(a, func() {
		if err := d.Set(4); err != nil {
			t.Error(err)
		}
	})
	want(t, "sent", o.sent, []string{"/s x 4"})
	o.do(a, func() { d.Close(); d.Close() })
	o.do(s, func() { x.Set(5) })
	want(t, "closed", told.take(), nil)
	if got := a.Downlinks(); got.Links != 1 || len(s.Lane("x").readers()) != 1 || got.Commands != 1 {
		t.Errorf("one is closed: %+v, %d readers", got, len(s.Lane("x").readers()))
	}
}

func TestMapDownlink(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[string, int]
	s := o.add("/s", func(a *Agent) { m = Map[string, int](a, "m"); Value(a, "v", 1) })
	o.do(s, func() { m.Set("b", 2); m.Set("a", 1) })
	for _, typed := range []bool{true, false} {
		var told diary
		var all func() string
		var get func(string) bool
		var a *Agent
		if typed {
			a = o.add("/d", func(a *Agent) {
				d := LinkMap[string, int](a, "/s", "m")
				d.OnUpdate(func(k string, old, now int) { told.note("%s: %d to %d", k, old, now) })
				d.OnRemove(func(k string, old int) { told.note("%s: %d removed", k, old) })
				d.OnClear(func() { told.note("clear") })
				all = func() (s string) {
					for k, v := range d.All() {
						s += fmt.Sprint(k, ":", v, " ")
					}
					return s
				}
				get = func(k string) bool { _, ok := d.Get(k); return ok }
			})
		} else {
			a = o.add("/e", func(a *Agent) {
				d := LinkMap[string, float64](a, "/s", "m")
				d.OnUpdate(func(k string, old, now float64) { told.note("%s: %g to %g", k, old, now) })
				d.OnRemove(func(k string, old float64) { told.note("%s: %g removed", k, old) })
				d.OnClear(func() { told.note("clear") })
				all = func() (s string) {
					for k, v := range d.All() {
						s += fmt.Sprint(k, ":", v, " ")
					}
					return s
				}
				get = func(k string) bool { _, ok := d.Get(k); return ok }
			})
		}
		o.run()
		want(t, "first", told.take(), []string{"a: 0 to 1", "b: 0 to 2"})
		step := func(what string, fn func(), news []string, state string) {
			t.Helper()
			o.do(s, fn)
			want(t, what, told.take(), news)
			if got := all(); got != state {
				t.Errorf("%s: it has %q, want %q", what, got, state)
			}
		}
		step("updates", func() { m.Set("a", 5); m.Set("c", 3); m.Set("a", 6) }, []string{"c: 0 to 3", "a: 1 to 6"}, "a:6 b:2 c:3 ")
		step("remove", func() { m.Remove("b") }, []string{"b: 2 removed"}, "a:6 c:3 ")
		step("drop", func() { m.Drop(1) }, []string{"a: 6 removed"}, "c:3 ")
		step("clear", func() { m.Clear() }, []string{"clear"}, "")
		step("clear and more", func() { m.Set("b", 1) }, []string{"b: 0 to 1"}, "b:1 ")
		step("clear and fill", func() { m.Clear(); m.Set("a", 1); m.Set("b", 2) }, []string{"a: 0 to 1", "b: 1 to 2"}, "a:1 b:2 ")
		if !get("a") || get("c") {
			t.Errorf("Get(a) is %v, Get(c) %v", get("a"), get("c"))
		}
		o.do(s, func() { panic("spilt") })
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		o.run()
		want(t, "a restart that changes nothing", told.take(), nil)
		if err := a.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Lane("m").readers()); n != 0 {
		t.Errorf("%d readers are left", n)
	}
}

func TestMapDownlinkSends(t *testing.T) {
	o := newLoop(t)
	o.add("/s", func(a *Agent) { Map[string, int](a, "m") })
	var d *MapDownlink[string, int]
	a := o.add("/d", func(a *Agent) { d = LinkMap[string, int](a, "/s", "m") })
	o.do(a, func() {
		if err := errors.Join(d.Set("a b", 1), d.Remove("c"), d.Clear()); err != nil {
			t.Error(err)
		}
	})
	want(t, "sent", o.sent, []string{`/s m @update(key:"a b") 1`, "/s m @remove(key:c)", "/s m @clear"})
}

func TestListDownlink(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[string]
	s := o.add("/s", func(a *Agent) { l = List[string](a, "l") })
	o.do(s, func() { l.Append("a"); l.Append("b") })
	var told diary
	var d *ListDownlink[string]
	a := o.add("/d", func(a *Agent) {
		d = LinkList[string](a, "/s", "l").
			OnUpdate(func(i int, old, now string) { told.note("%d: %q to %q", i, old, now) }).
			OnMove(func(from, to int, v string) { told.note("%q from %d to %d", v, from, to) }).
			OnRemove(func(i int, old string) { told.note("%d: %q removed", i, old) }).
			OnClear(func() { told.note("clear") })
	})
	o.run()
	want(t, "first", told.take(), []string{`0: "" to "a"`, `1: "" to "b"`})
	o.do(s, func() { l.Set(0, "A"); l.Insert(1, "x"); l.Move(2, 0); l.Remove(1) })
	want(t, "a turn", told.take(), []string{`1: "" to "x"`, `"b" from 2 to 0`, `1: "a" removed`})
	o.do(s, func() { l.Append("y"); l.Drop(1); l.Take(1) })
	want(t, "cuts", told.take(), []string{`2: "" to "y"`, `0: "b" removed`, `1: "y" removed`})
	if v, ok := d.Get(0); d.Len() != 1 || v != "x" || !ok {
		t.Errorf("it has %d elements, the first %q", d.Len(), v)
	}
	o.do(a, func() {
		for _, err := range []error{d.Set(0, "z"), d.Append("q"), d.Move(0, 1), d.Remove(0), d.Clear()} {
			if err != nil {
				t.Error(err)
			}
		}
		if d.Remove(1) == nil || d.Set(-1, "") == nil {
			t.Error("what is not there is sent")
		}
	})
	if n := len(o.sent); n != 5 {
		t.Errorf("%d commands sent: %q", n, o.sent)
	}
	for _, c := range o.sent {
		if err := o.command(s, "l", c[len("/s l "):]); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	if d.Len() != 0 || l.Len() != 0 {
		t.Errorf("at the end there are %d and %d", d.Len(), l.Len())
	}
}

func TestEventDownlink(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[string]
	s := o.add("/s", func(a *Agent) {
		Command(a, "go", func(string) error { return nil })
		x = Value(a, "x", "first")
	})
	var told diary
	var d *EventDownlink[string]
	o.add("/d", func(a *Agent) {
		d = LinkEvents[string](a, "/s", "go").OnEvent(func(v string) { told.note("%.3s", v) }).OnDropped(func(n uint64) { told.note("%d dropped", n) })
		told.follow("go", &d.Downlink)
		LinkEvents[string](a, "/s", "x").OnEvent(func(v string) { told.note("x %s", v) })
		LinkEvents[string](a, "/s", "later").OnEvent(func(v string) { told.note("later %s", v) })
	})
	o.run()
	want(t, "first", told.take(), []string{"go linked", "go synced"})
	o.command(s, "go", "one")
	o.do(s, func() { x.Set("second") })
	want(t, "events", told.take(), []string{"one", "x second"})
	big := make([]byte, defaultPending/2-100)
	for i := range big {
		big[i] = 'x'
	}
	for range 5 { // while d has no turn
		if err := s.Step(Mail{Lane: "go", Body: big}); err != nil {
			t.Fatal(err)
		}
	}
	o.run()
	want(t, "after a lag", told.take(), []string{"3 dropped", "xxx", "xxx"})
	if d.Dropped() != 3 {
		t.Errorf("%d dropped, want 3", d.Dropped())
	}
}

// All states are new before the first handler runs.
func TestStatesBeforeHandlers(t *testing.T) {
	o := newLoop(t)
	var x, y *ValueLane[int]
	var m *MapLane[string, int]
	s := o.add("/s", func(a *Agent) { x, y, m = Value(a, "x", 0), Value(a, "y", 0), Map[string, int](a, "m") })
	turns := 0
	var dx, dy *ValueDownlink[int]
	var dm *MapDownlink[string, int]
	look := func() {
		n, _ := dm.Get("n")
		if dx.Get() != dy.Get() || dx.Get() != n {
			t.Errorf("a handler sees x %d, y %d, n %d", dx.Get(), dy.Get(), n)
		}
		turns++
	}
	o.add("/d", func(a *Agent) {
		dm = LinkMap[string, int](a, "/s", "m").OnUpdate(func(string, int, int) { look() })
		dx = LinkValue[int](a, "/s", "x").OnSet(func(int, int) { look() })
		dy = LinkValue[int](a, "/s", "y").OnSet(func(int, int) { look() })
	})
	o.run()
	o.do(s, func() { x.Set(1); y.Set(1); m.Set("n", 1) })
	if turns != 5 { // of two values at first, then of three
		t.Errorf("%d handlers ran, want 5", turns)
	}
}

// A handler may close what is about to be told.
func TestCloseInHandler(t *testing.T) {
	o := newLoop(t)
	s := o.add("/s", func(a *Agent) { Value(a, "x", 0); Value(a, "y", 0) })
	var second *ValueDownlink[int]
	o.add("/d", func(a *Agent) {
		LinkValue[int](a, "/s", "x").OnSet(func(int, int) { second.Close() })
		second = LinkValue[int](a, "/s", "y").OnSet(func(int, int) { t.Error("a closed link was told") })
	})
	o.run()
	if n := len(s.Lane("y").readers()); n != 0 {
		t.Errorf("%d readers of y", n)
	}
}

// A copy of a lane may be out of date.
func TestStale(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	s := o.add("/s", func(a *Agent) { x = Value(a, "x", 1) })
	var told diary
	var first, second *ValueDownlink[int]
	a := o.add("/d", func(a *Agent) {
		first = LinkValue[int](a, "/s", "x")
		told.follow("first", &first.Downlink)
	})
	o.run()
	told.take()
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	o.do(a, func() {
		second = LinkValue[int](a, "/s", "x")
		told.follow("second", &second.Downlink)
	})
	want(t, "while it is away", told.take(), []string{"first lost: no answer", "second linked", "second lost: no answer"})
	if first.IsSynced() || second.IsSynced() || second.Get() != 1 {
		t.Errorf("synced: %v, %v; the second has %d", first.IsSynced(), second.IsSynced(), second.Get())
	}
	o.do(s, func() { x.Stale(nil) })
	want(t, "back", told.take(), []string{"first synced", "second synced"})
}

// Two downlinks to one lane that is not there are one condition, until none of them waits.
func TestOneCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		o.add("/s", func(*Agent) {})
		var one, two *Downlink
		d := o.add("/d", func(a *Agent) {
			one = Link(a, "/s", "y", func(int) {})
			two = Link(a, "/s", "y", func(int) {})
			Link(a, "/s", "v", func(int) {})
		})
		o.run()
		time.Sleep(linkPatience)
		want(t, "conditions", o.conditions(), []string{"link./d./s.v", "link./d./s.y"})
		o.do(d, func() { one.Close() })
		want(t, "with one less", o.conditions(), []string{"link./d./s.v", "link./d./s.y"})
		o.do(d, func() { two.Close() })
		want(t, "with none", o.conditions(), []string{"link./d./s.v"})
		if err := d.Finish(); err != nil {
			t.Fatal(err)
		}
		want(t, "of an agent that ended", o.conditions(), nil)
	})
}

// A link may be to a lane of another kind, or of values that do not fit.
func TestMisfit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var x *ValueLane[string]
		s := o.add("/s", func(a *Agent) { x = Value(a, "x", "word"); Map[string, int](a, "m") })
		var d *ValueDownlink[int]
		o.add("/d", func(a *Agent) {
			d = LinkValue[int](a, "/s", "x")
			LinkMap[string, int](a, "/s", "x")
			LinkList[int](a, "/s", "m")
			LinkValue[int](a, "ftp://x/y", "z")
		})
		o.run()
		time.Sleep(linkPatience)
		want(t, "conditions", o.conditions(), []string{"link./d./s.m", "link./d./s.x", "link./d.ftp://x/y.z"})
		o.do(s, func() { x.Set("7") })
		if d.Get() != 0 {
			t.Errorf("a text is %d", d.Get())
		}
	})
}

// With a rate the agent's turn comes that often, and sees the newest.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var x *ValueLane[int]
		s := o.add("/s", func(a *Agent) { x = Value(a, "x", 0); Command(a, "go", func(int) error { return nil }) })
		var slow, quick, events []int
		a := o.add("/d", func(a *Agent) {
			LinkValue[int](a, "/s", "x", LinkOptions{Rate: 2}).OnSet(func(_, now int) { slow = append(slow, now) })
			LinkValue[int](a, "/s", "x").OnSet(func(_, now int) { quick = append(quick, now) })
			LinkEvents[int](a, "/s", "go", LinkOptions{Rate: 2}).OnEvent(func(v int) { events = append(events, v) })
		})
		o.run()
		for i := 1; i <= 20; i++ { // two seconds
			time.Sleep(100*time.Millisecond - time.Millisecond/4)
			o.run()
			o.do(s, func() { x.Set(i) })
			o.command(s, "go", fmt.Sprint(i))
		}
		if !slices.Equal(slow, []int{0, 5, 11, 17}) || len(quick) != 21 {
			t.Errorf("twice a second it was told %v, else %v", slow, quick)
		}
		time.Sleep(time.Second)
		o.run()
		if !slices.Equal(slow, []int{0, 5, 11, 17, 20}) || len(events) != 20 || !slices.IsSorted(events) {
			t.Errorf("after a while %v, events %v", slow, events)
		}
		o.do(s, func() { x.Set(21) })
		o.do(s, func() { x.Set(22) })
		if err := a.Finish(); err != nil { // with a timer under way
			t.Fatal(err)
		}
	})
}

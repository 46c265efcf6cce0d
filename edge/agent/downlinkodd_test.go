package agent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/recon"
)

// A link to a lane of another kind takes nothing from it, however much that looks like what it is for, and
// its condition stays.
func TestOddKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var l *ListLane[int]
		var m *MapLane[string, int]
		s := o.add("/s", func(a *Agent) {
			m, l = Map[string, int](a, "m"), List[int](a, "l")
			m.Set("a", 1)
			l.Append(1)
			HTTP(a, "h", Handlers{})
		})
		var told diary
		var asMap *MapDownlink[recon.Value, int]
		var asList *ListDownlink[int]
		var page *ValueDownlink[int]
		d := o.add("/d", func(a *Agent) {
			asMap, asList = LinkMap[recon.Value, int](a, "/s", "l"), LinkList[int](a, "/s", "m")
			page = LinkValue[int](a, "/s", "h")
			for _, d := range []*Downlink{&asMap.Downlink, &asList.Downlink, &page.Downlink} {
				told.follow("odd", d)
			}
		})
		o.run()
		o.do(s, func() { l.Append(2); m.Set("b", 2) })
		time.Sleep(linkPatience)
		want(t, "conditions", o.conditions(), []string{"link./d./s.h", "link./d./s.l", "link./d./s.m"})
		if asMap.Len() != 0 || asList.Len() != 0 || asMap.IsSynced() || page.IsSynced() {
			t.Errorf("they have %d and %d, synced %v and %v", asMap.Len(), asList.Len(), asMap.IsSynced(), page.IsSynced())
		}
		want(t, "told", told.take(), nil)
		o.do(d, func() { asMap.Close(); asList.Close(); page.Close() })
		want(t, "of closed links", o.conditions(), nil)
	})
}

// What does not fit is left out, is a condition for as long as it is there, and counts for what the first n are.
func TestOddEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var m *MapLane[string, recon.Value]
		var l *ListLane[recon.Value]
		s := o.add("/s", func(a *Agent) {
			m, l = Map[string, recon.Value](a, "m"), List[recon.Value](a, "l")
		})
		var dm *MapDownlink[string, int]
		var dl *ListDownlink[int]
		var told diary
		o.add("/d", func(a *Agent) {
			dm = LinkMap[string, int](a, "/s", "m").OnRemove(func(k string, old int) { told.note("%s: %d removed", k, old) })
			dl = LinkList[int](a, "/s", "l").OnUpdate(func(i, old, now int) { told.note("%d: %d to %d", i, old, now) })
		})
		o.run()
		step := func(what string, fn func(), entries string, odd bool) {
			t.Helper()
			o.do(s, fn)
			got := ""
			for k, v := range dm.All() {
				got += fmt.Sprint(k, ":", v, " ")
			}
			for i, v := range dl.All() {
				got += fmt.Sprint(i, ":", v, " ")
			}
			if got != entries {
				t.Errorf("%s: it has %s, want %s", what, got, entries)
			}
			time.Sleep(linkPatience)
			if is := len(o.conditions()) > 0; is != odd {
				t.Errorf("%s: conditions %q", what, o.conditions())
			}
		}
		word, one := recon.String("word"), recon.Int(1)
		step("an entry", func() { m.Set("a", one) }, "a:1 ", false)
		step("that is odd now", func() { m.Set("a", word) }, "", true)
		want(t, "told", told.take(), []string{"a: 1 removed"})
		step("and another", func() { m.Set("b", one); m.Set("c", one) }, "b:1 c:1 ", true)
		step("a drop of the odd one", func() { m.Drop(1) }, "b:1 c:1 ", false)
		step("odd again", func() { m.Set("b", word) }, "c:1 ", true)
		step("a take of two", func() { m.Set("d", one); m.Take(2) }, "c:1 ", true)
		step("good again", func() { m.Set("b", one) }, "b:1 c:1 ", false)
		step("odd, then removed", func() { m.Set("b", word); m.Remove("b") }, "c:1 ", false)
		step("odd, then a clear", func() { m.Set("b", word); m.Clear() }, "", false)
		told.take()
		step("a list", func() { l.Append(word); l.Append(one); l.Append(word) }, "0:0 1:1 2:0 ", true)
		step("an insert", func() { l.Insert(1, recon.Int(5)) }, "0:0 1:5 2:1 3:0 ", true)
		step("a good one", func() { l.Set(0, recon.Int(7)) }, "0:7 1:5 2:1 3:0 ", true)
		step("a cut", func() { l.Take(3) }, "0:7 1:5 2:1 ", false)
		step("odd, then a clear", func() { l.Set(0, word); l.Clear() }, "", false)
		want(t, "told", told.take(), []string{"1: 0 to 1", "1: 0 to 5", "0: 0 to 7"})
	})
}

// OnLost comes once, and may close its link.
func TestLostOnce(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	s := o.add("/s", func(a *Agent) { x = Value(a, "x", 1) })
	var told diary
	o.add("/d", func(a *Agent) {
		told.follow("x", &LinkValue[int](a, "/s", "x").Downlink)
		d := &LinkValue[int](a, "/s", "x").Downlink
		told.follow("y", d)
		d.OnLost(func(error) { d.Close(); told.note("closed") })
	})
	o.run()
	told.take()
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	o.do(s, func() { x.Stale(errors.New("no route")) })
	want(t, "lost", told.take(), []string{"x lost: no answer", "y lost: no answer", "closed"})
	o.do(s, func() { x.Stale(nil) })
	o.do(s, func() { x.Stale(nil) })
	want(t, "back", told.take(), []string{"x synced"})
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	o.do(s, func() { panic("spilt") })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	o.run()
	told.take()
	o.do(s, func() { x.Stale(nil) })
	want(t, "back after a restart", told.take(), []string{"x synced"})
}

// Handlers of all downlinks add up, and are given in turns.
func TestHandlers(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[int]
	var m *MapLane[string, int]
	s := o.add("/s", func(a *Agent) { l, m = List[int](a, "l"), Map[string, int](a, "m") })
	var told diary
	var d *ListDownlink[int]
	o.add("/d", func(a *Agent) {
		d = LinkList[int](a, "/s", "l")
		e := LinkMap[string, int](a, "/s", "m")
		for i := range 2 {
			d.OnUpdate(func(int, int, int) { told.note("list %d update", i) })
			d.OnMove(func(int, int, int) { told.note("list %d move", i) })
			d.OnRemove(func(int, int) { told.note("list %d remove", i) })
			d.OnClear(func() { told.note("list %d clear", i) })
			e.OnUpdate(func(string, int, int) { told.note("map %d update", i) })
			e.OnRemove(func(string, int) { told.note("map %d remove", i) })
			e.OnClear(func() { told.note("map %d clear", i) })
		}
	})
	o.run()
	o.do(s, func() { l.Append(1); l.Append(2); m.Set("a", 1); m.Set("b", 1) })
	told.take()
	o.do(s, func() { l.Move(0, 1); l.Remove(0); m.Remove("a") })
	want(t, "told", told.take(), []string{"list 0 move", "list 1 move", "list 0 remove", "list 1 remove", "map 0 remove", "map 1 remove"})
	o.do(s, func() { l.Clear(); m.Clear() })
	want(t, "cleared", told.take(), []string{"list 0 clear", "list 1 clear", "map 0 clear", "map 1 clear"})
	for what, fn := range map[string]func(){
		"Close": d.Close, "OnClear": func() { d.OnClear(func() {}) }, "OnLost": func() { d.OnLost(func(error) {}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken outside a turn", what)
				}
			}()
			fn()
		}()
	}
}

// Who follows the events of a demand lane has no value computed that nobody is shown.
func TestDemandEvents(t *testing.T) {
	o := newLoop(t)
	cues := 0
	s := o.add("/s", func(a *Agent) { Demand(a, "load", func() int { cues++; return cues }) })
	var heard []int
	o.add("/d", func(a *Agent) {
		LinkEvents[int](a, "/s", "load").OnEvent(func(v int) { heard = append(heard, v) })
	})
	o.run()
	var d *ValueDownlink[int]
	o.add("/e", func(a *Agent) { d = LinkValue[int](a, "/s", "load") })
	o.run()
	if cues != 1 || d.Get() != 1 || len(heard) != 0 {
		t.Errorf("%d cues for one who wants the state, which is told %d; events %v", cues, d.Get(), heard)
	}
	_ = s
}

// A link with a rate is shown a lane that comes later at once, and its last state when it goes.
func TestRateStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		s := o.add("/s", func(*Agent) {})
		var seen []int
		var d *ValueDownlink[int]
		a := o.add("/d", func(a *Agent) {
			d = LinkValue[int](a, "/s", "x", LinkOptions{Rate: 1.0 / 3600}).OnSet(func(_, now int) { seen = append(seen, now) })
		})
		o.run()
		time.Sleep(time.Millisecond)
		var x *ValueLane[int]
		o.do(s, func() { x = Value(s, "x", 7) })
		if !d.IsSynced() || d.Get() != 7 {
			t.Errorf("at first it is synced %v with %d", d.IsSynced(), d.Get())
		}
		o.do(s, func() { x.Set(8) })
		o.do(s, func() { x.Stale(errors.New("no answer")) })
		if d.IsSynced() || d.Get() != 7 {
			t.Errorf("before its time it is synced %v with %d", d.IsSynced(), d.Get())
		}
		o.do(s, func() { x.Stale(nil); x.Set(9) })
		time.Sleep(time.Hour)
		synctest.Wait()
		o.run()
		o.do(s, func() { x.Set(10) })
		s.Finish()
		s.Retire()
		delete(o.agents, "/s")
		o.run()
		if !slices.Equal(seen, []int{7, 9, 10}) {
			t.Errorf("it has seen %v", seen)
		}
		a.Finish()
	})
}

type box struct{ Books []string }

type shelf struct {
	Books []string
	Rooms map[string][]int
	Top   *box
	Own   string `recon:"-"`
}

// A reader may alter what it got: lanes and other readers have their own.
func TestOwnCopies(t *testing.T) {
	o := newLoop(t)
	fill := func() shelf {
		return shelf{Books: []string{"a"}, Rooms: map[string][]int{"x": {1}}, Top: &box{Books: []string{"b"}}, Own: "mine"}
	}
	spoil := func(v shelf) {
		v.Books[0], v.Rooms["x"][0], v.Top.Books[0] = "!", -1, "!"
		v.Rooms["y"] = nil
	}
	var x *ValueLane[shelf]
	var l *ListLane[shelf]
	s := o.add("/s", func(a *Agent) {
		x, l = Value(a, "x", fill()), List[shelf](a, "l")
		l.Append(fill())
		Map[string, shelf](a, "m").Set("k", fill())
	})
	told := 0
	for i := range 2 {
		o.add(fmt.Sprint("/d/", i), func(a *Agent) {
			look := func(v shelf) {
				told++
				if got, want := fmt.Sprint(v.Books, v.Rooms, v.Top.Books, v.Own), fmt.Sprint([]string{"a"}, map[string][]int{"x": {1}}, []string{"b"}, "mine"); got != want {
					t.Errorf("reader %d was told %s, want %s", i, got, want)
				}
				spoil(v)
			}
			Link(a, "/s", "x", look)
			LinkValue[shelf](a, "/s", "x").OnSet(func(_, now shelf) { look(now) })
			LinkMap[string, shelf](a, "/s", "m").OnUpdate(func(_ string, _, now shelf) { look(now) })
			LinkList[shelf](a, "/s", "l").OnUpdate(func(_ int, _, now shelf) { look(now) })
		})
	}
	o.run()
	if got := x.Get(); told != 8 || got.Books[0] != "a" || got.Rooms["x"][0] != 1 || len(got.Rooms) != 1 {
		t.Errorf("after %d readers the lane has %v", told, got)
	}
	_ = s
}

package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/route"
)

// join is an agent that joins lanes of others.
func TestJoinValue(t *testing.T) {
	o := newLoop(t)
	var one, two *ValueLane[int]
	s1 := o.add("/1", func(a *Agent) { one = Value(a, "x", 1) })
	s2 := o.add("/2", func(a *Agent) { two = Value(a, "x", 2) })
	var j *JoinValueLane[string, int]
	var told diary
	a := o.add("/j", func(a *Agent) {
		j = JoinValue[string, int](a, "j")
		j.OnUpdate(func(k string, old, now int) error { told.note("%s: %d to %d", k, old, now); return nil })
		j.OnRemove(func(k string, old int) error { told.note("%s removed", k); return nil })
		j.Link("one", "/1", "x")
	})
	tail := a.Lane("j").Open(&reader{})
	if !j.IsStale("one") {
		t.Error("it is not stale before it was seen")
	}
	o.run()
	want(t, "one", drain(tail), []string{"@update(key:one) 1"})
	o.do(a, func() { j.Link("two", "/2", "x") })
	want(t, "two", drain(tail), []string{"@update(key:two) 2"})
	o.do(s1, func() { one.Set(10) })
	want(t, "a change", drain(tail), []string{"@update(key:one) 10"})
	want(t, "state", all(a.Lane("j").Open(&reader{}).State()), []string{"@update(key:one) 10", "@update(key:two) 2"})
	want(t, "handlers", told.take(), []string{"one: 0 to 1", "two: 0 to 2", "one: 1 to 10"})
	if node, lane, ok := j.Source("one"); node != "/1" || lane != "x" || !ok || j.IsStale("one") {
		t.Errorf("one is from %s %s, stale %v", node, lane, j.IsStale("one"))
	}

	o.command(a, "j", "@update(key:one) 99") // lasts until the source says otherwise
	want(t, "a client's update", drain(tail), []string{"@update(key:one) 99"})
	o.do(s1, func() { one.Set(11) })
	want(t, "the source's", drain(tail), []string{"@update(key:one) 11"})
	o.command(a, "j", "@remove(key:one)")
	o.do(s1, func() { one.Set(12) })
	want(t, "a client's remove", drain(tail), []string{"@remove(key:one)"})
	if _, _, ok := j.Source("one"); ok || len(s1.Lane("x").readers()) != 0 {
		t.Error("what a client removed is linked")
	}
	o.do(a, func() { j.Link("one", "/2", "x"); j.Link("one", "/1", "x") })
	want(t, "linked anew", drain(tail), []string{"@update(key:one) 12"})
	o.do(a, func() { j.Unlink("one"); j.Unlink("none") })
	want(t, "unlinked", drain(tail), []string{"@remove(key:one)"})
	o.command(a, "j", "@clear")
	o.do(s2, func() { two.Set(3) })
	want(t, "a client's clear", drain(tail), []string{"@clear"})
	if n := len(s2.Lane("x").readers()) + len(s1.Lane("x").readers()); n != 0 || a.Downlinks().Links != 0 {
		t.Errorf("%d readers, %d links are left", n, a.Downlinks().Links)
	}
}

func TestJoinMap(t *testing.T) {
	o := newLoop(t)
	var one, two *MapLane[string, int]
	s1 := o.add("/1", func(a *Agent) { one = Map[string, int](a, "m"); one.Set("a", 1); one.Set("b", 2) })
	s2 := o.add("/2", func(a *Agent) { two = Map[string, int](a, "m"); two.Set("c", 3) })
	var j *JoinMapLane[string, int]
	a := o.add("/j", func(a *Agent) {
		j = JoinMap[string, int](a, "j").ReadOnly()
		j.Link("/1", "m")
		j.Link("/1", "m")
	})
	tail := a.Lane("j").Open(&reader{})
	step := func(what string, a *Agent, fn func(), events ...string) {
		t.Helper()
		o.do(a, fn)
		want(t, what, drain(tail), events)
	}
	step("one", a, func() {}, "@update(key:a) 1", "@update(key:b) 2")
	step("two", a, func() { j.Link("/2", "m") }, "@update(key:c) 3")
	step("a clash", s2, func() { two.Set("a", 100) }, "@update(key:a) 100")
	if node, _, _ := j.Source("a"); node != "/2" {
		t.Errorf("a is from %s", node)
	}
	step("a remove", s1, func() { one.Remove("b") }, "@remove(key:b)")
	step("a remove of what is another's", s1, func() { one.Remove("a") })
	step("a set", s1, func() { one.Set("a", 5) }, "@update(key:a) 5")
	step("the other's", s2, func() { two.Set("a", 101) }, "@update(key:a) 101")
	step("a clear is told by key", s2, func() { two.Clear() }, "@update(key:a) 5", "@remove(key:c)")
	step("more", s2, func() { two.Set("c", 1); two.Set("d", 2) }, "@update(key:c) 1", "@update(key:d) 2")
	step("unlinked", a, func() { j.Unlink("/2", "m"); j.Unlink("/2", "m") }, "@remove(key:c)", "@remove(key:d)")
	if err := o.command(a, "j", "@update(key:c) 3"); err == nil {
		t.Error("a read-only lane takes commands")
	}
	step("a source that panics", s1, func() { panic("spilt") })
	if err := s1.Start(); err != nil {
		t.Fatal(err)
	}
	o.run()
	want(t, "after its restart", drain(tail), []string{"@update(key:a) 1", "@update(key:b) 2"}) // as its setup says
	if len(s2.Lane("m").readers()) != 0 {
		t.Error("an unlinked source is read")
	}
}

// What is remembered stays while its source is away, and goes if it has none.
func TestJoinRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var x *ValueLane[int]
		s := o.add("/1", func(*Agent) {})
		var v *JoinValueLane[string, int]
		var m *JoinMapLane[string, int]
		a := o.make("/j", func(a *Agent) {
			v, m = JoinValue[string, int](a, "v"), JoinMap[string, int](a, "m")
			v.Link("one", "/1", "x")
			m.Link("/1", "m")
		})
		entries := func(keys string) (all []Entry) {
			for _, k := range strings.Fields(keys) {
				all = append(all, Entry{[]byte(k), []byte("7")})
			}
			return all
		}
		a.Remember(map[route.LaneName]Snapshot{
			"v": {Kind: MapKind, Entries: entries("one gone")},
			"m": {Kind: MapKind, Entries: entries("a b")},
		})
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		show := func(lane route.LaneName) []string { return all(a.Lane(lane).Open(&reader{}).State()) }
		o.run()
		want(t, "v at first", show("v"), []string{"@update(key:gone) 7", "@update(key:one) 7"})
		time.Sleep(joinPatience)
		synctest.Wait()
		o.run()
		want(t, "v later", show("v"), []string{"@update(key:one) 7"})
		want(t, "m while its source is not there", show("m"), []string{"@update(key:a) 7", "@update(key:b) 7"})
		if !v.IsStale("one") || !m.IsStale("a") || v.IsStale("none") {
			t.Errorf("stale: one %v, a %v, none %v", v.IsStale("one"), m.IsStale("a"), v.IsStale("none"))
		}
		o.do(s, func() {
			x = Value(s, "x", 1)
			Map[string, int](s, "m").Set("b", 8)
		})
		want(t, "v with its source", show("v"), []string{"@update(key:one) 1"})
		want(t, "m with its source", show("m"), []string{"@update(key:b) 8"})
		if v.IsStale("one") || m.IsStale("b") || x.Get() != 1 {
			t.Errorf("stale: one %v, b %v", v.IsStale("one"), m.IsStale("b"))
		}
		if err := a.Finish(); err != nil {
			t.Fatal(err)
		}
	})
}

// Join lanes that follow each other come to rest, and what one source loses another one still has.
func TestJoinCycle(t *testing.T) {
	o := newLoop(t)
	updates := 0
	var one, two *JoinMapLane[string, int]
	a := o.add("/a", func(a *Agent) {
		one = JoinMap[string, int](a, "j")
		one.OnUpdate(func(string, int, int) error {
			if updates++; updates > 10 {
				t.Fatal("there is no end to it")
			}
			return nil
		})
	})
	b := o.add("/b", func(b *Agent) {
		two = JoinMap[string, int](b, "j")
		two.Link("/a", "j")
	})
	o.do(a, func() { one.Link("/b", "j") })
	o.command(a, "j", "@update(key:a) 1")
	o.command(b, "j", "@update(key:a) 2")
	x, _ := one.Get("a")
	y, _ := two.Get("a")
	if x != 2 || y != 2 || updates != 2 {
		t.Errorf("they have %d and %d after %d updates", x, y, updates)
	}
}

// OnStale tells when an entry is not up to date, and when it is again.
func TestJoinStale(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	s := o.add("/s", func(a *Agent) { x = Value(a, "x", 1) })
	var told diary
	o.add("/j", func(a *Agent) {
		j := JoinValue[string, int](a, "j")
		j.OnStale(func(key string, stale bool) {
			if told.note("%s %v", key, stale); stale != j.IsStale(key) {
				t.Errorf("%s is stale: %v", key, j.IsStale(key))
			}
		})
		j.Link("k", "/s", "x")
	})
	o.run()
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	o.do(s, func() { x.Stale(nil) })
	want(t, "told", told.take(), []string{"k false", "k true", "k false"})
}

// Of many links each can be found, and ends.
func TestManyLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		for _, n := range []int{1, maxSearched, maxSearched + 1, 3 * maxSearched} {
			var all []*Downlink
			var j *JoinMapLane[string, int]
			a := o.add(fmt.Sprint("/d/", n), func(a *Agent) {
				j = JoinMap[string, int](a, "j")
				for range 2 {
					for i := range n {
						all = append(all, Link(a, fmt.Sprint("/unit/", i), "x", func(int) {}))
						j.Link(fmt.Sprint("/unit/", i), "y")
					}
				}
			})
			o.run()
			time.Sleep(linkPatience)
			if got := a.Downlinks().Links; got != 3*n || len(o.conditions()) != 2*n {
				t.Errorf("%d links to %d agents, %d conditions", got, n, len(o.conditions()))
			}
			o.do(a, func() {
				for i, d := range all {
					if i%n != n/2 {
						d.Close()
					}
				}
				for i := range n {
					j.Unlink(fmt.Sprint("/unit/", i), "y")
				}
			})
			if got := a.Downlinks().Links; got != 2 || len(o.conditions()) != 1 {
				t.Errorf("%d links and %q are left, want two to one lane", got, o.conditions())
			}
			if err := a.Finish(); err != nil || len(o.conditions()) != 0 {
				t.Errorf("at the end there are %q, %v", o.conditions(), err)
			}
		}
	})
}

package agent

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sync is what a link that syncs does: it comes in a turn, and takes the state later.
func (o *loop) sync(a *Agent, t *Tail) []string {
	o.do(a, t.lane.Expect)
	return all(t.State())
}

func TestDemandLane(t *testing.T) {
	o := newLoop(t)
	var l *DemandLane[int]
	cues := 0
	a := o.add("/a", func(a *Agent) { l = Demand(a, "load", func() int { cues++; return cues }) })
	o.do(a, l.Cue)
	if cues != 0 {
		t.Fatalf("%d values were computed for nobody", cues)
	}
	x, y := l.Open(&reader{}), l.Open(&reader{})
	want(t, "a link before any cue", drain(x), nil)
	o.do(a, func() { l.Cue(); l.Cue() })
	want(t, "x", drain(x), []string{"2"})
	want(t, "y, that syncs", o.sync(a, y), []string{"3"})
	want(t, "y, that has it", drain(y), nil)
	want(t, "x, that did not ask", drain(x), nil)
	if err := o.command(a, "load", "5"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command = %v, want %v", err, ErrReadOnly)
	}
	if l.answer.state != nil {
		t.Error("the lane keeps an answer that was taken")
	}
	o.do(a, l.Expect)
	z := l.Open(&reader{}) // who asked
	x.Close()
	y.Close()
	z.Close()
	if l.answer.state != nil {
		t.Error("the lane keeps an answer for nobody")
	}
	want(t, "a read", texts(func() [][]byte { o.do(a, l.Expect); return l.Read() }()), []string{"5"})
}

func texts(bodies [][]byte) (all []string) {
	for _, b := range bodies {
		all = append(all, string(b))
	}
	return all
}

func TestDemandMapLane(t *testing.T) {
	o := newLoop(t)
	var l *DemandMapLane[string, int]
	entries, computed := map[string]int{"a": 1, "b": 2}, 0
	a := o.add("/a", func(a *Agent) {
		keys := func() iter.Seq[string] { return slices.Values(append(slices.Sorted(maps.Keys(entries)), "gone")) }
		l = DemandMap(a, "entries", keys, func(k string) (int, bool) {
			computed++
			v, ok := entries[k]
			return v, ok
		})
	})
	o.do(a, func() { l.Cue("a"); l.Remove("a") })
	if computed != 0 {
		t.Fatalf("%d values were computed for nobody", computed)
	}
	x, y := l.Open(&reader{}), l.Open(&reader{})
	want(t, "a sync", o.sync(a, x), []string{"@update(key:a) 1", "@update(key:b) 2"})
	o.do(a, func() { l.Cue("b"); l.Cue("none"); l.Remove("a") })
	want(t, "x", drain(x), []string{"@update(key:b) 2", "@remove(key:a)"})
	entries["b"] = 3
	for range 1000 {
		o.do(a, func() { l.Cue("b"); l.Cue("a"); l.Remove("a"); l.Cue("a") })
	}
	if n := len(l.slots); n > 100 {
		t.Errorf("%d events are kept for readers who lag, of two keys", n)
	}
	want(t, "y, of each key the newest", drain(y), []string{"@update(key:b) 3", "@update(key:a) 1"})
	want(t, "x, before it syncs and then", o.sync(a, x), []string{"@update(key:b) 3", "@update(key:a) 1", "@update(key:a) 1", "@update(key:b) 3"})
	if l.slots != nil || l.answer.state != nil {
		t.Error("the lane keeps what all have had")
	}
	if err := o.command(a, "entries", "@update(key:z) 1"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command = %v, want %v", err, ErrReadOnly)
	}
}

// Also of keys without end no more is kept than a bound, and what is dropped is counted.
func TestDemandMapLag(t *testing.T) {
	o := newLoop(t)
	var l *DemandMapLane[int, string]
	big := strings.Repeat("x", 1000)
	a := o.add("/a", func(a *Agent) {
		l = DemandMap(a, "entries", func() iter.Seq[int] { return slices.Values([]int(nil)) }, func(int) (string, bool) { return big, true })
	})
	slow := l.Open(&reader{})
	for i := range 5000 {
		o.do(a, func() { l.Cue(i) })
	}
	if l.bytes > defaultPending {
		t.Errorf("%d bytes are kept, the bound is %d", l.bytes, defaultPending)
	}
	got := drain(slow)
	if last := fmt.Sprintf("@update(key:4999) %s", big); got[len(got)-1] != last {
		t.Error("the newest event is not the last")
	}
	if int(slow.Lost())+len(got) != 5000 {
		t.Errorf("%d events came and %d were lost, of 5000", len(got), slow.Lost())
	}
}

// A restart leaves readers where they are.
func TestDemandRestart(t *testing.T) {
	o := newLoop(t)
	var l *DemandLane[int]
	n := 0
	a := o.add("/a", func(a *Agent) { l = Demand(a, "load", func() int { n++; return n }) })
	x := l.Open(&reader{})
	o.do(a, l.Cue)
	want(t, "before", drain(x), []string{"1"})
	o.do(a, l.Expect) // a sync that is answered after the restart
	o.do(a, func() { panic("spilt") })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	want(t, "a sync over a restart", all(x.State()), []string{"2"})
	o.do(a, l.Cue)
	want(t, "after", drain(x), []string{"3"})
}

// A reader who goes takes no other's answer away, nor do answers stay for nobody.
func TestDemandAnswers(t *testing.T) {
	o := newLoop(t)
	var l *DemandLane[int]
	a := o.add("/a", func(a *Agent) { l = Demand(a, "load", func() int { return 7 }) })
	x := l.Open(&reader{})
	o.do(a, l.Expect) // somebody is about to read
	x.Close()
	want(t, "a read", texts(l.Read()), []string{"7"})
	x = l.Open(&reader{})
	o.do(a, func() {
		l.Expect()
		x.Close()
		y := l.Open(&reader{})
		want(t, "a sync", all(y.State()), []string{"7"})
		y.Close()
	})
	if l.answer.state != nil {
		t.Error("the lane keeps an answer for nobody")
	}
}

// Of what a reader misses each event counts once, also of those that others have overtaken; and a reader who reads
// nothing has room made for him rarely.
func TestDemandMapLost(t *testing.T) {
	o := newLoop(t)
	var l *DemandMapLane[int, string]
	body := strings.Repeat("x", 1000)
	a := o.make("/a", func(a *Agent) {
		l = DemandMap(a, "entries", func() iter.Seq[int] { return nil }, func(int) (string, bool) { return body, true })
	})
	a.options.Load().Pending = 100_000
	a.Start()
	slow, quick := l.Open(&reader{}), l.Open(&reader{})
	shrunk, before := 0, 0
	for i := range 1000 {
		o.do(a, func() { l.Cue(i); l.Cue(i); l.Cue(i) })
		drain(quick)
		if len(l.slots) < before {
			shrunk++
		}
		before = len(l.slots)
	}
	if n := len(drain(slow)); n+int(slow.Lost()) != 1000 || quick.Lost() != 0 {
		t.Errorf("%d events came and %d are said to be lost, of 1000; a quick reader has lost %d", n, slow.Lost(), quick.Lost())
	}
	if shrunk > 300 {
		t.Errorf("room was made %d times for 3000 events", shrunk)
	}
}

package agent

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// restart has an agent panic and start anew.
func (o *loop) restart(a *Agent) {
	o.t.Helper()
	a.Step(Mail{Do: func() { panic("spilt") }})
	if err := a.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.run()
}

// What was stored is kept for lanes that are made after setup, also if the turn that makes one panics.
func TestStoredForLateLane(t *testing.T) {
	o := newLoop(t)
	a := o.make("/a", func(*Agent) {})
	a.Remember(map[route.LaneName]Snapshot{
		"v": {Kind: ValueKind, Value: []byte("5")},
		"m": {Kind: MapKind, Entries: []Entry{{[]byte("k1"), []byte("1")}}}})
	a.Start()
	o.do(a, func() { Value(a, "v", 0); panic("spilt") })
	a.Start()
	if n := len(a.Remembered()); n != 2 {
		t.Errorf("%d lanes are remembered, want 2", n)
	}
	var v *ValueLane[int]
	var m *MapLane[string, int]
	o.do(a, func() { v, m = Value(a, "v", 0), Map[string, int](a, "m") })
	o.do(a, func() { m.Set("k2", 2) })
	if v.Get() != 5 || m.Len() != 2 {
		t.Errorf("v is %d, m has %d entries, want 5 and 2", v.Get(), m.Len())
	}
	if len(a.Remembered()) > 0 || a.rare.stored != nil {
		t.Errorf("%v is remembered, which lanes have", a.Remembered())
	}
}

// A lane's condition lasts over a restart, until there is a good value; one of a lane that is not made again ends.
func TestConditionOverRestart(t *testing.T) {
	o := newLoop(t)
	starts := 0
	a := o.add("/a", func(a *Agent) {
		Value(a, "x", 1)
		if starts++; starts == 1 {
			Value(a, "y", 1)
		}
	})
	o.command(a, "x", "bad")
	o.command(a, "y", "bad")
	want(t, "before", o.conditions(), []string{"lane./a.x", "lane./a.y"})
	o.restart(a)
	want(t, "after a restart", o.conditions(), []string{"lane./a.x"})
	o.command(a, "x", "5")
	want(t, "after a good value", o.conditions(), nil)
}

// A lane that comes back as another kind: who read it asks anew, and its rows go from the store.
func TestOtherKindAfterRestart(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late=", late), func(t *testing.T) {
			o := newLoop(t)
			starts := 0
			var x *ValueLane[int]
			var m *MapLane[string, int]
			var make func()
			s := o.add("/s", func(a *Agent) {
				starts++
				make = func() {
					if starts == 1 {
						x = Value(a, "x", 0)
					} else {
						m = Map[string, int](a, "x")
					}
				}
				if !late {
					make()
				}
			})
			if late {
				o.do(s, make)
			}
			o.do(s, func() { x.Set(50) })
			var heard []string
			o.add("/d", func(a *Agent) {
				LinkEvents[recon.Value](a, "/s", "x").OnEvent(func(v recon.Value) { heard = append(heard, v.String()) })
			})
			o.run()
			o.restart(s)
			if late {
				o.do(s, make)
			}
			for i := range 3 {
				o.do(s, func() { m.Set("a", i) })
			}
			want(t, "heard", heard, []string{"@update(key:a) 0", "@update(key:a) 1", "@update(key:a) 2"})
			var k kept
			s.Save(&k)
			want(t, "saved", k.rows, []string{"x -", "x a 2"})
		})
	}
}

// Who waits for a lane is offered it as one that asks when it is there: what is computed for readers is.
func TestWaitForDemand(t *testing.T) {
	o := newLoop(t)
	s := o.add("/s", func(*Agent) {})
	var load, x *ValueDownlink[int]
	o.add("/d", func(a *Agent) { load, x = LinkValue[int](a, "/s", "load"), LinkValue[int](a, "/s", "x") })
	o.run()
	o.do(s, func() {
		Demand(s, "load", func() int { return 42 })
		x := Value(s, "x", 0)
		x.OnFirst(func() { x.Set(43) })
	})
	if load.Get() != 42 || x.Get() != 43 {
		t.Errorf("the reader has %d and %d, want 42 and 43", load.Get(), x.Get())
	}
}

// A copy that is not up to date stays so over a restart, until its agent says that it is.
func TestStaleOverRestart(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	says := func() {}
	s := o.add("/s", func(a *Agent) { x = Value(a, "x", 1); says() })
	var d *ValueDownlink[int]
	o.add("/d", func(a *Agent) { d = LinkValue[int](a, "/s", "x") })
	o.run()
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	o.restart(s)
	if d.IsSynced() {
		t.Error("a stale lane is synced after a restart")
	}
	o.do(s, func() { x.Stale(nil) })
	if !d.IsSynced() {
		t.Error("the reader is never synced again")
	}
	o.do(s, func() { x.Stale(errors.New("no answer")) })
	says = func() { x.Stale(nil) }
	o.restart(s)
	if !d.IsSynced() {
		t.Error("the reader does not know what setup said")
	}
}

// What an agent began before a restart cannot set what it has now, and is told so.
func TestOldHandle(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	var m *MapLane[string, int]
	a := o.add("/a", func(a *Agent) { x, m = Value(a, "x", 0), Map[string, int](a, "m") })
	oldX, oldM := x, m
	o.restart(a)
	if err := o.do(a, func() { oldX.Set(5); oldM.Set("k", 5) }); err != nil {
		t.Errorf("the turn: %v", err)
	}
	want(t, "conditions", o.conditions(), []string{"lane./a.m", "lane./a.x"})
	o.do(a, func() { x.Set(6); m.Clear() })
	want(t, "conditions after good values", o.conditions(), nil)
}

// What a demand lane's readers have not had waits for them over a restart, and setup may add to it.
func TestCueOverRestart(t *testing.T) {
	o := newLoop(t)
	starts := 0
	var d *DemandLane[int]
	var m *DemandMapLane[string, int]
	var s *SupplyLane[int]
	a := o.add("/a", func(a *Agent) {
		starts++
		d = Demand(a, "d", func() int { return starts })
		m = DemandMap(a, "m", func() iter.Seq[string] { return slices.Values([]string(nil)) }, func(string) (int, bool) { return starts, true })
		s = Supply[int](a, "s")
		if starts > 1 {
			m.Cue("setup")
			s.Push(starts)
		}
		if starts > 2 {
			d.Cue()
		}
	})
	td, tm, ts := d.Open(&reader{}), m.Open(&reader{}), s.Open(&reader{})
	o.do(a, func() { m.Cue("k"); s.Push(0) })
	want(t, "map", drain(tm), []string{"@update(key:k) 1"})
	o.do(a, func() { d.Cue(); m.Remove("k") })
	o.restart(a)
	want(t, "demand", drain(td), []string{"1"})
	want(t, "demand map", drain(tm), []string{"@remove(key:k)", "@update(key:setup) 2"})
	want(t, "supply", drain(ts), []string{"0", "2"})
	o.restart(a)
	want(t, "demand", drain(td), []string{"3"})
	want(t, "demand map", drain(tm), []string{"@update(key:setup) 3"})
	want(t, "supply", drain(ts), []string{"3"})
	if m.slots != nil || len(s.log.log) > 0 {
		t.Error("the lanes keep what all have had")
	}
}

// A lane that a turn has dropped before it panicked is there.
func TestDropPanics(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	a := o.add("/a", func(a *Agent) { x = Value(a, "x", 0) })
	o.do(a, func() { x.Set(5) })
	o.do(a, func() { x.Drop(); panic("spilt") })
	a.Start()
	if x.Get() != 5 {
		t.Errorf("x is %d after a turn that never happened, want 5", x.Get())
	}
}

type wakeFunc func()

func (fn wakeFunc) Wake() { fn() }

// A turn's values and the lanes it makes are seen at once, and so is all that a restart changes.
func TestAllAtOnce(t *testing.T) {
	o := newLoop(t)
	var x, y *ValueLane[int]
	a := o.add("/a", func(a *Agent) { x, y = Value(a, "x", 0).Transient(), Value(a, "y", 0).Transient() })
	o.do(a, func() { x.Set(1); y.Set(1) })
	at := func(lane route.LaneName) string {
		if l := a.Lane(lane); l != nil {
			return string(l.Read()[0])
		}
		return "nothing"
	}
	watched := wakeFunc(func() {
		if at("x") != at("y") {
			t.Errorf("x is %s and y %s", at("x"), at("y"))
		}
		if at("x") == "7" && at("z") != "7" {
			t.Errorf("x is of a turn that made z, which is %s", at("z"))
		}
	})
	x.Open(watched)
	y.Open(watched)
	o.restart(a)
	o.do(a, func() { x.Set(7); y.Set(7); Value(a, "z", 7) })
	if at("z") != "7" || at("x") != "7" {
		t.Error("the turn is not seen at all")
	}
}

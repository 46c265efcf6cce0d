package agent

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/route"
)

// A setup that panics the first time loses nothing of what is stored.
func TestFirstStartPanics(t *testing.T) {
	o := newLoop(t)
	starts := 0
	a := o.make("/a", func(a *Agent) {
		starts++
		Value(a, "one", 0)
		if starts == 1 {
			panic("spilt")
		}
		Value(a, "two", 0)
	})
	stored := func() map[route.LaneName]Snapshot {
		return map[route.LaneName]Snapshot{"one": {Value: []byte("1")}, "two": {Value: []byte("2")}}
	}
	a.Remember(stored())
	if err := a.Start(); err == nil {
		t.Fatal("the first start went well")
	}
	a.Remember(stored())
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	for lane, state := range map[route.LaneName]string{"one": "1", "two": "2"} {
		want(t, string(lane), all(a.Lane(lane).Open(&reader{}).State()), []string{state})
	}
}

// A lane made after setup comes back with its value and its readers when a later turn makes it anew.
func TestLateLaneOverRestart(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(*Agent) {})
	var x *ValueLane[int]
	o.do(a, func() { x = Value(a, "x", 0) })
	tail := a.Lane("x").Open(&reader{})
	o.do(a, func() { x.Set(5) })
	want(t, "x", drain(tail), []string{"5"})
	o.do(a, func() { panic("spilt") })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	if err := o.do(a, func() { x = Value(a, "x", 0) }); err != nil {
		t.Fatalf("making the lane anew: %v", err)
	}
	o.do(a, func() { x.Set(x.Get() + 1) })
	want(t, "x after the restart", drain(tail), []string{"6"})
	if n := len(a.Lanes()); n != 1 {
		t.Errorf("%d lanes, want 1", n)
	}
}

// Who waits for a lane still gets it when the turn that made it panics.
func TestJoinOverPanic(t *testing.T) {
	o := newLoop(t)
	panics := true
	s := o.add("/s", func(*Agent) {})
	var seen []int
	o.add("/d", func(a *Agent) { Link(a, "/s", "x", func(v int) { seen = append(seen, v) }) })
	o.run()
	turn := func() {
		Value(s, "x", 7)
		if panics {
			panic("spilt")
		}
	}
	o.do(s, turn)
	panics = false
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	o.do(s, turn)
	if !slices.Equal(seen, []int{7}) {
		t.Errorf("the link saw %v, want [7]", seen)
	}
}

// A commit while setup runs again still finds what was set before: who waits for it is told that it is stored.
func TestSaveDuringRestart(t *testing.T) {
	o := newLoop(t)
	stored := keep{}
	var x *ValueLane[int]
	var a *Agent
	a = o.add("/a", func(now *Agent) {
		if a != nil {
			now.Save(stored)
		}
		x = Value(now, "x", 0)
	})
	o.do(a, func() { x.Set(5) })
	o.do(a, func() { panic("spilt") })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	if stored["x"] != "5" {
		t.Errorf("stored x = %q, want 5", stored["x"])
	}
}

// Echoes of commands that were accepted before a panic still reach their readers.
func TestEchoOverRestart(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) { Command(a, "go", func(int) error { return nil }) })
	slow, quick := a.Lane("go").Open(&reader{}), a.Lane("go").Open(&reader{})
	o.command(a, "go", "1")
	want(t, "quick", drain(quick), []string{"1"})
	o.command(a, "go", "2")
	o.do(a, func() { panic("spilt") })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	o.command(a, "go", "3")
	want(t, "quick", drain(quick), []string{"2", "3"})
	want(t, "slow", drain(slow), []string{"1", "2", "3"})
	if l := &a.Lane("go").typed.(*CommandLane[int]).log; l.late != 0 || len(l.log) != 0 {
		t.Errorf("the lane keeps %d echoes for %d readers when all have everything", len(l.log), l.late)
	}
}

func TestBigEcho(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) { Command(a, "go", func(string) error { return nil }) })
	tail := a.Lane("go").Open(&reader{})
	big := strings.Repeat("x", 2*defaultPending)
	o.command(a, "go", big)
	if got := drain(tail); len(got) != 1 || got[0] != big {
		t.Errorf("an echo larger than what is kept for late readers: %d events", len(got))
	}
}

// What setup took is given back at a restart, whatever one of its parts does; and what ended
// before is not kept.
func TestOnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		closed := 0
		a := o.add("/a", func(a *Agent) {
			for range 10 {
				a.OnClose(func() { closed++; panic("spilt") })
			}
		})
		fired := 0
		o.do(a, func() {
			for i := range 1000 {
				cancel := a.After(time.Second, func() { fired++ })
				if i%2 == 0 {
					cancel()
				}
				Link(a, "/a", "x", func(int) {}).Close()
			}
		})
		time.Sleep(time.Second)
		synctest.Wait()
		o.run()
		if fired != 500 {
			t.Errorf("%d timers fired, want 500", fired)
		}
		if n := len(a.few().open); n != 10 {
			t.Errorf("%d things are kept to be given back, want 10", n)
		}
		if err := a.Finish(); err != nil || closed != 10 {
			t.Errorf("Stop: %v, %d of 10 given back", err, closed)
		}
	})
}

// Whoever found a lane before a restart, and opens it after, reads the lane there is now.
func TestOpenOverRestart(t *testing.T) {
	o := newLoop(t)
	var n *ValueLane[int]
	a := o.add("/x", func(a *Agent) { n = Value(a, "n", 1) })
	found := a.Lane("n")
	for range 2 {
		o.do(a, func() { panic("spilt") })
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
	}
	tail := found.Open(&reader{})
	o.do(a, func() { n.Set(2) })
	want(t, "the late reader", drain(tail), []string{"2"})
}

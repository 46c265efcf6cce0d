package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/recon"
	"selvage/edge/route"
)

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestValueLane(t *testing.T) {
	o := newLoop(t)
	var level *ValueLane[int]
	var heard []string
	a := o.add("/a", func(a *Agent) {
		level = Value(a, "level", 3)
		level.OnSet(func(old, now int) error {
			if now < 0 {
				return errors.New("a level is not negative")
			}
			return nil
		})
	})
	r := &reader{}
	tail := a.Lane("level").Open(r)

	want(t, "state", all(tail.State()), []string{"3"})
	if err := o.command(a, "level", "4"); err != nil {
		t.Fatal(err)
	}
	want(t, "events after 4", drain(tail), []string{"4"})
	for _, bad := range []string{"-1", "abc", "{1,2}", "1.5", ""} {
		if err := o.command(a, "level", bad); err == nil {
			t.Errorf("command %q was taken", bad)
		}
		want(t, "events after "+bad, drain(tail), nil)
		want(t, "conditions after "+bad, o.conditions(), []string{"lane./a.level"})
	}
	if got := level.Get(); got != 4 {
		t.Errorf("level = %d after refused commands, want 4", got)
	}
	if err := o.command(a, "level", "5"); err != nil {
		t.Fatal(err)
	}
	want(t, "conditions after a good value", o.conditions(), nil)

	o.do(a, func() {
		for i := range 100 {
			level.Set(i)
			heard = append(heard, "")
		}
	})
	want(t, "events after a burst", drain(tail), []string{"99"})
	if err := o.command(a, "nope", "5"); !errors.Is(err, ErrNoLane) {
		t.Errorf("command to no lane = %v, want %v", err, ErrNoLane)
	}
}

func TestLaneOutsideTurn(t *testing.T) {
	o := newLoop(t)
	var l *ValueLane[int]
	o.add("/a", func(a *Agent) { l = Value(a, "x", 0) })
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "outside a turn") {
			t.Errorf("Set outside a turn: panic %v, want one that says so", p)
		}
	}()
	l.Set(1)
}

// A turn that panics changes nothing that anybody can see, and its agent goes on from before it.
func TestPanicIsNoTurn(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	var m *MapLane[string, int]
	starts := 0
	a := o.add("/a", func(a *Agent) {
		starts++
		x = Value(a, "x", 0)
		m = Map[string, int](a, "m")
		Value(a, "t", starts).Transient()
	})
	o.do(a, func() { x.Set(1); m.Set("k", 1) })
	tx, tm, tt := a.Lane("x").Open(&reader{}), a.Lane("m").Open(&reader{}), a.Lane("t").Open(&reader{})

	err := o.do(a, func() { x.Set(2); m.Set("k", 2); m.Set("l", 2); panic("spilt") })
	var p *Panicked
	if !errors.As(err, &p) || p.Cause != "spilt" {
		t.Fatalf("turn = %v, want the panic", err)
	}
	want(t, "x", drain(tx), nil)
	want(t, "m", drain(tm), nil)

	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	if starts != 2 || x.Get() != 1 || m.Len() != 1 {
		t.Errorf("after the restart: %d starts, x %d, m %d, want 2, 1, 1", starts, x.Get(), m.Len())
	}
	want(t, "x after the restart, which is as it was", drain(tx), nil)
	want(t, "m after the restart, which is as it was", drain(tm), nil)
	want(t, "t after the restart", drain(tt), []string{"2"})
	o.do(a, func() { x.Set(3) })
	want(t, "x goes on", drain(tx), []string{"3"})
	o.do(a, func() { m.Remove("k") })
	want(t, "m goes on", drain(tm), []string{"@remove(key:k)"})
}

func TestCommandLane(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) {
		Command(a, "go", func(v recon.Value) error {
			if v.Tag() == "no" {
				return errors.New("not that")
			}
			return nil
		})
	})
	l := a.Lane("go")
	o.command(a, "go", "unheard")
	t1, t2 := l.Open(&reader{}), l.Open(&reader{})
	o.command(a, "go", "1")
	if err := o.command(a, "go", "@no"); err == nil {
		t.Error("@no was taken")
	}
	want(t, "first reader", drain(t1), []string{"1"})
	o.command(a, "go", "{a:2}")
	want(t, "first reader", drain(t1), []string{"{a:2}"})
	want(t, "state of a command lane is what is due", all(t2.State()), []string{"1", "{a:2}"})
	want(t, "second reader", drain(t2), nil)
}

// What a command lane keeps for a reader that lags is bounded, and what it drops is counted.
func TestCommandLaneLag(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) { Command(a, "go", func(string) error { return nil }) })
	l := a.Lane("go")
	slow, quick, deaf := l.Open(&reader{}), l.Open(&reader{}), l.Open(&reader{})
	big := `"` + strings.Repeat("x", defaultPending/4-100) + `"`
	for range 10 {
		o.command(a, "go", big)
		if n := len(drain(quick)); n != 1 {
			t.Fatalf("quick reader got %d events, want 1", n)
		}
	}
	if n := len(drain(slow)); n != 4 || slow.Lost() != 6 {
		t.Errorf("slow reader got %d events and lost %d, want 4 and 6", n, slow.Lost())
	}
	before := deaf.Lost()
	deaf.Close()
	if before != 6 || deaf.Lost() != 6 {
		t.Errorf("a reader that reads nothing lost %d, and %d when it has closed, want 6", before, deaf.Lost())
	}
	if quick.Lost() != 0 {
		t.Errorf("quick reader lost %d", quick.Lost())
	}
	if c := &l.typed.(*CommandLane[string]).log; c.bytes != 0 || len(c.log) != 0 || c.late != 0 {
		t.Errorf("the lane keeps %d events, %d bytes, for %d late readers when all have everything", len(c.log), c.bytes, c.late)
	}
	o.command(a, "go", big)
	slow.Close()
	quick.Close()
	if c := &l.typed.(*CommandLane[string]).log; len(c.log) != 0 {
		t.Errorf("the lane keeps %d events for nobody", len(c.log))
	}
}

func TestLink(t *testing.T) { synctest.Test(t, testLink) }

func testLink(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	source := func(a *Agent) { x = Value(a, "x", 1) }
	s := o.add("/s", source)
	var same []int
	var other []float64
	var late []int
	d := o.add("/d", func(a *Agent) {
		Link(a, "/s", "x", func(v int) { same = append(same, v) })
		Link(a, "/s", "x", func(v float64) { other = append(other, v) })
		Link(a, "/s", "y", func(v int) { late = append(late, v) })
	})
	o.run()
	want(t, "conditions at once", o.conditions(), nil)
	time.Sleep(linkPatience) // virtual
	want(t, "conditions while /s has no lane y", o.conditions(), []string{"link./d./s.y"})
	o.do(s, func() { x.Set(2); x.Set(3) })
	o.do(s, func() { Value(s, "y", 7) })
	if !slices.Equal(same, []int{1, 3}) || !slices.Equal(other, []float64{1, 3}) || !slices.Equal(late, []int{7}) {
		t.Errorf("links saw %v, %v, %v, want [1 3], [1 3], [7]", same, other, late)
	}
	want(t, "conditions", o.conditions(), nil)

	o.do(s, func() { panic("spilt") })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	o.run()
	o.do(s, func() { x.Set(4) })
	if !slices.Equal(same, []int{1, 3, 4}) {
		t.Errorf("the link saw %v over a restart of its source, want [1 3 4]", same)
	}
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Lane("x").readers()); n != 0 {
		t.Errorf("%d readers are left of an agent that stopped", n)
	}
}

// A link that is closed before its lane came is forgotten, with its condition.
func TestLinkGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		var left []route.LaneName
		s := o.add("/s", func(a *Agent) {
			a.OnAsked(func(route.LaneName, LaneKind) error { return ErrNoLane }, func(n route.LaneName) { left = append(left, n) })
		})
		var one, two *Downlink
		d := o.add("/d", func(a *Agent) {
			one = Link(a, "/s", "y", func(int) { t.Error("a closed link was told") })
			two = Link(a, "/s", "z", func(int) {})
		})
		e := o.add("/e", func(a *Agent) { Link(a, "/s", "y", func(int) {}) })
		o.run()
		time.Sleep(linkPatience)
		want(t, "conditions", o.conditions(), []string{"link./d./s.y", "link./d./s.z", "link./e./s.y"})
		o.do(d, func() { one.Close(); two.Close() })
		want(t, "conditions", o.conditions(), []string{"link./e./s.y"})
		if !slices.Equal(left, []route.LaneName{"z"}) || !s.Awaits("y") || s.Awaits("z") {
			t.Errorf("left: %q, want z; y is awaited %v, z %v", left, s.Awaits("y"), s.Awaits("z"))
		}

		// An agent that panics does not wait twice, nor keep a condition that is over.
		o.do(e, func() { panic("spilt") })
		o.run()
		if s.IsUsed() {
			t.Errorf("%d wait of an agent that has ended", len(s.few().waiting["y"]))
		}
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		o.run()
		o.do(s, func() { Value(s, "y", 7) })
		want(t, "conditions", o.conditions(), nil)
		if len(s.few().waiting) != 0 || len(s.Lane("y").readers()) != 1 {
			t.Errorf("%d wait, %d read", len(s.few().waiting), len(s.Lane("y").readers()))
		}
	})
}

// keep is a store that is a map.
type keep map[string]string

func (k keep) Value(l *Lane, body []byte) { k[string(l.name)] = string(body) }
func (k keep) Point(l *Lane, p Point) {
	if !p.Late {
		k[string(l.name)] = string(p.Body)
	}
	k[string(l.name)+" had"] += fmt.Sprintf("%s@%d ", p.Body, p.At.Wall)
}
func (k keep) Entry(l *Lane, key, value []byte) {
	k[string(l.name)+"/"+string(key)] = string(value)
}
func (k keep) Remove(l *Lane, key []byte) { delete(k, string(l.name)+"/"+string(key)) }
func (k keep) Note(book route.NodeURI, key, value []byte) {
	k[string(book)+" "+string(key)] += string(value)
}
func (k keep) Clear(l *Lane) {
	for key := range k {
		if strings.HasPrefix(key, string(l.name)+"/") {
			delete(k, key)
		}
	}
}

func TestRemember(t *testing.T) {
	setup := func(a *Agent) {
		Value(a, "kept", 1)
		Value(a, "misfit", 1)
		Value(a, "forgot", 1).Transient()
		Map[string, int](a, "m")
	}
	o := newLoop(t)
	a := o.make("/a", setup)
	a.Remember(map[route.LaneName]Snapshot{
		"kept":   {Kind: ValueKind, Value: []byte("5")},
		"misfit": {Kind: ValueKind, Value: []byte("five")},
		"forgot": {Kind: ValueKind, Value: []byte("5")},
		"m":      {Kind: MapKind, Entries: []Entry{{[]byte(`"b c"`), []byte("2")}, {[]byte("a"), []byte("1")}}},
		"later":  {Kind: ValueKind, Value: []byte("9")},
	})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	for lane, state := range map[route.LaneName][]string{
		"kept": {"5"}, "misfit": {"1"}, "forgot": {"1"},
		"m": {`@update(key:a) 1`, `@update(key:"b c") 2`},
	} {
		want(t, string(lane), all(a.Lane(lane).Open(&reader{}).State()), state)
	}
	want(t, "conditions", o.conditions(), []string{"lane./a.misfit"})
	k := keep{}
	a.Save(k)
	if len(k) != 0 {
		t.Errorf("nothing has changed, yet %v is saved", k)
	}
}

// With a lane goes what was wrong with it.
func TestDropClearsCondition(t *testing.T) {
	o := newLoop(t)
	var l *ValueLane[int]
	a := o.add("/a", func(a *Agent) { l = Value(a, "n", 0) })
	if err := o.command(a, "n", "text"); err == nil {
		t.Fatal("a text fits a number")
	}
	if n := len(o.conditions()); n != 1 {
		t.Fatalf("%d conditions, want 1", n)
	}
	tail := a.Lane("n").Open(&reader{})
	o.do(a, func() {
		if l.Drop() {
			t.Error("a lane with a reader is dropped")
		}
	})
	tail.Close()
	o.do(a, func() {
		if !l.Drop() {
			t.Error("a lane without readers is not dropped")
		}
	})
	want(t, "conditions of a dropped lane", o.conditions(), nil)
}

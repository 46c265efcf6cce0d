package agent

import (
	"errors"
	"testing"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// What does not fit a lane's type is no event, is not stored, and shows as a condition of that lane; the next
// value that fits takes it away.
func TestMisfits(t *testing.T) {
	setup := func(a *Agent) {
		Value(a, "value", 1)
		Map[int, bool](a, "map")
		List[float64](a, "list")
		Command(a, "command", func(int) error { return nil })
	}
	tests := []struct{ lane, good, bad string }{
		{"value", "2", "two"},
		{"value", "2", "1.5"},
		{"value", "2", ""},
		{"value", "2", "{1,2}"},
		{"value", "2", "3000000000000000000000"},
		{"map", "@update(key:1) true", "@update(key:one) true"},
		{"map", "@update(key:1) true", "@update(key:1) 5"},
		{"map", "@update(key:1) true", "@update(key:1)"},
		{"map", "@update(key:1) true", "@remove(key:one)"},
		{"map", "@update(key:1) true", "5"},
		{"list", "@update(index:0,key:k) 0.5", "@update(index:0,key:k) half"},
		{"list", "@update(index:0,key:k) 0.5", "@update(index:one,key:k) 0.5"},
		{"list", "@update(index:0,key:k) 0.5", "@update(index:0,key:k)"},
		{"command", "3", "three"},
		{"command", "3", "{}"},
	}
	for _, tt := range tests {
		o := newLoop(t)
		a := o.add("/a", setup)
		lane := a.Lane(route.LaneName(tt.lane))
		tail := lane.Open(&reader{})
		if err := o.command(a, tt.lane, tt.good); err != nil {
			t.Fatalf("%s %s: %v", tt.lane, tt.good, err)
		}
		drain(tail)
		var kept kept
		a.Save(&kept)
		before, saves := texts(lane.Read()), o.saves

		if err := o.command(a, tt.lane, tt.bad); err == nil {
			t.Errorf("%s takes %q", tt.lane, tt.bad)
		}
		want(t, tt.lane+": events after "+tt.bad, drain(tail), nil)
		want(t, tt.lane+": state after "+tt.bad, texts(lane.Read()), before)
		want(t, tt.lane+": conditions after "+tt.bad, o.conditions(), []string{"lane./a." + tt.lane})
		kept.rows = nil
		a.Save(&kept)
		want(t, tt.lane+": saved after "+tt.bad, kept.rows, nil)
		if o.saves != saves {
			t.Errorf("%s: the store was called for %q", tt.lane, tt.bad)
		}
		o.command(a, tt.lane, tt.good)
		want(t, tt.lane+": conditions after "+tt.good, o.conditions(), nil)
	}
}

// kept notes what an agent saves.
type kept struct{ rows []string }

func (k *kept) Value(l *Lane, body []byte) { k.rows = append(k.rows, string(l.name)+" "+string(body)) }
func (k *kept) Point(l *Lane, p Point)     { k.Value(l, p.Body) }
func (k *kept) Entry(l *Lane, key, value []byte) {
	k.rows = append(k.rows, string(l.name)+" "+string(key)+" "+string(value))
}
func (k *kept) Remove(l *Lane, key []byte) {
	k.rows = append(k.rows, string(l.name)+" -"+string(key))
}
func (k *kept) Note(route.NodeURI, []byte, []byte) {}
func (k *kept) Clear(l *Lane)                      { k.rows = append(k.rows, string(l.name)+" -") }

func TestLenientValue(t *testing.T) {
	o := newLoop(t)
	var l *ValueLane[int]
	var seen []int
	a := o.add("/a", func(a *Agent) {
		l = Value(a, "x", 7).Lenient().OnSet(func(_, now int) error {
			if now == 13 || l.Raw().Tag() == "no" {
				return errors.New("not that")
			}
			seen = append(seen, now)
			return nil
		})
	})
	tail := l.Open(&reader{})
	for _, tt := range []struct {
		body, event string
		now         int
	}{{"8", "8", 8}, {"abc", "abc", 0}, {`"9"`, `"9"`, 0}, {"{a: 1}", "{a:1}", 0}, {"", "", 0}, {"10", "10", 10}} {
		if err := o.command(a, "x", tt.body); err != nil {
			t.Fatalf("%s: %v", tt.body, err)
		}
		want(t, "event of "+tt.body, drain(tail), []string{tt.event})
		if l.Get() != tt.now || l.Raw().String() != tt.event {
			t.Errorf("after %q Get is %d and Raw %s, want %d and %s", tt.body, l.Get(), l.Raw(), tt.now, tt.event)
		}
	}
	o.command(a, "x", "abc")
	drain(tail)
	for _, refused := range []string{"13", "@no", "{"} {
		if err := o.command(a, "x", refused); err == nil {
			t.Errorf("%s was taken", refused)
		}
		want(t, "events of "+refused, drain(tail), nil)
		if l.Raw().String() != "abc" {
			t.Errorf("after %s Raw is %s, want abc as before", refused, l.Raw())
		}
	}
	o.do(a, func() { l.Set(11) })
	want(t, "event of Set", drain(tail), []string{"11"})
	if l.Raw().String() != "11" {
		t.Errorf("Raw after Set is %s", l.Raw())
	}
	o.command(a, "x", "{b:2}")
	drain(tail)

	var k kept
	a.Save(&k)
	want(t, "saved", k.rows, []string{"x {b:2}"})
	a.Step(Mail{Do: func() { panic("spilt") }})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	want(t, "state after a restart", texts(l.Read()), []string{"{b:2}"})
	want(t, "conditions", o.conditions(), nil)
	if l.Get() != 0 || l.Raw().String() != "{b:2}" {
		t.Errorf("after a restart Get is %d, Raw %s", l.Get(), l.Raw())
	}
}

func TestLenientMap(t *testing.T) {
	o := newLoop(t)
	var l *MapLane[string, int]
	a := o.add("/a", func(a *Agent) { l = Map[string, int](a, "m").Lenient() })
	tail := l.Open(&reader{})
	ops := []string{"@update(key:a) 1", "@update(key:b) two", "@update(key:5) 5", "@update(key:{x:1}) 6", "@update(key:a)", "@update(key:c)1.5", "@remove(key:5)"}
	var events []string
	for _, op := range ops {
		if err := o.command(a, "m", op); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		events = append(events, drain(tail)...)
	}
	ops[5] = "@update(key:c) 1.5"
	want(t, "events", events, ops)
	state := []string{"@update(key:{x:1}) 6", "@update(key:a)", "@update(key:b) two", "@update(key:c) 1.5"}
	check := func(when string) {
		t.Helper()
		want(t, "state "+when, texts(l.Read()), state)
		var raw []string
		for k, v := range l.Raw() {
			raw = append(raw, k.String()+" "+v.String())
		}
		want(t, "Raw "+when, raw, []string{"{x:1} 6", "a ", "b two", "c 1.5"})
		if v, ok := l.Get("b"); v != 0 || !ok {
			t.Errorf("%s Get(b) = %d, %t, want the zero value that is there", when, v, ok)
		}
	}
	check("now")
	a.Step(Mail{Do: func() { panic("spilt") }})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	check("after a restart")
	want(t, "conditions", o.conditions(), nil)
	o.do(a, func() { l.Set("b", 2) })
	want(t, "event of Set", drain(tail), []string{"@update(key:b) 2"})
	o.do(a, func() { l.Remove("b"); l.Drop(1) })
	want(t, "what is left", texts(l.Read()), []string{"@update(key:a)", "@update(key:c) 1.5"})
	o.do(a, func() { l.Clear() })
	if len(l.lenient.raw) != 0 {
		t.Errorf("%d values are kept that are there no more", len(l.lenient.raw))
	}
}

func TestLenientCommand(t *testing.T) {
	o := newLoop(t)
	var got []int
	var raw []string
	var l *CommandLane[int]
	a := o.add("/a", func(a *Agent) {
		l = Command(a, "go", func(n int) error {
			if n < 0 {
				return errors.New("not that")
			}
			got, raw = append(got, n), append(raw, l.Raw().String())
			return nil
		}).Lenient()
	})
	tail := l.Open(&reader{})
	for _, body := range []string{"1", "x", "2.5", `"7"`, "", "-1"} {
		o.command(a, "go", body)
	}
	want(t, "echoes", drain(tail), []string{"1", "x", "2.5", `"7"`, ""})
	want(t, "raw", raw, []string{"1", "x", "2.5", `"7"`, ""})
	if len(got) != 5 || got[0] != 1 || got[1] != 0 {
		t.Errorf("the handler got %v, want 1 and zeros", got)
	}
	if v := l.Raw(); !recon.Equal(v, recon.Value{}) {
		t.Errorf("Raw outside of the handler is %s", v)
	}
}

// What a lenient lane was sent is shown and remembered as it came, also over a restart.
func TestLenientRestart(t *testing.T) {
	type point struct{ X, Y int }
	o := newLoop(t)
	var v *ValueLane[point]
	var m *MapLane[string, point]
	a := o.add("/a", func(a *Agent) {
		v, m = Value(a, "v", point{}).Lenient(), Map[string, point](a, "m").Lenient()
	})
	const came = "{y:2,x:1}" // not in the order in which a point is printed
	o.command(a, "v", came)
	o.command(a, "m", "@update(key:k)"+came)
	tails := []*Tail{v.Open(&reader{}), m.Open(&reader{})}
	o.restart(a)
	want(t, "value", texts(v.Lane.Read()), []string{came})
	want(t, "map", texts(m.Lane.Read()), []string{"@update(key:k)" + came})
	if v.Raw().String() != came || v.Get() != (point{1, 2}) {
		t.Errorf("Raw is %s, Get %v", v.Raw(), v.Get())
	}
	for _, raw := range m.Raw() {
		if raw.String() != came {
			t.Errorf("Raw of the map is %s", raw)
		}
	}
	want(t, "events of a restart", append(drain(tails[0]), drain(tails[1])...), nil)
}

// A lane that is transient shows nothing of what was stored, and no condition of it.
func TestTransientMisfit(t *testing.T) {
	o := newLoop(t)
	a := o.make("/a", func(a *Agent) {
		Value(a, "x", 1).Transient()
		Value(a, "y", 1).Transient().Lenient()
		Value(a, "z", 1).Lenient().Transient()
		Map[string, int](a, "m").Transient().Lenient()
		Map[string, int](a, "n").Transient()
	})
	junk := Snapshot{Kind: ValueKind, Value: []byte("junk")}
	entries := Snapshot{Kind: MapKind, Entries: []Entry{{[]byte("k"), []byte("junk")}}}
	a.Remember(map[route.LaneName]Snapshot{"x": junk, "y": junk, "z": junk, "m": entries, "n": entries})
	a.Start()
	want(t, "conditions", o.conditions(), nil)
	for _, l := range a.Lanes() {
		var state []string
		if l.Kind() == ValueKind {
			state = []string{"1"}
		}
		want(t, string(l.Name()), texts(l.Read()), state)
	}
}

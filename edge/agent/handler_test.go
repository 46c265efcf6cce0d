package agent

import (
	"fmt"
	"sync"
	"testing"

	"selvage/edge/recon"
)

// A handler that sets what it is called for has the last word, in lanes of all kinds.
func TestHandlerLimits(t *testing.T) {
	o := newLoop(t)
	var v *ValueLane[int]
	var m, as *MapLane[string, int]
	var l *ListLane[int]
	a := o.add("/a", func(a *Agent) {
		v = Value(a, "v", 0)
		v.OnSet(func(_, now int) error {
			if now > 30 {
				v.Set(30)
			}
			return nil
		})
		limit := func(m *MapLane[string, int]) func(string, int, int) error {
			return func(k string, _, now int) error {
				if now > 30 {
					m.Set(k, 30)
				}
				return nil
			}
		}
		m, as = Map[string, int](a, "m"), Map[string, int](a, "as").Lenient()
		m.OnUpdate(limit(m))
		as.OnUpdate(limit(as))
		l = List[int](a, "l")
		l.OnUpdate(func(i, _, now int) error {
			if now > 30 && i < l.Len() {
				l.Set(i, 30)
			}
			return nil
		})
	})
	tails := map[string]*Tail{"v": v.Open(&reader{}), "m": m.Open(&reader{}), "as": as.Open(&reader{})}
	wanted := map[string]string{"v": "30", "m": "@update(key:k) 30", "as": "@update(key:k) 30"}
	for lane, body := range map[string]string{"v": "50", "m": "@update(key:k) 50", "as": "@update(key:k) 50"} {
		for range 2 { // new, and then there
			o.command(a, lane, body)
			want(t, lane, drain(tails[lane]), []string{wanted[lane]})
		}
	}
	for k, raw := range as.Raw() {
		if raw.String() != "30" {
			t.Errorf("%s came as %s", k, raw)
		}
	}
	o.do(a, func() { l.Append(1); l.Set(0, 50) })
	if got, _ := l.Get(0); got != 30 || v.Get() != 30 {
		t.Errorf("list %d, value %d, want 30", got, v.Get())
	}
}

// A handler that sets or removes others during a Drop or Take: the lane, its readers and the store agree.
func TestCutHandler(t *testing.T) {
	for _, change := range []string{"set", "remove", "again"} {
		t.Run(change, func(t *testing.T) {
			o := newLoop(t)
			var m *MapLane[string, int]
			a := o.add("/a", func(a *Agent) {
				m = Map[string, int](a, "m")
				m.OnRemove(func(k string, old int) error {
					if k == "b" {
						switch change {
						case "set":
							m.Set("a", 10)
						case "remove":
							m.Remove("a")
							m.Remove("d")
						case "again":
							m.Remove("a")
							m.Set("a", 10)
						}
					}
					return nil
				})
			})
			o.do(a, func() {
				for i, k := range []string{"a", "b", "c", "d", "e"} {
					m.Set(k, i)
				}
			})
			var d *MapDownlink[string, int]
			o.add("/d", func(a *Agent) { d = LinkMap[string, int](a, "/a", "m") })
			o.run()
			stored := keep{}
			a.Save(stored)
			o.do(a, func() { m.Drop(2) })
			a.Save(stored)
			var lane, reader string
			for k, v := range m.All() {
				lane += fmt.Sprint(k, v, " ")
			}
			for k, v := range d.All() {
				reader += fmt.Sprint(k, v, " ")
			}
			wanted := map[string]string{"set": "c2 d3 e4 ", "remove": "c2 e4 ", "again": "a10 c2 d3 e4 "}[change]
			if lane != wanted || reader != wanted || len(stored) != m.Len() {
				t.Errorf("the lane has %s, its reader %s, the store %v, want %s", lane, reader, stored, wanted)
			}
		})
	}
}

// Keys that count as equal, and are written differently, have one order for all who cut a map.
func TestEqualKeys(t *testing.T) {
	for range 20 {
		o := newLoop(t)
		var m *MapLane[recon.Value, string]
		a := o.add("/a", func(a *Agent) { m = Map[recon.Value, string](a, "m") })
		var d *MapDownlink[recon.Value, string]
		o.add("/d", func(a *Agent) { d = LinkMap[recon.Value, string](a, "/a", "m") })
		o.run()
		o.command(a, "m", "@update(key:1e19) a")
		o.command(a, "m", "@update(key:10000000000000000000) b")
		o.command(a, "m", "@drop(1)")
		for k := range m.All() {
			for l := range d.All() {
				if k.String() != l.String() {
					t.Fatalf("the lane keeps %s, its reader %s", k, l)
				}
			}
		}
	}
}

// A handler may be added in any turn, whoever reads the lane meanwhile. It is for the race detector.
func TestOnSetLater(t *testing.T) {
	o := newLoop(t)
	var x []*ValueLane[int]
	a := o.add("/a", func(a *Agent) {
		for i := range 100 {
			x = append(x, Value(a, fmt.Sprint("x", i), 0))
		}
	})
	d := o.add("/d", func(d *Agent) {
		for i := range 100 {
			Link(d, "/a", fmt.Sprint("x", i), func(int) {})
		}
	})
	o.run()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			d.Step(Mail{Do: d.downlinks().follows.first.do})
		}
	})
	for i := range 100 {
		a.Step(Mail{Do: func() { x[i].OnSet(func(int, int) error { return nil }) }})
	}
	wg.Wait()
}

package agent

import (
	"errors"
	"slices"
	"testing"

	"selvage/edge/recon"
)

// shy has a Recon form that nobody may ask for.
type shy struct{ n int }

func (shy) AppendRecon([]byte) ([]byte, error) { panic("printed") }
func (*shy) LoadRecon(recon.Value) error       { panic("read") }

// Where types agree what lanes hold goes over as it is: not even its Recon form is made.
func TestNoCodec(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[shy]
	var m *MapLane[string, shy]
	var l *ListLane[shy]
	var p *SupplyLane[shy]
	s := o.add("/s", func(a *Agent) {
		x, m, l = Value(a, "x", shy{1}).Transient(), Map[string, shy](a, "m").Transient(), List[shy](a, "l").Transient()
		p = Supply[shy](a, "p")
		m.Set("a", shy{1})
		l.Append(shy{1})
	})
	var dx *ValueDownlink[shy]
	var dm *MapDownlink[string, shy]
	var dl *ListDownlink[shy]
	var linked, newest, heard []int
	o.add("/d", func(a *Agent) {
		dx = LinkValue[shy](a, "/s", "x")
		dm = LinkMap[string, shy](a, "/s", "m")
		dl = LinkList[shy](a, "/s", "l")
		Link(a, "/s", "x", func(v shy) { linked = append(linked, v.n) })
		LinkValue[shy](a, "/s", "p").OnSet(func(_, now shy) { newest = append(newest, now.n) })
		LinkEvents[shy](a, "/s", "p").OnEvent(func(v shy) { heard = append(heard, v.n) })
	})
	has := func(what string, value int, entries map[string]int, elements ...int) {
		t.Helper()
		got, list := map[string]int{}, []int(nil)
		for k, v := range dm.All() {
			got[k] = v.n
		}
		for _, v := range dl.All() {
			list = append(list, v.n)
		}
		if dx.Get().n != value || len(got) != len(entries) || !slices.Equal(list, elements) {
			t.Errorf("%s: it has %d, %v and %v, want %d, %v and %v", what, dx.Get().n, got, list, value, entries, elements)
		}
		for k, v := range entries {
			if got[k] != v {
				t.Errorf("%s: it has %d under %s, want %d", what, got[k], k, v)
			}
		}
	}
	o.run()
	has("first", 1, map[string]int{"a": 1}, 1)
	o.do(s, func() {
		x.Set(shy{2})
		m.Set("b", shy{2})
		m.Set("c", shy{2})
		m.Set("c", shy{3})
		m.Remove("a")
		l.Append(shy{2})
		l.Insert(0, shy{3})
		l.Set(2, shy{4})
		l.Move(0, 1)
		p.Push(shy{1})
		p.Push(shy{2})
	})
	has("a turn", 2, map[string]int{"b": 2, "c": 3}, 1, 3, 4)
	o.do(s, func() { m.Drop(1); l.Remove(0) })
	has("cuts", 2, map[string]int{"c": 3}, 3, 4)
	o.do(s, func() { l.Take(1); m.Take(0); m.Set("d", shy{4}) })
	has("more cuts", 2, map[string]int{"d": 4}, 3)
	o.do(s, func() { l.Clear(); m.Clear(); m.Set("e", shy{5}); l.Append(shy{5}) })
	has("clears", 2, map[string]int{"e": 5}, 5)
	o.do(s, func() { panic("spilt") })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	o.run()
	has("a restart", 1, map[string]int{"a": 1}, 1)
	if !slices.Equal(linked, []int{1, 2, 1}) || !slices.Equal(newest, []int{2}) || !slices.Equal(heard, []int{1, 2}) {
		t.Errorf("values %v, newest %v, events %v", linked, newest, heard)
	}
	want(t, "conditions", o.conditions(), nil)
}

// picky has a Recon form while it is below 10, and counts how often that is asked for.
type picky struct{ n int }

var pickyPrinted int

func (p picky) AppendRecon(to []byte) ([]byte, error) {
	pickyPrinted++
	if p.n >= 10 {
		return to, errors.New("too much")
	}
	return append(to, '0'+byte(p.n)), nil
}

func (p *picky) LoadRecon(v recon.Value) error {
	n, ok := v.Int()
	if p.n = int(n); !ok {
		return errors.New("want a number")
	}
	return nil
}

// What has no Recon form is refused where somebody needs that, and what has one is printed once for all.
func TestPrintedForReaders(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[string, picky]
	var l *ListLane[picky]
	var p *SupplyLane[picky]
	s := o.add("/s", func(a *Agent) {
		m, l, p = Map[string, picky](a, "m").Transient(), List[picky](a, "l").Transient(), Supply[picky](a, "p")
		Command(a, "c", func(picky) error { return nil })
	})
	var other *MapDownlink[string, int]
	var elements *ListDownlink[int]
	var heard []int
	o.add("/d", func(a *Agent) {
		LinkEvents[picky](a, "/s", "p")
		LinkMap[string, picky](a, "/s", "m")
		other, elements = LinkMap[string, int](a, "/s", "m"), LinkList[int](a, "/s", "l")
		for _, lane := range []string{"p", "c"} {
			for range 2 {
				LinkEvents[int](a, "/s", lane).OnEvent(func(v int) { heard = append(heard, v) })
			}
		}
	})
	o.run()
	o.do(s, func() { m.Set("a", picky{1}); l.Append(picky{1}); p.Push(picky{1}) })
	o.command(s, "c", "2")
	if v, _ := other.Get("a"); v != 1 || elements.Len() != 1 || !slices.Equal(heard, []int{1, 1, 2, 2}) || pickyPrinted != 4 {
		t.Errorf("of another type it has %d, %d elements, events %v; %d were printed, want 4", v, elements.Len(), heard, pickyPrinted)
	}
	want(t, "conditions", o.conditions(), nil)
	for _, l := range s.Lanes() {
		l.Open(&reader{})
	}
	o.do(s, func() {
		m.Set("a", picky{10})
		l.Append(picky{10})
		l.Set(0, picky{10})
		p.Push(picky{10})
	})
	want(t, "refused", o.conditions(), []string{"lane./s.l", "lane./s.m", "lane./s.p"})
	if v, _ := m.Get("a"); v.n != 1 || l.Len() != 1 || len(heard) != 4 {
		t.Errorf("after that there are %d and %d elements, events %v", v.n, l.Len(), heard)
	}
}

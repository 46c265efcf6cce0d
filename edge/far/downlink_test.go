package far_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// mapped returns what a downlink has, entry by entry.
func mapped(d *agent.MapDownlink[string, int]) string {
	var all []string
	for k, v := range d.All() {
		all = append(all, fmt.Sprint(k, ":", v))
	}
	return strings.Join(all, " ")
}

// Downlinks of all kinds follow another host as they do this one, and tell when it is away.
func TestDownlinks(t *testing.T) {
	h := newHome(t)
	at := freePort(t)
	lanes := func(n int, elements ...string) func(*site, *agent.Agent) {
		return func(_ *site, a *agent.Agent) {
			agent.Value(a, "level", n)
			m := agent.Map[string, int](a, "map")
			m.Set("n", n)
			m.Set(fmt.Sprint("k", n), n)
			l := agent.List[string](a, "list")
			for _, e := range elements {
				l.Append(e)
			}
		}
	}
	s := newSite(t, at, lanes(1, "a", "b", "c"))
	told := &seen[string]{t, make(chan string, 1000)}
	log := make(chan string, 1000)
	var v *agent.ValueDownlink[int]
	var m *agent.MapDownlink[string, int]
	var l *agent.ListDownlink[string]
	node := s.node("/unit/1")
	a := h.add(func(a *agent.Agent) {
		v = agent.LinkValue[int](a, node, "level")
		m = agent.LinkMap[string, int](a, node, "map")
		l = agent.LinkList[string](a, node, "list")
		for name, d := range map[string]*agent.Downlink{"level": &v.Downlink, "map": &m.Downlink, "list": &l.Downlink} {
			d.OnSynced(func() { told.ch <- name + " synced" })
			d.OnLost(func(error) { told.ch <- name + " lost" })
		}
		agent.LinkEvents[string](a, node, "log").OnEvent(func(v string) { log <- v })
	})
	each := func(what string) {
		t.Helper()
		got := []string{told.next(), told.next(), told.next()}
		slices.Sort(got)
		want := []string{"level " + what, "list " + what, "map " + what}
		if !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	has := func(level int, entries string, elements ...string) {
		t.Helper()
		until(t, fmt.Sprint(level, entries, elements), func() (is bool) {
			h.turn(a, func() {
				var list []string
				for _, e := range l.All() {
					list = append(list, e)
				}
				is = v.Get() == level && mapped(m) == entries && slices.Equal(list, elements)
			})
			return is
		})
	}
	each("synced")
	has(1, "k1:1 n:1", "a", "b", "c")
	h.turn(a, func() {
		if err := m.Set("x", 5); err != nil {
			t.Error(err)
		}
		l.Move(0, 2)
		l.Append("d")
		v.Set(2)
	})
	has(2, "k1:1 n:1 x:5", "b", "c", "a", "d")
	until(t, "the log is not followed", func() bool {
		s.do(t, "/unit/1", "log", "hi")
		select {
		case e := <-log:
			return e == "hi"
		default:
			return false
		}
	})
	s.stop(t)
	each("lost")
	has(2, "k1:1 n:1 x:5", "b", "c", "a", "d") // as they were last
	late := make(chan string, 10)
	h.add(func(a *agent.Agent) {
		agent.LinkValue[int](a, node, "level").OnLost(func(err error) { late <- err.Error() })
	})
	if why := <-late; !strings.Contains(why, at) {
		t.Errorf("a later one is told %s", why)
	}
	s = newSite(t, at, lanes(3, "q", "b"))
	each("synced")
	has(3, "k3:3 n:3", "q", "b")
}

// What its readers want together is what a link asks for.
func TestPrioAndRate(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", lanes)
	node := s.node("/unit/1")
	asked := func(want string) {
		t.Helper()
		s.wait(t, want, func() bool { return len(s.asked) > 0 && s.asked[len(s.asked)-1] == want })
	}
	reader := func(o agent.LinkOptions) {
		h.add(func(a *agent.Agent) { agent.LinkValue[int](a, node, "level", o) })
	}
	reader(agent.LinkOptions{Prio: 0.5, Rate: 2})
	asked("sync level prio 0.5 rate 2")
	reader(agent.LinkOptions{Rate: 1})
	reader(agent.LinkOptions{Rate: 4})
	asked("link level prio 0.5 rate 4")
	level, _, _ := link[int](h, node, "level")
	want(t, level, 1)
	asked("link level prio 0.5 rate 0")
	s.do(t, "/unit/1", "level", "2")
	want(t, level, 2)
	if got := h.far(); got != 1 {
		t.Errorf("%d far agents", got)
	}
}

// One follows the events of a lane, and then another one its state.
func TestEventsThenState(t *testing.T) {
	h := newHome(t)
	var p *agent.SupplyLane[int]
	s := newSite(t, "127.0.0.1:0", func(_ *site, a *agent.Agent) {
		agent.Value(a, "level", 1)
		agent.Map[string, int](a, "map").Set("b", 2)
		agent.List[int](a, "list").Append(3)
		p = agent.Supply[int](a, "supply")
	})
	node := s.node("/unit/1")
	events, linked := make(chan string, 1000), make(chan bool, 10)
	h.add(func(a *agent.Agent) {
		for _, lane := range []string{"level", "map", "list", "supply"} {
			d := agent.LinkEvents[recon.Value](a, node, lane)
			d.OnEvent(func(v recon.Value) { events <- lane + " " + v.String() })
			d.OnSynced(func() { linked <- true })
		}
	})
	for range 4 {
		<-linked
	}
	synced := make(chan bool, 10)
	var v, newest *agent.ValueDownlink[int]
	var m *agent.MapDownlink[string, int]
	var l *agent.ListDownlink[int]
	two := h.add(func(a *agent.Agent) {
		v, newest = agent.LinkValue[int](a, node, "level"), agent.LinkValue[int](a, node, "supply")
		m, l = agent.LinkMap[string, int](a, node, "map"), agent.LinkList[int](a, node, "list")
		for _, d := range []*agent.Downlink{&v.Downlink, &newest.Downlink, &m.Downlink, &l.Downlink} {
			d.OnSynced(func() { synced <- true })
		}
	})
	for range 4 {
		<-synced
	}
	s.do(t, "/unit/1", "map", "@update(key:a) 1")
	unit, _ := s.Node("/unit/1")
	if err := unit.Do(func() { p.Push(5) }); err != nil {
		t.Fatal(err)
	}
	until(t, "the states are others", func() (is bool) {
		h.turn(two, func() { is = v.Get() == 1 && newest.Get() == 5 && mapped(m) == "a:1 b:2" && l.Len() == 1 })
		return is
	})
	for got := ""; got != "supply 5"; {
		select {
		case got = <-events:
		case <-time.After(patience):
			t.Fatal("who follows the events has not heard them")
		}
	}
}

// A lane of events is not taken for a value lane because it is busy.
func TestBusyEvents(t *testing.T) {
	h := newHome(t)
	s := newSite(t, "127.0.0.1:0", func(_ *site, a *agent.Agent) {
		p := agent.Supply[int](a, "p")
		n := 0
		a.Every(200*time.Microsecond, func() { n++; p.Push(n) })
	})
	for i := range 10 {
		unit := fmt.Sprint("/unit/", i)
		s.do(t, route.NodeURI(unit), "log", "x")
		seen, _, _ := link[int](h, s.node(unit), "p")
		seen.next()
		key, _, _ := route.Anywhere(s.node(unit))
		a, _ := h.Node(key)
		if kind := a.Lane("p").Kind(); kind != agent.CommandKind {
			t.Errorf("%s: it is a %s lane here", unit, kind)
		}
	}
}

// Another reader, who wants to be told in another way, costs none of the events.
func TestEventsOverAsk(t *testing.T) {
	h := newHome(t)
	var p *agent.SupplyLane[int]
	s := newSite(t, "127.0.0.1:0", func(_ *site, a *agent.Agent) { p = agent.Supply[int](a, "p") })
	const all = 5000
	heard, synced := make(chan int, all), make(chan bool, 10)
	follow := func(prio float64, on func(int)) {
		h.add(func(a *agent.Agent) {
			d := agent.LinkEvents[int](a, s.node("/unit/1"), "p", agent.LinkOptions{Prio: prio}).OnEvent(on)
			d.OnSynced(func() { synced <- true })
		})
		<-synced
	}
	follow(0.1, func(n int) { heard <- n })
	unit, _ := s.Node("/unit/1")
	for n := range all {
		if n == all/2 {
			follow(0.9, func(int) {})
		}
		if err := unit.Do(func() { p.Push(n) }); err != nil {
			t.Fatal(err)
		}
		if n%100 == 99 { // so that its mailbox does not fill
			for i := range 100 {
				if got := <-heard; got != n-99+i {
					t.Fatalf("heard %d, want %d", got, n-99+i)
				}
			}
		}
	}
	s.wait(t, "graded", func() bool { return s.count("link /unit/1 p") == 1 })
}

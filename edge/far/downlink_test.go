package far_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"selvage/edge/agent"
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
	asked := func(want ...string) {
		t.Helper()
		s.wait(t, fmt.Sprint(want), func() bool { return slices.Equal(s.asked, want) })
	}
	reader := func(o agent.LinkOptions) {
		h.add(func(a *agent.Agent) { agent.LinkValue[int](a, node, "level", o) })
	}
	reader(agent.LinkOptions{Prio: 0.5, Rate: 2})
	asked("sync level prio 0.5 rate 2")
	reader(agent.LinkOptions{Rate: 1})
	reader(agent.LinkOptions{Rate: 4})
	asked("sync level prio 0.5 rate 2", "sync level prio 0.5 rate 4")
	level, _, _ := link[int](h, node, "level")
	want(t, level, 1)
	asked("sync level prio 0.5 rate 2", "sync level prio 0.5 rate 4", "sync level prio 0.5 rate 0")
	s.do(t, "/unit/1", "level", "2")
	want(t, level, 2)
	if got := h.far(); got != 1 {
		t.Errorf("%d far agents", got)
	}
}

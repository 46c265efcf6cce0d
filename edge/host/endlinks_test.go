package host

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// What an agent published last is told to who is busy when it is taken away, and who copies it keeps that.
func TestLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		var x *agent.ValueLane[int]
		var p *agent.SupplyLane[int]
		s := add(t, h, "/s", func(a *agent.Agent) {
			x, p = agent.Value(a, "x", 1), agent.Supply[int](a, "p")
			a.OnStop(func() { x.Set(99); p.Push(4) })
		})
		var d *agent.ValueDownlink[int]
		var j *agent.JoinValueLane[string, int]
		var told []string
		var heard []int
		r := add(t, h, "/d", func(a *agent.Agent) {
			d = agent.LinkValue[int](a, "/s", "x").OnSet(func(_, now int) {
				if now == 99 {
					told = append(told, "last")
				}
			})
			d.OnLost(func(error) { told = append(told, "lost") })
			agent.LinkEvents[int](a, "/s", "p").OnEvent(func(n int) { heard = append(heard, n) })
			j = agent.JoinValue[string, int](a, "j")
			j.Link("k", "/s", "x")
		})
		text := &texts{}
		state(t, h, "/s", "x")
		text.tail = s.Agent().Lane("p").Open(text)
		synctest.Wait()
		block := make(chan struct{})
		r.Wake(func() { <-block })
		s.Wake(func() { x.Set(2); p.Push(1); p.Push(2); p.Push(3) })
		synctest.Wait()
		if err := h.Remove(t.Context(), "/s"); err != nil {
			t.Fatal(err)
		}
		close(block)
		synctest.Wait()
		have(h, "/d", func() {
			if copied, _ := j.Get("k"); d.Get() != 99 || copied != 99 || !slices.Equal(told, []string{"last", "lost"}) {
				t.Errorf("the reader has %d, the join lane %d, want 99; told %q", d.Get(), copied, told)
			}
			if !slices.Equal(heard, []int{1, 2, 3, 4}) {
				t.Errorf("it has heard %v", heard)
			}
		})
		if got := text.take(); !slices.Equal(got, []string{"1", "2", "3", "4"}) || !text.ended {
			t.Errorf("who reads the text has %q, ended %v", got, text.ended)
		}
		stop(t, h)
	})
}

// texts is a reader as links to other hosts are.
type texts struct {
	tail  *agent.Tail
	ended bool
}

func (*texts) Wake()  {}
func (r *texts) End() { r.ended = true }

func (r *texts) take() (bodies []string) {
	for body, ok := r.tail.Next(); ok; body, ok = r.tail.Next() {
		bodies = append(bodies, string(body))
	}
	r.tail.Close()
	return bodies
}

// A reader that comes in a turn which panics is linked after the restart.
func TestPanicBringsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		panics := map[string]bool{"cue": true, "first": true}
		spill := func(what string) {
			if panics[what] {
				panics[what] = false
				panic("spilt")
			}
		}
		add(t, h, "/s", func(a *agent.Agent) {
			agent.Demand(a, "load", func() int { spill("cue"); return 7 })
			x := agent.Value(a, "x", 7)
			x.OnFirst(func() { spill("first") })
		})
		links := map[string]*agent.ValueDownlink[int]{}
		add(t, h, "/d", func(a *agent.Agent) {
			for _, lane := range []string{"load", "x"} {
				links[lane] = agent.LinkValue[int](a, "/s", lane)
			}
		})
		time.Sleep(time.Hour)
		have(h, "/d", func() {
			for lane, d := range links {
				if !d.IsSynced() || d.Get() != 7 {
					t.Errorf("%s: an hour after a panic it is synced %v and has %d", lane, d.IsSynced(), d.Get())
				}
			}
		})
		stop(t, h)
	})
}

// LinkEach links what is a value, and an entry is its newest source's.
func TestLinkEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		var all, one *agent.JoinValueLane[string, int]
		add(t, h, "/j", func(a *agent.Agent) {
			all, one = agent.JoinValue[string, int](a, "all"), agent.JoinValue[string, int](a, "one")
			all.LinkEach("/unit/*/*", func(_ route.NodeURI, l route.LaneName) (string, bool) { return string(l), true })
			one.LinkEach("/unit/*/level", func(route.NodeURI, route.LaneName) (string, bool) { return "k", true })
		})
		add(t, h, "/unit/1", func(a *agent.Agent) {
			agent.Value(a, "level", 1)
			agent.Map[string, int](a, "entries")
			agent.Supply[int](a, "events")
			agent.HTTP(a, "page", agent.Handlers{})
		})
		synctest.Wait()
		add(t, h, "/unit/2", func(a *agent.Agent) { agent.Value(a, "level", 2) })
		synctest.Wait()
		if err := h.Remove(t.Context(), "/unit/1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		have(h, "/j", func() {
			if v, ok := one.Get("k"); v != 2 || !ok || one.IsStale("k") {
				t.Errorf("the entry is %d, %v", v, ok)
			}
			for _, key := range []string{"entries", "events", "page"} {
				if _, _, linked := all.Source(key); linked {
					t.Errorf("%s is linked, and is no value lane", key)
				}
			}
		})
		if c := h.Health.Active(); len(c) > 0 {
			t.Errorf("conditions %v", c)
		}
		stop(t, h)
	})
}

package far_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// Join lanes have entries of agents of another host beside those of this one, and keep them while that is away.
func TestJoin(t *testing.T) {
	h := newHome(t)
	at := freePort(t)
	lanes := func(n int, keys ...string) func(*site, *agent.Agent) {
		return func(_ *site, a *agent.Agent) {
			agent.Value(a, "level", n)
			m := agent.Map[string, int](a, "map")
			for _, k := range keys {
				m.Set(k+a.Param("id"), n)
			}
		}
	}
	s := newSite(t, at, lanes(1, "x", "y"))
	h.add(func(a *agent.Agent) {
		agent.Value(a, "level", 7)
		agent.Map[string, int](a, "map").Set("here", 7)
	})
	var levels *agent.JoinValueLane[string, int]
	var all *agent.JoinMapLane[string, int]
	j := h.add(func(a *agent.Agent) {
		levels, all = agent.JoinValue[string, int](a, "levels"), agent.JoinMap[string, int](a, "all")
		levels.Link("here", "/reader/1", "level")
		all.Link("/reader/1", "map")
		for _, unit := range []string{"/unit/1", "/unit/2"} {
			levels.Link(unit, s.node(unit), "level")
			all.Link(s.node(unit), "map")
		}
	})
	// stale lists what IsStale says of the keys that are not up to date.
	has := func(values, entries, stale string) {
		t.Helper()
		until(t, fmt.Sprint(values, ", ", entries, ", stale ", stale), func() (is bool) {
			h.turn(j, func() {
				var old []string
				var got [2]string
				for k, v := range levels.All() {
					got[0] += fmt.Sprint(k, ":", v, " ")
					if levels.IsStale(k) {
						old = append(old, k)
					}
				}
				for k, v := range all.All() {
					got[1] += fmt.Sprint(k, ":", v, " ")
					if all.IsStale(k) {
						old = append(old, k)
					}
				}
				is = got == [2]string{values, entries} && slices.Equal(old, strings.Fields(stale))
			})
			return is
		})
	}
	has("/unit/1:1 /unit/2:1 here:7 ", "here:7 x1:1 x2:1 y1:1 y2:1 ", "")
	h.turn(j, func() {
		node, lane, ok := all.Source("x1")
		if key, _, err := route.Anywhere(s.node("/unit/1")); err != nil || node != key || lane != "map" || !ok {
			t.Errorf("x1 is from %s %s", node, lane)
		}
	})
	s.do(t, "/unit/2", "level", "5")
	s.do(t, "/unit/2", "map", "@update(key:z) 5")
	s.do(t, "/unit/1", "map", "@remove(key:y1)")
	has("/unit/1:1 /unit/2:5 here:7 ", "here:7 x1:1 x2:1 y2:1 z:5 ", "")

	s.stop(t)
	has("/unit/1:1 /unit/2:5 here:7 ", "here:7 x1:1 x2:1 y2:1 z:5 ", "/unit/1 /unit/2 x1 x2 y2 z")
	s = newSite(t, at, lanes(3, "x"))
	has("/unit/1:3 /unit/2:3 here:7 ", "here:7 x1:3 x2:3 ", "")
	h.turn(j, func() {
		levels.Unlink("/unit/1")
		all.Unlink(s.node("/unit/2"), "map")
	})
	has("/unit/2:3 here:7 ", "here:7 x1:3 ", "")
}

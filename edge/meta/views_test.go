package meta

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"selvage/edge/host"
	"selvage/edge/route"
)

func TestPlaces(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		m := &model{host: h}
		for _, tt := range []struct {
			uri  string
			want place
			ok   bool
		}{
			{"swim:meta:edge", place{level: atEdge}, true},
			{"swim:meta:edge/", place{}, false},
			{"swim:meta:mesh", place{level: atMesh}, true},
			{"swim:meta:mesh/", place{level: atMesh}, true},
			{"swim:meta:edge/mesh", place{level: atMesh}, true},
			{"swim:meta:edge/mesh//part//host//node/%2funit%2f1/lane/go", place{level: atLane, node: "/unit/1", lane: "go"}, true},
			{"swim:meta:part", place{level: atPart}, true},
			{"swim:meta:part/swim", place{level: atPart, own: true}, true},
			{"swim:meta:mesh//part/swim/host", place{level: atHost, own: true}, true},
			{"swim:meta:host", place{level: atHost}, true},
			{"swim:meta:host//node/%2funit%2f1", place{level: atNode, node: "/unit/1"}, true},
			{one, place{level: atNode, node: "/unit/1"}, true},
			{one + "/lane/go", place{level: atLane, node: "/unit/1", lane: "go"}, true},
			{one + "/lane/nope", place{}, false},
			{one + "/lane", place{}, false},
			{one + "/go", place{}, false},
			{"swim:meta:host/node/%2funit%2f1", place{}, false},
			{"swim:meta:mesh/part", place{}, false},
			{"swim:meta:part/host", place{}, false},
			{"swim:meta:part//mesh", place{}, false},
			{"swim:meta:host//lane/go", place{}, false},
			{"swim:meta:lane/go", place{}, false},
			{"swim:meta:node/%2funit%2f2", place{}, false},
			{"swim:meta:node/swim%3ameta%3ahost", place{}, false},
			{"swim:meta:part/swim/node/swim%3ameta%3ahost", place{}, false},
			{"swim:meta:node", place{}, false},
			{"swim:meta:bogus", place{}, false},
			{"swim:meta:", place{}, false},
			{"swim:meta", place{}, false},
			{"/meta:host", place{}, false},
		} {
			node, _, err := route.Node("/", tt.uri)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := m.find(node); ok != tt.ok || ok && got != tt.want {
				t.Errorf("find(%s) = %+v, %v, want %+v, %v", tt.uri, got, ok, tt.want, tt.ok)
			}
		}
	})
}

func TestTables(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.sync("swim:meta:edge", "meshes", `@update(key:""){meshUri:"",gatewayPartKey:,ourselfPartKey:swim,partCount:2}`)
		c.sync("swim:meta:mesh", "parts", `@update(key:swim){partKey:swim,predicate:,hostCount:1}`, `@update(key:){partKey:,predicate:,hostCount:1}`)
		c.sync("swim:meta:part", "hosts", `@update(key:""){hostUri:"",connected:true,secure:true,nodeCount:2}`)
		c.sync("swim:meta:part/swim", "hosts", `@update(key:""){hostUri:"",connected:true,secure:true,nodeCount:4}`)
		addUnit(t, h, "/unit/2")
		time.Sleep(refresh)
		c.event("swim:meta:part", "hosts", `@update(key:""){hostUri:"",connected:true,secure:true,nodeCount:3}`)
	})
}

func TestUplinks(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		lane := one + "/lane/level"
		c, other := dial(t, h), dial(t, h)
		c.sync(lane, "uplinks")
		other.sync("/unit/1", "level", " 1")
		other.sync("/unit/1", "go")
		time.Sleep(refresh)
		got := c.take()
		entry := regexp.MustCompile(`^` + regexp.QuoteMeta(address("event", lane, "uplinks")) + `@update\(key:(\d+)\)\{linkKey:(\d+),connected:true,secure:false\}$`)
		if len(got) != 1 || entry.FindString(got[0]) == "" {
			t.Fatalf("with one link: %q", got)
		}
		time.Sleep(10 * refresh)
		c.nothing()
		other.close()
		time.Sleep(refresh)
		c.event(lane, "uplinks", "@remove(key:"+entry.FindStringSubmatch(got[0])[1]+")")
	})
}

func TestPulse(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		for range 3 {
			c.send(`@command(node:"/unit/1",lane:go) 5`)
		}
		c.sync("/unit/1", "level", " 5")
		c.sync(one, "pulse", `{agents:{agentCount:1},uplinks:{linkCount:1,eventCount:1,commandCount:3}}`)
		time.Sleep(refresh)
		c.nothing() // nothing is new
		for range 4 {
			c.send(`@command(node:"/unit/1",lane:go) 6`)
			c.event("/unit/1", "level", " 6")
		}
		time.Sleep(refresh)
		c.event(one, "pulse", `{agents:{agentCount:1},uplinks:{linkCount:1,eventRate:4,eventCount:5,commandRate:4,commandCount:7}}`)
		time.Sleep(refresh)
		c.event(one, "pulse", `{agents:{agentCount:1},uplinks:{linkCount:1,eventCount:5,commandCount:7}}`)
		time.Sleep(time.Minute)
		c.nothing()

		c.unlink(one, "pulse")
		views(t, h, 0)
		c.send(`@command(node:"/unit/1",lane:go) 7`)
		c.event("/unit/1", "level", " 7")
		c.sync(one, "pulse", `{agents:{agentCount:1},uplinks:{linkCount:1,eventCount:6,commandCount:8}}`)

		c.sync("swim:meta:edge", "pulse", `{meshCount:1,partCount:2,hostCount:2,nodeCount:4,agents:{agentCount:2},uplinks:{linkCount:1,eventCount:6,commandCount:8}}`)
		c.send(address("sync", "swim:meta:host", "pulse"))
		got := c.take()
		want := address("event", "swim:meta:host", "pulse") + `{nodeCount:2,agents:{agentCount:2},uplinks:{linkCount:1,eventCount:6,commandCount:8},system:{`
		if len(got) != 3 || !strings.HasPrefix(got[1], want) || !strings.HasSuffix(got[1], ",startTime:5}}") {
			t.Errorf("the host's pulse is %q, want %s…", got, want)
		}
	})
}

// A second reader of a pulse that is read already is told what was true a second ago at most.
func TestPulseTwice(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c, other := dial(t, h), dial(t, h)
		c.sync(one, "pulse", `{agents:{agentCount:1}}`)
		c.send(`@command(node:"/unit/1",lane:go) 5`)
		time.Sleep(refresh)
		c.event(one, "pulse", `{agents:{agentCount:1},uplinks:{commandRate:1,commandCount:1}}`)
		other.sync(one, "pulse", `{agents:{agentCount:1},uplinks:{commandRate:1,commandCount:1}}`)
		c.close()
		time.Sleep(refresh)
		other.event(one, "pulse", `{agents:{agentCount:1},uplinks:{commandCount:1}}`)
	})
}

// Views cost what is read of them, and nothing when they are not read.
func TestViewsAreBounded(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		const most, more = 2048, 10
		for i := range most + more {
			addUnit(t, h, route.NodeURI(fmt.Sprint("/many/", i)))
		}
		c := dial(t, h)
		refused := 0
		for i := range most + more {
			c.send(address("link", fmt.Sprint("swim:meta:node/%2fmany%2f", i), "infoLog"))
		}
		for _, f := range c.take() {
			if strings.HasPrefix(f, "@unlinked") && strings.HasSuffix(f, "@busy") {
				refused++
			}
		}
		if refused != more || h.Health.Counters()["views.refused"] != more {
			t.Errorf("%d were refused, %d counted, want %d", refused, h.Health.Counters()["views.refused"], more)
		}
		views(t, h, most)
		c.close()
		views(t, h, 0)
		dial(t, h).sync(one, "pulse", `{agents:{agentCount:1}}`)
	})
}

// One who comes while a view ends gets the next one.
func TestViewsComeAndGo(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		a, b := dial(t, h), dial(t, h)
		const times = 200
		for range times {
			for _, c := range []*talk{a, b} {
				c.send(address("sync", one, "lanes"), address("unlink", one, "lanes"))
			}
		}
		for _, c := range []*talk{a, b} {
			synced := 0
			for _, f := range c.take() {
				if strings.HasPrefix(f, "@synced") {
					synced++
				}
			}
			if synced != times {
				t.Errorf("%d of %d were answered", synced, times)
			}
		}
		views(t, h, 0)
	})
}

package meta

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/route"
)

// within runs fn in a bubble with a host that has an agent /unit/1 and these views.
func within(t *testing.T, fn func(t *testing.T, h *host.Host)) {
	t.Helper()
	withWorkers(t, 0, fn)
}

func withWorkers(t *testing.T, workers int, fn func(t *testing.T, h *host.Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := host.New(host.Options{
			Clock: clock.New("test", func() bool { return true }), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Workers: workers,
		})
		t.Cleanup(func() { h.Stop(t.Context()) })
		if err := Add(h, Info{Name: "test", Version: "v1", Started: time.UnixMilli(5), URI: "warp://127.0.0.1:1"}); err != nil {
			t.Fatal(err)
		}
		addUnit(t, h, "/unit/1")
		synctest.Wait()
		fn(t, h)
	})
}

func addUnit(t *testing.T, h *host.Host, uri route.NodeURI) {
	t.Helper()
	_, err := h.Add(uri, host.Agents, agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		level := agent.Value(a, "level", 1).ReadOnly()
		agent.Command(a, "go", func(n int) error { level.Set(n); return nil })
		agent.Command(a, "log", func(text string) error { logSome(a, text); return nil })
		a.After(time.Minute, func() { agent.Map[string, int](a, "late") })
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
}

const (
	start = "946684800000" // when time begins in a bubble
	one   = "swim:meta:node/%2funit%2f1"
)

func nodeEntry(uri, kind, created string) string {
	return `@update(key:"` + uri + `"){nodeUri:"` + uri + `",created:` + created + `,agents:{` + kind + `}}`
}

func TestNodes(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.sync("swim:meta:host", "nodes", nodeEntry("/host", "host", start), nodeEntry("/unit/1", "unit", start))
		time.Sleep(time.Second)
		addUnit(t, h, "/unit/2")
		c.event("swim:meta:host", "nodes", nodeEntry("/unit/2", "unit", "946684801000"))

		c.unlink("swim:meta:host", "nodes")
		addUnit(t, h, "/unit/3") // while nobody looks
		c.sync("swim:meta:mesh", "nodes", nodeEntry("/host", "host", start), nodeEntry("/unit/1", "unit", start),
			nodeEntry("/unit/2", "unit", "946684801000"), nodeEntry("/unit/3", "unit", "946684801000"))
		if err := h.Remove(t.Context(), "/unit/2"); err != nil {
			t.Fatal(err)
		}
		c.event("swim:meta:mesh", "nodes", `@remove(key:"/unit/2")`)
		if _, err := h.Read(t.Context(), "/unit/4", "x"); err == nil {
			t.Error("there is a node /unit/4")
		}
		c.nothing()
	})
}

func TestLanes(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.sync(one, "lanes", `@update(key:go){laneUri:go,laneType:command}`,
			`@update(key:level){laneUri:level,laneType:value,readOnly:true}`, `@update(key:log){laneUri:log,laneType:command}`)
		time.Sleep(time.Minute)
		c.event(one, "lanes", `@update(key:late){laneUri:late,laneType:map}`)
		c.send(`@command(node:"`+one+`",lane:lanes)@clear`, `@command(node:"`+one+`",lane:infoLog)@info x`)
		c.nothing()
	})
}

// What is over HTTP is what a link would be told.
func TestRead(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		s, err := h.Read(t.Context(), "swim:meta:host", "nodes")
		if err != nil || len(s.Events) != 2 {
			t.Errorf("nodes: %q, %v", s.Events, err)
		}
		if s, err = h.Read(t.Context(), one, "pulse"); err != nil || len(s.Events) != 1 || !strings.HasPrefix(string(s.Events[0]), "{agents:{agentCount:1") {
			t.Errorf("pulse: %q, %v", s.Events, err)
		}
		views(t, h, 0)
	})
}

func TestHostAgent(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.sync("/host", "info", `{name:test,version:v1,started:5,uri:"warp://127.0.0.1:1"}`)
		c.sync("/host", "conditions")
		time.Sleep(time.Second)
		h.Health.Raise(health.Condition{Code: "device.air", Text: "no answer", Remedy: "look", Severity: health.Failure})
		c.event("/host", "conditions", `@update(key:"device.air"){text:"no answer",remedy:look,severity:failure,since:946684801000}`)
		h.Health.Clear("device.air")
		c.event("/host", "conditions", `@remove(key:"device.air")`)
	})
}

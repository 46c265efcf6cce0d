package meta

import (
	"log/slog"
	"slices"
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

func newHost(t *testing.T) *host.Host {
	t.Helper()
	h := host.New(host.Options{Clock: clock.New("test", func() bool { return true }), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	if err := Add(h, Info{Name: "test", Version: "v1", Started: time.UnixMilli(5), URI: "warp://127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	addUnit(t, h, "/unit/1")
	synctest.Wait()
	return h
}

func addUnit(t *testing.T, h *host.Host, uri route.NodeURI) {
	t.Helper()
	_, err := h.Add(uri, host.Agents, agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "level", 1).ReadOnly()
		agent.Command(a, "go", func(int) error { return nil })
		a.After(time.Minute, func() { agent.Map[string, int](a, "late") })
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
}

// state returns a lane's state as the bodies of its events; nil if there is no such node or lane.
func state(t *testing.T, h *host.Host, node route.NodeURI, lane route.LaneName) (bodies []string) {
	t.Helper()
	_, _ = h.Read(t.Context(), node, "touch") // a node that a route makes exists from its first touch on
	synctest.Wait()
	a, ok := h.Node(node)
	if !ok {
		return nil
	}
	l := a.Lane(lane)
	if l == nil {
		return nil
	}
	tail := l.Open(nobody{})
	defer tail.Close()
	for next := tail.State(); ; {
		b, ok := next()
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(b))
	}
}

type nobody struct{}

func (nobody) Wake() {}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		defer h.Stop(t.Context())
		one := `@update(key:"/unit/1"){nodeUri:"/unit/1",agents:{unit}}`
		own := `@update(key:"/host"){nodeUri:"/host",agents:{host}}`
		want(t, "nodes", state(t, h, "swim:meta:host", "nodes"), own, one)
		addUnit(t, h, "/unit/2")
		time.Sleep(refresh)
		want(t, "nodes", state(t, h, "swim:meta:host", "nodes"), own, one, strings.ReplaceAll(one, "/1", "/2"))
	})
}

func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		defer h.Stop(t.Context())
		node, _, err := route.Node("/", "swim:meta:node/%2Funit%2F1")
		if err != nil {
			t.Fatal(err)
		}
		early := []string{`@update(key:go){laneUri:go,laneType:command}`, `@update(key:level){laneUri:level,laneType:value,readOnly:true}`}
		want(t, "lanes", state(t, h, node, "lanes"), early...)
		time.Sleep(time.Minute + refresh)
		want(t, "lanes", state(t, h, node, "lanes"), append(early[:1:1], `@update(key:late){laneUri:late,laneType:map}`, early[1])...)
		if got := state(t, h, "swim:meta:node/%2funit%2f3", "lanes"); got != nil {
			t.Errorf("a node that does not exist has lanes %q", got)
		}
	})
}

func TestHostAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		defer h.Stop(t.Context())
		want(t, "info", state(t, h, "/host", "info"), `{name:test,version:v1,started:5,uri:"warp://127.0.0.1:1"}`)
		want(t, "conditions", state(t, h, "/host", "conditions"))
		since := time.Now()
		h.Health.Raise(health.Condition{Code: "device.air", Text: "no answer", Remedy: "look", Severity: health.Failure})
		if got := state(t, h, "/host", "conditions"); len(got) != 1 || !strings.Contains(got[0], `@update(key:"device.air"){text:"no answer",remedy:look,severity:failure,since:`) {
			t.Errorf("conditions = %q, raised at %v", got, since)
		}
		h.Health.Clear("device.air")
		want(t, "conditions", state(t, h, "/host", "conditions"))
	})
}

package bench

import (
	"context"
	"log/slog"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/route"
)

func TestLanes(t *testing.T) {
	kind, ok := agent.Lookup("bench")
	if !ok {
		t.Fatal("there is no kind bench")
	}
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	defer h.Stop(context.Background())
	for node, c := range map[route.NodeURI]Config{"/unit/1": {Stored: true}, "/tunit/1": {}} {
		if _, err := h.Add(node, host.Agents, kind, c); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][2]string{{"info", "1"}, {"set", "2"}, {"set", `{3,"xxx"}`}, {"set1", "4"}, {"map", "@update(key:5) 6"}} {
			if err := h.Do(t.Context(), node, route.LaneName(command[0]), []byte(command[1])); err != nil {
				t.Errorf("%s %v: %v", node, command, err)
			}
		}
		for lane, want := range map[route.LaneName]string{"info": "4", "count": "2", "map": "@update(key:5) 6"} {
			s, err := h.Read(t.Context(), node, lane)
			if err != nil || len(s.Events) != 1 || string(s.Events[0]) != want {
				t.Errorf("%s %s holds %q, %v, want %s", node, lane, s.Events, err, want)
			}
		}
		a, _ := h.Node(node)
		for _, l := range a.Lanes() {
			if l.Stored() != (c.Stored && l.Kind() != agent.CommandKind) {
				t.Errorf("%s %s: stored %v", node, l.Name(), l.Stored())
			}
		}
	}
}

package agent

import (
	"errors"
	"testing"

	"selvage/edge/route"
)

// Several traits are one agent: one turn at a time, one set of lanes, and a trait that fails leaves the
// others alone.
func TestTraits(t *testing.T) {
	Register("test-count", 1, func(a *Agent, step int) error {
		n := Value(a, "n", 0)
		Command(a, "count", func(int) error { n.Set(n.Get() + step); return nil })
		return nil
	})
	Register("test-name", "", func(a *Agent, name string) error { Value(a, "name", name); return nil })
	Register("test-fails", 0, func(*Agent, int) error { return errors.New("no wire") })

	traits := Traits{{"test-count", nil}, {"test-fails", 0}, {"test-name", "anna"}}
	k, ok := KindOf("", traits)
	if !ok || k.Name != "test-count+test-fails+test-name" {
		t.Fatalf("KindOf: %v, %q", ok, k.Name)
	}
	o := newLoop(t)
	rt := &loopRuntime{loop: o}
	rt.agent = New("/x", &Options{Kind: k, Config: traits}, rt)
	o.agents["/x"] = rt.agent
	if err := rt.agent.Start(); err == nil || err.Error() != "test-fails: no wire" {
		t.Errorf("Start: %v", err)
	}
	o.command(rt.agent, "count", "1")
	for lane, is := range map[route.LaneName]string{"n": "1", "name": "anna"} {
		if got := string(rt.agent.Lane(lane).typed.snapshot().Value); got != is {
			t.Errorf("lane %s is %s, want %s", lane, got, is)
		}
	}
	want(t, "kinds", rt.agent.Kinds(), []string{"test-count", "test-fails", "test-name"})

	if k, ok := KindOf("test-count", 7); !ok || k.Name != "test-count" {
		t.Errorf("KindOf of one kind: %v, %q", ok, k.Name)
	}
	if _, ok := KindOf("", Traits{{"test-nobody", 0}}); ok {
		t.Error("KindOf knows a kind that nobody registered")
	}
}

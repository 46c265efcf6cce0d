package host

import (
	"context"
	"testing"

	"selvage/edge/agent"
)

// A lane that becomes another kind, and that kind again, starts anew each time it has been set as another.
func TestLaneOfOtherKind(t *testing.T) {
	type step struct {
		setup         func(a *agent.Agent)
		starts, sends string
	}
	asMap := func(a *agent.Agent) { agent.Map[string, int](a, "x") }
	asList := func(a *agent.Agent) { agent.List[int](a, "x") }
	asValue := func(a *agent.Agent) { agent.Value(a, "x", 0) }
	dir := t.TempDir()
	for i, st := range []step{
		{asMap, "", "@update(key:one) 1"},
		{asValue, "0", "5"},
		{asMap, "", "@update(key:two) 2"},
		{asMap, "@update(key:two) 2", "@update(key:three) 3"},
		{asList, "", "@update(index:0,key:one) 1"},
		{asMap, "", "@update(key:four) 4"},
		{asMap, "@update(key:four) 4", "@clear"},
	} {
		s := openStore(t, dir)
		h := newHost(t, s)
		add(t, h, "/a", st.setup)
		if got := state(t, h, "/a", "x"); got != st.starts {
			t.Errorf("%d: it starts with %q, want %q", i, got, st.starts)
		}
		command(t, h, "/a", "x", st.sends)
		stop(t, h)
		s.Close()
	}
}

// What a command has set is on flash when Flush returns, also if its agent is about to start anew.
func TestFlushInRestart(t *testing.T) {
	s := openStore(t, t.TempDir())
	h := newHost(t, s)
	in, out := make(chan bool), make(chan bool)
	starts := 0
	x := add(t, h, "/a", func(a *agent.Agent) {
		if starts++; starts > 1 {
			in <- true
			<-out
		}
		agent.Value(a, "x", 0)
	})
	h.take(context.Background(), "/a", "x", []byte("5"))
	x.Wake(func() { panic("spilt") })
	<-in
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lanes, err := s.Load("/a")
	if err != nil {
		t.Fatal(err)
	}
	if len(lanes) == 0 || string(lanes[0].Value) != "5" {
		t.Errorf("after Flush the store has %v, want x 5", lanes)
	}
	close(out)
	stop(t, h)
	s.Close()
}

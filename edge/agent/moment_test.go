package agent

import (
	"slices"
	"testing"
)

// A lane's agent is told who comes, syncs and goes, in turns, whatever the lane's kind.
func TestMoments(t *testing.T) {
	o := newLoop(t)
	var lanes []*Lane
	var heard []string
	var value *ValueLane[int]
	a := o.add("/a", func(a *Agent) {
		value = Value(a, "value", 1)
		lanes = []*Lane{&value.Lane, &Map[string, int](a, "map").Lane, &List[int](a, "list").Lane,
			&Command(a, "command", func(int) error { return nil }).Lane, &Supply[int](a, "supply").Lane,
			&Demand(a, "demand", func() int { return 1 }).Lane}
		for _, l := range lanes {
			say := func(what string) func() {
				return func() {
					l.inTurn()
					heard = append(heard, what+" "+string(l.Name()))
				}
			}
			l.OnLink(say("link"))
			l.OnSync(say("sync"))
			l.OnUnlink(say("unlink"))
		}
	})
	for _, l := range lanes {
		heard = nil
		tail := l.Open(&reader{})
		tail.State()
		tail.Close()
		tail.Close()
		o.run()
		name := " " + string(l.Name())
		want(t, "heard", heard, []string{"link" + name, "sync" + name, "unlink" + name})
	}
	heard = nil
	value.Read()
	o.run()
	want(t, "heard of one who only looks", heard, nil)

	// A local agent that follows is a reader, too.
	var got []int
	b := o.add("/b", func(b *Agent) { Link(b, "/a", "value", func(v int) { got = append(got, v) }) })
	o.run()
	o.do(b, func() { b.close() })
	if !slices.Contains(heard, "link value") || !slices.Contains(heard, "unlink value") {
		t.Errorf("heard of a local link: %q", heard)
	}

	// What was on its way when the agent panicked is of no use to the lanes after it; they are told of each
	// reader that they have from before.
	o.run()
	heard = nil
	one, two := lanes[0].Open(&reader{}), lanes[0].Open(&reader{})
	one.State()
	defer one.Close()
	defer two.Close()
	a.Step(Mail{Do: func() { panic("spilt") }})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	o.run()
	want(t, "heard after a restart", heard, []string{"link value", "link value"})
}

// A supply lane can be fed to those who link only: who links hears what OnLink pushes.
func TestOnLinkPush(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) {
		l := Supply[string](a, "hello")
		l.OnLink(func() { l.Push("welcome") })
	})
	tail := a.Lane("hello").Open(&reader{})
	o.run()
	want(t, "events", drain(tail), []string{"welcome"})
}

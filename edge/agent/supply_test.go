package agent

import (
	"errors"
	"strconv"
	"testing"
	"unsafe"
)

func TestSupplyLane(t *testing.T) {
	o := newLoop(t)
	var l *SupplyLane[int]
	a := o.add("/a", func(a *Agent) { l = Supply[int](a, "said") })
	o.do(a, func() { l.Push(0) }) // nobody hears it
	first := a.Lane("said").Open(&reader{})
	o.do(a, func() { l.Push(1); l.Push(2); l.Push(2) })
	late := a.Lane("said").Open(&reader{})
	o.do(a, func() { l.Push(3) })
	want(t, "first", drain(first), []string{"1", "2", "2", "3"})
	want(t, "state for who came late is what is due", all(late.State()), []string{"3"})
	want(t, "late", drain(late), nil)

	if err := o.command(a, "said", "5"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command = %v, want %v", err, ErrReadOnly)
	}
	want(t, "after a command", drain(first), nil)
	want(t, "conditions after a command, which is ignored", o.conditions(), nil)
}

// What a supply lane keeps for a reader that lags is bounded, in order, and what it drops is counted.
func TestSupplyLaneLag(t *testing.T) {
	o := newLoop(t)
	var l *SupplyLane[int]
	a := o.make("/a", func(a *Agent) { l = Supply[int](a, "said") })
	a.options.Load().Pending = 20 * (eventCost + int(unsafe.Sizeof(0)) + len("10"))
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	slow := a.Lane("said").Open(&reader{})
	for i := 10; i < 60; i++ {
		o.do(a, func() { l.Push(i) })
	}
	var wanted []string
	for i := 40; i < 60; i++ {
		wanted = append(wanted, strconv.Itoa(i))
	}
	want(t, "slow", drain(slow), wanted)
	if slow.Lost() != 30 {
		t.Errorf("lost = %d, want 30", slow.Lost())
	}
}

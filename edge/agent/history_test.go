package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"selvage/edge/clock"
)

// measured is a value that knows when it was.
type measured struct {
	V  int
	At int64 // ns since 1970
}

func (m measured) Moment() clock.Stamp {
	if m.At == 0 {
		return clock.Stamp{}
	}
	return clock.Stamp{Boot: "b", Wall: m.At}
}

// TestHistoryOfLane: the store gets every value that turns have set, also over a restart; of other lanes the newest.
func TestHistoryOfLane(t *testing.T) {
	o := newLoop(t)
	o.kept = []string{"air", "passing", "off"}
	var air *ValueLane[measured]
	var passing, other *ValueLane[int]
	a := o.add("/a", func(a *Agent) {
		air = Value(a, "air", measured{})
		passing = Value(a, "passing", 0).Transient()
		other = Value(a, "other", 0)
		Map[string, int](a, "off") // which has no history
	})
	set := func(v, at int) {
		t.Helper()
		if err := o.do(a, func() { air.Set(measured{-v, 1}); air.Set(measured{v, int64(at)}); other.Set(v) }); err != nil {
			t.Fatal(err)
		}
	}
	set(1, 100)
	set(2, 90)
	set(3, 0) // no value yet
	o.do(a, func() { panic(errors.New("restart")) })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	set(4, 110)
	o.do(a, func() { passing.Set(7) })
	k := keep{}
	a.Save(k)
	at := k["passing had"][:min(len(k["passing had"]), 2)]
	if got, want := k["air had"], "{v:1,at:100}@100 {v:2,at:90}@90 {v:4,at:110}@110 "; got != want || at != "7@" {
		t.Errorf("the store got %q and %q, want %q and 7", got, k["passing had"], want)
	}
	if k["other"] != "4" || k["other had"] != "" {
		t.Errorf("of a lane without a history it got %v", k)
	}

	o.kept = nil
	a.KeepAnew()
	set(5, 120)
	k = keep{}
	if a.Save(k); k["air"] != "{v:5,at:120}" || k["air had"] != "" {
		t.Errorf("without a rule any more it got %v", k)
	}
	o.kept = []string{"air"}
	a.KeepAnew()
	set(6, 130)
	set(7, 140)
	k = keep{}
	if a.Save(k); strings.Count(k["air had"], "@") != 2 {
		t.Errorf("with one again it got %v", k)
	}
	if a.Save(k); strings.Count(k["air had"], "@") != 2 {
		t.Errorf("it got them again: %v", k)
	}
}

// TestHistoryOfLaneIsBounded: what the store does not take for long is bounded, and what goes is counted.
func TestHistoryOfLaneIsBounded(t *testing.T) {
	o := newLoop(t)
	o.kept = []string{"text"}
	var text *ValueLane[string]
	a := o.add("/a", func(a *Agent) { text = Value(a, "text", "") })
	const n = 1000
	for i := range n {
		if err := o.do(a, func() { text.Set(fmt.Sprint(i, strings.Repeat("x", 1000))) }); err != nil {
			t.Fatal(err)
		}
	}
	k := keep{}
	a.Save(k)
	got := strings.Count(k["text had"], "@")
	if lost := o.health.Count("history.dropped"); int(lost)+got != n || got*1000 > maxKept || !strings.Contains(k["text had"], "999xxx") {
		t.Errorf("%d points are kept and %d counted as lost, of %d", got, lost, n)
	}
}

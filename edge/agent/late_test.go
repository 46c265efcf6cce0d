package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
)

func wall(n int) clock.Stamp { return clock.Stamp{Wall: int64(n), Trusted: true} }

// TestRecord: a value of the past goes to the store, and nowhere else.
func TestRecord(t *testing.T) {
	o := newLoop(t)
	o.kept = []string{"air", "early"}
	var air *ValueLane[measured]
	var early, other *ValueLane[int]
	sets := 0
	a := o.add("/a", func(a *Agent) {
		air = Value(a, "air", measured{})
		early = Value(a, "early", 0)
		other = Value(a, "other", 0)
		air.OnSet(func(_, _ measured) error { sets++; return nil })
		if err := early.Record(1, wall(10)); err != nil { // of a lane that is being made
			t.Error(err)
		}
	})
	do := func(fn func() error) error {
		t.Helper()
		var err error
		if failed := o.do(a, func() { err = fn() }); failed != nil {
			t.Fatal(failed)
		}
		return err
	}
	save := func(want map[string]string) {
		t.Helper()
		k := keep{}
		a.Save(k)
		if fmt.Sprint(k) != fmt.Sprint(keep(want)) {
			t.Errorf("the store got %v, want %v", k, want)
		}
	}
	a.Save(keep{})
	tail := a.Lane("air").Open(new(reader))
	do(func() error { return air.Record(measured{3, 30}, wall(30)) })
	if _, ok := tail.Next(); ok || air.Get() != (measured{}) || sets != 0 {
		t.Errorf("readers saw it, or the lane holds %v, or %d handlers ran", air.Get(), sets)
	}
	save(map[string]string{"air had": "{v:3,at:30}@30 "})
	do(func() error { air.Set(measured{9, 90}); return air.Record(measured{4, 40}, wall(40)) })
	save(map[string]string{"air": "{v:9,at:90}", "air had": "{v:9,at:90}@90 {v:4,at:40}@40 "})
	o.do(a, func() { air.Record(measured{5, 50}, wall(50)); panic(errors.New("half a turn")) })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	k := keep{}
	if a.Save(k); strings.Contains(k["air had"], "50") {
		t.Errorf("of a turn that panicked the store got %v", k)
	}

	now := testClock.Now()
	for _, tt := range []struct {
		name string
		do   func() error
		want error
	}{
		{"without a history", func() error { return other.Record(1, wall(1)) }, ErrNoHistory},
		{"without a time", func() error { return air.Record(measured{}, clock.Stamp{}) }, ErrNoTime},
		{"soon", func() error { return air.Record(measured{}, clock.At(now.Time().Add(MostAhead-time.Second))) }, nil},
		{"in the future", func() error { return air.Record(measured{}, clock.At(now.Time().Add(MostAhead+time.Minute))) }, ErrFuture},
		{"as text", func() error { return a.Lane("air").RecordText([]byte("{v:1,at:7}"), wall(7)) }, nil},
	} {
		if err := do(tt.do); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if err := do(func() error { return a.Lane("air").RecordText([]byte("no record"), wall(7)) }); err == nil {
		t.Error("a text that does not fit was taken")
	}
	if !a.Lane("air").IsTimed() || a.Lane("early").IsTimed() {
		t.Error("IsTimed is wrong")
	}
}

// TestRecordIsBounded: who records faster than the store takes is told so, and nothing is dropped for it.
func TestRecordIsBounded(t *testing.T) {
	o := newLoop(t)
	o.kept = []string{"text"}
	var text *ValueLane[string]
	a := o.add("/a", func(a *Agent) { text = Value(a, "text", "") })
	taken := 0
	var err error
	for err == nil && taken < 10_000 {
		if failed := o.do(a, func() { err = text.Record(strings.Repeat("x", 1000), wall(1)) }); failed != nil {
			t.Fatal(failed)
		}
		taken++
	}
	k := keep{}
	a.Save(k)
	if got := strings.Count(k["text had"], "@"); err != ErrBehind || got != taken-1 || got < 100 || o.health.Count("history.dropped") != 0 {
		t.Errorf("%d of %d were taken until: %v", got, taken, err)
	}
	if failed := o.do(a, func() { err = text.Record("x", wall(1)) }); failed != nil || err != nil {
		t.Errorf("after a commit: %v", errors.Join(failed, err))
	}
}

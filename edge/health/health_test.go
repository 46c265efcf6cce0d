package health

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func codes(b *Board) []string {
	var got []string
	for _, c := range b.Active() {
		got = append(got, c.Code)
	}
	return got
}

func wantCodes(t *testing.T, when string, b *Board, want ...string) {
	t.Helper()
	if got := codes(b); !slices.Equal(got, want) {
		t.Errorf("%s: Active() = %q, want %q", when, got, want)
	}
}

func TestRaiseAndClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		began := time.Now()
		b.Raise(Condition{Code: "device.air", Text: "no answer"})
		time.Sleep(time.Minute)
		b.Raise(Condition{Code: "device.air", Text: "no answer at 0x44"})
		got := b.Active()
		if len(got) != 1 || !got[0].Since.Equal(began) || got[0].Text != "no answer at 0x44" {
			t.Errorf("raised twice: %+v, want the new text since %v", got, began)
		}
		b.Clear("device.air")
		b.Clear("device.air")
		wantCodes(t, "cleared", b)
		b.Raise(Condition{Code: "device.air"})
		if got := b.Active()[0].Since; !got.Equal(time.Now()) {
			t.Errorf("raised anew: since %v, want now", got)
		}
	})
}

func TestWorstFirst(t *testing.T) {
	b := NewBoard()
	b.Raise(Condition{Code: "b"})
	b.Raise(Condition{Code: "c", Severity: Failure})
	b.Raise(Condition{Code: "a"})
	wantCodes(t, "three", b, "c", "a", "b")
}

func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		var told []time.Duration
		began := time.Now()
		b.Watch(func() { told = append(told, time.Since(began)) })
		b.Raise(Condition{Code: "uplink", After: 10 * time.Second})
		time.Sleep(5 * time.Second)
		b.Raise(Condition{Code: "uplink", After: 10 * time.Second})
		wantCodes(t, "after 5 s", b)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantCodes(t, "after 10 s", b, "uplink")
		if want := []time.Duration{0, 10 * time.Second}; !slices.Equal(told, want) {
			t.Errorf("watcher called at %v, want %v", told, want)
		}
		b.Clear("uplink")
		b.Raise(Condition{Code: "uplink", After: 10 * time.Second})
		b.Clear("uplink")
		told = nil
		time.Sleep(time.Minute)
		synctest.Wait()
		if told != nil {
			t.Errorf("a condition cleared in time was announced at %v", told)
		}
	})
}

func TestDependsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard()
		b.Raise(Condition{Code: "broker", DependsOn: []string{"network"}})
		wantCodes(t, "alone", b, "broker")
		b.Raise(Condition{Code: "network", After: time.Minute})
		wantCodes(t, "cause not shown yet", b)
		time.Sleep(time.Minute)
		wantCodes(t, "with its cause", b, "network")
		b.Clear("network")
		wantCodes(t, "cause gone", b, "broker")
	})
}

func TestWatch(t *testing.T) {
	b := NewBoard()
	calls := 0
	cancel := b.Watch(func() { calls++; b.Active() }) // Active would deadlock under a lock
	c := Condition{Code: "x", Text: "one", DependsOn: []string{"y"}}
	b.Raise(c)
	b.Raise(c)
	if calls != 1 {
		t.Errorf("the same condition twice: %d calls, want 1", calls)
	}
	c.DependsOn[0] = "z" // the board keeps its own copy
	b.Raise(c)
	b.Clear("x")
	b.Clear("x")
	if calls != 3 {
		t.Errorf("raised, changed, cleared: %d calls, want 3", calls)
	}
	cancel()
	b.Raise(c)
	if calls != 3 {
		t.Error("called after cancel")
	}
}

func TestCounters(t *testing.T) {
	b := NewBoard()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				b.Add("mail.refused", 2)
			}
		})
	}
	wg.Wait()
	b.Add("supply.dropped", 1)
	if got := b.Count("mail.refused"); got != 1600 {
		t.Errorf("Count = %d, want 1600", got)
	}
	if got := b.Count("nothing"); got != 0 {
		t.Errorf("Count of an unknown code = %d", got)
	}
	want := map[string]int64{"mail.refused": 1600, "supply.dropped": 1}
	if got := b.Counters(); !maps.Equal(got, want) {
		t.Errorf("Counters() = %v, want %v", got, want)
	}
}

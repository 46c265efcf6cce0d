package host

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
)

// keptHost is a host with an agent /a whose lane x is kept.
func keptHost(t *testing.T, dir string, keep store.Keep) (*Host, *store.Store) {
	t.Helper()
	s := openStore(t, dir)
	s.SetRules(func(_ route.NodeURI, lane route.LaneName) (store.Keep, bool) { return keep, lane == "x" })
	h := newHost(t, s)
	add(t, h, "/a", func(a *agent.Agent) {
		agent.Value(a, "x", 0)
		agent.Value(a, "y", 0)
	})
	return h, s
}

const firstPoint = 1_700_000_000_000 // ms since 1970

// keepPoints saves points of the lane x, one a second, whose values are their numbers.
func keepPoints(t *testing.T, s *store.Store, from, to int) {
	t.Helper()
	for ; from < to; from += 1000 {
		s.Mark(saving(func(b *store.Batch) {
			x := s.Lane("/a", "x", "value")
			for i := from; i < min(from+1000, to); i++ {
				at := clock.Stamp{Boot: "b", Mono: time.Duration(i+1) * time.Second, Wall: (firstPoint + int64(i)*1000) * 1e6, Trusted: true}
				b.Point(x, fmt.Append(nil, i), at, false)
			}
		}))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

type saving func(*store.Batch)

func (f saving) Save(b *store.Batch) { f(b) }

// pastReader reads a history as a link does.
type pastReader struct {
	*agent.Tail
	wakes  chan struct{}
	failed chan string
	next   func() ([]byte, bool)
}

func (r *pastReader) Wake() {
	select {
	case r.wakes <- struct{}{}:
	default:
	}
}

func (r *pastReader) Fail(_ any, reason string) { r.failed <- reason }

func readPast(t *testing.T, h *Host, ask string) *pastReader {
	t.Helper()
	r := &pastReader{wakes: make(chan struct{}, 1), failed: make(chan string, 1)}
	if err := h.turn(t.Context(), "/a", nil, func(a *agent.Agent) error {
		l := a.Find("x/history")
		if l == nil {
			return agent.ErrNoLane
		}
		r.Tail = l.Open(r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.next = r.StateOf([]byte(ask))
	return r
}

// some takes up to n events of what there is; all is whether these were the last.
func (r *pastReader) some(n int) (events []string, all bool) {
	for len(events) < n {
		body, ok := r.next()
		switch {
		case ok:
			events = append(events, string(body))
		case !r.IsPending():
			return events, true
		default:
			<-r.wakes
		}
	}
	return events, false
}

// upTo is some until there is none or an error.
func (r *pastReader) upTo(n int) (events []string, all bool) {
	for len(events) < n && len(r.failed) == 0 {
		if body, ok := r.next(); ok {
			events = append(events, string(body))
		} else if !r.IsPending() {
			return events, true
		} else {
			<-r.wakes
		}
	}
	return events, false
}

func (r *pastReader) live(n int) (events []string) {
	for len(events) < n {
		if body, ok := r.Next(); ok {
			events = append(events, string(body))
		} else {
			<-r.wakes
		}
	}
	return events
}

func update(i int) string { return fmt.Sprintf("@update(key:%d) %d", firstPoint+int64(i)*1000, i) }

// numbers checks that events are the updates from one number on.
func numbers(t *testing.T, when string, events []string, from, to int) {
	t.Helper()
	if len(events) != to-from {
		t.Errorf("%s: %d events, want those from %d to %d", when, len(events), from, to)
		return
	}
	for i, e := range events {
		if e != update(from+i) {
			t.Errorf("%s: event %d is %s, want %s", when, i, e, update(from+i))
			return
		}
	}
}

// A history of any length is shown as it is in the store, sealed or not, and what is set after that.
func TestPast(t *testing.T) {
	leaktest.Check(t)
	const n = 100_000
	dir := t.TempDir()
	h, s := keptHost(t, dir, store.Keep{})
	keepPoints(t, s, 0, n)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, grown := heap(), int64(0)
	r := readPast(t, h, "")
	count := 0
	for all := false; !all; {
		var some []string
		some, all = r.some(5000)
		numbers(t, "all", some, count, count+len(some))
		count += len(some)
		some = nil
		grown = max(grown, heap()-before)
	}
	t.Logf("while %d entries were shown the heap grew by %d kB at most", count, grown>>10)
	if count != n || grown > 4<<20 {
		t.Errorf("%d entries, and the heap grew by %d bytes", count, grown)
	}
	command(t, h, "/a", "x", "7")
	command(t, h, "/a", "y", "8")
	command(t, h, "/a", "x", "9")
	live := r.live(2)
	if !strings.HasSuffix(live[0], ") 7") || !strings.HasSuffix(live[1], ") 9") {
		t.Errorf("then come %q", live)
	}
	for ask, want := range map[string][2]int{"@take(3)": {0, 3}, "@drop(99990)": {99_990, n}, "@take(-2)": {0, 0}} {
		some := readPast(t, h, ask)
		events, all := some.some(100)
		switch {
		case !all:
			t.Errorf("%s: more than 100", ask)
		case ask == "@take(-2)":
			if !slices.Equal(events, live) {
				t.Errorf("%s: %q, want %q", ask, events, live)
			}
		case ask == "@drop(99990)":
			numbers(t, ask, events[:10], want[0], want[1])
			if !slices.Equal(events[10:], live) {
				t.Errorf("%s: %q behind them, want %q", ask, events[10:], live)
			}
		default:
			numbers(t, ask, events, want[0], want[1])
		}
		some.Close()
	}
	if err := h.Do(t.Context(), "/a", "x/history", []byte("@clear")); err == nil || !strings.Contains(err.Error(), agent.ErrReadOnly.Error()) {
		t.Errorf("a command ends with %v", err)
	}
	if _, err := h.Read(t.Context(), "/a", "x/history"); err == nil || !strings.Contains(err.Error(), ErrPast.Error()) {
		t.Errorf("to read it at once ends with %v", err)
	}
	r.Close()
	stop(t, h)
	s.Close()

	h, s = keptHost(t, dir, store.Keep{})
	r = readPast(t, h, "@drop(99990)")
	events, _ := r.some(100)
	if numbers(t, "after a restart", events[:10], 99_990, n); !slices.Equal(events[10:], live) {
		t.Errorf("after a restart: %q", events)
	}
	// The store goes away while it is read.
	r = readPast(t, h, "")
	if some, all := r.some(100); all {
		t.Errorf("%d are all", len(some))
	}
	stop(t, h)
	s.Close()
	r.next() // and begins to read more than is there already
	if some, all := r.upTo(n); all {
		t.Errorf("after the store went away %d are all", len(some))
	}
	if reason := <-r.failed; reason != "unreadable" {
		t.Errorf("the reason is %s", reason)
	}
	r.Close()
}

// What retention drops while a history is read, its reader has not in the end: it was left out, or he was told.
func TestPastWhileRetained(t *testing.T) {
	leaktest.Check(t)
	h, s := keptHost(t, t.TempDir(), store.Keep{Points: 20_000})
	keepPoints(t, s, 0, 40_000)
	have, drops := map[int64]bool{}, 0
	take := func(events []string) {
		for _, e := range events {
			op, rest, _ := strings.Cut(e, "(")
			var n int64
			fmt.Sscanf(strings.TrimPrefix(rest, "key:"), "%d)", &n)
			switch op {
			case "@update":
				if have[n] {
					t.Errorf("%s comes twice", e)
				}
				have[n] = true
			case "@remove":
				delete(have, n)
			case "@drop":
				drops++
				for _, key := range slices.Sorted(maps.Keys(have))[:n] {
					delete(have, key)
				}
			default:
				t.Errorf("there comes %s", e)
			}
		}
	}
	// until reads on until there is what another reader finds of the first points: the others were not set by the
	// agent, so that nobody is told of them.
	until := func(r *pastReader, points int) {
		t.Helper()
		end := firstPoint + int64(points)*1000
		maps.DeleteFunc(have, func(key int64, _ bool) bool { return key >= end }) // it has rested, and met them
		other := readPast(t, h, "")
		events, _ := other.some(1 << 30)
		other.Close()
		now := map[int64]bool{}
		for _, e := range events {
			var key int64
			if fmt.Sscanf(e, "@update(key:%d)", &key); key < end {
				now[key] = true
			}
		}
		for len(have) > len(now) {
			take(r.live(1))
		}
		if !maps.Equal(have, now) {
			t.Errorf("of %d points it has %d entries, and another reader %d", points, len(have), len(now))
		}
	}
	r := readPast(t, h, "")
	some, _ := r.some(100)
	take(some)
	keepPoints(t, s, 40_000, 60_000)
	some, all := r.some(1 << 30)
	if take(some); !all {
		t.Fatal("it does not end")
	}
	until(r, 40_000)
	clear(have)
	r.Close()

	r = readPast(t, h, "")
	some, _ = r.some(1 << 30)
	take(some)
	keepPoints(t, s, 60_000, 80_000)
	if until(r, 60_000); drops == 0 {
		t.Error("who has all is not told how many entries went")
	}
	r.Close()
	stop(t, h)
	s.Close()
}

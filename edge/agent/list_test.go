package agent

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"selvage/edge/recon"
)

// newKey is the kind of key that servers and JS clients make.
var newKey = regexp.MustCompile(`%[A-Za-z0-9+/]{8}`)

func hideKeys(events []string) []string {
	for i, e := range events {
		events[i] = newKey.ReplaceAllString(e, "NEW")
	}
	return events
}

// From the reference's transcripts list-client-ops and js-list, but for the answers marked with
// what the reference says: it repeats the index that a command gave beside a key, be it right or
// not, and does not look up the key where none was given.
func TestListCommands(t *testing.T) {
	type step struct{ in, out string }
	for _, story := range [][]step{{
		{`@update(index:0,key:k1) a`, `@update(index:0,key:k1) a`},
		{`@update(index:1,key:k2) b`, `@update(index:1,key:k2) b`},
		{`@update(index:1,key:k3) c`, `@update(index:1,key:k3) c`},
		{`@update(index:0,key:k1) A`, `@update(index:0,key:k1) A`},
		{`@update(index:9,key:k9) far`, ``},
		{`@move(from:0,to:2,key:k1)`, `@move(from:0,to:2,key:k1)`},
		{`@remove(index:0,key:k2)`, `@remove(index:1,key:k2)`}, // index:0
		{`@remove(index:0)`, `@remove(index:0,key:k3)`},        // key:
		{`@drop(1)`, `@drop(1)`},
		{`@update(index:0) nokey`, `@update(index:0,key:NEW) nokey`},
		{`@update(index:0,key:q1) q1`, `@update(index:0,key:q1) q1`},
		{`@update(index:1,key:q2) q2`, `@update(index:1,key:q2) q2`},
		{`@update(index:2,key:q3) q3`, `@update(index:2,key:q3) q3`},
		{`@take(1)`, `@take(1)`},
		{`plain`, ``},
		{`@clear`, `@clear`},
	}, {
		{`@update(key:%bi7CMvAp,index:0) a`, `@update(index:0,key:NEW) a`},
		{`@update(key:%RYqimzje,index:2) b`, ``},
		{`@update(key:%+6YmvW1R,index:1) m`, `@update(index:1,key:NEW) m`},
		{`@update(key:%bi7CMvAp,index:0) A`, `@update(index:0,key:NEW) A`},
		{`@move(key:%bi7CMvAp,from:0,to:2)`, ``},
		{`@remove(key:%+6YmvW1R,index:0)`, `@remove(index:1,key:NEW)`}, // index:0
		{`@clear`, `@clear`},
		{`@clear`, `@clear`},
	}, {
		{`@update(key:k,index:0){c:3}`, `@update(index:0,key:k){c:3}`},
		{`@update(index:7,key:k) moved`, `@update(index:0,key:k) moved`}, // index:7
		{`@update(index:0) 5`, `@update(index:0,key:k) 5`},
		{`@update(index:1,key:) 6`, `@update(index:1,key:NEW) 6`},
		{`@update(index:0,key:{x:1}) "a b"`, `@update(index:0,key:{x:1})"a b"`},
		{`@update(index:0,key:@t(1))`, `@update(index:0,key:@t(1))`},
		{`@move(from:0,to:3)`, `@move(from:0,to:3,key:@t(1))`}, // key:
		{`@move(from:1,to:1)`, ``},
		{`@move(from:0,to:4)`, ``},
		{`@move(from:0,to:1,key:none)`, ``},
		{`@remove(index:0,key:none)`, ``},
		{`@remove(index:4)`, ``},
		{`@remove(index:-1)`, ``},
		{`@remove(key:k)`, ``},
		{`@update(key:n) 1`, ``},
		{`@update(index:x,key:n) 1`, ``},
		{`@update(index:-1,key:n) 1`, ``},
		{`@move(from:0,key:k)`, ``},
		{`@put(index:0) 1`, ``},
		{`@drop(x)`, `@drop(0)`},
		{`@drop(-1)`, `@drop(-1)`},
		{`@take(99)`, `@take(99)`},
		{`@take`, `@take(0)`},
	}} {
		o := newLoop(t)
		var l *ListLane[recon.Value]
		a := o.add("/a", func(a *Agent) { l = List[recon.Value](a, "list") })
		tail := a.Lane("list").Open(&reader{})
		for _, s := range story {
			o.command(a, "list", s.in)
			var out []string
			if s.out != "" {
				out = []string{s.out}
			}
			want(t, s.in, hideKeys(drain(tail)), out)
		}
		if l.Len() != 0 {
			t.Errorf("%d elements are left", l.Len())
		}
	}
}

// From the reference's transcript list-agent-ops, but for lins, which there replaces element 0,
// and for lmove, which there tells no key.
func TestListAgentSide(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[recon.Value]
	a := o.add("/a", func(a *Agent) { l = List[recon.Value](a, "list") })
	tail := a.Lane("list").Open(&reader{})
	text := recon.String
	for _, s := range []struct {
		do  func()
		out string
	}{
		{func() { l.Append(text("a")) }, `@update(index:0,key:NEW) a`},
		{func() { l.Append(text("b")) }, `@update(index:1,key:NEW) b`},
		{func() { l.Append(text("c")) }, `@update(index:2,key:NEW) c`},
		{func() { l.Set(1, text("B")) }, `@update(index:1,key:NEW) B`},
		{func() { l.Insert(0, text("first")) }, `@update(index:0,key:NEW) first`},
		{func() { l.Move(0, 2) }, `@move(from:0,to:2,key:NEW)`},
		{func() { l.Remove(1) }, `@remove(index:1,key:NEW)`},
		{func() { l.Drop(1) }, `@drop(1)`},
		{func() { l.Append(text("y")) }, `@update(index:2,key:NEW) y`},
		{func() { l.Take(2) }, `@take(2)`},
	} {
		o.do(a, s.do)
		want(t, s.out, hideKeys(drain(tail)), []string{s.out})
	}
	state := all(tail.State())
	want(t, "state", hideKeys(slices.Clone(state)), []string{`@update(index:0,key:NEW) first`, `@update(index:1,key:NEW) c`})
	var got []string
	for i, v := range l.All() {
		got = append(got, fmt.Sprint(i, v))
	}
	want(t, "All", got, []string{"0 first", "1 c"})
	o.do(a, func() { l.Clear() })
	want(t, "clear", drain(tail), []string{"@clear"})
	want(t, "state after clear", all(tail.State()), nil)

	keys := map[string]bool{}
	o.do(a, func() {
		for range 1000 {
			l.Insert(0, text("x"))
		}
	})
	for _, e := range all(a.Lane("list").Open(&reader{}).State()) {
		keys[newKey.FindString(e)] = true
	}
	if len(keys) != 1000 {
		t.Errorf("1000 elements have %d keys", len(keys))
	}
	o.do(a, func() { l.Set(1000, text("x")) })
	want(t, "conditions", o.conditions(), []string{"lane./a.list"})
}

func TestListRefusals(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[int]
	var calls []string
	a := o.add("/a", func(a *Agent) {
		l = List[int](a, "list")
		l.OnUpdate(func(i, old, now int) error {
			calls = append(calls, fmt.Sprint("update ", i, old, now))
			if now < 0 {
				return errors.New("not negative")
			}
			return nil
		}).OnMove(func(from, to, v int) error {
			calls = append(calls, fmt.Sprint("move ", from, to, v))
			if v == 13 {
				return errors.New("13 stays where it is")
			}
			return nil
		}).OnRemove(func(i, old int) error {
			calls = append(calls, fmt.Sprint("remove ", i, old))
			if old == 13 {
				return errors.New("13 stays")
			}
			return nil
		}).OnClear(func() error { return errors.New("no") })
	})
	tail := a.Lane("list").Open(&reader{})
	o.do(a, func() {
		for _, v := range []int{10, 13, 12} {
			l.Append(v)
		}
	})
	drain(tail)
	calls = nil
	for _, bad := range []string{`@update(index:0,key:x) abc`, `@update(index:0) 1.5`, `@update(index:0) -1`, `@update(index:3)`,
		`@update(index:0,key:y) -1`, `@move(from:1,to:0)`, `@remove(index:1)`, `@clear`, `@update(index:0`} {
		if err := o.command(a, "list", bad); err == nil {
			t.Errorf("command %s was taken", bad)
		}
		want(t, "events after "+bad, drain(tail), nil)
		want(t, "conditions after "+bad, o.conditions(), []string{"lane./a.list"})
	}
	want(t, "handlers", calls, []string{"update 0 10 -1", "update 0 0 -1", "move 1 0 13", "remove 1 13"})
	calls = nil
	o.command(a, "list", "@take(1)")
	want(t, "a cut that keeps one", hideKeys(drain(tail)), []string{"@remove(index:2,key:NEW)"})
	o.command(a, "list", "@drop(5)")
	want(t, "a cut that keeps one", hideKeys(drain(tail)), []string{"@remove(index:0,key:NEW)"})
	want(t, "handlers", calls, []string{"remove 1 13", "remove 2 12", "remove 0 10", "remove 1 13"})
	if v, ok := l.Get(0); l.Len() != 1 || v != 13 || !ok {
		t.Errorf("the list has %d elements, the first is %d, want 13 alone", l.Len(), v)
	}
	if _, ok := l.Get(1); ok {
		t.Error("there is an element behind the last")
	}
	o.do(a, func() { l.ReadOnly() })
	if err := o.command(a, "list", "@update(index:0) 1"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("command to a read-only list = %v, want %v", err, ErrReadOnly)
	}
}

// Handlers may change the list that they are called for: here one that keeps the newest three,
// and some that take away what is being changed.
func TestListHandlersChangeIt(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[int]
	meddle := func() {}
	a := o.add("/a", func(a *Agent) {
		l = List[int](a, "list")
		l.OnUpdate(func(i, _, now int) error {
			if i == 3 {
				l.Remove(0)
			}
			meddle()
			return nil
		})
		l.OnMove(func(_, _, _ int) error { meddle(); return nil })
		l.OnRemove(func(_, _ int) error { meddle(); return nil })
	})
	tail := a.Lane("list").Open(&reader{})
	r := newReplica(tail)
	o.do(a, func() {
		for v := range 6 {
			l.Append(v)
		}
	})
	r.readAll(t)
	want(t, "the newest three", r.values(), []string{"3", "4", "5"})
	for name, do := range map[string]func(){
		"set":    func() { l.Set(1, 7) },
		"move":   func() { l.Move(0, 2) },
		"remove": func() { l.Remove(1) },
		"drop":   func() { l.Drop(2) },
		"take":   func() { l.Take(1) },
		"insert": func() { l.Insert(2, 9) },
	} {
		meddle = func() {
			meddle = func() {}
			l.Clear()
			l.Append(1)
		}
		if err := o.do(a, do); err != nil {
			t.Fatal(err)
		}
		r.readAll(t)
		var truth []string
		for _, v := range l.All() {
			truth = append(truth, fmt.Sprint(v))
		}
		want(t, name+" while a handler clears the list", r.values(), truth)
		meddle = func() {}
		o.do(a, func() { l.Clear(); l.Append(3); l.Append(4); l.Append(5) })
		r.readAll(t)
	}
}

// A reader who lags costs at most a list; then he is told the state anew, and the others notice nothing.
func TestListLag(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[string]
	a := o.add("/a", func(a *Agent) { l = List[string](a, "list") })
	slow, quick := newReplica(a.Lane("list").Open(&reader{})), newReplica(a.Lane("list").Open(&reader{}))
	big := strings.Repeat("x", 1000)
	for i := range 5000 {
		o.do(a, func() { l.Append(fmt.Sprint(big, i)) })
		if i >= 10 {
			o.do(a, func() { l.Drop(1) })
		}
		quick.readAll(t)
		if quick.clears > 0 {
			t.Fatalf("the quick reader was told the state anew after %d elements", i)
		}
		if n := l.log.bytes; n > maxListLag {
			t.Fatalf("the lane keeps %d bytes for a reader that lags, want at most %d", n, maxListLag)
		}
	}
	if slow.readAll(t); slow.clears != 1 || slow.events > 20 {
		t.Errorf("the slow reader was told the state anew %d times in %d events, want once in about 11", slow.clears, slow.events)
	}
	want(t, "the slow reader's list", slow.values(), quick.values())

	for i := range 100_000 {
		o.do(a, func() { l.Set(i%10, fmt.Sprint(i)) })
	}
	if slow.readAll(t); slow.clears != 1 || slow.events > 40 {
		t.Errorf("100,000 sets of ten elements came as %d events, %d of them clears", slow.events, slow.clears)
	}
	quick.readAll(t)
	want(t, "the slow reader's list", slow.values(), quick.values())

	whole := maxListLag / 1000
	o.do(a, func() {
		for i := range 3 * whole {
			l.Append(fmt.Sprint(big, i))
		}
	})
	if quick.readAll(t); quick.clears > 0 {
		t.Error("a turn that makes the list longer than what is kept for readers that lag makes a reader that does not lag start anew")
	}
	o.do(a, func() { l.Take(10) })
	quick.readAll(t)
	for range 10 {
		o.do(a, func() {
			for range whole * 2 / 3 {
				l.Append(big)
			}
			l.Drop(whole * 2 / 3)
		})
		if quick.readAll(t); quick.clears > 0 {
			t.Fatal("a reader that does not lag starts anew because another one lags")
		}
	}
	slow.readAll(t)
	want(t, "the slow reader's list", slow.values(), quick.values())
	o.do(a, func() { l.Append(big); l.Set(5, big) })
	quick.readAll(t)
	slow.tail.Close()
	if l.log.bytes != 0 || len(l.log.slots) != 0 || l.log.late != 0 || len(l.log.readers) != 1 {
		t.Errorf("the lane keeps %d bytes for %d late readers when all have everything", l.log.bytes, l.log.late)
	}
}

// A sync goes on while the list changes; a clear ends it.
func TestListSyncWhileItChanges(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[int]
	a := o.add("/a", func(a *Agent) { l = List[int](a, "list") })
	o.do(a, func() {
		for i := range 4 {
			l.Append(i)
		}
	})
	r := newReplica(a.Lane("list").Open(&reader{}))
	r.sync = r.tail.State()
	r.read(t)
	o.do(a, func() { l.Remove(0); l.Set(2, 33); l.Insert(1, 9) })
	r.readAll(t)
	want(t, "list", r.values(), []string{"1", "9", "2", "33"})
	if r.clears != 0 {
		t.Error("a new reader was told to clear")
	}

	o.do(a, func() { l.Set(0, 8); l.Set(3, 8); l.Remove(3) })
	o.do(a, func() { l.Set(0, 1); l.Append(33) })
	before := r.events
	r.readAll(t)
	want(t, "list", r.values(), []string{"1", "9", "2", "33"})
	if n := r.events - before; n != 3 {
		t.Errorf("two sets that were overtaken came, or something went: %d events, want 3", n)
	}

	r.sync = r.tail.State() // and again, all being known
	o.do(a, func() { l.Clear(); l.Append(5) })
	before = r.events
	r.readAll(t)
	want(t, "list", r.values(), []string{"5"})
	if n := r.events - before; n != 2 {
		t.Errorf("a sync of four elements that a clear overtook took %d events, want 2", n)
	}

	o.do(a, func() { l.Append(6); l.Remove(0) })
	r.sync = r.tail.State() // while behind
	r.readAll(t)
	want(t, "list after a sync from behind", r.values(), []string{"6"})
}

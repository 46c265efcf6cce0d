package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"selvage/edge/route"
)

func TestListRemember(t *testing.T) {
	o := newLoop(t)
	a := o.make("/a", func(a *Agent) {
		List[int](a, "l")
		List[int](a, "forgot").Transient()
	})
	rows := []Entry{
		{[]byte("a"), []byte("@rank(30) 1")},
		{[]byte(`"b c"`), []byte("@rank(-4) 2")},
		{[]byte("%AAAAAAAA"), []byte("@rank(7) 3")},
		{[]byte("misfit"), []byte("@rank(8) five")},
		{[]byte("broken"), []byte("5")},
	}
	a.Remember(map[route.LaneName]Snapshot{"l": {Kind: ListKind, Entries: rows}, "forgot": {Kind: ListKind, Entries: rows[:1]}})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	state := []string{`@update(index:0,key:"b c") 2`, `@update(index:1,key:%AAAAAAAA) 3`, `@update(index:2,key:a) 1`}
	want(t, "l", all(a.Lane("l").Open(&reader{}).State()), state)
	want(t, "forgot", all(a.Lane("forgot").Open(&reader{}).State()), nil)
	want(t, "conditions", o.conditions(), []string{"lane./a.l"})
	k := keep{}
	a.Save(k)
	if len(k) != 0 {
		t.Errorf("nothing has changed, yet %v is saved", k)
	}
	o.command(a, "l", "@move(from:2,to:0)")
	o.command(a, "l", `@update(index:1) 5`)
	a.Save(k)
	if len(k) != 2 || k["l/a"] == "" || !strings.HasSuffix(k[`l/"b c"`], " 5") {
		t.Errorf("a move and a set saved %v, want the rows of the two elements", k)
	}
}

// A turn that panics changes no list, and readers go on over the restart that follows.
func TestListOverPanic(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[string]
	a := o.add("/a", func(a *Agent) { l = List[string](a, "l") })
	r := newReplica(a.Lane("l").Open(&reader{}))
	o.do(a, func() { l.Append("a"); l.Append("b") })
	r.readAll(t)
	o.do(a, func() { l.Append("c"); l.Remove(0); panic("spilt") })
	if r.read(t) {
		t.Error("a turn that panicked was told")
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	o.do(a, func() { l.Insert(0, "d") })
	r.readAll(t)
	want(t, "list", r.values(), []string{"d", "a", "b"})
}

// counted is a store that counts what is written.
type counted struct {
	keep
	rows int
}

func (c *counted) Entry(l *Lane, key, value []byte) {
	c.rows++
	c.keep.Entry(l, key, value)
}

// Wherever a list grows, the rows written for an insert stay few, and their order is the list's.
func TestListRows(t *testing.T) {
	const n = 5000
	for name, at := range map[string]func(i int) int{
		"at the end":            func(i int) int { return i },
		"at the front":          func(int) int { return 0 },
		"behind the first":      func(i int) int { return min(i, 1) },
		"before the last":       func(i int) int { return max(i-1, 0) },
		"in the middle":         func(i int) int { return i / 2 },
		"at two places in turn": func(i int) int { return min(i, 10+i%2*100) },
	} {
		o := newLoop(t)
		var l *ListLane[int]
		a := o.add("/a", func(a *Agent) { l = List[int](a, "l") })
		store := &counted{keep: keep{}}
		for i := range n {
			o.do(a, func() { l.Insert(at(i), i) })
			a.Save(store)
		}
		if !slices.IsSortedFunc(l.log.items, func(x, y *listItem[int]) int { return cmp.Or(cmp.Compare(x.rank, y.rank), -1) }) {
			t.Errorf("%s: ranks do not rise", name)
		}
		t.Logf("%s: %.2f rows an insert", name, float64(store.rows)/n)
		if store.rows > 8*n {
			t.Errorf("%s: %d inserts wrote %d rows", name, n, store.rows)
		}
	}
}

// A queue's ranks come to their end after 2^29 elements; then they begin anew.
func TestListRanksEnd(t *testing.T) {
	o := newLoop(t)
	var l *ListLane[int]
	a := o.make("/a", func(a *Agent) { l = List[int](a, "l") })
	a.Remember(map[route.LaneName]Snapshot{"l": {Kind: ListKind, Entries: []Entry{
		{[]byte("low"), fmt.Appendf(nil, "@rank(%d) 1", -int64(1<<63-1))},
		{[]byte("high"), fmt.Appendf(nil, "@rank(%d) 4", int64(1<<63-1))},
	}}})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	store := keep{}
	for range 3 {
		o.do(a, func() { l.Append(5); l.Insert(1, 2); l.Insert(0, 0) })
		a.Save(store)
	}
	again := newLoop(t).make("/a", func(a *Agent) { List[int](a, "l") })
	again.Remember(store.remembered("l"))
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	want(t, "stored", all(again.Lane("l").Open(&reader{}).State()), all(a.Lane("l").Open(&reader{}).State()))
}

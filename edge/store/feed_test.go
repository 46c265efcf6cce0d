package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"selvage/edge/health"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/route"
)

// seal seals what the feed has, in the writer's own time.
func seal(t testing.TB, s *Store) {
	t.Helper()
	save(t, s, func(*Batch) {
		if err := s.writer.seal(); err != nil {
			t.Errorf("seal: %v", err)
		}
	})
}

// moment is one of a day whose time was known.
func moment(second int) clock.Stamp {
	return clock.Stamp{Boot: "b", Mono: time.Duration(second) * time.Second, Wall: day + int64(second)*int64(time.Second), Trusted: true}
}

const day = 1_700_000_000_000_000_000 // ns since 1970

// history prints the points of a lane, each as its second and body.
func history(t testing.TB, s *Store, node route.NodeURI, lane route.LaneName, from, to time.Time) string {
	t.Helper()
	h, err := s.History(node, lane, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		all = append(all, fmt.Sprintf("%d=%s", (p.At.Wall-day)/int64(time.Second), p.Body))
	}
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestHistory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "value")
	for i := range 4 {
		save(t, s, func(batch *Batch) {
			batch.Point(b, fmt.Appendf(nil, "%d", 100+i), moment(10*i), false)
			batch.Point(a, fmt.Appendf(nil, "{value:%d,unit:Cel}", i), moment(10*i), false)
			batch.Point(a, fmt.Appendf(nil, "{value:%d.5,unit:Cel}", i), moment(10*i+5), false)
		})
		if i == 1 {
			seal(t, s)
		}
	}
	save(t, s, func(batch *Batch) { batch.Point(a, []byte("late"), moment(7), true) })
	const all = "0={value:0,unit:Cel} 5={value:0.5,unit:Cel} 7=late 10={value:1,unit:Cel} 15={value:1.5,unit:Cel} " +
		"20={value:2,unit:Cel} 25={value:2.5,unit:Cel} 30={value:3,unit:Cel} 35={value:3.5,unit:Cel}"
	look := func(when string) {
		t.Helper()
		if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != all {
			t.Errorf("%s: %s\nwant %s", when, got, all)
		}
		if got, want := history(t, s, "/n", "a", moment(7).Time(), moment(20).Time()), "7=late 10={value:1,unit:Cel} 15={value:1.5,unit:Cel}"; got != want {
			t.Errorf("%s, of some time: %s, want %s", when, got, want)
		}
		wantNode(t, s, "/n", "a value={value:3.5,unit:Cel}", "b value=103")
	}
	look("half sealed")
	seal(t, s)
	look("all sealed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	look("opened again")
	if got := history(t, s, "/n", "nobody", time.Time{}, time.Time{}); got != "" {
		t.Errorf("the history of no lane: %s", got)
	}
}

// TestValueOfKeptLane: the value of a lane is the newest, whether the feed has it or a row.
func TestValueOfKeptLane(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a := s.Lane("/n", "a", "value")
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"a point", func() { save(t, s, func(b *Batch) { b.Point(a, []byte("1"), moment(1), false) }) }, "1"},
		{"a late one", func() { save(t, s, func(b *Batch) { b.Point(a, []byte("0"), moment(0), true) }) }, "1"},
		{"a value without a history", func() { save(t, s, func(b *Batch) { b.Value(a, []byte("2"), moment(2)) }) }, "2"},
		{"sealed", func() { seal(t, s) }, "2"},
		{"a point again", func() { save(t, s, func(b *Batch) { b.Point(a, []byte("3"), moment(3), false) }) }, "3"},
		{"sealed again", func() { seal(t, s) }, "3"},
		{"the last", func() { save(t, s, func(b *Batch) { b.Value(a, []byte("4"), moment(4)) }) }, "4"},
	}
	for _, step := range steps {
		step.do()
		wantNode(t, s, "/n", "a value="+step.want)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		a = s.Lane("/n", "a", "value")
		wantNode(t, s, "/n", "a value="+step.want)
		if t.Failed() {
			t.Fatalf("after: %s", step.name)
		}
	}
}

// TestFeed: a reader that goes on from what it has confirmed gets each point once, in order, however they are
// kept by then.
func TestFeed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string][]string{} // by lane
	got := map[string][]string{}
	cursor, n := uint64(0), 0
	for round := range 300 {
		switch r.IntN(6) {
		case 0:
			seal(t, s)
		case 1:
			if round%10 == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, dir)
				var err error
				if cursor, _, err = s.Cursor("peer"); err != nil {
					t.Fatal(err)
				}
			}
		case 2:
			list, upto, err := s.Feed(cursor, 1+r.IntN(20))
			if err != nil {
				t.Fatal(err)
			}
			last := cursor
			for _, p := range list {
				if p.Seq <= last || p.Seq > upto {
					t.Fatalf("number %d after %d, up to %d", p.Seq, last, upto)
				}
				last = p.Seq
				got[string(p.Lane)] = append(got[string(p.Lane)], string(p.Body))
			}
			cursor = upto
			save(t, s, func(b *Batch) { b.Cursor("peer", cursor) })
		default:
			save(t, s, func(b *Batch) {
				for range 1 + r.IntN(30) {
					n++
					name, text := fmt.Sprint("lane", r.IntN(5)), fmt.Sprint(n)
					b.Point(s.Lane("/n", route.LaneName(name), "value"), []byte(text), moment(r.IntN(1000)), r.IntN(10) == 0)
					want[name] = append(want[name], text)
				}
			})
		}
	}
	for {
		list, upto, err := s.Feed(cursor, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, p := range list {
			got[string(p.Lane)] = append(got[string(p.Lane)], string(p.Body))
		}
		cursor = upto
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: got %d points, want %d in their order", name, len(got[name]), len(want[name]))
		}
	}
	if int(cursor) != n {
		t.Errorf("the last number is %d, want %d", cursor, n)
	}
}

// TestUndated: a board that boots in 1970 keeps its points in order, and they get their time when it is known:
// those sealed by then, those not sealed, and those of a later boot that never learns it.
func TestUndated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		synced := false
		c := clock.New("boot 1", func() bool { return synced })
		now := func() clock.Stamp { // as a board without a clock chip has it
			s := c.Now()
			if !s.Trusted {
				s.Wall = int64(s.Mono)
			}
			return s
		}
		s := openWith(t, Options{Dir: dir, Clock: c})
		a := s.Lane("/n", "a", "value")
		point := func(text string) {
			save(t, s, func(b *Batch) { b.Point(a, []byte(text), now(), false) })
			time.Sleep(time.Minute)
		}
		began := time.Now()
		list := func() string {
			h, err := s.History("/n", "a", time.Time{}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for p, ok := h.Next(); ok; p, ok = h.Next() {
				text := "?"
				if p.At.Trusted {
					text = p.At.Time().Sub(began).Round(time.Millisecond).String()
				}
				all = append(all, text+"="+string(p.Body))
			}
			return strings.Join(all, " ")
		}
		point("1")
		point("2")
		seal(t, s)
		point("3")
		if got, want := list(), "?=1 ?=2 ?=3"; got != want {
			t.Errorf("while the time is not known: %s, want %s", got, want)
		}
		synced = true
		time.Sleep(2 * time.Second) // the kernel is asked once a second
		point("4")
		const want = "0s=1 1m0s=2 2m0s=3 3m2s=4"
		if got := list(); got != want {
			t.Errorf("when it is known: %s, want %s", got, want)
		}
		synctest.Wait()
		if n, err := s.writer.c.number("SELECT count(*) FROM block WHERE boot > 0"); n != 0 || err != nil {
			t.Errorf("%d blocks are not dated: %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c = clock.New("boot 2", func() bool { return false })
		s = openWith(t, Options{Dir: dir, Clock: c})
		a = s.Lane("/n", "a", "value")
		point("5")
		seal(t, s)
		if got := list(); got != want+" ?=5" {
			t.Errorf("in a boot without time: %s", got)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keep := Keep{}
		c := clock.New("b", func() bool { return true })
		s := openWith(t, Options{Dir: t.TempDir(), Clock: c})
		s.SetRules(func(node route.NodeURI, lane route.LaneName) (Keep, bool) { return keep, lane == "a" })
		a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "value")
		hour := func() {
			save(t, s, func(batch *Batch) {
				for range 10 {
					now := c.Now()
					batch.Point(a, []byte("1"), now, false)
					batch.Point(b, []byte("1"), now, false)
				}
			})
			time.Sleep(time.Hour)
			seal(t, s)
		}
		retain := func() {
			t.Helper()
			save(t, s, func(*Batch) {
				if _, err := s.writer.retain(s.keep, s.opts.History); err != nil {
					t.Error(err)
				}
			})
		}
		want := func(lane route.LaneName, n int) {
			t.Helper()
			if got := len(strings.Fields(history(t, s, "/n", lane, time.Time{}, time.Time{}))); got != n {
				t.Errorf("%d points of %s are kept, want %d", got, lane, n)
			}
		}
		for range 10 {
			hour()
		}
		retain()
		want("a", 100)
		keep.For = 5*time.Hour + 30*time.Minute
		retain()
		want("a", 50)
		keep.Points = 35
		retain()
		want("a", 40)  // since a block goes as a whole
		want("b", 100) // which has no rule
		keep = Keep{Bytes: 1}
		retain()
		want("a", 10) // the newest stays
		wantNode(t, s, "/n", "a value=1", "b value=1")
	})
}

// TestRoom: what is beyond the bound of the file goes, the oldest first, and health says so.
func TestRoom(t *testing.T) {
	board := health.NewBoard()
	s := openWith(t, Options{Dir: t.TempDir(), Health: board, History: 400 << 10})
	a := s.Lane("/n", "a", "value")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		save(t, s, func(b *Batch) {
			for j := range 500 {
				b.Point(a, fmt.Appendf(nil, "%x", r.Uint64()), moment(i*500+j), false)
			}
		})
		if i%10 == 9 {
			save(t, s, func(*Batch) {
				w := &saving{Store: s, batch: newBatch()}
				w.seal()
			})
		}
	}
	all := strings.Fields(history(t, s, "/n", "a", time.Time{}, time.Time{}))
	if n := len(all); n == 0 || n >= 20000 || n%5000 != 0 || !strings.HasPrefix(all[n-1], "19999=") {
		t.Errorf("%d points are kept, the last %s", n, all[max(n-1, 0):])
	}
	if dropped := board.Count("history.dropped"); int(dropped) != 20000-len(all) {
		t.Errorf("%d are counted as dropped, %d of 20000 are there", dropped, len(all))
	}
	if c := board.Active(); len(c) != 1 || c[0].Code != "store.full" {
		t.Errorf("conditions: %v", c)
	}
}

// TestMigration: a file of version 1 opens, and has a history from then on.
func TestMigration(t *testing.T) {
	dir := t.TempDir()
	c, err := openWriter(databasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(c.script(`
CREATE TABLE boot (id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, offset_ns INTEGER) STRICT;
CREATE TABLE lane (id INTEGER PRIMARY KEY, node TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (node, lane)) STRICT;
CREATE TABLE value (
	lane INTEGER PRIMARY KEY, body BLOB NOT NULL,
	boot INTEGER NOT NULL, mono INTEGER NOT NULL, wall INTEGER NOT NULL, trusted INTEGER NOT NULL
) STRICT;
CREATE TABLE entry (
	lane INTEGER NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL,
	boot INTEGER NOT NULL, mono INTEGER NOT NULL, wall INTEGER NOT NULL, trusted INTEGER NOT NULL,
	PRIMARY KEY (lane, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 'e1');
INSERT INTO lane VALUES (1, '/n', 'a', 'value'), (2, '/n', 'm', 'map');
INSERT INTO value VALUES (1, x'31', 0, 0, 0, 0);
INSERT INTO entry VALUES (2, x'6b', x'76', 0, 0, 0, 0);
PRAGMA application_id = 0x53656c76;
PRAGMA user_version = 1;
`), c.close())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := open(t, dir)
		if s.Epoch() != "e1" {
			t.Errorf("the epoch is %s", s.Epoch())
		}
		wantNode(t, s, "/n", "a value=1", "m map {k=v}")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	save(t, s, func(b *Batch) { b.Point(s.Lane("/n", "a", "value"), []byte("2"), moment(1), false) })
	seal(t, s)
	wantNode(t, s, "/n", "a value=2", "m map {k=v}")
	if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != "1=2" {
		t.Errorf("history %s", got)
	}
}

// TestPointsThatCannotBeSaved: while the disk is full points wait, the newest of them, and what was dropped counts.
func TestPointsThatCannotBeSaved(t *testing.T) {
	board := health.NewBoard()
	s := openWith(t, Options{Dir: t.TempDir(), Health: board})
	a := s.Lane("/n", "a", "value")
	flush(t, s)
	onWriter(t, s, "PRAGMA query_only = ON")
	const n = 400
	body := strings.Repeat("x", 100_000)
	for i := range n {
		s.Mark(saverFunc(func(b *Batch) { b.Point(a, []byte(body), moment(i), false) }))
		if i%(n/4) == 0 {
			if err := s.Flush(t.Context()); err == nil {
				t.Fatal("a Flush to a database that cannot be written succeeded")
			}
		}
	}
	onWriter(t, s, "PRAGMA query_only = OFF")
	if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "points of the history were lost while nothing could be saved; send anew") {
		t.Errorf("the first Flush that works = %v, want an error that says that something is lost", err)
	}
	flush(t, s)
	kept := strings.Count(history(t, s, "/n", "a", time.Time{}, time.Time{}), "=")
	dropped := int(board.Count("history.dropped"))
	if kept == 0 || kept*len(body) > maxWaiting || kept+dropped != n {
		t.Errorf("%d points are kept and %d counted as dropped, of %d", kept, dropped, n)
	}
}

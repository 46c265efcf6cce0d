package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// read loads a node and returns its lanes in a form that is easy to compare and to read:
// "lane kind=value {key=body …}".
func read(t testing.TB, s *Store, node route.NodeURI) []string {
	t.Helper()
	lanes, err := s.Load(node)
	if err != nil {
		t.Fatalf("Load(%s): %v", node, err)
	}
	var got []string
	for _, l := range lanes {
		line := string(l.Lane) + " " + l.Kind
		if l.Value != nil {
			line += "=" + string(l.Value)
		}
		if len(l.Entries) > 0 {
			line += " {"
			for i, e := range l.Entries {
				if i > 0 {
					line += " "
				}
				line += fmt.Sprintf("%s=%s", e.Key, e.Body)
			}
			line += "}"
		}
		got = append(got, line)
	}
	return got
}

func wantNode(t testing.TB, s *Store, node route.NodeURI, want ...string) {
	t.Helper()
	if got := read(t, s, node); !slices.Equal(got, want) {
		t.Errorf("Load(%s) = %q, want %q", node, got, want)
	}
}

func TestSaveAndLoad(t *testing.T) {
	leaktest.Check(t)
	dir := filepath.Join(t.TempDir(), "a b", "50%?#&") // made on the way; any name will do
	s := openWith(t, Options{Dir: dir})
	epoch := s.Epoch()
	zoo, count := s.Lane("/farm", "zoo", "map"), s.Lane("/farm", "count", "value")
	at := clock.Stamp{Boot: "b1", Mono: 5 * time.Second, Wall: 1732300000123456789, Trusted: true}
	save(t, s, func(b *Batch) {
		for _, key := range []string{"owl", "", "ant", "bee"} {
			b.Entry(zoo, []byte(key), []byte("1"), at)
		}
		b.Entry(zoo, []byte("bee"), nil, at)
		b.Value(count, []byte("4"), at)
		b.Value(s.Lane("/farm", "empty", "value"), nil, at) // asked for while gathering
	})
	want := []string{"zoo map {=1 ant=1 bee= owl=1}", "count value=4", "empty value="}
	wantNode(t, s, "/farm", want...)
	wantNode(t, s, "/farmer")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openWith(t, Options{Dir: dir})
	wantNode(t, s, "/farm", want...)
	if s.Epoch() != epoch || len(epoch) != 16 {
		t.Errorf("epoch %q after reopening, was %q", s.Epoch(), epoch)
	}
	lanes, _ := s.Load("/farm")
	if got := lanes[1].At; got != at {
		t.Errorf("stamp = %+v, want %+v", got, at)
	}
	if got := lanes[0].Entries[0].At; got != at {
		t.Errorf("stamp of an entry = %+v, want %+v", got, at)
	}
	if got := s.Lane("/farm", "count", "value"); got != lanes[1].ID {
		t.Errorf("Lane after Load = %d, want %d", got, lanes[1].ID)
	}
}

func TestTwoStoresHaveTwoEpochs(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	if a.Epoch() == b.Epoch() {
		t.Errorf("both %q", a.Epoch())
	}
}

func TestChangesOfOneCommit(t *testing.T) {
	s := open(t, t.TempDir())
	m, v := s.Lane("/n", "m", "map"), s.Lane("/n", "v", "value")
	save(t, s, func(b *Batch) {
		b.Entry(m, []byte("old"), []byte("1"), clock.Stamp{})
		b.Entry(m, []byte("gone"), []byte("1"), clock.Stamp{})
		b.Value(v, []byte("1"), clock.Stamp{})
	})
	tests := []struct {
		name string
		fn   func(b *Batch)
		want string
		rows int64
	}{
		{"the last of several counts", func(b *Batch) {
			for i := range 10_000 {
				b.Entry(m, []byte("new"), fmt.Append(nil, i), clock.Stamp{})
			}
		}, "m map {gone=1 new=9999 old=1}", 1},
		{"remove", func(b *Batch) { b.Remove(m, []byte("gone")) }, "m map {new=9999 old=1}", 1},
		{"set, then removed", func(b *Batch) {
			b.Entry(m, []byte("x"), []byte("1"), clock.Stamp{})
			b.Remove(m, []byte("x"))
		}, "m map {new=9999 old=1}", 1},
		{"removed, then set", func(b *Batch) {
			b.Remove(m, []byte("old"))
			b.Entry(m, []byte("old"), []byte("2"), clock.Stamp{})
		}, "m map {new=9999 old=2}", 1},
		{"cleared between", func(b *Batch) {
			b.Entry(m, []byte("before"), []byte("1"), clock.Stamp{})
			b.Entry(m, []byte("both"), []byte("1"), clock.Stamp{})
			b.Clear(m)
			b.Entry(m, []byte("both"), []byte("2"), clock.Stamp{})
			b.Entry(m, []byte("after"), []byte("1"), clock.Stamp{})
		}, "m map {after=1 both=2}", 4}, // the two it had are removed
		{"cleared at the end", func(b *Batch) {
			b.Entry(m, []byte("x"), []byte("1"), clock.Stamp{})
			b.Clear(m)
			b.Clear(m)
		}, "m map", 2},
	}
	for _, tt := range tests {
		before := s.Stats().Rows
		save(t, s, tt.fn)
		if got := read(t, s, "/n")[0]; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if got := s.Stats().Rows - before; got != tt.rows {
			t.Errorf("%s: %d rows written, want %d", tt.name, got, tt.rows)
		}
	}
	if got := read(t, s, "/n")[1]; got != "v value=1" {
		t.Errorf("the other lane: %s", got)
	}
}

// TestBatchesAgainstModel makes random changes in random commits and reopens now and then; what is
// loaded must be what a map holds.
func TestBatchesAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	s := open(t, dir)
	const nodes, names = 3, 3
	type place struct{ node, lane int }
	values, entries := map[place]string{}, map[place]map[string]string{}
	for round := range 60 {
		save(t, s, func(b *Batch) {
			for range r.IntN(40) {
				p := place{r.IntN(nodes), r.IntN(names)}
				id := s.Lane(nodeName(p.node), laneName(p.lane), "any")
				key, body := fmt.Sprint(r.IntN(6)), fmt.Sprint(r.IntN(1000))
				if entries[p] == nil {
					entries[p] = map[string]string{}
				}
				switch r.IntN(8) {
				case 0:
					b.Clear(id)
					clear(entries[p])
				case 1, 2:
					b.Remove(id, []byte(key))
					delete(entries[p], key)
				case 3, 4:
					b.Value(id, []byte(body), clock.Stamp{})
					values[p] = body
				default:
					b.Entry(id, []byte(key), []byte(body), clock.Stamp{})
					entries[p][key] = body
				}
			}
		})
		switch r.IntN(6) {
		case 0: // forget what is cached, so that lanes get other names for their ids
			s.lanes.mu.Lock()
			s.lanes.young, s.lanes.old = map[laneKey]laneInfo{}, nil
			s.lanes.mu.Unlock()
		case 1:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
		}
		for n := range nodes {
			lanes, err := s.Load(nodeName(n))
			if err != nil {
				t.Fatal(err)
			}
			for l := range names {
				p := place{n, l}
				value, got := "", map[string]string{}
				for _, stored := range lanes {
					if stored.Lane != laneName(l) {
						continue
					}
					value = string(stored.Value)
					for _, e := range stored.Entries {
						got[string(e.Key)] = string(e.Body)
					}
				}
				if value != values[p] || !maps.Equal(got, entries[p]) {
					t.Fatalf("round %d, %v: value %q entries %v, want %q %v", round, p, value, got, values[p], entries[p])
				}
			}
		}
	}
}

func nodeName(i int) route.NodeURI  { return route.NodeURI(fmt.Sprintf("/n/%d", i)) }
func laneName(i int) route.LaneName { return route.LaneName(fmt.Sprintf("lane%d", i)) }

func TestTimerCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openWith(t, Options{Dir: t.TempDir(), Commit: time.Second})
		l, m := newLane(s, "/n", "a"), newLane(s, "/n", "b")
		flush(t, s)
		before := s.Stats()
		base := before.Commits
		l.set("1")
		time.Sleep(600 * time.Millisecond)
		l.set("2")
		m.set("1") // does not start the delay anew
		synctest.Wait()
		if got := s.Stats().Commits - base; got != 0 {
			t.Errorf("%d commits after 0.6 s, want none", got)
		}
		time.Sleep(400 * time.Millisecond)
		synctest.Wait()
		if st := s.Stats(); st.Commits-base != 1 || st.Bytes == 0 {
			t.Errorf("after 1 s: %+v, want one commit more than %d", st, base)
		} else if st.Values-before.Values != 2 || st.Unsaved.Max != time.Second || st.Commit.Count != st.Commits || st.Limit != time.Second {
			t.Errorf("after 1 s: %+v, want 2 values more than %d, the first unsaved for 1 s", st, before.Values)
		}
		wantNode(t, s, "/n", "a value=2", "b value=1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.Stats().Commits - base; got != 1 {
			t.Errorf("%d commits although nothing changed", got-1)
		}
		start := time.Now()
		l.set("3")
		flush(t, s)
		if d := time.Since(start); d != 0 {
			t.Errorf("a lone Flush waited %v for a timer", d)
		}
		wantNode(t, s, "/n", "a value=3", "b value=1")
	})
}

func TestFlushersShareCommits(t *testing.T) {
	leaktest.Check(t)
	s := open(t, t.TempDir())
	// The gathering of the first commit is held up until all others wait.
	const n = 200
	entered, release := make(chan bool), make(chan bool)
	s.Mark(saverFunc(func(*Batch) { close(entered); <-release }))
	first := make(chan error)
	go func() { first <- s.Flush(context.Background()) }()
	<-entered
	var ready, all sync.WaitGroup
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			newLane(s, nodeName(i), "a").set("1")
			ready.Done()
			if err := s.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			wantNode(t, s, nodeName(i), "a value=1")
		})
	}
	ready.Wait()
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	all.Wait()
	// The first held nothing; some may have called Flush only after the second had begun.
	if got := s.Stats().Commits; got > n/4 {
		t.Errorf("%d flushes took %d commits", n, got)
	}
}

func TestFlushJoinsTheCommitUnderWay(t *testing.T) {
	s := open(t, t.TempDir())
	id := s.Lane("/n", "a", "value")
	entered, release := make(chan bool), make(chan bool)
	s.Mark(saverFunc(func(b *Batch) {
		b.Value(id, []byte("1"), clock.Stamp{})
		close(entered)
		<-release
	}))
	s.rouseNow()
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush with an ended context = %v; it must wait for the commit under way", err)
	}
	close(release)
	flush(t, s)
	wantNode(t, s, "/n", "a value=1")
}

// rouseNow starts a commit that nobody waits for.
func (s *Store) rouseNow() {
	s.mu.Lock()
	s.next.wanted = true
	s.mu.Unlock()
	s.rouse()
}

func TestClose(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	s := openWith(t, Options{Dir: dir, Commit: time.Hour})
	newLane(s, "/n", "a").set("1")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Flush after Close = %v", err)
	}
	if _, err := s.Load("/n"); !errors.Is(err, ErrClosed) {
		t.Errorf("Load after Close = %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	if want := []string{fileName, lockName}; !slices.Equal(files, want) {
		t.Errorf("files at rest: %q, want %q", files, want)
	}
	s = open(t, dir)
	wantNode(t, s, "/n", "a value=1")
}

func TestLoadDoesNotWaitForTheWriter(t *testing.T) {
	s := open(t, t.TempDir())
	l := newLane(s, "/n", "a")
	l.set("1")
	flush(t, s)
	entered, release := make(chan bool), make(chan bool)
	s.Mark(saverFunc(func(b *Batch) {
		// A transaction under way, as seen from the readers.
		if _, err := s.writer.begin.exec(); err != nil {
			t.Error(err)
		}
		if _, err := s.writer.setValue.exec(int64(l.id), []byte("2"), int64(0), int64(0), int64(0), int64(0), int64(0)); err != nil {
			t.Error(err)
		}
		close(entered)
		<-release
		if _, err := s.writer.rollback.exec(); err != nil {
			t.Error(err)
		}
	}))
	s.rouseNow()
	<-entered
	wantNode(t, s, "/n", "a value=1")
	close(release)
	flush(t, s)
}

func TestManyReadersAndAWriter(t *testing.T) {
	leaktest.Check(t)
	s := open(t, t.TempDir())
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "map")
	put := func(i int) {
		save(t, s, func(batch *Batch) {
			batch.Value(a, fmt.Append(nil, i), clock.Stamp{})
			batch.Clear(b)
			batch.Entry(b, fmt.Append(nil, i), nil, clock.Stamp{})
		})
	}
	put(0)
	stop := make(chan bool)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				lanes, err := s.Load("/n")
				if err != nil {
					t.Error(err)
					return
				}
				if e := lanes[1].Entries; len(e) != 1 || string(e[0].Key) != string(lanes[0].Value) {
					t.Errorf("value %s beside entries %v: of two commits", lanes[0].Value, e)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 100 {
		put(i)
	}
	close(stop)
	wg.Wait()
}

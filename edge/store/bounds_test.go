package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/health"
	"selvage/edge/route"
	"selvage/edge/series"
)

// TestManyPointsAtOnce: while commits work none is dropped, however many come at once.
func TestManyPointsAtOnce(t *testing.T) {
	board := health.NewBoard()
	s := openWith(t, Options{Dir: t.TempDir(), Health: board})
	a := s.Lane("/n", "a", "value")
	const n = 100_000 // more than maxWaiting
	body := []byte("{value:21.5,unit:Cel}")
	save(t, s, func(b *Batch) {
		for i := range n {
			b.Point(a, body, moment(i), false)
		}
	})
	if dropped := board.Count(droppedCode); dropped > 0 {
		t.Errorf("%d points were dropped", dropped)
	}
	flush(t, s)
	if got := strings.Count(history(t, s, "/n", "a", time.Time{}, time.Time{}), "="); got != n {
		t.Errorf("%d points are kept, want %d", got, n)
	}
}

// TestOldestAreDropped: while nothing can be saved it is the oldest points that are dropped, of all lanes alike.
func TestOldestAreDropped(t *testing.T) {
	s := open(t, t.TempDir())
	a, z := s.Lane("/n", "a", "value"), s.Lane("/n", "z", "value")
	var pages int64
	save(t, s, func(*Batch) { pages, _ = s.writer.c.number("PRAGMA page_count") })
	onWriter(t, s, fmt.Sprint("PRAGMA max_page_count = ", pages))
	body := strings.Repeat("x", 10_000)
	next := 0
	add := func(n int) {
		for range n {
			i := next
			s.Mark(saverFunc(func(b *Batch) {
				b.Point(a, []byte(body), moment(i), false)
				b.Point(z, []byte(body), moment(i), false)
			}))
			next++
		}
		if err := s.Flush(t.Context()); err == nil {
			t.Fatal("a Flush to a full disk succeeded")
		}
	}
	add(300)
	add(200)
	onWriter(t, s, "PRAGMA max_page_count = 1000000")
	if err := s.Flush(t.Context()); err == nil {
		t.Error("the first Flush that works does not say that something was lost")
	}
	flush(t, s)
	x, y := history(t, s, "/n", "a", time.Time{}, time.Time{}), history(t, s, "/n", "z", time.Time{}, time.Time{})
	if n, m := strings.Count(x, "="), strings.Count(y, "="); n == 0 || n == 500 || m-n > 1 || n-m > 1 {
		t.Errorf("%d and %d points are kept", n, m)
	}
}

// TestLargeValues: what is sealed at once, and what a block holds, is bounded in bytes too.
func TestLargeValues(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	const size = 100_000
	for i := range 200 {
		save(t, s, func(b *Batch) {
			b.Point(a, []byte(strings.Repeat(string(rune('a'+i%26)), size)), moment(i), false)
		})
	}
	flush(t, s)
	for sql, most := range map[string]int64{
		"SELECT count(*) FROM feed":                  sealBytes/size + 1,
		"SELECT coalesce(max(points), 0) FROM block": blockBytes / size,
	} {
		err := s.pool.with(func(r *reader) error {
			n, err := r.c.number(sql)
			if n > most {
				t.Errorf("%s: %d, want %d at most", sql, n, most)
			}
			return err
		})
		must(t, err)
	}
	if got := strings.Count(history(t, s, "/n", "a", time.Time{}, time.Time{}), "="); got != 200 {
		t.Errorf("%d points are kept", got)
	}
}

// TestFewPointsAreKept: a bound below what a block holds leaves at least so many.
func TestFewPointsAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	keep := Keep{Points: 500}
	s.SetRules(func(route.NodeURI, route.LaneName) (Keep, bool) { return keep, true })
	a := s.Lane("/n", "a", "value")
	save(t, s, func(b *Batch) {
		for i := range 3000 {
			b.Point(a, []byte("1"), moment(i), false)
		}
	})
	seal(t, s)
	for _, keep = range []Keep{{Points: 500}, {Bytes: 1}} {
		save(t, s, func(*Batch) {
			_, err := s.writer.retain(s.keep, s.opts.History)
			must(t, err)
		})
		got := history(t, s, "/n", "a", time.Time{}, time.Time{})
		if n := strings.Count(got, "="); n < 500 || n > 500+maxBlock || !strings.HasSuffix(got, "2999=1") {
			t.Errorf("%+v keeps %d points", keep, n)
		}
	}
}

// TestFeedLeavesOutNothing: a peer that has confirmed a part of a row or a segment gets the rest, also when what
// it has confirmed is all that retention has left of that.
func TestFeedLeavesOutNothing(t *testing.T) {
	s := open(t, t.TempDir())
	a, z := s.Lane("/n", "a", "value"), s.Lane("/n", "z", "value")
	point := func(id LaneID, text string) {
		save(t, s, func(b *Batch) { b.Point(id, []byte(text), moment(1), false) })
	}
	point(z, "1")
	point(a, "2")
	seal(t, s)
	point(a, "3")
	seal(t, s)
	save(t, s, func(b *Batch) {
		for i := range 4 {
			b.Point(a, fmt.Append(nil, 4+i), moment(1), false)
		}
	})
	for after, want := range []string{"1234567", "234567", "34567", "4567", "567", "67", "7", ""} {
		if got, _ := all(t, s, uint64(after)); strings.Join(got, "") != want {
			t.Errorf("behind %d the feed has %v", after, got)
		}
	}
	onWriter(t, s, "DELETE FROM block WHERE segment = 2 AND lane = 1")
	flush(t, s)
	if got, _ := all(t, s, 1); strings.Join(got, "") != "34567" {
		t.Errorf("without 2 the feed has %v", got)
	}
}

// TestEmptyValue: a value without text is one.
func TestEmptyValue(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	save(t, s, func(b *Batch) { b.Point(a, nil, moment(1), false) })
	wantNode(t, s, "/n", "a value=")
	seal(t, s)
	wantNode(t, s, "/n", "a value=")
	if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != "1=" {
		t.Errorf("history %s", got)
	}
}

// TestDroppedBlock: a reader does not take the block that got the id of one that it was to read.
func TestDroppedBlock(t *testing.T) {
	s := open(t, t.TempDir())
	a, z := s.Lane("/n", "a", "value"), s.Lane("/n", "z", "value")
	save(t, s, func(b *Batch) { b.Point(a, []byte("a"), moment(1), false) })
	seal(t, s)
	h, err := s.History("/n", "a", time.Time{}, time.Time{})
	must(t, err)
	onWriter(t, s, "DELETE FROM block")
	save(t, s, func(b *Batch) { b.Point(z, []byte("z"), moment(1), false) })
	seal(t, s)
	if p, ok := h.Next(); ok || h.Err() != nil {
		t.Errorf("the history of a has %s, %v", p.Body, h.Err())
	}
}

// TestReadersDoNotHoldUpCommits: not those either that wait for one of the connections.
func TestReadersDoNotHoldUpCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openWith(t, Options{Dir: t.TempDir()})
		a := s.Lane("/n", "a", "value")
		save(t, s, func(b *Batch) { b.Value(a, []byte("x"), moment(1)) })
		hold := make(chan struct{})
		for range readers {
			go s.pool.with(func(*reader) error { <-hold; return nil })
		}
		synctest.Wait()
		go s.Load("/n")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s.Mark(saverFunc(func(b *Batch) { b.Point(a, []byte("y"), moment(2), false) }))
		if err := s.Flush(ctx); err != nil {
			t.Error(err)
		}
		close(hold)
		synctest.Wait()
	})
}

// TestTooManySteps: a question for more steps than there is memory for ends early.
func TestTooManySteps(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	save(t, s, func(b *Batch) { b.Value(a, []byte("1"), moment(1)) })
	save(t, s, func(*Batch) {
		must(t, s.writer.c.run("BEGIN"))
		for row := int64(0); row*rollSpans <= maxSpans; row++ {
			spans := make([]series.Span, rollSpans)
			for i := range spans {
				spans[i] = series.Span{Start: (row*rollSpans + int64(i)) * 60_000, Count: 1, Min: 1, Max: 1, Sum: 1}
			}
			_, err := s.writer.setSpans.exec(int64(a), int64(60_000), spans[0].Start, series.AppendSpans(nil, spans))
			must(t, err)
		}
		must(t, s.writer.c.run("COMMIT"))
	})
	_, err := s.Rolled("/n", "a", time.Time{}, time.Time{}, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "more than 1000000 steps; ask for longer ones") {
		t.Errorf("Rolled = %v", err)
	}
	spans, err := s.Rolled("/n", "a", time.UnixMilli(1), time.UnixMilli(3*3600_000), time.Hour)
	if err != nil || len(spans) != 0 { // there are no hours
		t.Errorf("Rolled by the hour = %v, %v", spans, err)
	}
}

// TestLogIsBounded: the log begins anew although there is always somebody who reads; of a stranger who never ends
// health says so.
func TestLogIsBounded(t *testing.T) {
	board := health.NewBoard()
	s := openWith(t, Options{Dir: t.TempDir(), Health: board})
	a := s.Lane("/n", "a", "value")
	const limit = 128 * pageSize
	save(t, s, func(*Batch) { s.writer.logLimit = limit / pageSize })
	body := []byte(strings.Repeat("x", 20_000))
	var size int64
	write := func(bytes int) {
		for range bytes / len(body) {
			save(t, s, func(b *Batch) { b.Value(a, body, moment(1)) })
		}
		flush(t, s)
		info, err := os.Stat(s.path + "-wal")
		must(t, err)
		size = info.Size()
	}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := s.pool.with(func(r *reader) error { // as long as several commits take
					return r.c.run(`WITH RECURSIVE n(x) AS (SELECT count(*) FROM lane UNION ALL SELECT x + 1 FROM n WHERE x < 500) SELECT count(*) FROM n`)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	write(40 * limit)
	close(stop)
	reading.Wait()
	if size > 3*longLog*limit {
		t.Errorf("the log has %d KB", size>>10)
	}

	c, err := connect(s.path)
	must(t, err)
	defer c.close()
	must(t, c.run("BEGIN", "SELECT count(*) FROM lane"))
	write(8 * limit)
	if got := board.Active(); len(got) != 1 || got[0].Code != checkpointCode || !strings.Contains(got[0].Text, "something has been reading for long") {
		t.Errorf("conditions: %+v", got)
	}
	must(t, c.run("COMMIT"))
}

package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/leaktest"
)

// onWriter runs SQL on the writer's connection when the next commit gathers.
func onWriter(t *testing.T, s *Store, sql string) {
	s.Mark(saverFunc(func(*Batch) {
		if err := s.writer.c.run(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}))
}

func TestFullDisk(t *testing.T) {
	leaktest.Check(t)
	dir, board := t.TempDir(), health.NewBoard()
	s := openWith(t, Options{Dir: dir, Health: board})
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "map")
	save(t, s, func(batch *Batch) {
		batch.Value(a, []byte("old"), clock.Stamp{})
		batch.Entry(b, []byte("k"), []byte("old"), clock.Stamp{})
	})
	var pages int64
	save(t, s, func(*Batch) { pages, _ = s.writer.c.number("PRAGMA page_count") })

	big := strings.Repeat("x", 50_000)
	onWriter(t, s, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	s.Mark(saverFunc(func(batch *Batch) {
		batch.Clear(b)
		batch.Value(s.Lane("/n", "new", "value"), []byte("1"), clock.Stamp{Boot: "first seen", Mono: 1})
		batch.Value(a, []byte(big), clock.Stamp{})
	}))
	err := s.Flush(context.Background())
	if err == nil || !strings.Contains(err.Error(), s.path+": the disk is full") || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("Flush on a full disk = %v", err)
	}
	got := board.Active()
	if len(got) != 1 || got[0].Code != "store.commit" || got[0].Severity != health.Failure ||
		!strings.Contains(got[0].Text, "the disk is full") || !strings.Contains(got[0].Remedy, "make room") {
		t.Errorf("conditions: %+v", got)
	}
	wantNode(t, s, "/n", "a value=old", "b map {k=old}")

	// Still full: the next try fails as well, and keeps what came meanwhile.
	s.Mark(saverFunc(func(batch *Batch) { batch.Entry(b, []byte("later"), []byte("2"), clock.Stamp{}) }))
	if err := s.Flush(context.Background()); err == nil {
		t.Fatal("a Flush while the disk is full succeeded")
	}
	onWriter(t, s, "PRAGMA max_page_count = 1000000")
	flush(t, s)
	wantNode(t, s, "/n", "a value="+big, "b map {later=2}", "new value=1")
	if got := board.Active(); len(got) != 0 {
		t.Errorf("conditions after the recovery: %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	lanes, _ := s.Load("/n")
	if at := lanes[2].At; at.Boot != "first seen" || at.Mono != 1 || at.Trusted {
		t.Errorf("stamp of a boot first seen by a failed commit: %+v", at)
	}
}

// TestRecoveryNeedsNoFlush: what failed is tried again by itself, ever more seldom.
func TestRecoveryNeedsNoFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openWith(t, Options{Dir: t.TempDir()})
		a := s.Lane("/n", "a", "value")
		flush(t, s)
		onWriter(t, s, "PRAGMA query_only = ON")
		s.Mark(saverFunc(func(b *Batch) { b.Value(a, []byte("1"), clock.Stamp{}) }))
		err := s.Flush(context.Background())
		if err == nil || !strings.Contains(err.Error(), "the database cannot be written") {
			t.Fatalf("Flush to a read-only database = %v", err)
		}
		start, tries := time.Now(), 0
		for time.Since(start) < time.Minute {
			if err := s.Flush(context.Background()); err == nil {
				t.Fatal("a Flush to a read-only database succeeded")
			}
			tries++
		}
		if tries < 12 || tries > 20 { // 0.1+0.2+…+3.2, then every 5 s
			t.Errorf("%d tries in a minute, want about 17", tries)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.Flush(ctx); err == nil || !strings.Contains(err.Error(), "deadline") {
			t.Errorf("Flush with a deadline before the next try = %v", err)
		}
		onWriter(t, s, "PRAGMA query_only = OFF")
		time.Sleep(lastRetry)
		synctest.Wait()
		wantNode(t, s, "/n", "a value=1")
		if got := s.Stats().Unsaved.Max; got < time.Minute {
			t.Errorf("the change was unsaved for %v, want a minute and more", got)
		}
	})
}

func TestCloseWhileSavingFails(t *testing.T) {
	leaktest.Check(t)
	s, err := Open(Options{Dir: t.TempDir(), Commit: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	onWriter(t, s, "PRAGMA query_only = ON")
	newLane(s, "/n", "a").set("1")
	err = s.Close()
	if err == nil || !strings.Contains(err.Error(), "changes lost: 1") {
		t.Errorf("Close = %v, want an error that says what is lost", err)
	}
	if again := s.Close(); again != err {
		t.Errorf("Close again = %v, want the same", again)
	}
	open(t, s.opts.Dir) // the folder is free all the same
}

// TestNoStatementIsPreparedPerCall: a commit runs only what was prepared before.
func TestNoStatementIsPreparedPerCall(t *testing.T) {
	s := open(t, t.TempDir())
	c := &counting{connection: s.writer.c.conn}
	s.Mark(saverFunc(func(*Batch) { s.writer.c.conn = c }))
	for i := range 10 {
		l := newLane(s, nodeName(i), "a")
		l.set("1")
		flush(t, s)
	}
	if c.prepared != 0 {
		t.Errorf("%d statements prepared by 10 commits", c.prepared)
	}
}

type counting struct {
	connection
	prepared int
}

func (c *counting) PrepareContext(ctx context.Context, sql string) (driver.Stmt, error) {
	c.prepared++
	return c.connection.PrepareContext(ctx, sql)
}

package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/edge/health"
	"selvage/edge/route"
)

// fill makes a closed store with lanes and a history.
func fill(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		save(t, s, func(b *Batch) {
			for j := range 50 {
				node := route.NodeURI(fmt.Sprint("/n/", j))
				b.Value(s.Lane(node, "v", "value"), fmt.Append(nil, i), moment(i))
				b.Entry(s.Lane(node, "m", "map"), fmt.Append(nil, i), fmt.Append(nil, strings.Repeat("x", 40)), moment(i))
				b.Point(s.Lane(node, "h", "value"), fmt.Appendf(nil, "%x", r.Uint64()), moment(i), false)
			}
		})
		if i%5 == 4 {
			seal(t, s)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSalvage: whichever page is destroyed, the host starts by the second time, with what else there was.
func TestSalvage(t *testing.T) {
	whole := t.TempDir()
	fill(t, whole)
	good, err := os.ReadFile(databasePath(whole))
	if err != nil {
		t.Fatal(err)
	}
	was := open(t, whole).Epoch()
	pages := len(good) / pageSize
	r := rand.New(rand.NewPCG(3, 4))
	rounds := 0
	for page := 0; page < pages; page += 1 + page*r.IntN(8)/8 {
		rounds++
		dir := t.TempDir()
		bad := append([]byte(nil), good...)
		for i := range pageSize {
			bad[page*pageSize+i] = byte(r.Uint32())
		}
		if err := os.WriteFile(databasePath(dir), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		kept := func(s *Store) (n int, hurt bool) {
			for j := range 50 {
				node := route.NodeURI(fmt.Sprint("/n/", j))
				lanes, err := s.Load(node)
				hurt = hurt || err != nil
				for _, l := range lanes {
					n += len(l.Entries)
					if l.Value != nil {
						n++
					}
				}
				h, err := s.History(node, "h", time.Time{}, time.Time{})
				if err != nil {
					hurt = true
					continue
				}
				for _, ok := h.Next(); ok; _, ok = h.Next() {
					n++
				}
				hurt = hurt || h.Err() != nil
			}
			return n, hurt
		}
		board := health.NewBoard()
		s, err := Open(Options{Dir: dir, Health: board})
		if err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
		n, hurt := kept(s)
		s.Close()
		if hurt { // which is found when the page is read, and mended at the next start
			if !isMarked(dir) {
				t.Fatalf("page %d: its loss is not noted", page)
			}
			if s, err = Open(Options{Dir: dir, Health: board}); err != nil {
				t.Fatalf("page %d, at the second start: %v", page, err)
			}
			if n, hurt = kept(s); hurt {
				t.Errorf("page %d: damage is left", page)
			}
			s.Close()
		}
		aside, _ := filepath.Glob(filepath.Join(dir, "*.damaged-*Z"))
		switch salvaged := len(aside) > 0; {
		case salvaged != (s.Epoch() != was):
			t.Errorf("page %d: salvaged %v, the epoch was %s and is %s", page, salvaged, was, s.Epoch())
		case salvaged && (len(board.Active()) == 0 || !strings.Contains(board.Active()[0].Text, aside[0])):
			t.Errorf("page %d: conditions %+v", page, board.Active())
		case isMarked(dir):
			t.Errorf("page %d: it is still marked as damaged", page)
		}
		// Of 50 nodes with 1 value, 20 entries, 1 value and 20 points; the root of a table takes that with it.
		if page > 0 && n < 1000 {
			t.Errorf("page %d: %d of 2,100 things are kept", page, n)
		}
		if page == 0 && n != 0 {
			t.Errorf("without its first page %d things are kept", n)
		}
	}
	t.Logf("%d of %d pages destroyed, one at a time", rounds, pages)
}

// TestSalvageOfNothing: what is no database at all is set aside too.
func TestSalvageOfNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(databasePath(dir), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	board := health.NewBoard()
	s := openWith(t, Options{Dir: dir, Health: board})
	save(t, s, func(b *Batch) { b.Value(s.Lane("/n", "a", "value"), []byte("1"), moment(1)) })
	wantNode(t, s, "/n", "a value=1")
	if c := board.Active(); len(c) != 1 || c[0].Code != "store.salvaged" || !strings.Contains(c[0].Text, "0 rows could be read") {
		t.Errorf("conditions: %+v", c)
	}
}

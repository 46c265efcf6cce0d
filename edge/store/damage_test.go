package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hurt is an SQL expression for a body with another last byte, which only its checksum shows.
const hurt = "CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)"

// all is every point of the feed, as a peer reads it.
func all(t *testing.T, s *Store, after uint64) (bodies []string, upto uint64) {
	t.Helper()
	for {
		list, next, err := s.Feed(after, 100)
		must(t, err)
		for _, p := range list {
			bodies = append(bodies, string(p.Body))
		}
		if next == after {
			return bodies, next
		}
		after = next
	}
}

// TestDamageThatSQLiteDoesNotSee: a packed row that is not whole stops neither commits nor sealing nor the feed
// of a host that runs, nor the start of one; health says so at once, and the next start drops it.
func TestDamageThatSQLiteDoesNotSee(t *testing.T) {
	for _, tt := range []struct {
		name, sql string
		sealed    bool // before the damage
		history   string
		feed      string
	}{
		{"a row of the feed", "UPDATE feed SET body = " + hurt + " WHERE seq = 2", false, "0=1 2=3 3=4", "1 3 4"},
		{"a block", "UPDATE block SET body = " + hurt, true, "3=4", "4"},
		{"a roll-up", "UPDATE rollup SET body = " + hurt, true, "0=1 1=2 2=3 3=4", "1 2 3 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, board := t.TempDir(), health.NewBoard()
			s := openWith(t, Options{Dir: dir, Health: board})
			a := s.Lane("/n", "a", "value")
			point := func(i int) {
				save(t, s, func(b *Batch) { b.Point(a, fmt.Append(nil, i+1), moment(i), false) })
			}
			for i := range 3 {
				point(i)
			}
			if tt.sealed {
				seal(t, s)
			}
			onWriter(t, s, tt.sql)
			point(3)
			if got, _ := all(t, s, 0); strings.Join(got, " ") != tt.feed {
				t.Errorf("the feed has %v, want %s", got, tt.feed)
			}
			seal(t, s)
			if c := board.Active(); len(c) != 1 || c[0].Code != damagedCode || !strings.Contains(c[0].Text, tt.name) || !strings.Contains(c[0].Remedy, "restart Selvage") {
				t.Errorf("conditions: %+v", c)
			}
			if !isMarked(dir) {
				t.Error("it is not noted")
			}
			must(t, s.Close())
			s = openWith(t, Options{Dir: dir, Health: health.NewBoard()})
			if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != tt.history {
				t.Errorf("after the salvage: %s, want %s", got, tt.history)
			}
			if _, err := s.Rolled("/n", "a", time.Time{}, time.Time{}, time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDamagedFeedAtStart: what is not sealed is read at the start, which goes on without what is not whole.
func TestDamagedFeedAtStart(t *testing.T) {
	dir, board := t.TempDir(), health.NewBoard()
	s := open(t, dir)
	a := s.Lane("/n", "a", "value")
	for i := range 4 {
		save(t, s, func(b *Batch) { b.Point(a, fmt.Append(nil, i), moment(i), false) })
	}
	must(t, s.Close())
	sqlFile(t, dir, "UPDATE feed SET body = "+hurt+" WHERE seq = 2")
	s = openWith(t, Options{Dir: dir, Health: board})
	if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != "0=0 2=2 3=3" {
		t.Errorf("history %s", got)
	}
	if c := board.Active(); len(c) != 1 || c[0].Code != "store.salvaged" || !strings.Contains(c[0].Text, "feed (1 rows are not whole)") {
		t.Errorf("conditions: %+v", c)
	}
}

// TestMisfits: rows that their tables cannot have, as a flipped bit makes them, do not stop a salvage.
func TestMisfits(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	sqlFile(t, dir,
		"CREATE TABLE e (lane, key, body, boot, mono, wall, trusted, PRIMARY KEY (lane, key)) WITHOUT ROWID",
		"INSERT INTO e SELECT * FROM entry", "UPDATE e SET mono = 'x' WHERE lane = 2", "DROP TABLE entry", "ALTER TABLE e RENAME TO entry",
		"CREATE TABLE v (lane, body, boot, mono, wall, trusted, seq)",
		"INSERT INTO v SELECT * FROM value", "UPDATE v SET lane = 'x' WHERE lane = 1", "DROP TABLE value", "ALTER TABLE v RENAME TO value")
	must(t, mark(dir))
	board := health.NewBoard()
	s := openWith(t, Options{Dir: dir, Health: board})
	wantNode(t, s, "/n/0", "v value", "m map", "h value="+lastOf(t, s, "/n/0"))
	c := board.Active()
	if len(c) != 1 || !strings.Contains(c[0].Text, "value (1 rows are not whole), entry (20 rows are not whole)") {
		t.Errorf("conditions: %+v", c)
	}
}

func lastOf(t *testing.T, s *Store, node route.NodeURI) string {
	t.Helper()
	points := strings.Fields(history(t, s, node, "h", time.Time{}, time.Time{}))
	_, body, _ := strings.Cut(points[len(points)-1], "=")
	return body
}

// TestNumbersAfterSalvage: what is kept after a salvage has numbers above those confirmed, whatever was lost,
// and is the newest value of its lane.
func TestNumbersAfterSalvage(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	s := open(t, dir)
	_, upto := all(t, s, 0)
	save(t, s, func(b *Batch) { b.Cursor("peer", upto) })
	must(t, s.Close())
	sqlFile(t, dir, "DELETE FROM segment", "DELETE FROM block")
	for range 2 {
		must(t, mark(dir))
		s = open(t, dir)
		if _, err := s.Load("/n/0"); err != nil {
			t.Fatal(err)
		}
		cursor, _, err := s.Cursor("peer")
		must(t, err)
		if cursor != upto {
			t.Errorf("the cursor is %d, was %d", cursor, upto)
		}
		save(t, s, func(b *Batch) { b.Point(s.Lane("/n/0", "h", "value"), []byte("new"), moment(1000), false) })
		seal(t, s)
		list, next := all(t, s, cursor)
		if strings.Join(list, " ") != "new" {
			t.Errorf("behind %d the feed has %v", cursor, list)
		}
		if lanes, err := s.Load("/n/0"); err != nil || string(lanes[len(lanes)-1].Value) != "new" {
			t.Errorf("Load = %+v, %v", lanes, err)
		}
		save(t, s, func(b *Batch) { b.Cursor("peer", next) })
		upto = next
		must(t, s.Close())
	}
}

// TestLostLane: points of a lane whose row is lost stop neither the retention of others nor the feed.
func TestLostLane(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		save(t, s, func(b *Batch) {
			for j := range 3 {
				b.Point(s.Lane(nodeName(j), "h", "value"), fmt.Append(nil, j), moment(i), false)
			}
		})
	}
	must(t, s.Close())
	sqlFile(t, dir, "DELETE FROM lane WHERE id = 2")
	must(t, mark(dir))
	s = openWith(t, Options{Dir: dir, Clock: clock.New("later", func() bool { return true })})
	s.SetRules(func(route.NodeURI, route.LaneName) (Keep, bool) { return Keep{For: time.Hour}, true })
	if got, _ := all(t, s, 0); strings.Join(got, "") != "020202" {
		t.Errorf("the feed has %v", got)
	}
	seal(t, s)
	if got, _ := all(t, s, 0); strings.Join(got, "") != "000222" && strings.Join(got, "") != "020202" {
		t.Errorf("when sealed the feed has %v", got)
	}
	save(t, s, func(*Batch) {
		_, err := s.writer.retain(s.keep, s.opts.History)
		must(t, err)
	})
	if got := history(t, s, nodeName(2), "h", time.Time{}, time.Time{}); got != "" {
		t.Errorf("behind the lane that is lost old points are kept: %s", got)
	}
}

// TestReplacingCutShort: wherever a salvage or an import is cut short, the next start has what it was to have.
func TestReplacingCutShort(t *testing.T) {
	for _, tt := range []struct {
		name string
		cut  func(path string) error // does what was done by then
	}{
		{"before it is whole", func(path string) error {
			return errors.Join(os.WriteFile(path+".part", []byte("half"), 0o600), os.WriteFile(path+".part-wal", []byte("half"), 0o600))
		}},
		{"before the old one is set aside", func(path string) error { return copyFile(path+freshName, path) }},
		{"when its log is", func(path string) error {
			return errors.Join(copyFile(path+freshName, path), os.WriteFile(path+".damaged-X-wal", nil, 0o600))
		}},
		{"when it is", func(path string) error { return os.Rename(path, path+freshName) }},
	} {
		dir := t.TempDir()
		fill(t, dir)
		must(t, mark(dir))
		must(t, tt.cut(databasePath(dir)))
		s := open(t, dir)
		wantLoaded(t, s, "19")
		if isMarked(dir) || isReplaced(databasePath(dir)) {
			t.Errorf("cut %s: it is not over", tt.name)
		}
		must(t, s.Close())
		left, err := filepath.Glob(databasePath(dir) + ".*part*")
		if len(left) > 0 || err != nil {
			t.Errorf("cut %s: %v is left", tt.name, left)
		}
	}
}

// TestSalvageRefusesWhatItDoesNotKnow: a newer file that is damaged is not for this version to salvage.
func TestSalvageRefusesWhatItDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	sqlFile(t, dir, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
	must(t, mark(dir))
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "written by a newer Selvage") {
		t.Errorf("Open = %v", err)
	}
}

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackup: what is exported while the store is open is what is imported elsewhere, as another store.
func TestBackup(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	fill(t, dir)
	s := open(t, dir)
	save(t, s, func(b *Batch) { b.Value(s.Lane("/n/0", "v", "value"), []byte("last"), moment(99)) })
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := Export(dir, file); err != nil {
		t.Fatal(err)
	}
	if err := Export(dir, file); err == nil || !strings.Contains(err.Error(), "there is such a file already") {
		t.Errorf("a second export to that file: %v", err)
	}
	want := history(t, s, "/n/7", "h", time.Time{}, time.Time{})
	save(t, s, func(b *Batch) { b.Value(s.Lane("/n/0", "v", "value"), []byte("later"), moment(100)) })

	if _, err := Import(dir, file); err == nil || !strings.Contains(err.Error(), "has it open") {
		t.Errorf("an import into an open store: %v", err)
	}
	if aside, err := Import(other, file); err != nil || aside != "" {
		t.Fatalf("Import = %q, %v", aside, err)
	}
	o := open(t, other)
	if o.Epoch() == s.Epoch() {
		t.Error("the import has the epoch of the original")
	}
	lanes, err := o.Load("/n/0")
	if err != nil || string(lanes[0].Value) != "last" {
		t.Errorf("Load = %+v, %v", lanes, err)
	}
	if got := history(t, o, "/n/7", "h", time.Time{}, time.Time{}); got != want || want == "" {
		t.Errorf("history: %s, want %s", got, want)
	}
	save(t, o, func(b *Batch) { b.Value(o.Lane("/n/0", "v", "value"), []byte("other"), moment(101)) })
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	aside, err := Import(other, file)
	if err != nil || aside == "" {
		t.Fatalf("the second Import = %q, %v", aside, err)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := errors.Join(os.WriteFile(junk, []byte("junk"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(other, junk); err == nil || !strings.Contains(err.Error(), "import "+junk) {
		t.Errorf("the import of junk: %v", err)
	}
	o = open(t, other) // as after the second import
	wantLoaded(t, o, "last")
}

func wantLoaded(t *testing.T, s *Store, want string) {
	t.Helper()
	lanes, err := s.Load("/n/0")
	if err != nil || len(lanes) == 0 || string(lanes[0].Value) != want {
		t.Errorf("Load = %+v, %v, want the value %s", lanes, err, want)
	}
}

func TestCheckAndCompact(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	wrong, err := Check(dir)
	if err != nil || len(wrong) > 0 {
		t.Fatalf("Check = %v, %v", wrong, err)
	}
	u, err := Measure(dir)
	if err != nil || u.Nodes != 50 || u.Lanes != 150 || u.Values != 100 || u.Entries != 1000 || u.Points != 1000 || u.Waiting != 0 {
		t.Errorf("Measure = %+v, %v", u, err)
	}
	s := open(t, dir)
	if _, _, err := Compact(dir); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("Compact of an open store: %v", err)
	}
	save(t, s, func(*Batch) {
		if err := s.writer.c.run("DELETE FROM block", "DELETE FROM entry"); err != nil {
			t.Error(err)
		}
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(dir)
	if err != nil || after >= before {
		t.Errorf("Compact = %d, %d, %v", before, after, err)
	}
	s = open(t, dir)
	wantLoaded(t, s, "19")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	db, err := os.OpenFile(databasePath(dir), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.WriteAt(make([]byte, 2*pageSize), 5*pageSize); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if wrong, err = Check(dir); err != nil || len(wrong) == 0 {
		t.Errorf("Check of a damaged file = %v, %v", wrong, err)
	}
	if _, err := Check(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no selvage.db") {
		t.Errorf("Check of nothing: %v", err)
	}
}

// TestWhatIsCutShort: what an import, an export or a compaction that was killed has left is not taken for
// anything, least of all its log, which SQLite would play into the next file of that name.
func TestWhatIsCutShort(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "backup.db")
	fill(t, dir)
	other := t.TempDir()
	s := open(t, other)
	save(t, s, func(b *Batch) { b.Value(s.Lane("/other", "v", "value"), []byte("other"), moment(1)) })
	log, err := os.ReadFile(s.path + "-wal")
	must(t, err)
	must(t, s.Close())
	for _, part := range []string{databasePath(dir) + ".part", file + ".part"} {
		must(t, os.WriteFile(part, []byte("half"), 0o600))
		must(t, os.WriteFile(part+"-wal", log, 0o600))
	}
	epoch := func() string {
		u, err := Measure(dir)
		must(t, err)
		return u.Epoch
	}
	was := epoch()
	must(t, Export(dir, file))
	if _, _, err := Compact(dir); err != nil {
		t.Fatal(err)
	}
	if now := epoch(); now != was {
		t.Errorf("the epoch was %s and is %s", was, now)
	}
	must(t, os.WriteFile(databasePath(dir)+".part-wal", log, 0o600))
	if _, err := Import(dir, file); err != nil {
		t.Fatal(err)
	}
	if wrong, err := Check(dir); len(wrong) > 0 || err != nil {
		t.Errorf("Check = %v, %v", wrong, err)
	}
	s = open(t, dir)
	wantLoaded(t, s, "19")
	must(t, s.Close())
	for _, at := range []string{filepath.Join(dir, "*.part*"), file + ".*"} {
		if left, err := filepath.Glob(at); len(left) > 0 || err != nil {
			t.Errorf("%v is left", left)
		}
	}

	reading, err := connect(databasePath(dir))
	must(t, err)
	must(t, reading.run("BEGIN", "SELECT count(*) FROM lane"))
	if _, _, err := Compact(dir); err == nil || !strings.Contains(err.Error(), "another program has it open; close what reads it") {
		t.Errorf("Compact of what another program reads = %v", err)
	}
	must(t, reading.close())
	s = open(t, dir)
	wantLoaded(t, s, "19")
}

// TestCheckHasItSalvaged: the next start saves what a check has found to be damaged.
func TestCheckHasItSalvaged(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	sqlFile(t, dir, "UPDATE block SET body = "+hurt+" WHERE id = 1")
	wrong, err := Check(dir)
	if len(wrong) != 1 || !strings.HasPrefix(wrong[0], "block 1: ") || err != nil {
		t.Errorf("Check = %v, %v", wrong, err)
	}
	must(t, open(t, dir).Close())
	if wrong, err := Check(dir); len(wrong) > 0 || err != nil {
		t.Errorf("Check after the next start = %v, %v", wrong, err)
	}
}

package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// keeper is a folder whose host has kept notes, a tally among them, and has stopped.
func keeper(t *testing.T) (f folder, db string) {
	t.Helper()
	f = folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n[agent.\"/tally/:id\"]\nkind = \"tally\"\n"+notes)
	h := f.host(t)
	send(t, h, "/tally/1?lane=n", "7")
	for i := range 100 {
		send(t, h, "/note/1?lane=notes", fmt.Sprintf("@update(key:k%d) %s", i, strings.Repeat("x", 1000)))
	}
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Fatalf("exit %d, want 0", code)
	}
	return f, filepath.Join(string(f), "var", "selvage.db")
}

func send(t *testing.T, h *program, lane, body string) {
	t.Helper()
	resp, err := http.Post("http"+h.url[len("warp"):]+lane, "application/recon", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", lane, resp.Status)
	}
}

// A store that a newer version has written is left as it is.
func TestNewerStore(t *testing.T) {
	f, name := keeper(t)
	ask(t, name, "PRAGMA user_version = 999")
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run"}, {"store", "check"}, {"store", "stats"}, {"store", "export", "x"}, {"store", "compact"}} {
		r := f.run(t, args...)
		if r.code != 1 {
			t.Errorf("%v exits with %d, want 1", args, r.code)
		}
		golden(t, "newer-store-"+args[len(args)-1], r.out+r.err, string(f), "FOLDER")
	}
	if after, err := os.ReadFile(name); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}

// A host starts with what can be read of a damaged store, and says so.
func TestDamagedStore(t *testing.T) {
	f, name := keeper(t)
	root, size := ask(t, name, "SELECT rootpage FROM sqlite_schema WHERE name = 'entry'"), ask(t, name, "PRAGMA page_size")
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte{0x5a}, size), int64((root-1)*size)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if r := f.run(t, "store", "check"); r.code != 1 || !strings.Contains(r.err, "cannot be read\n  the host saves what can be read when it starts the next time") {
		t.Errorf("check exits with %d: %s%s", r.code, r.out, r.err)
	}

	h := f.host(t)
	if got := get(t, h, "/tally/1", "n"); got != "7" {
		t.Errorf("the tally is %s, want 7", got)
	}
	said := regexp.MustCompile(`! store   .*selvage.db was damaged: (\d+) rows could be read and are kept; something is lost of entry.*; the damaged file is (\S+)\n`).FindStringSubmatch(h.err.text())
	if said == nil {
		t.Fatalf("the host says %q", h.err.text())
	}
	if _, err := os.Stat(said[2]); err != nil {
		t.Error(err)
	}
	send(t, h, "/tally/1?lane=n", "8")
}

// ask returns the number that a statement yields, 0 for none.
func ask(t *testing.T, name, statement string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	err = db.QueryRow(statement).Scan(&n)
	if err = errors.Join(err, db.Close()); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return n
}

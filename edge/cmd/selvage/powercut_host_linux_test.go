package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// hostIn is where a host runs that keeps its data on the file system in dir.
func hostIn(t *testing.T, dir string) folder {
	t.Helper()
	return folderWith(t, fmt.Sprintf("[host]\ndata = %q\nlisten = \"127.0.0.1:0\"\n[agent.\"/tally/:id\"]\nkind = \"tally\"\n[agent.\"/note/:id\"]\nkind = \"note\"\n", dataIn(dir)))
}

func dataIn(dir string) string { return filepath.Join(dir, "var") }

// namesIn returns the names in the data folder.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dataIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// writeNumbers has each writer give a new host the numbers 1, 2, 3, … and kills the host after so many
// acknowledgements. Even numbers replace each other in a tally, odd ones are notes that stay.
func writeNumbers(t *testing.T, f folder, acks int64, acked func(writer, n int)) {
	t.Helper()
	h := f.host(t)
	base := "http" + h.url[len("warp"):]
	padding := strings.Repeat("x", 100) // has the database grow
	var left atomic.Int64
	left.Store(acks)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := 1; ; n++ {
				lane, body := fmt.Sprintf("/tally/%d?lane=n", i), strconv.Itoa(n)
				if n%2 == 1 {
					lane, body = fmt.Sprintf("/note/%d?lane=notes", i), fmt.Sprintf("@update(key:k%d) %s", n, padding)
				}
				resp, err := http.Post(base+lane, "application/recon", strings.NewReader(body))
				if err != nil {
					return // killed
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("POST %s: %s", lane, resp.Status)
					h.cmd.Process.Kill()
					return
				}
				acked(i, n)
				if left.Add(-1) == 0 {
					h.cmd.Process.Kill()
				}
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	<-h.ended
	http.DefaultClient.CloseIdleConnections()
}

// A held is what a host has of the numbers of one writer.
type held struct {
	tally int
	notes []int // in order
}

// upTo returns n if all is as after the numbers up to n, and only those.
func (h held) upTo() (n int, err error) {
	n = h.tally
	if last := len(h.notes) - 1; last >= 0 {
		n = max(n, h.notes[last])
	}
	whole := h.tally == n/2*2 && len(h.notes) == (n+1)/2
	for i, note := range h.notes {
		whole = whole && note == 2*i+1
	}
	if !whole {
		return 0, fmt.Errorf("these do not belong together: the tally %d and the notes %d", h.tally, h.notes)
	}
	return n, nil
}

// doubled returns how many numbers are there more than once.
func (h held) doubled() int { return len(h.notes) - len(slices.Compact(slices.Clone(h.notes))) }

var noteKey = regexp.MustCompile(`\bk([0-9]+):`)

// startAfterCut starts a host and returns what it has of each writer. The data folder must be whole and
// hold nothing but the names.
func startAfterCut(t *testing.T, dir string, names []string) (all [writers]held) {
	t.Helper()
	h := hostIn(t, dir).host(t)
	for i := range writers {
		n, err := strconv.Atoi(get(t, h, fmt.Sprintf("/tally/%d", i), "n"))
		if err != nil {
			t.Fatal(err)
		}
		all[i].tally = n
		for _, key := range noteKey.FindAllStringSubmatch(get(t, h, fmt.Sprintf("/note/%d", i), "notes"), -1) {
			n, _ := strconv.Atoi(key[1])
			all[i].notes = append(all[i].notes, n)
		}
		slices.Sort(all[i].notes)
	}
	h.cmd.Process.Kill()
	<-h.ended
	http.DefaultClient.CloseIdleConnections()
	if got := namesIn(t, dir); !slices.Equal(got, names) {
		t.Errorf("the data folder has %q, want %q as without a cut", got, names)
	}
	db := openDatabase(t, filepath.Join(dataIn(dir), "selvage.db"))
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("the integrity of the database is %q (%v)", integrity, err)
	}
	return all
}

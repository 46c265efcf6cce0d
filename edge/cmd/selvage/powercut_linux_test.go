package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A host on ext4 starts by itself after a power cut at any moment, and has all it acknowledged.
//
// It writes to a disk that logs each request. From the log the test makes the disks that cuts may
// leave: what was flushed is there, of the rest each block is there or not by chance. A host starts
// on each of them. That losses would be noticed is shown with a disk that did not do its last flush
// and with a database that does not flush each commit.
func TestPowerCut(t *testing.T) {
	if !apart(t, "power cuts are not tested", "/dev/fuse", "/dev/loop-control") {
		return
	}
	cuts := 20
	if s := os.Getenv("SELVAGE_CUTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SELVAGE_CUTS: %v", err)
		}
		cuts = n
	}
	var names []string // of what is in the data folder
	host := record(t, func(t *testing.T, dir string, acked func(writer, n int)) {
		writeNumbers(t, hostIn(t, dir), 3000, acked)
		names = namesIn(t, dir)
	})
	half := func() bool { return rand.IntN(2) == 0 }
	t.Run("host", func(t *testing.T) {
		began, lost, doubled := time.Now(), 0, 0
		host.cut(t, host.moments(cuts), host.log.flushed, half, func(t *testing.T, dir string, acked [writers]int) bool {
			for i, got := range startAfterCut(t, dir, names) {
				n, err := got.upTo()
				switch {
				case err != nil:
					t.Errorf("writer %d: %v; %d was acknowledged", i, err, acked[i])
				case n < acked[i]:
					t.Errorf("writer %d: its numbers are there up to %d; %d was acknowledged", i, n, acked[i])
				case n > acked[i]+1: // a number is sent when the one before it is acknowledged
					t.Errorf("writer %d: its numbers are there up to %d, which was not sent; %d was acknowledged", i, n, acked[i])
				}
				lost += max(0, acked[i]-n)
				doubled += got.doubled()
			}
			return true
		})
		fmt.Printf("%d power cuts during %d requests to the disk: %d acknowledged lost, %d doubled; %v each\n", cuts,
			len(host.log.entries), lost, doubled, (time.Since(began) / time.Duration(cuts)).Round(time.Millisecond))
	})
	t.Run("a disk that did not do its last flush", func(t *testing.T) {
		earlier := func(k int) int { return host.log.flushed(host.log.flushed(k)) }
		none := func() bool { return false }
		lost := false
		host.cut(t, host.acknowledged(20), earlier, none, func(t *testing.T, dir string, acked [writers]int) bool {
			for i, got := range startAfterCut(t, dir, names) {
				n, err := got.upTo()
				lost = lost || err != nil || n < acked[i]
			}
			return !lost
		})
		if !lost {
			t.Error("nothing acknowledged is found lost")
		}
	})
	t.Run("a database that does not flush each commit", func(t *testing.T) {
		numbers := record(t, func(t *testing.T, dir string, acked func(writer, n int)) {
			db := openNumbers(t, dir)
			for n := 1; n <= 500; n++ {
				if _, err := db.Exec("INSERT INTO number VALUES (?)", n); err != nil {
					t.Fatal(err)
				}
				acked(0, n)
			}
		})
		lost := false
		numbers.cut(t, numbers.acknowledged(20), numbers.log.flushed, half, func(t *testing.T, dir string, acked [writers]int) bool {
			var n int
			if err := openNumbers(t, dir).QueryRow("SELECT coalesce(max(n), 0) FROM number").Scan(&n); err != nil {
				t.Fatal(err)
			}
			lost = n < acked[0]
			return !lost
		})
		if !lost {
			t.Error("nothing acknowledged is found lost")
		}
	})
}

// openNumbers opens a database that syncs its log before a checkpoint only.
func openNumbers(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db := openDatabase(t, filepath.Join(dir, "numbers.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS number (n INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	return db
}

func openDatabase(t *testing.T, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

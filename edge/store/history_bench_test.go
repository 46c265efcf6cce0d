package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"selvage/edge/route"
)

// kept is a body as a twin's channel has one.
func kept(i int) []byte {
	return fmt.Appendf(nil, "{value:%d.%02d,unit:Cel,quality:good}", 20+i/100%5, i%100)
}

// BenchmarkPoints is what a reading of a lane with a history costs, by how many come between two commits, of 50 lanes:
// to the log of the database, and in all with checkpoints and blocks, as the kernel counts for this process.
func BenchmarkPoints(b *testing.B) {
	for _, group := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("%d a commit", group), func(b *testing.B) {
			s := open(b, b.TempDir())
			ids := make([]LaneID, 50)
			for i := range ids {
				ids[i] = s.Lane(route.NodeURI(fmt.Sprintf("/unit/%d", i)), "temperature", "value")
			}
			before := written(b)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				save(b, s, func(batch *Batch) {
					for range group {
						batch.Point(ids[n%len(ids)], kept(n), s.opts.Clock.Now(), false)
						n++
					}
				})
			}
			st := s.Stats()
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
			b.ReportMetric(float64(st.Bytes)/float64(n), "log-B/reading")
			b.ReportMetric(float64(written(b)-before)/float64(n), "kernel-B/reading")
		})
	}
}

// written returns the bytes that the kernel has counted as this process's writes, see proc(5) on /proc/pid/io.
func written(b *testing.B) (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip("the kernel does not count what a process writes: ", err)
	}
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkBare is the same rows, 1,000 a commit, by a prepared statement of database/sql into a plain table.
func BenchmarkBare(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE point (lane INTEGER, at INTEGER, body BLOB)"); err != nil {
		b.Fatal(err)
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		add, err := tx.Prepare("INSERT INTO point VALUES (?, ?, ?)")
		if err != nil {
			b.Fatal(err)
		}
		for range 1000 {
			if _, err := add.Exec(n%50, time.Now().UnixNano(), kept(n)); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}

// BenchmarkHistory reads a million points of one lane, and their hours.
func BenchmarkHistory(b *testing.B) {
	const n = 1_000_000
	s := open(b, b.TempDir())
	id := s.Lane("/unit/1", "temperature", "value")
	for i := 0; i < n; {
		save(b, s, func(batch *Batch) {
			for range 10_000 {
				batch.Point(id, kept(i), moment(i), false)
				i++
			}
		})
	}
	seal(b, s)
	b.Run("points", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h, err := s.History("/unit/1", "temperature", time.Time{}, time.Time{})
			if err != nil {
				b.Fatal(err)
			}
			got := 0
			for _, ok := h.Next(); ok; _, ok = h.Next() {
				got++
			}
			if got != n || h.Err() != nil {
				b.Fatal(got, h.Err())
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "points/s")
	})
	b.Run("hours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if spans, err := s.Rolled("/unit/1", "temperature", time.Time{}, time.Time{}, time.Hour); err != nil || len(spans) != 278 {
				b.Fatal(len(spans), err)
			}
		}
	})
}

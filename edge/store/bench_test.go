package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"selvage/edge/route"
)

// BenchmarkCommit is what 1,000 lanes cost that changed since the last commit.
func BenchmarkCommit(b *testing.B) {
	const n = 1000
	s := open(b, b.TempDir())
	lanes := make([]*lane, n)
	for i := range lanes {
		lanes[i] = newLane(s, route.NodeURI(fmt.Sprintf("/unit/%d", i)), "info")
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range lanes {
			l.set("21.5")
		}
		flush(b, s)
	}
	perRow(b, s)
}

// BenchmarkFill is a map lane that gets ever new keys, 1,000 a commit.
func BenchmarkFill(b *testing.B) {
	const n = 1000
	s := open(b, b.TempDir())
	id := s.Lane("/map", "m", "map")
	key := 0
	b.ReportAllocs()
	for b.Loop() {
		s.Mark(saverFunc(func(batch *Batch) {
			for range n {
				key++
				batch.Entry(id, fmt.Appendf(nil, "key%d", key), []byte("21.5"), s.opts.Clock.Now())
			}
		}))
		flush(b, s)
	}
	perRow(b, s)
}

func perRow(b *testing.B, s *Store) {
	st := s.Stats()
	b.ReportMetric(float64(st.Rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(st.Bytes)/float64(st.Rows), "B/row")
}

// BenchmarkFlush is one client that waits for each change, beside what the disk takes for the bytes
// of such a commit: one write to the end of a file of constant length and fdatasync.
func BenchmarkFlush(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	l := newLane(s, "/unit/1", "info")
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4120)
	for at := range int64(1000) {
		f.WriteAt(page, at*4120)
	}
	f.Sync()
	var commits, bare []time.Duration
	for b.Loop() {
		start := time.Now()
		l.set("21.5")
		flush(b, s)
		commits = append(commits, time.Since(start))

		start = time.Now()
		f.WriteAt(page, int64(len(bare)%1000)*4120)
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, time.Since(start))
	}
	slices.Sort(commits)
	slices.Sort(bare)
	c, d := commits[len(commits)/2], bare[len(bare)/2]
	b.ReportMetric(float64(c.Microseconds()), "p50-µs")
	b.ReportMetric(float64(d.Microseconds()), "fdatasync-p50-µs")
	b.ReportMetric(float64(c)/float64(d), "ratio")
}

// BenchmarkFlushers is 64 clients in a closed loop.
func BenchmarkFlushers(b *testing.B) {
	const clients = 64
	s := open(b, b.TempDir())
	lanes := make([]*lane, clients)
	for i := range lanes {
		lanes[i] = newLane(s, route.NodeURI(fmt.Sprintf("/unit/%d", i)), "info")
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for range b.N / clients {
				lanes[i].set("21.5")
				if err := s.Flush(context.Background()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	st := s.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "flushes/s")
	b.ReportMetric(float64(b.N)/float64(st.Commits), "flushes/commit")
}

func BenchmarkMark(b *testing.B) {
	s := open(b, b.TempDir())
	l := newLane(s, "/unit/1", "info")
	b.ReportAllocs()
	for b.Loop() {
		l.set("21.5")
	}
}

// BenchmarkLoad is the first touch of an agent with two stored lanes, and of one the store never saw.
func BenchmarkLoad(b *testing.B) {
	s := open(b, b.TempDir())
	const n = 10000
	node := func(i int) route.NodeURI { return route.NodeURI(fmt.Sprintf("/unit/%d", i%n)) }
	for i := range n {
		newLane(s, node(i), "info").set("21.5")
		newLane(s, node(i), "count").set("7")
	}
	flush(b, s)
	for name, prefix := range map[string]route.NodeURI{"stored": "", "new": "/none"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if _, err := s.Load(prefix + node(i*7919)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	for i := range 100_000 {
		newLane(s, route.NodeURI(fmt.Sprintf("/unit/%d", i)), "info").set("21.5")
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var opening time.Duration
	for b.Loop() {
		start := time.Now()
		s, err := Open(Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if got, err := s.Load("/unit/77"); err != nil || len(got) != 1 {
			b.Fatal(got, err)
		}
		opening += time.Since(start)
		s.Close()
	}
	b.ReportMetric(float64(opening.Microseconds())/float64(b.N), "open-and-load-µs")
}

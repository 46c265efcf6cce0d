package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

// memory is a file system in memory: images by the thousand need no real syncs.
const memory = "/dev/shm"

const (
	scriptSteps = 36 // commits; step 0 is the first opening
	scriptNodes = 5
)

// script is one run of a fixed sequence of commits on a disk: values, entries and clears, lanes that
// come later, rows larger than a page, transactions larger than the cache, checkpoints of each kind,
// logs begun anew and cut, and one restart.
type script struct {
	d       *disk
	health  *health.Board
	pragmas []string // for the writer, after each opening
	pages   int64    // of the log, from which on it is moved into the database; 0 for the usual
	patient bool     // goes on after errors, until what failed succeeds

	s      *Store
	epoch  string
	state  map[route.NodeURI]*nodeState
	want   [][]string // by step: what a Store holds after it
	failed int        // errors endured
}

// nodeState is what the script has saved of a node.
type nodeState struct {
	value   string
	entries map[string]string
}

func newScript(d *disk) *script {
	return &script{d: d, state: map[route.NodeURI]*nodeState{}}
}

func (r *script) run(t *testing.T) {
	t.Helper()
	r.create(t)
	for step := 1; step < scriptSteps; step++ {
		switch step {
		case 12:
			r.onWriter("PRAGMA wal_checkpoint(RESTART)")
		case 15:
			r.onWriter("PRAGMA journal_size_limit = 30000")
			r.checkpointAt(12)
		case 24:
			r.close(t)
			r.open(t)
		case 30:
			r.onWriter("PRAGMA wal_checkpoint(TRUNCATE)")
		}
		r.begin()
		r.flush(t)
	}
	r.close(t)
}

// create is step 0.
func (r *script) create(t *testing.T) {
	t.Helper()
	r.want = [][]string{nil}
	r.d.mark(opBegin, 0)
	r.open(t)
	r.epoch = r.s.Epoch()
	r.d.mark(opAck, 0)
}

// begin marks the changes of the next step.
func (r *script) begin() {
	step := len(r.want)
	for i := range scriptNodes {
		if (step+i)%3 > 0 && step > 2*i {
			r.change(nodeName(i), step)
		}
	}
	r.want = append(r.want, describe(r.state))
	r.d.mark(opBegin, step)
}

// flush has all steps acknowledged.
func (r *script) flush(t *testing.T) {
	t.Helper()
	for err := r.s.Flush(context.Background()); err != nil; err = r.s.Flush(context.Background()) {
		r.endure(t, err)
	}
	r.d.mark(opAck, len(r.want)-1)
}

// change has a node saved with what step makes of it.
func (r *script) change(node route.NodeURI, step int) {
	n := r.state[node]
	if n == nil {
		n = &nodeState{entries: map[string]string{}}
		r.state[node] = n
	}
	n.value = fmt.Sprint(step)
	if step%7 == 3 {
		n.value += strings.Repeat(" and so on", 2000) // 20 kB: pages of its own
	}
	clears, key, gone := step%5 == 0, fmt.Sprint("key ", step%6), fmt.Sprint("key ", (step+3)%6)
	if clears {
		clear(n.entries)
	}
	n.entries[key] = n.value
	delete(n.entries, gone)
	value := n.value
	r.s.Mark(saverFunc(func(b *Batch) {
		at := clock.Stamp{Boot: clock.BootID(fmt.Sprint("boot ", step/10)), Mono: time.Duration(step)}
		b.Value(r.s.Lane(node, "value", "value"), []byte(value), at)
		entries := r.s.Lane(node, "entries", "map")
		if clears {
			b.Clear(entries)
		}
		b.Entry(entries, []byte(key), []byte(value), at)
		b.Remove(entries, []byte(gone))
	}))
}

func (r *script) open(t *testing.T) {
	t.Helper()
	for {
		s, err := Open(r.options(r.d.dir))
		if err == nil {
			r.s = s
			t.Cleanup(func() { s.Close() }) // should the test end early
			break
		}
		r.endure(t, err)
	}
	// A cache of 10 pages, so that a large transaction writes to the log before its end.
	r.onWriter(append(r.pragmas, "PRAGMA cache_size = 10")...)
	if r.pages > 0 {
		r.checkpointAt(r.pages)
	}
}

func (r *script) options(dir string) Options {
	return Options{
		Dir: dir, Commit: time.Hour, Health: r.health,
		Clock: clock.New("boot", func() bool { return false }),
	}
}

func (r *script) close(t *testing.T) {
	t.Helper()
	if err := r.s.Close(); err != nil {
		r.endure(t, err)
	}
}

func (r *script) endure(t *testing.T, err error) {
	t.Helper()
	if r.failed++; !r.patient || r.failed > 100 {
		t.Fatal(err)
	}
}

// onWriter runs SQL on the writer's connection when the next commit gathers. Where a fault makes it
// fail, so be it.
func (r *script) checkpointAt(pages int64) {
	s := r.s
	s.Mark(saverFunc(func(*Batch) { s.writer.logLimit = pages }))
}

func (r *script) onWriter(sql ...string) {
	s := r.s
	s.Mark(saverFunc(func(*Batch) {
		for _, one := range sql {
			s.writer.c.run(one)
		}
	}))
}

func describe(state map[route.NodeURI]*nodeState) (lines []string) {
	for node, n := range state {
		lines = append(lines, fmt.Sprint(node, " value value=", n.value))
		line := fmt.Sprint(node, " entries map=")
		keys := make([]string, 0, len(n.entries))
		for key := range n.entries {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			line += fmt.Sprint(";", key, "=", n.entries[key])
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// contents is what s holds, in the form of describe.
func contents(s *Store) (lines []string, err error) {
	for i := range scriptNodes {
		lanes, err := s.Load(nodeName(i))
		if err != nil {
			return nil, err
		}
		for _, l := range lanes {
			line := fmt.Sprint(nodeName(i), " ", l.Lane, " ", l.Kind, "=", string(l.Value))
			for _, e := range l.Entries {
				line += fmt.Sprint(";", string(e.Key), "=", string(e.Body))
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines, nil
}

var (
	errShut  = errors.New("does not open")
	errTorn  = errors.New("is damaged")
	errLost  = errors.New("lacks what was acknowledged")
	errMixed = errors.New("holds no state there was")
)

// check opens a Store over img, without the disk layer, and compares. Step acked was the last to be
// acknowledged, begun the last to be begun; -1 means none.
func (r *script) check(t *testing.T, img image, acked, begun int) (err error) {
	t.Helper()
	dir, err := os.MkdirTemp(memory, "selvage-power-")
	if err != nil {
		if dir, err = os.MkdirTemp(t.TempDir(), ""); err != nil {
			t.Fatal(err)
		}
	}
	defer os.RemoveAll(dir)
	img.write(t, dir)
	// The index of the log is memory, but a file all the same: the system may have written some of it.
	stale := slices.Repeat([]byte{0x5a}, 32<<10)
	if err := os.WriteFile(filepath.Join(dir, fileName+"-shm"), stale, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(r.options(dir))
	if err != nil {
		return fmt.Errorf("%w: %w", errShut, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if word, err := s.writer.c.word("PRAGMA integrity_check"); err != nil || word != "ok" {
		return fmt.Errorf("%w: %s (%v)", errTorn, word, err)
	}
	got, err := contents(s)
	if err != nil {
		return fmt.Errorf("%w: %w", errTorn, err)
	}
	if acked >= 0 && r.epoch != "" && s.Epoch() != r.epoch {
		return fmt.Errorf("%w: another epoch", errLost)
	}
	for step := max(acked, 0); step <= begun; step++ {
		if slices.Equal(got, r.want[step]) {
			return nil
		}
	}
	for step := range max(acked, 0) {
		if slices.Equal(got, r.want[step]) {
			return fmt.Errorf("%w: it is at step %d, acknowledged was %d", errLost, step, acked)
		}
	}
	if len(got) == 0 && acked <= 0 {
		return nil
	}
	return fmt.Errorf("%w: acknowledged was %d, begun %d, found %.300q", errMixed, acked, begun, got)
}

package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"selvage/edge/clock"
	"selvage/edge/route"
)

const (
	crashDir   = "STORE_CRASH_DIR"   // makes the test binary a writer in this folder
	crashFirst = "STORE_CRASH_FIRST" // its first generation
	crashNodes = 40
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver has four clients each set their share of the nodes to ever higher generations and
// print "node generation" for each that the store has acknowledged. One Save writes a value and,
// after a Clear, one entry: they must never be found apart.
func writeForEver(dir string) error {
	first, err := strconv.Atoi(os.Getenv(crashFirst))
	if err != nil {
		return err
	}
	s, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	const clients = 4
	failed := make(chan error)
	var out sync.Mutex
	for c := range clients {
		go func() {
			for gen := first; ; gen++ {
				var acks []byte
				for node := c; node < crashNodes; node += clients {
					if rand.IntN(3) > 0 {
						continue
					}
					s.Mark(saverFunc(func(b *Batch) {
						text := strconv.AppendInt(nil, int64(gen), 10)
						b.Value(s.Lane(nodeName(node), "value", "value"), text, clock.Stamp{})
						entries := s.Lane(nodeName(node), "entries", "map")
						b.Clear(entries)
						b.Entry(entries, text, nil, clock.Stamp{})
					}))
					acks = fmt.Appendf(acks, "%d %d\n", node, gen)
				}
				if err := s.Flush(context.Background()); err != nil {
					failed <- err
					return
				}
				out.Lock()
				os.Stdout.Write(acks)
				out.Unlock()
			}
		}()
	}
	return <-failed
}

func TestKilledWriterKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acked := map[int]int{} // node → highest generation acknowledged
	first := 1
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir, crashFirst+"="+strconv.Itoa(first))
		cmd.Stderr = os.Stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := rand.IntN(1500)
		lines := bufio.NewScanner(pipe)
		n := 0
		for lines.Scan() { // past the kill too: what is in the pipe was acknowledged
			var node, gen int
			if _, err := fmt.Sscan(lines.Text(), &node, &gen); err != nil {
				break // the kill cut the line
			}
			acked[node] = max(acked[node], gen)
			first = max(first, gen)
			if n++; n == kill+1 {
				cmd.Process.Kill()
			}
		}
		cmd.Process.Kill() // should the writer have stopped by itself, Wait tells
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Fatalf("round %d: the writer ended with %v after %d acknowledgements", round, err, n)
		}
		first += 1000 // beyond what it wrote unacknowledged

		s := open(t, dir)
		for node := range crashNodes {
			checkNode(t, s, round, nodeName(node), acked[node])
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: killed after %d acknowledgements", round, n)
	}
}

func checkNode(t *testing.T, s *Store, round int, node route.NodeURI, acked int) {
	t.Helper()
	lanes, err := s.Load(node)
	if err != nil {
		t.Fatal(err)
	}
	if len(lanes) == 0 {
		if acked > 0 {
			t.Errorf("round %d: %s is gone, acknowledged %d", round, node, acked)
		}
		return
	}
	if len(lanes) != 2 || len(lanes[1].Entries) != 1 {
		t.Errorf("round %d: %s has half a save: %+v", round, node, lanes)
		return
	}
	gen, err := strconv.Atoi(string(lanes[0].Value))
	if err != nil || gen < acked {
		t.Errorf("round %d: %s is at %q, acknowledged %d", round, node, lanes[0].Value, acked)
	}
	if key := string(lanes[1].Entries[0].Key); key != string(lanes[0].Value) {
		t.Errorf("round %d: %s has value %s beside entry %s: of two saves", round, node, lanes[0].Value, key)
	}
}

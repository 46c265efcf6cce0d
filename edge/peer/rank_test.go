package peer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"selvage/edge/warp"
)

func TestClassOf(t *testing.T) {
	for _, row := range []struct {
		prio float64
		want uint32
	}{
		{0, 0}, {0.1, 0}, {0.2, 1}, {0.5, 2}, {0.6, 3}, {0.79, 3}, {0.8, 4}, {1, 4},
		{-1, 0}, {7, 4}, {math.NaN(), 0}, {math.Inf(1), 4}, {math.Inf(-1), 0}, {math.MaxFloat32, 4},
	} {
		if got := classOf(float64(float32(row.prio))); got != row.want { // as it comes on the wire
			t.Errorf("classOf(%v) = %d, want %d", row.prio, got, row.want)
		}
	}
}

// named is an outlet that is told apart.
type named struct{ name string }

func (*named) step(*buffer) {}

// A queue keeps its order, and its room no larger than what waits in it asks for.
func TestFifo(t *testing.T) {
	var f fifo
	put, taken := 0, 0
	push := func() {
		f.push(&named{fmt.Sprint(put)})
		put++
	}
	for _, waiting := range []int{1, 3, 100, 7, 0, 2} {
		for put-taken < waiting {
			push()
		}
		for range 10_000 {
			push()
			for ok := true; ok; ok = put-taken > waiting {
				if got := f.pop().(*named).name; got != fmt.Sprint(taken) {
					t.Fatalf("pop = %s, want %d", got, taken)
				}
				taken++
			}
		}
	}
	if cap(f.items) > 512 {
		t.Errorf("room for %d, where never more than 101 waited", cap(f.items))
	}
}

// recorder is a socket that keeps what is written.
type recorder struct {
	sink
	text strings.Builder
}

func (r *recorder) Write(b []byte) (int, error) { return r.text.Write(b) }

// nodes returns the nodes of the events written, in order.
func (r *recorder) nodes() (nodes []string) {
	for _, frame := range strings.Split(r.text.String(), "@event(node:")[1:] {
		_, rest, _ := strings.Cut(frame, `"/unit/`)
		node, _, _ := strings.Cut(rest, `"`)
		nodes = append(nodes, node)
	}
	r.text.Reset()
	return nodes
}

// many is a source with n events.
type many struct {
	news
	n int
}

func (m *many) Next() ([]byte, bool) {
	m.n--
	return []byte("1"), m.n >= 0
}

// queued is a connection whose links all are due when it begins to write: prios gives theirs, events
// how many each has.
func queued(t *testing.T, prios []float64, events int) (*Conn, *recorder) {
	r := &recorder{}
	c := newConn(r, nil, "/", Options{})
	t.Cleanup(func() { c.end(nil) })
	c.queue.mu.Lock()
	c.queue.flushing = true // but not yet
	c.queue.mu.Unlock()
	for i, prio := range prios {
		e := warp.Envelope{Tag: warp.Link, Node: fmt.Appendf(nil, "/unit/%d", i), Lane: []byte("l"), Prio: prio}
		connect(c, &e, &many{n: events})
	}
	return c, r
}

func TestPrioOrders(t *testing.T) {
	c, r := queued(t, []float64{0, 0.5, 1, 0, 0.5, 1, 0.1, 0.3, -5, 99}, 1)
	c.flush()
	if got, want := r.nodes(), []string{"2", "5", "9", "1", "4", "7", "0", "3", "6", "8"}; !slices.Equal(got, want) {
		t.Errorf("the links wrote in the order %v, want %v", got, want)
	}
}

// Links of equal prio take turns, whatever it is.
func TestPrioRoundRobin(t *testing.T) {
	for _, prio := range []float64{0, 0.5, 1} {
		c, r := queued(t, []float64{prio, prio, prio}, 3*maxTurn)
		c.flush()
		got := r.nodes()
		turns := slices.Compact(slices.Clone(got))
		for i, node := range turns {
			if want := fmt.Sprint(i % 3); node != want {
				t.Errorf("prio %v: turn %d is link %s's, want %s", prio, i, node, want)
			}
		}
		if len(got) != 9*maxTurn || len(turns) != 12 { // four each, since the first begins with a linked
			t.Errorf("prio %v: %d events in %d turns, want %d in 12", prio, len(got), len(turns), 9*maxTurn)
		}
	}
}

// However busy the links of higher prio are, one of a lower gets its share.
func TestPrioStarvesNobody(t *testing.T) {
	prios := []float64{0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8}
	c, r := queued(t, prios, 10_000)
	c.flush()
	got := r.nodes()
	if len(got) != len(prios)*10_000 {
		t.Fatalf("%d events", len(got))
	}
	// While the three highest had something to write, 10,000 events each.
	high := 0
	busy := slices.IndexFunc(got, func(node string) bool {
		if node >= "4" {
			high++
		}
		return high == 3*10_000
	})
	counts := map[string]int{}
	last := map[string]int{}
	for i, node := range got[:busy] {
		if wait := i - last[node]; wait > 3*maxPassed*maxTurn {
			t.Fatalf("link %s waited for %d events of others", node, wait)
		}
		last[node] = i
		counts[node]++
	}
	for node, prio := range prios {
		share := float64(counts[fmt.Sprint(node)]) / float64(busy)
		t.Logf("prio %.1f: %4.1f %% of the events", prio, 100*share)
		if least := 0.8 / (maxPassed + 1); share < least {
			t.Errorf("the link of prio %.1f had %.1f %% of the events, want %.1f", prio, 100*share, 100*least)
		}
	}
	if share := float64(counts["4"]+counts["5"]+counts["6"]) / float64(busy); share < 0.7 {
		t.Errorf("the links of the highest prio had %.1f %% of the events", 100*share)
	}
}

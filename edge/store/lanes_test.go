package store

import (
	"testing"

	"selvage/edge/clock"
)

func TestLaneIDs(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "value")
	if a == b || a == 0 || b == 0 || s.Lane("/n", "a", "value") != a {
		t.Errorf("ids %d and %d, then %d for the first", a, b, s.Lane("/n", "a", "value"))
	}
	if got := s.Lane("/n", "a", "map"); got != a {
		t.Errorf("a lane of another kind got id %d, want %d", got, a)
	}
	flush(t, s)
	wantNode(t, s, "/n", "a map", "b value")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	other := s.Lane("/n", "b", "supply") // without Load, so the store does not know it has a row
	save(t, s, func(batch *Batch) { batch.Value(other, []byte("7"), clock.Stamp{}) })
	wantNode(t, s, "/n", "a map", "b supply=7")
	if got := s.Lane("/n", "b", "supply"); got != b {
		t.Errorf("after the commit its id is %d, want the first one, %d", got, b)
	}
	save(t, s, func(batch *Batch) { batch.Value(other, []byte("8"), clock.Stamp{}) })
	wantNode(t, s, "/n", "a map", "b supply=8")
}

func TestNodesAreKnownAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const n = 3000 // more than are read at a time
	save(t, s, func(b *Batch) {
		for i := range n {
			b.Value(s.Lane(nodeName(i), "a", "value"), []byte("1"), clock.Stamp{})
		}
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	wantNode(t, s, nodeName(n-1), "a value=1") // whether or not they are known by now
	<-s.lanes.done
	for i := range n {
		if s.lanes.absent(nodeName(i)) {
			t.Fatalf("%s is taken for absent", nodeName(i))
		}
	}
	if !s.lanes.absent("/none") {
		t.Error("a node that was never stored needs a query")
	}
	s.Lane("/none", "a", "value")
	if s.lanes.absent("/none") {
		t.Error("a node with a lane is taken for absent")
	}
}

func TestForgottenLanesStayBounded(t *testing.T) {
	l := newLanes(0)
	var rows []laneRow
	for i := range 5 * keepLanes {
		l.id(laneKey{nodeName(i), "a"}, "value")
		if i%100 == 99 {
			rows = l.takeFresh()
			l.settle(rows)
		}
	}
	if n := len(l.young) + len(l.old) + len(l.pending); n > 2*keepLanes+100 {
		t.Errorf("%d lanes remembered, want at most %d", n, 2*keepLanes+100)
	}
	last := rows[len(rows)-1]
	if got, _ := l.id(last.laneKey, "value"); got != last.id {
		t.Errorf("the lane used last is forgotten")
	}
}

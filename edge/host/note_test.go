package host

import (
	"testing"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
)

// Notes are in the store with what their turn has set, and are found by their book after a restart.
func TestNotes(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	s := openStore(t, dir)
	h := newHost(t, s)
	var n *agent.ValueLane[int]
	a := add(t, h, "/a", func(a *agent.Agent) { n = agent.Value(a, "n", 0) })
	turn := func(fn func()) {
		t.Helper()
		done := make(chan error, 1)
		if err := a.Post(t.Context(), fn, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	turn(func() {
		n.Set(1)
		for _, key := range []string{"a", "b", "c"} {
			a.Note("/a/book", []byte(key), []byte(key+key))
		}
	})
	turn(func() { a.Note("/a/other", []byte("z"), []byte("1")) })
	turn(func() { a.Note("/a/other", nil, nil); a.Note("/a/book", []byte("b"), nil) })
	stop(t, h)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	defer s.Close()
	h = newHost(t, s)
	defer stop(t, h)
	book, err := h.Notes("/a/book")
	if err != nil || len(book) != 2 || string(book["a"]) != "aa" || string(book["c"]) != "cc" {
		t.Errorf("the book has %q, %v", book, err)
	}
	if other, err := h.Notes("/a/other"); err != nil || len(other) != 0 {
		t.Errorf("the other has %q, %v", other, err)
	}
}

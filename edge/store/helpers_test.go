package store

import (
	"context"
	"sync"
	"testing"

	"selvage/edge/clock"
	"selvage/edge/route"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	return openWith(t, Options{Dir: dir})
}

func openWith(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func flush(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Flush(context.Background()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

// save commits what fn puts into a batch.
func save(t testing.TB, s *Store, fn func(b *Batch)) {
	t.Helper()
	s.Mark(saverFunc(fn))
	flush(t, s)
}

type saverFunc func(b *Batch)

func (f saverFunc) Save(b *Batch) { f(b) }

// lane is a value lane as a host keeps one: marked once until it is saved.
type lane struct {
	s  *Store
	id LaneID

	mu     sync.Mutex
	marked bool
	body   []byte
	at     clock.Stamp
}

func newLane(s *Store, node route.NodeURI, name route.LaneName) *lane {
	return &lane{s: s, id: s.Lane(node, name, "value")}
}

func (l *lane) set(body string) {
	at := l.s.opts.Clock.Now()
	l.mu.Lock()
	l.body, l.at = append(l.body[:0], body...), at
	mark := !l.marked
	l.marked = true
	l.mu.Unlock()
	if mark {
		l.s.Mark(l)
	}
}

func (l *lane) Save(b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked = false
	b.Value(l.id, l.body, l.at)
}

package host

import (
	"context"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
	"selvage/edge/store"
)

// TestNoPointIsLost: while the store works every value of a lane with a history is kept, however seldom there is a
// commit.
func TestNoPointIsLost(t *testing.T) {
	s, err := store.Open(store.Options{Dir: t.TempDir(), Commit: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	s.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) { return store.Keep{}, true })
	h := newHost(t, s)
	const turns = 4000
	text := strings.Repeat("x", 150)
	add(t, h, "/a", func(a *agent.Agent) {
		x := agent.Value(a, "x", "")
		agent.Command(a, "one", func(s string) error {
			x.Set(s)
			return nil
		})
	})
	for i := range turns {
		h.take(context.Background(), "/a", "one", []byte(`"`+text+string(rune('a'+i%26))+`"`))
	}
	if err := h.Do(t.Context(), "/a", "one", []byte("last")); err != nil {
		t.Fatal(err)
	}
	p, err := s.History("/a", "x", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, ok := p.Next(); ok; _, ok = p.Next() {
		got++
	}
	if got != turns+1 || p.Err() != nil || h.Health.Count("history.dropped") != 0 {
		t.Errorf("%d of %d values are kept, %d counted as dropped, %v", got, turns+1, h.Health.Count("history.dropped"), p.Err())
	}
	stop(t, h)
	s.Close()
}

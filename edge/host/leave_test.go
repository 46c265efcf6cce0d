package host

import (
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
)

// Links that come while an agent is taken away wait for the next one, whatever moment they come at.
func TestLinkWhileRemoved(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, openStore(t, t.TempDir()))
		defer h.endWithStore(t)
		source := func(a *agent.Agent) { agent.Value(a, "n", 7) }
		const readers = 50
		seen := make(chan int, 10*readers)
		var links []*agent.Agent
		for i := range readers {
			handle := add(t, h, stuckNode(i), func(*agent.Agent) {})
			links = append(links, handle.Agent())
		}
		add(t, h, "/source", source)
		for i, a := range links {
			if i == readers/2 {
				go func() {
					if err := h.Remove(t.Context(), "/source"); err != nil {
						t.Error(err)
					}
				}()
			}
			a.Wake(func() { agent.Link(a, "/source", "n", func(n int) { seen <- n }) })
		}
		synctest.Wait()
		for len(seen) > 0 {
			<-seen
		}
		if h.inMemory("/source") {
			t.Fatal("it is there")
		}
		add(t, h, "/source", source)
		synctest.Wait()
		if len(seen) != readers {
			t.Errorf("%d of %d links found the next agent", len(seen), readers)
		}
	})
}

// A host stops at once though an agent of it panics in its last turn, or waits to be restarted.
func TestStopWhilePanicking(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		last := add(t, h, "/last", func(a *agent.Agent) { a.OnStop(func() { panic("last") }) })
		rests := add(t, h, "/rests", func(*agent.Agent) {})
		behind := add(t, h, "/behind", func(*agent.Agent) {})
		for range 8 {
			rests.Wake(func() { panic("again") })
			time.Sleep(10 * time.Second)
		}
		block := make(chan struct{})
		behind.Wake(func() { <-block; panic("before the last turn") })
		synctest.Wait()
		began := time.Now()
		go close(block)
		stop(t, h)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		_ = last
	})
}

package agent

import (
	"strings"
	"testing"
)

type picture struct{ Pixels []byte }

type word string

// What a lane of events keeps for a reader who has no turn is bounded by what it takes, whatever the events are.
func TestEventMemory(t *testing.T) {
	o := newLoop(t)
	var presses *SupplyLane[struct{}]
	var waves *SupplyLane[[]float64]
	var pictures *SupplyLane[picture]
	var words *SupplyLane[word]
	a := o.add("/a", func(a *Agent) {
		presses, waves = Supply[struct{}](a, "presses"), Supply[[]float64](a, "waves")
		pictures, words = Supply[picture](a, "pictures"), Supply[word](a, "words")
	})
	o.add("/d", func(a *Agent) {
		LinkEvents[struct{}](a, "/a", "presses")
		LinkEvents[[]float64](a, "/a", "waves")
		LinkEvents[picture](a, "/a", "pictures")
		LinkEvents[word](a, "/a", "words")
	})
	o.run()
	const events = 100 << 10 // bytes of the large ones
	for range 1000 {
		a.Step(Mail{Do: func() {
			for range 100 {
				presses.Push(struct{}{})
			}
			pictures.Push(picture{make([]byte, events)})
			words.Push(word(strings.Repeat("x", events)))
		}})
	}
	for range 10 {
		a.Step(Mail{Do: func() { waves.Push(make([]float64, 1<<20)) }})
	}
	for name, n := range map[string]struct{ kept, most int }{
		"presses":  {len(presses.log.log), defaultPending / eventCost},
		"waves":    {len(waves.log.log), 1}, // the newest, however large
		"pictures": {len(pictures.log.log), defaultPending / events},
		"words":    {len(words.log.log), defaultPending / events},
	} {
		if n.kept > n.most || n.kept == 0 {
			t.Errorf("%d %s are kept, want %d at most", n.kept, name, n.most)
		}
	}
}

// What agents of this host miss is counted in health: what they have passed over, and what was lost to those who left.
func TestLocalDrops(t *testing.T) {
	o := newLoop(t)
	var l *SupplyLane[string]
	a := o.make("/a", func(a *Agent) { l = Supply[string](a, "s") })
	a.options.Load().Pending = 100
	a.Start()
	heard := 0
	var gone *EventDownlink[string]
	d := o.add("/d", func(a *Agent) {
		Link(a, "/a", "s", func(string) { heard++ })
		gone = LinkEvents[string](a, "/a", "s")
	})
	o.run()
	a.Step(Mail{Do: func() {
		for range 100 {
			l.Push("0123456789")
		}
	}})
	d.Step(Mail{Do: gone.Close})
	o.run()
	if n := o.health.Count("event.dropped"); heard == 0 || n != 2*int64(100-heard) {
		t.Errorf("%d of 100 were heard, and %d are counted as dropped, want twice the rest", heard, n)
	}
}

// A command lane that has nothing to run is its author's mistake, and no client's way to have its agent panic.
func TestCommandOfNothing(t *testing.T) {
	o := newLoop(t)
	a := o.make("/a", func(a *Agent) { Command[int](a, "go", nil) })
	if err := a.Start(); err == nil || !strings.Contains(err.Error(), "lane go has nothing to run") {
		t.Errorf("Start = %v", err)
	}
}

package host

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

const fanout = 10_000 // readers

// crowd is one value lane and the agents that follow it.
type crowd struct {
	host  *Host
	a     *Handle
	level *agent.ValueLane[int]
	told  atomic.Int64
	all   chan struct{} // told has reached until
	until int64
}

func newCrowd(b *testing.B, link bool) *crowd {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	c := &crowd{host: h, all: make(chan struct{}, 1)}
	add := func(uri string, setup func(a *agent.Agent)) *Handle {
		k := agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error { setup(a); return nil })
		a, err := h.Add(route.NodeURI(uri), Agents, k, nil)
		if err != nil {
			b.Fatal(err)
		}
		return a
	}
	c.until = fanout
	c.a = add("/source", func(a *agent.Agent) { c.level = agent.Value(a, "level", 0).Transient() })
	count := func(_, _ int) {
		if c.told.Add(1) == c.until {
			c.all <- struct{}{}
		}
	}
	for i := range fanout {
		add(fmt.Sprint("/reader/", i), func(a *agent.Agent) {
			if link {
				agent.LinkValue[int](a, "/source", "level").OnSet(count)
			} else {
				count(0, 0)
			}
		})
	}
	<-c.all
	return c
}

// BenchmarkFanout is a value's way from the turn that sets it to the handlers of all readers; an op is one
// reader.
func BenchmarkFanout(b *testing.B) {
	c := newCrowd(b, true)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += fanout {
		c.until += fanout
		v := n
		c.a.Wake(func() { c.level.Set(v + 1) })
		<-c.all
	}
	b.StopTimer()
	if err := c.host.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDownlink is the memory that an idle agent takes for the downlink it has.
func BenchmarkDownlink(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	size := func(link bool) float64 {
		before := heap()
		c := newCrowd(b, link)
		after := heap()
		if err := c.host.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
		return float64(after-before) / fanout
	}
	for b.Loop() {
		b.ReportMetric(size(true)-size(false), "B/downlink")
	}
}

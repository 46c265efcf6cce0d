package host

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// BenchmarkCommand is a command's way from the door through the turn of one of so many agents. How
// it scales over processors shows with -cpu 1,2.
func BenchmarkCommand(b *testing.B) {
	for _, agents := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(agents, " agents"), func(b *testing.B) { benchmarkCommand(b, agents) })
	}
}

func benchmarkCommand(b *testing.B, agents int) {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Workers: runtime.GOMAXPROCS(0)})
	k := agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "info", recon.Value{}).Transient()
		return nil
	})
	var nodes []route.NodeURI
	for i := range agents {
		nodes = append(nodes, route.NodeURI(fmt.Sprint("/unit/", i)))
		if _, err := h.Add(nodes[i], Agents, k, nil); err != nil {
			b.Fatal(err)
		}
	}
	body := []byte("12345")
	b.ReportAllocs()
	var senders atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for i := int(senders.Add(1)) * 7919; pb.Next(); i++ {
			h.take(b.Context(), nodes[i%agents], "info", body)
		}
	})
	for _, n := range nodes { // until all have had their turns
		if _, err := h.Read(b.Context(), n, "info"); err != nil {
			b.Fatal(err)
		}
	}
	if dropped := h.Health.Count("command.dropped"); dropped > 0 {
		b.Errorf("%d commands were dropped", dropped)
	}
	if err := h.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTimers is what a timer costs that waits: bytes, and no time.
func BenchmarkTimers(b *testing.B) {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	before := heap()
	set := make(chan struct{})
	n := 0
	if _, err := h.Add("/timers", Agents, agent.NewKind("timers", 0, func(a *agent.Agent, _ int) error {
		for b.Loop() {
			a.After(time.Hour, func() {})
			n++
		}
		close(set)
		return nil
	}), nil); err != nil {
		b.Fatal(err)
	}
	<-set
	b.ReportMetric(float64(heap()-before)/float64(n), "B/timer")
	if err := h.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// heap returns the bytes of all that is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkAgents is the making of an agent with two value lanes.
func BenchmarkAgents(b *testing.B) {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), MaxRouted: 1 << 30})
	k := agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "info", recon.Value{})
		agent.Value(a, "count", 0)
		return nil
	})
	p, err := route.ParsePattern("/unit/:id")
	if err != nil {
		b.Fatal(err)
	}
	if err := h.Route(p, k, nil, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := heap()
	i := 0
	for b.Loop() {
		if _, err := h.find(route.NodeURI(fmt.Sprint("/unit/", i))); err != nil {
			b.Fatal(err)
		}
		i++
	}
	for a := range h.Nodes() { // until all have started
		for a.Lane("count") == nil {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i), "ns/agent")
	b.ReportMetric(float64(heap()-before)/float64(i), "B/agent")
	if err := h.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

package host

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// BenchmarkCommand is a command's way from the door through the turn of one of 100 agents.
func BenchmarkCommand(b *testing.B) {
	h := New(Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	k := agent.NewKind("unit", 0, func(a *agent.Agent, _ int) error {
		agent.Value(a, "info", recon.Value{})
		return nil
	})
	var nodes []route.NodeURI
	for i := range 100 {
		nodes = append(nodes, route.NodeURI(fmt.Sprint("/unit/", i)))
		if _, err := h.Add(nodes[i], Agents, k, nil); err != nil {
			b.Fatal(err)
		}
	}
	body := []byte("12345")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		h.take(b.Context(), nodes[i%100], "info", body)
		i++
	}
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

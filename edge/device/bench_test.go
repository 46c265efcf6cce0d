package device

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"selvage/edge/clock"
)

// One measurement from due to reported, on a chip that answers at once.
func BenchmarkPoll(b *testing.B) {
	m := NewManager(Options{Clock: clock.New("boot", func() bool { return true })})
	o := newOwner(m, "", I2C, "bus")
	d := newManaged(chipSpec("air", "bus", 0x40, time.Nanosecond), registry.drivers["test-chip"])
	o.bus = &fakeBus{name: "bus", chips: map[uint16]func() error{0x40: well}}
	o.devices = []*managed{d}
	ctx := context.Background()
	o.attend(ctx, d)
	b.ReportAllocs()
	for b.Loop() {
		o.next()
		o.attend(ctx, d)
	}
	if d.fails > 0 {
		b.Fatal("the chip did not answer")
	}
}

// A thousand devices on 32 buses, each read once a second, for as many seconds as are asked for: the CPU time and the
// memory that this takes, chips that answer at once included.
func BenchmarkThousandDevices(b *testing.B) {
	wires.Lock()
	wires.buses = map[string]*fakeBus{}
	wires.Unlock()
	var read atomic.Int64
	before := heap()
	m := NewManager(Options{
		Clock: clock.New("boot", func() bool { return true }), Log: slog.New(slog.DiscardHandler),
		Report: func(r Report) { read.Add(int64(len(r.Readings))) },
	})
	const devices, buses = 1000, 32
	for i := range devices {
		bus, addr := fmt.Sprintf("test:%d", i%buses), uint16(0x20+i/buses)
		wires.Lock()
		if wires.buses[bus] == nil {
			wires.buses[bus] = &fakeBus{name: bus, chips: map[uint16]func() error{}}
		}
		wires.buses[bus].chips[addr] = well
		wires.Unlock()
		if err := m.Add(chipSpec(fmt.Sprintf("d%d", i), bus, addr, time.Second)); err != nil {
			b.Fatal(err)
		}
	}
	m.Start()
	time.Sleep(2 * time.Second)
	read.Store(0)
	cpu, began := cpuTime(b), time.Now()
	for range b.N {
		time.Sleep(time.Second)
	}
	took := time.Since(began).Seconds()
	b.ReportMetric(float64(cpuTime(b)-cpu)/float64(time.Millisecond)/took, "ms-cpu/s")
	b.ReportMetric(float64(read.Load())/took, "readings/s")
	b.ReportMetric(float64(heap()-before)/devices, "B-heap/device")
	b.ReportMetric(float64(resident(b))/1e6, "MB-rss")
	if err := m.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc + s.StackInuse
}

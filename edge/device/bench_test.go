package device

import (
	"context"
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

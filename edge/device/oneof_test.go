package device

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// With 1 of 32 devices dead the other 31 keep 99 % of their rate, in whichever way it is dead.
func TestOneOf32(t *testing.T) {
	const (
		n    = 32
		dead = 0x20 + 7
		long = 10 * time.Minute
	)
	stuck := func() error { time.Sleep(time.Second); return ErrBusStuck } // the adapter's time-out, for this address alone
	flaps := 0
	for _, way := range []struct {
		name string
		dies func() error // nil = nobody acknowledges
	}{
		{"nobody acknowledges", nil},
		{"the bus is stuck for a second", stuck},
		{"garbage", func() error { return ErrGarbled }},
		{"panics", func() error { panic("index out of range") }},
		{"comes back and is stuck again", func() error {
			if flaps++; flaps%3 != 0 {
				return nil
			}
			return stuck()
		}},
	} {
		for _, every := range []time.Duration{200 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprintf("%s, every %v", way.name, every), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					chips := map[uint16]func() error{}
					var specs []Spec
					for a := uint16(0x20); a < 0x20+n; a++ {
						chips[a] = well
						s := chipSpec(fmt.Sprintf("d%x", a), "test:32", a, every)
						s.Config = chipConfig{Address: a, Takes: 2 * time.Millisecond}
						specs = append(specs, s)
					}
					bus := plug("test:32", chips)
					b := newBench(t, specs...)
					b.Start()
					time.Sleep(30 * time.Second)
					for _, s := range specs {
						b.take(s.Name)
					}
					bus.set(dead, way.dies)
					time.Sleep(long)
					least := int(long / every * 99 / 100)
					for i, s := range specs {
						rs := b.take(s.Name)
						switch got := readings(rs); {
						case 0x20+i == dead:
							if failures(rs) == 0 {
								t.Errorf("the dead device never failed")
							}
						case got < least || failures(rs) > 0:
							t.Errorf("%s: %d readings and %d failures beside a dead device, want %d or more and 0", s.Name, got, failures(rs), least)
						}
					}
					if way.dies == nil { // what costs nothing to ask is found again soon
						bus.set(dead, well)
						time.Sleep(maxPause)
						if readings(b.take(fmt.Sprintf("d%x", dead))) == 0 {
							t.Errorf("it was not found again within %v", maxPause)
						}
					}
					b.stop()
				})
			})
		}
	}
}

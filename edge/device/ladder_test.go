package device

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tried writes the rungs that the last failing report tells.
func tried(rs []Report) string {
	var out []string
	for _, r := range rs {
		if r.Err == nil {
			continue
		}
		out = out[:0]
		for _, s := range r.Tried {
			out = append(out, string(s.Rung)+": "+s.Why)
		}
	}
	return strings.Join(out, ", ")
}

func TestLadderOfADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{0x40: well, 0x41: well})
		b := newBench(t, chipSpec("air", "test:a", 0x40, time.Second), chipSpec("other", "test:a", 0x41, time.Second))
		b.Start()
		time.Sleep(5 * time.Second)
		bus.set(0x40, nil)
		time.Sleep(time.Minute)
		const why = "no answer at 0x40 on test:a"
		expect(t, "after a minute", tried(b.take("air")), "retry: "+why+", reopen: "+why)
		if n := b.health.Count("device.air.reopened"); n != 1 {
			t.Errorf("closed %d times in a minute, want once: it stayed closed", n)
		}
		if n := bus.opened; n != 1 {
			t.Errorf("the bus was opened %d times, though another device answers", n)
		}
		bus.set(0x40, well)
		time.Sleep(maxPause)
		bus.set(0x40, func() error { panic("index out of range") })
		time.Sleep(time.Second)
		expect(t, "after a panic", tried(b.take("air")), "restart: the driver test-chip failed inside: index out of range")
		b.stop()
	})
}

// A bus that is held is freed, if there is a way, and all devices are asked at once. It is opened anew if that helps
// nothing.
func TestLadderOfABus(t *testing.T) {
	for _, way := range []struct {
		name   string
		rescue func(free func()) error // nil = there is none
		want   string                  // tried with the first device
		opens  bool                    // the bus is opened anew
	}{
		{"freed", func(free func()) error { free(); return nil }, "", false},
		{"not freed", func(func()) error { return errors.New("SDA stays low") }, "recover: SDA stays low", true},
		{"panics", func(func()) error { panic("no pin") }, "recover: the driver of the bus test:a failed inside: no pin", true},
		{"no way", nil, "", true},
	} {
		t.Run(way.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chips := map[uint16]func() error{}
				var specs []Spec
				for a := uint16(0x40); a < 0x44; a++ {
					chips[a] = well
					specs = append(specs, chipSpec(fmt.Sprintf("d%x", a), "test:a", a, time.Second))
				}
				bus := plug("test:a", chips)
				all := func(chip func() error) {
					for a := uint16(0x40); a < 0x44; a++ {
						bus.set(a, chip)
					}
				}
				if way.rescue != nil {
					bus.rescue = func() error { return way.rescue(func() { all(well) }) }
				}
				b := newBench(t, specs...)
				pins := Lines{SCL: "GPIO3", SDA: "GPIO2"}
				b.SetLines(map[string]Lines{"test:a": pins, "test:b": {SCL: "GPIO1", SDA: "GPIO0"}})
				b.Start()
				time.Sleep(20 * time.Second)
				b.take("d40")
				all(slowly)
				time.Sleep(time.Minute)
				rs := b.take("d40")
				if got := tried(rs); !strings.Contains(got, way.want) || way.opens != strings.Contains(got, "restart") {
					t.Errorf("tried %q, want %q in it", got, way.want)
				}
				if !way.opens {
					if n := readings(rs); n < 55 {
						t.Errorf("%d readings in a minute of which the bus was held for a second or two", n)
					}
					if n := b.health.Count("bus.test:a.recovered"); n != 1 || bus.over != pins {
						t.Errorf("freed %d times, by %v; want once, by %v", n, bus.over, pins)
					}
				}
				all(well)
				time.Sleep(5 * time.Second)
				b.take("d40")
				b.take("d43")
				time.Sleep(10 * time.Second)
				if n, m := readings(b.take("d40")), readings(b.take("d43")); n < 9 || m < 9 {
					t.Errorf("%d and %d readings in ten seconds after all was well again", n, m)
				}
				b.stop()
			})
		})
	}
}

// What was silent with all others is asked at once when one of them answers.
func TestBusThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chips := map[uint16]func() error{}
		var specs []Spec
		for a := uint16(0x40); a < 0x60; a++ {
			chips[a] = slowly
			specs = append(specs, chipSpec(fmt.Sprintf("d%x", a), "test:a", a, 10*time.Second))
		}
		bus := plug("test:a", chips)
		b := newBench(t, specs...)
		b.Start()
		time.Sleep(10 * time.Minute)
		for _, s := range specs {
			b.take(s.Name)
		}
		for a := range chips {
			bus.set(a, well)
		}
		time.Sleep(2 * time.Second)
		for _, s := range specs {
			if readings(b.take(s.Name)) == 0 {
				t.Errorf("%s has no reading two seconds after the bus was freed", s.Name)
			}
		}
		b.stop()
	})
}

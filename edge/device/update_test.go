package device

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// Whatever comes, changes and goes beside it, a device is read at its times, all of them.
func TestApplyLeavesTheRestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 10 * time.Millisecond
		plug("test:a", map[uint16]func() error{0x40: well, 0x41: well, 0x42: well})
		plugPin("test:17")
		b := newBench(t, chipSpec("rest", "test:a", 0x40, every), chipSpec("other", "test:a", 0x41, time.Second), relaySpec(false))
		b.Start()
		time.Sleep(time.Second)
		all := b.take("rest")[1:] // the first is off the grid
		for i := range 50 {
			relay := relaySpec(i%2 == 0)
			relay.Every = time.Duration(i%3) * time.Second
			u := Update{Change: []Spec{chipSpec("other", "test:a", uint16(0x41+i%2), every), relay}}
			if i%2 == 0 {
				u.Add = []Spec{chipSpec("guest", "test:b", 0x40, every)}
			} else {
				u.Remove = []string{"guest"}
			}
			must(t, b.Apply(t.Context(), u))
			time.Sleep(17 * time.Millisecond)
		}
		time.Sleep(every)
		all = append(all, b.take("rest")...)
		for i := 1; i < len(all); i++ {
			if gap := all[i].At.Mono - all[i-1].At.Mono; gap != every || readings(all[i:i+1]) != 1 {
				t.Fatalf("%v between two readings, want %v", gap, every)
			}
		}
		if n := len(all); n < 50*17/10 {
			t.Errorf("%d readings", n)
		}
		b.stop()
	})
}

func TestApplyTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{0x40: well})
		b := newBench(t, chipSpec("air", "test:a", 0x40, time.Hour))
		b.Start()
		time.Sleep(time.Minute)
		b.take("air")
		must(t, b.Apply(t.Context(), Update{Change: []Spec{chipSpec("air", "test:a", 0x40, time.Second)}}))
		time.Sleep(time.Minute)
		rs := b.take("air")
		if n := readings(rs); n < 60 || n > 61 {
			t.Errorf("%d readings in a minute, want one each second", n)
		}
		for _, r := range rs {
			if r.Opened != nil {
				t.Error("it was opened again")
			}
		}
		must(t, b.Apply(t.Context(), Update{Change: []Spec{{Name: "air", Driver: "test-chip", Wire: "test:a", Config: chipConfig{Address: 0x40}}}}))
		synctest.Wait()
		b.take("air")
		time.Sleep(time.Hour)
		if n, want := readings(b.take("air")), int(time.Hour/DefaultEvery); n < want-1 || n > want {
			t.Errorf("%d readings in an hour without a time of its own, want %d", n, want)
		}
		if bus.opened != 1 || bus.closed != 0 {
			t.Errorf("the bus was opened %d times and closed %d times, want once and never", bus.opened, bus.closed)
		}
		b.stop()
	})
}

// A device that fails is tried again when its pause is over, whatever its new times are.
func TestApplyTimesWhileItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{})
		b := newBench(t, chipSpec("air", "test:a", 0x40, time.Hour))
		b.Start()
		time.Sleep(time.Minute)
		b.take("air")
		for i := range 100 {
			must(t, b.Apply(t.Context(), Update{Change: []Spec{chipSpec("air", "test:a", 0x40, time.Duration(i+1)*time.Second)}}))
			synctest.Wait()
		}
		if n := len(b.take("air")); n > 0 {
			t.Errorf("%d attempts", n)
		}
		b.stop()
	})
}

// An output that changes goes through its safe state and is then what it was asked to be.
func TestApplyOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, pin := plugPin("test:17"), plugPin("test:27")
		b := newBench(t, relaySpec(false))
		b.Start()
		must(t, b.Out("heater", On(true)))
		synctest.Wait()
		b.take("heater")

		moved := relaySpec(false)
		moved.Wire = "test:27"
		must(t, b.Apply(t.Context(), Update{Change: []Spec{moved}}))
		synctest.Wait()
		expect(t, "after a change", states(b.take("heater")), "off on")
		if old.Read() != gpio.Low || fmt.Sprint(pin.wrote) != "[High]" {
			t.Errorf("the old pin is %v, on the new one was written %v; want Low, [High]", old.Read(), pin.wrote)
		}
		must(t, b.Remove(t.Context(), "heater"))
		expect(t, "after its removal", states(b.take("heater")), "off(safe)")
		must(t, b.Add(moved))
		synctest.Wait()
		expect(t, "added again", states(b.take("heater")), "off(safe)")
		b.stop()
	})
}

// What is asked while the old device closes is done by the new one.
func TestApplyOutputAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := plugPin("test:17")
		plug("test:a", map[uint16]func() error{0x40: slowly})
		b := newBench(t, relaySpec(false), chipSpec("slow", "test:a", 0x40, time.Hour))
		b.Start()
		synctest.Wait() // the chip keeps its bus busy
		go func() {
			time.Sleep(100 * time.Millisecond)
			if err := b.Out("heater", On(true)); err != nil {
				t.Error(err)
			}
		}()
		moved := relaySpec(true)
		must(t, b.Apply(t.Context(), Update{Remove: []string{"slow"}, Change: []Spec{moved}}))
		synctest.Wait()
		if pin.Read() != gpio.High {
			t.Error("what was asked is forgotten")
		}
		b.stop()
	})
}

// Devices may change wires with each other, and the bus that none needs is closed.
func TestApplyWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := plug("test:a", map[uint16]func() error{0x40: well}), plug("test:b", map[uint16]func() error{0x40: well})
		b := newBench(t, chipSpec("one", "test:a", 0x40, time.Second), chipSpec("two", "test:b", 0x40, time.Second))
		b.Start()
		synctest.Wait()
		must(t, b.Apply(t.Context(), Update{Change: []Spec{chipSpec("one", "test:b", 0x40, time.Second), chipSpec("two", "test:a", 0x40, time.Second)}}))
		synctest.Wait()
		b.take("one")
		time.Sleep(10 * time.Second)
		if n := readings(b.take("one")); n < 9 {
			t.Errorf("%d readings over its new wire, want 10", n)
		}
		must(t, b.Remove(t.Context(), "one"))
		synctest.Wait()
		if two.opened != two.closed || one.opened != one.closed+1 {
			t.Errorf("the bus nobody needs was opened %d times and closed %d times, the other %d and %d",
				two.opened, two.closed, one.opened, one.closed)
		}
		if n := len(b.Manager.owners); n != 1 {
			t.Errorf("%d owners, want that of the bus in use", n)
		}
		must(t, b.Add(chipSpec("one", "test:b", 0x40, time.Second)))
		synctest.Wait()
		if readings(b.take("one")) != 1 {
			t.Error("no reading after the bus was closed and opened again")
		}
		b.stop()
	})
}

// A driver that does not come back is named, and holds up nobody else's change.
func TestApplyHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		plug("test:a", map[uint16]func() error{0x40: func() error { <-release; return nil }})
		plug("test:b", map[uint16]func() error{0x40: well})
		b := newBench(t, chipSpec("stuck", "test:a", 0x40, time.Second))
		b.Start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Apply(ctx, Update{
			Change: []Spec{chipSpec("stuck", "test:b", 0x40, time.Second), chipSpec("none", "test:b", 0x41, time.Second)},
			Add:    []Spec{chipSpec("new", "test:b", 0x41, time.Second), chipSpec("stuck", "test:b", 0x42, time.Second)},
			Remove: []string{"nobody"},
		})
		for _, want := range []string{
			"device stuck was not closed in time: stuck: the driver test-chip does not return from test:a",
			`no device is called "none"`, `no device is called "nobody"`, "device stuck: the name is taken",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: want it to tell: %s", err, want)
			}
		}
		time.Sleep(10 * time.Second)
		if n := readings(b.take("stuck")); n == 0 {
			t.Error("it is not read over its new wire")
		}
		close(release)
		b.stop()
	})
}

// An update before the start is what then starts.
func TestApplyBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well, 0x41: well})
		pin := plugPin("test:17")
		b := newBench(t, chipSpec("one", "test:a", 0x40, time.Second), chipSpec("two", "test:a", 0x40, time.Second), relaySpec(false))
		must(t, b.Out("heater", On(true)))
		must(t, b.Apply(t.Context(), Update{Remove: []string{"one"}, Change: []Spec{chipSpec("two", "test:a", 0x41, time.Second), relaySpec(true)}}))
		b.Start()
		time.Sleep(5 * time.Second)
		if one, two := len(b.take("one")), b.take("two"); one != 0 || readings(two) < 5 || failures(two) != 0 {
			t.Errorf("%d reports of the one that is gone, %d readings of the other", one, readings(two))
		}
		if pin.Read() != gpio.High {
			t.Error("what was asked is forgotten")
		}
		b.stop()
		if err := b.Apply(t.Context(), Update{Remove: []string{"two"}}); err == nil {
			t.Error("an update after Stop was taken")
		}
	})
}

package device

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func chipSpec(name, bus string, addr uint16, every time.Duration) Spec {
	return Spec{Name: name, Driver: "test-chip", Wire: bus, Every: every, Config: chipConfig{Address: addr}}
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well})
		b := newBench(t, chipSpec("air", "test:a", 0x40, 2*time.Second))
		b.Start()
		synctest.Wait()
		first := b.take("air")
		if len(first) != 1 || readings(first) != 1 {
			t.Fatalf("at once: %+v, want one reading", first)
		}
		o := first[0].Opened
		if o == nil || o.Info.Driver != "test-chip" || o.Info.Wire != "test:a" || len(o.Channels) != 1 {
			t.Errorf("opened %+v, want driver, wire and channels filled in", o)
		}
		r := first[0].Readings[0]
		if r.Channel != "temperature" || r.Reading.String() != "21.4 °C" || r.Reading.Value != 21.4 || r.Reading.Bad() || r.Reading.At.Boot != "boot" {
			t.Errorf("reading %+v, want 21.4 °C, cut to the resolution, with its time", r)
		}
		time.Sleep(time.Minute)
		rest := b.take("air")
		if n := readings(rest); n != 30 {
			t.Errorf("%d readings in a minute, want 30", n)
		}
		for i, r := range rest {
			if r.Opened != nil {
				t.Error("opened again without need")
			}
			if i > 0 && r.At.Mono-rest[i-1].At.Mono != 2*time.Second {
				t.Errorf("readings %v apart, want 2s", r.At.Mono-rest[i-1].At.Mono)
			}
		}
		b.stop()
		if n := len(b.take("air")); n != 0 {
			t.Errorf("%d reports from stopping a sensor", n)
		}
	})
}

func TestDeadDeviceLeavesOthersAlone(t *testing.T) {
	for _, c := range []struct {
		name     string
		dead     func() error
		min, max int // attempts in a minute
	}{
		{"no answer", nil, 12, 20},
		{"slow time-out", slowly, 6, 9}, // what it may take from the others at once, by then
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chips := map[uint16]func() error{0x43: c.dead}
				var specs []Spec
				for a := uint16(0x40); a < 0x48; a++ {
					if a != 0x43 {
						chips[a] = well
					}
					specs = append(specs, chipSpec(fmt.Sprintf("d%x", a), "test:a", a, time.Second))
				}
				if c.dead == nil {
					delete(chips, 0x43)
				}
				plug("test:a", chips)
				b := newBench(t, specs...)
				b.Start()
				time.Sleep(2 * time.Second) // the first readings are off the grid
				for _, s := range specs {
					b.take(s.Name)
				}
				time.Sleep(time.Minute)
				for _, s := range specs {
					rs := b.take(s.Name)
					if s.Name == "d43" {
						if n := failures(rs); n < c.min || n > c.max {
							t.Errorf("the dead device was asked %d times in a minute, want %d to %d", n, c.min, c.max)
						}
					} else if n := readings(rs); n < 59 || n > 61 || failures(rs) > 0 {
						t.Errorf("%s: %d readings and %d failures in a minute beside a dead device, want 60 and 0", s.Name, n, failures(rs))
					}
				}
				if c := b.condition("device.d43"); !strings.Contains(c.Remedy, "other devices on this bus answer") {
					t.Errorf("condition %+v does not tell that the others are well", c)
				}
				b.stop()
			})
		})
	}
}

func TestBusThatAppearsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unplug("test:late")
		b := newBench(t, chipSpec("air", "test:late", 0x40, 10*time.Second))
		b.Start()
		time.Sleep(20 * time.Second)
		c := b.condition("bus.test:late")
		if c.Text != "there is no bus test:late" || c.Remedy != "plug it in" {
			t.Errorf("condition %+v, want that the bus is missing", c)
		}
		if rs := b.take("air"); len(rs) != 1 || rs[0].Err == nil {
			t.Errorf("%d reports while the bus is missing, want one error", len(rs))
		}
		plug("test:late", map[uint16]func() error{0x40: well})
		time.Sleep(maxBusPause)
		if n := readings(b.take("air")); n != 1 {
			t.Errorf("%d readings within %v of the bus, want 1", n, maxBusPause)
		}
		if active := b.health.Active(); len(active) != 0 {
			t.Errorf("still on the board: %+v", active)
		}
		b.stop()
	})
}

func TestBusThatGoesAndComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:usb", map[uint16]func() error{0x40: well, 0x41: well})
		b := newBench(t, chipSpec("one", "test:usb", 0x40, time.Second), chipSpec("two", "test:usb", 0x41, time.Hour))
		b.Start()
		time.Sleep(5 * time.Second)
		gone := func() error { return fmt.Errorf("tx: %w", ErrBusGone) }
		unplug("test:usb")
		bus.set(0x40, gone)
		bus.set(0x41, gone)
		time.Sleep(20 * time.Second)
		if c := b.condition("bus.test:usb"); c.Text == "" {
			t.Errorf("no condition for a bus that is gone: %+v", b.health.Active())
		}
		if n := len(b.health.Active()); n != 1 {
			t.Errorf("%d conditions are shown, want that of the bus alone: %+v", n, b.health.Active())
		}
		for _, name := range []string{"one", "two"} {
			if got := tried(b.take(name)); !strings.Contains(got, "restart: ") {
				t.Errorf("%s: tried %q, want that the bus was closed, to be opened when it is back", name, got)
			}
		}
		if n := b.health.Count("bus.test:usb.restarted"); n != 1 {
			t.Errorf("closed and opened %d times, want once", n)
		}
		plug("test:usb", map[uint16]func() error{0x40: well, 0x41: well})
		time.Sleep(maxBusPause)
		for _, name := range []string{"one", "two"} {
			if rs := b.take(name); readings(rs) == 0 || rs[0].Opened == nil {
				t.Errorf("%s: %+v within %v of the bus's return, want it opened and read", name, rs, maxBusPause)
			}
		}
		if active := b.health.Active(); len(active) != 0 {
			t.Errorf("still on the board: %+v", active)
		}
		b.stop()
	})
}

// An adapter that came back under its name answers only after the bus was opened anew.
func TestSilentBusIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{})
		b := newBench(t, chipSpec("one", "test:a", 0x40, time.Second), chipSpec("two", "test:a", 0x41, time.Second))
		b.Start()
		time.Sleep(2 * time.Minute)
		wires.Lock()
		n := bus.opened
		wires.Unlock()
		if n < 2 || n > 13 {
			t.Errorf("a bus silent for two minutes was opened %d times, want a few", n)
		}
		if c := b.condition("device.one"); !strings.Contains(c.Remedy, "nothing on this bus answers") {
			t.Errorf("condition %+v does not point at the whole bus", c)
		}
		b.stop()
	})
}

func TestDeviceThatReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{0x40: well, 0x41: well})
		b := newBench(t, chipSpec("air", "test:a", 0x40, 10*time.Second), chipSpec("other", "test:a", 0x41, 10*time.Second))
		b.Start()
		time.Sleep(30 * time.Second)
		bus.set(0x40, nil)
		time.Sleep(time.Hour)
		c := b.condition("device.air")
		if want := "no answer at 0x40 on test:a; last good 21.4 °C at 2000-01-01 00:"; !strings.HasPrefix(c.Text, want) || c.Remedy == "" {
			t.Errorf("condition %q, %q, want %q… and a remedy", c.Text, c.Remedy, want)
		}
		b.take("air")
		bus.set(0x40, well)
		time.Sleep(maxPause)
		if rs := b.take("air"); readings(rs) != 1 || rs[len(rs)-1].Opened == nil {
			t.Errorf("within %v of its return: %+v, want it opened and read", maxPause, rs)
		}
		if active := b.health.Active(); len(active) != 0 {
			t.Errorf("still on the board: %+v", active)
		}
		b.stop()
	})
}

// One bad transfer is made again and counted; two in a row are reported, and nobody is alarmed.
func TestSingleFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		plug("test:a", map[uint16]func() error{0x40: func() error {
			if n++; n == 4 || n == 6 || n == 7 {
				return ErrNoAnswer
			}
			return nil
		}})
		b := newBench(t, chipSpec("air", "test:a", 0x40, 10*time.Second))
		shown := 0
		cancel := b.health.Watch(func() { shown = max(shown, len(b.health.Active())) })
		defer cancel()
		b.Start()
		time.Sleep(time.Minute)
		rs := b.take("air")
		if failures(rs) != 1 || readings(rs) < 6 || shown != 0 {
			t.Errorf("%d failures, %d readings, %d conditions shown, want 1, 6 or more, 0", failures(rs), readings(rs), shown)
		}
		again := 0
		for _, r := range rs[1:] {
			if r.Opened != nil {
				again++
			}
			if r.Err != nil && (len(r.Tried) != 2 || r.Tried[0].Rung != Retry || r.Tried[1].Rung != Reopen || r.Tried[0].Why != "no answer at 0x40 on test:a") {
				t.Errorf("tried %+v, want a retry", r.Tried)
			}
		}
		if again != 1 {
			t.Errorf("opened again %d times, want once: another may be in the place of one that did not answer", again)
		}
		if n := b.health.Count("device.air.retried"); n != 2 {
			t.Errorf("%d retries counted, want 2", n)
		}
		b.stop()
	})
}

func TestHungDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		plug("test:a", map[uint16]func() error{0x40: func() error { <-release; return nil }})
		plug("test:b", map[uint16]func() error{0x41: well})
		b := newBench(t, chipSpec("stuck", "test:a", 0x40, time.Second), chipSpec("fine", "test:b", 0x41, time.Second))
		b.Start()
		time.Sleep(time.Minute)
		if n := readings(b.take("fine")); n < 60 {
			t.Errorf("%d readings in a minute on another bus than the hung driver's, want 60", n)
		}
		c := b.condition("device.stuck")
		if !strings.Contains(c.Text, "the driver test-chip has not returned for 3s") {
			t.Errorf("condition %+v, want that the driver hangs", c)
		}
		if rs := b.take("stuck"); failures(rs) != 1 {
			t.Errorf("%d reports of hanging, want 1", len(rs))
		}
		start := time.Now()
		err := b.Stop(context.Background())
		if took := time.Since(start); took > stopWithin || err == nil || !strings.Contains(err.Error(), "stuck: the driver test-chip does not return") {
			t.Errorf("Stop took %v: %v, want the driver named within %v", took, err, stopWithin)
		}
		close(release)
		synctest.Wait()
		b.stop() // again, now that it came back
	})
}

// Stopping cuts a measurement short, which is no failure of the device.
func TestStopWhileMeasuring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well})
		b := newBench(t, Spec{Name: "air", Driver: "test-chip", Wire: "test:a", Config: chipConfig{0x40, time.Second / 2}})
		b.Start()
		synctest.Wait()
		start := time.Now()
		b.stop()
		if rs := b.take("air"); len(rs) != 0 || time.Since(start) != 0 {
			t.Errorf("stopped after %v with %+v, want at once and without a report", time.Since(start), rs)
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well})
		b := newBench(t, Spec{Name: "air", Driver: "test-chip", Wire: "test:a", Timeout: time.Second / 4, Config: chipConfig{0x40, time.Second / 2}})
		b.Start()
		time.Sleep(time.Second / 4)
		synctest.Wait()
		rs := b.take("air")
		if len(rs) != 1 || rs[0].Err == nil || words(rs[0].Err) != "test-chip on test:a did not finish within 250ms" {
			t.Errorf("%+v, want an error after the timeout", rs)
		}
		b.stop()
	})
}

func TestStopHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		plug("test:a", map[uint16]func() error{0x40: func() error { <-release; return nil }})
		b := newBench(t, chipSpec("stuck", "test:a", 0x40, time.Second))
		b.Start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := b.Stop(ctx); err == nil || time.Since(start) != 50*time.Millisecond {
			t.Errorf("Stop took %v, error %v, want 50ms and an error", time.Since(start), err)
		}
		close(release)
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{0x40: func() error { panic("index out of range") }, 0x41: well})
		b := newBench(t, chipSpec("bad", "test:a", 0x40, time.Second), chipSpec("fine", "test:a", 0x41, time.Second))
		b.Start()
		time.Sleep(time.Minute)
		if n := readings(b.take("fine")); n < 60 {
			t.Errorf("%d readings in a minute beside a driver that panics, want 60", n)
		}
		if c := b.condition("device.bad"); !strings.Contains(c.Text, "the driver test-chip failed inside: index out of range") {
			t.Errorf("condition %+v, want the panic named", c)
		}
		bus.set(0x40, well)
		time.Sleep(maxPause)
		if n := readings(b.take("bad")); n == 0 {
			t.Error("no reading after the driver stopped panicking")
		}
		b.stop()
	})
}

func TestAddAndRemoveWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well, 0x41: well})
		b := newBench(t, chipSpec("one", "test:a", 0x40, time.Second))
		b.Start()
		time.Sleep(10 * time.Second)
		b.take("one")
		if err := b.Add(chipSpec("two", "test:a", 0x41, time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if one, two := readings(b.take("one")), readings(b.take("two")); one != 10 || two < 10 {
			t.Errorf("%d and %d readings in 10 s, want 10 of the old device and 10 or more of the new", one, two)
		}
		if err := b.Remove(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if one, two := len(b.take("one")), readings(b.take("two")); one != 0 || two != 10 {
			t.Errorf("%d reports of a removed device, %d readings of the other, want 0 and 10", one, two)
		}
		if err := b.Remove(t.Context(), "one"); err == nil {
			t.Error("removed twice")
		}
		if err := b.Add(chipSpec("one", "test:a", 0x40, time.Second)); err != nil {
			t.Errorf("the name of a removed device is still taken: %v", err)
		}
		b.stop()
		if err := b.Add(chipSpec("three", "test:a", 0x42, time.Second)); !errors.Is(err, errStopped) {
			t.Errorf("Add after Stop: %v", err)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	b := newBench(t, chipSpec("air", "test:a", 0x40, 0))
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Driver: "test-chip", Wire: "test:a"}, "a device has no name"},
		{Spec{Name: "x", Driver: "nothing"}, `no driver is called "nothing"; there are test-chip, test-contact`},
		{Spec{Name: "x", Driver: "test-chip"}, `device x: the driver test-chip needs a bus, such as bus = "/dev/i2c-1"`},
		{Spec{Name: "x", Driver: "test-relay"}, `device x: the driver test-relay needs a pin, such as pin = "GPIO17"`},
		{chipSpec("air", "test:a", 0x41, 0), "device air: the name is taken"},
	} {
		if err := b.Add(c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Add(%+v) = %v, want %q", c.spec, err, c.want)
		}
	}
}

// A driver that gets a Config of another driver says so instead of running with its defaults.
func TestWrongConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:a", map[uint16]func() error{0x40: well})
		b := newBench(t, Spec{Name: "air", Driver: "test-chip", Wire: "test:a", Config: relayConfig{}})
		b.Start()
		synctest.Wait()
		if rs := b.take("air"); len(rs) != 1 || rs[0].Err == nil || !strings.Contains(rs[0].Err.Error(), "config") {
			t.Errorf("%+v, want an error about its config", rs)
		}
		b.stop()
	})
}

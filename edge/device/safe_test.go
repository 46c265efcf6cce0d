package device

import (
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/health"
)

// An output that nobody tells again what to do goes to its safe state.
func TestSafeAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plugPin("test:17")
		s := relaySpec(false)
		s.SafeAfter = time.Minute
		b := newBench(t, s)
		b.Start()
		synctest.Wait()
		b.take("heater")
		for range 5 {
			must(t, b.Out("heater", On(true)))
			time.Sleep(50 * time.Second)
		}
		expect(t, "told again in time", states(b.take("heater")), "on on on on on")
		time.Sleep(9 * time.Second)
		expect(t, "before it is over", states(b.take("heater")), "")
		time.Sleep(2 * time.Second)
		expect(t, "told no more", states(b.take("heater")), "off(safe)")
		time.Sleep(time.Hour)
		expect(t, "later", states(b.take("heater")), "")

		// Who changes the config does not make it forget when it was told.
		must(t, b.Out("heater", On(true)))
		time.Sleep(30 * time.Second)
		s.Config = relayConfig{Safe: true}
		must(t, b.Apply(t.Context(), Update{Change: []Spec{s}}))
		synctest.Wait()
		expect(t, "changed", states(b.take("heater")), "on off on") // the last is told again
		time.Sleep(29 * time.Second)
		expect(t, "before it is over", states(b.take("heater")), "")
		time.Sleep(2 * time.Second)
		expect(t, "told no more", states(b.take("heater")), "on(safe)")
		b.stop()
	})
}

// An output goes to its safe state when what it is configured for is lost, and does what it is told after that.
func TestSafeWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := plug("test:a", map[uint16]func() error{0x40: well})
		plugPin("test:17")
		plugPin("test:18")
		s, other := relaySpec(false), relaySpec(false)
		s.SafeWhen = []string{"uplink.cloud", "agent./room/air", "device.air"}
		other.Name, other.Wire = "lamp", "test:18"
		b := newBench(t, s, other, chipSpec("air", "test:a", 0x40, time.Second))
		lose := func(code string, after time.Duration) {
			b.health.Raise(health.Condition{Code: code, Text: code, After: after})
		}
		lose("uplink.cloud", 0)
		b.Start()
		synctest.Wait()
		b.take("heater")
		b.take("lamp")
		on := func() {
			t.Helper()
			must(t, b.Out("heater", On(true)))
			must(t, b.Out("lamp", On(true)))
			time.Sleep(time.Second)
			expect(t, "told", states(b.take("heater")), "on")
			expect(t, "told", states(b.take("lamp")), "on")
		}
		safe := func(why string) {
			t.Helper()
			time.Sleep(time.Millisecond)
			expect(t, why, states(b.take("heater")), "off(safe)")
			expect(t, why+": that is nothing to the lamp", states(b.take("lamp")), "")
		}
		on() // though the uplink is lost since before
		lose("device.airport", 0)
		lose("agent./room/aircraft", 0)
		lose("uplink.other", 0)
		time.Sleep(time.Second)
		expect(t, "for what is nothing to it", states(b.take("heater")), "")

		b.health.Clear("uplink.cloud")
		lose("uplink.cloud", 10*time.Second)
		time.Sleep(9 * time.Second)
		expect(t, "a short while", states(b.take("heater")), "")
		time.Sleep(time.Second)
		safe("the uplink is lost")
		on()
		lose("agent./room/air", 0)
		safe("its agent crashed")
		on()
		lose("agent./room/air.turn", 0)
		safe("its agent hangs")
		on()
		lose("agent./room/air.lane", 0)
		b.health.Clear("agent./room/air.lane")
		safe("its agent crashed and is back already")
		on()
		bus.set(0x40, nil)
		time.Sleep(showAfter + 2*time.Second)
		safe("its sensor is lost")
		bus.set(0x40, well)
		time.Sleep(maxPause)
		on()
		unplug("test:a")
		bus.set(0x40, func() error { return ErrBusGone })
		time.Sleep(showAfter + 2*time.Second)
		safe("its sensor is lost with its bus")
		b.stop()
	})
}

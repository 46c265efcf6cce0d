package sim_test

import (
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	_ "selvage/drivers/gpio"
	_ "selvage/drivers/sht4x"
	"selvage/drivers/sim"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// The whole way of a reading below the agents: the real drivers and the real manager on a simulated
// room, with a thermostat in place of the twin, through a pulled plug and back.
func TestThermostat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			m        *device.Manager
			mu       sync.Mutex
			on       bool
			switched int
			last     device.Reading
			info     device.Info
			failed   error
		)
		m = device.NewManager(device.Options{
			Clock: clock.New("boot", func() bool { return true }),
			Log:   slog.New(slog.DiscardHandler),
			Report: func(r device.Report) {
				mu.Lock()
				defer mu.Unlock()
				if r.Device == "heater" {
					return
				}
				if r.Opened != nil {
					info = r.Opened.Info
				}
				want := on
				if failed = r.Err; failed != nil {
					want = false // no reading is no reason to heat
				}
				for _, n := range r.Readings {
					if n.Channel != "temperature" {
						continue
					}
					last = n.Reading
					if last.Value > 21.5 {
						want = false
					} else if last.Value < 20.5 {
						want = true
					}
				}
				if want != on {
					on = want
					switched++
					if err := m.Out("heater", device.On(on)); err != nil {
						t.Error(err)
					}
				}
			},
		})
		for _, s := range []device.Spec{
			{Name: "air", Driver: "sht4x", Wire: "sim:loop", Every: time.Second},
			{Name: "heater", Driver: "gpio-out", Wire: "sim:loop/GPIO17"},
		} {
			if err := m.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		room := sim.Find("sim:loop")
		m.Start()

		time.Sleep(20 * time.Minute)
		mu.Lock()
		if info.Wire != "sim:loop" || info.Address != "0x44" || info.Serial == "" {
			t.Errorf("the sensor is %+v", info)
		}
		if c := room.Temperature(); c < 20.2 || c > 21.8 || last.Bad() {
			t.Errorf("after twenty minutes it is %.1f °C, read as %v, want 20.5 to 21.5", c, last)
		}
		if switched < 20 {
			t.Errorf("the heater was switched %d times in twenty minutes, want to see it work", switched)
		}
		mu.Unlock()

		room.Trouble(sim.Unplugged)
		time.Sleep(time.Minute)
		mu.Lock()
		if failed == nil || room.Heating() {
			t.Errorf("unplugged: error %v, heating %v, want an error and no heating", failed, room.Heating())
		}
		mu.Unlock()

		room.Trouble(sim.None)
		time.Sleep(5 * time.Second)
		mu.Lock()
		if failed != nil {
			t.Errorf("five seconds after it was plugged in again: %v", failed)
		}
		mu.Unlock()

		if err := m.Out("heater", device.On(true)); err != nil {
			t.Fatal(err)
		}
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if room.Heating() {
			t.Error("stopped with the heater on")
		}
	})
}

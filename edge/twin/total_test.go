package twin_test

import (
	"log/slog"
	"testing"
	"testing/synctest"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/store"
	"selvage/edge/twin"
)

// A meter that counts from 0 each time it is opened goes on where it was: after a failure, and after the
// host was started again.
func TestTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for round, want := range []string{"value:101.5", "value:104"} {
			kept, err := store.Open(store.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, clock: clock.New("test", func() bool { return true })}
			b.host = host.New(host.Options{Clock: b.clock, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: kept})
			b.twin = twin.New(twin.Options{
				Node: "/device/meter", Adjust: map[string]device.Adjust{"energy": {Offset: 100}}, // what it showed when it was fitted
			})
			if b.handle, err = b.host.Add("/device/meter", host.Things, b.twin.Kind(), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			opened := func(unit device.Unit) device.Report {
				return device.Report{Opened: &device.Opened{Channels: []device.Channel{
					{Name: "energy", Unit: unit, Total: true}, {Name: "power", Unit: "W"},
				}}}
			}
			read := func(unit device.Unit, total float64) {
				b.report(device.Report{Readings: []device.NamedReading{
					{Channel: "energy", Reading: device.Reading{Value: total, Unit: unit, At: b.clock.Now()}},
					{Channel: "power", Reading: device.Reading{Value: 100, Unit: "W", At: b.clock.Now()}},
				}})
			}
			b.report(opened("kW.h"))
			read("kW.h", 0.5)
			read("kW.h", 1)
			b.report(device.Report{Err: device.ErrNoAnswer})
			b.report(opened("kW.h"))
			read("kW.h", 0.5)
			if round == 1 {
				read("kW.h", 1.5) // 1.5 of before, 1 and 1.5
			}
			b.has("energy", want)
			b.has("power", "value:100")
			if round == 1 { // what it counts now is another thing
				b.report(opened("L"))
				read("L", 7)
				b.has("energy", "value:107")
			}
			b.stop()
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

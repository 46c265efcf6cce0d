package twin_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/device"
	"selvage/edge/twin"
)

// Another chip in the place of the one that was there is named, and what was found out about the old one is not
// applied to it.
func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/air", Info: twin.Info{Driver: "bme280"}, Calibrates: true})
		defer b.stop()
		open := func(model, serial string) {
			t.Helper()
			b.report(device.Report{Opened: &device.Opened{
				Info:     device.Info{Driver: "bme280", Wire: "/dev/i2c-1", Address: "0x76", Model: model, Serial: serial},
				Channels: airChannels,
			}})
			b.report(b.good(20))
		}
		named := func(want ...string) {
			t.Helper()
			if got := b.conditions(); !slices.Equal(got, want) {
				t.Errorf("conditions %q, want %q", got, want)
			}
		}
		open("Bosch BME280", "17")
		if err := b.host.Do(t.Context(), "/device/air", "calibrate", []byte("{channel:temperature,offset:1}")); err != nil {
			t.Fatal(err)
		}
		open("Bosch BME280", "17")
		b.has("temperature", "value:21,")
		named()
		open("Bosch BME280", "18")
		b.has("temperature", "value:20,")
		b.has("info", "serial:\"18\"")
		named("other.air: air: 0x76 was Bosch BME280 serial 17, now Bosch BME280 serial 18")
		if got := b.board.Active()[0].Remedy; got[len(got)-21:] != "calibrate the new one" {
			t.Errorf("remedy %q", got)
		}
		open("Bosch BME280", "18")
		named("other.air: air: 0x76 was Bosch BME280 serial 17, now Bosch BME280 serial 18")
		open("Bosch BMP280", "")
		named("other.air: air: 0x76 was Bosch BME280 serial 17, now Bosch BMP280")
		open("Bosch BME280", "17")
		b.has("temperature", "value:21,")
		named()
		if err := b.handle.Do(t.Context(), b.twin.Expect); err != nil {
			t.Fatal(err)
		}
		open("Bosch BME280", "18")
		named()
	})
}

// The status says what was tried, when and why; that stays until something else has to be tried.
func TestTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/air"})
		defer b.stop()
		b.report(b.good(20))
		tried := []device.Step{{Rung: device.Retry, At: b.clock.Now(), Why: "NAK"}}
		b.report(device.Report{Err: device.ErrNoAnswer, Tried: tried})
		b.has("status", "state:lost", "tried:", "what:retry", "why:NAK", "at:946684800000")
		time.Sleep(time.Second)
		tried = append(tried, device.Step{Rung: device.Reopen, At: b.clock.Now(), Why: "NAK"})
		b.report(device.Report{Err: device.ErrNoAnswer, Tried: tried})
		b.has("status", "what:retry", "what:reopen", "at:946684801000")
		b.report(b.good(20))
		b.has("status", "state:ok", "what:retry", "what:reopen")
		b.report(device.Report{Err: device.ErrNoAnswer, Tried: tried[1:]})
		b.has("status", "what:reopen")
		b.lacks("status", "what:retry")
	})
}

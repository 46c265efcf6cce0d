package twin_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/store"
	"selvage/edge/twin"
)

var airChannels = []device.Channel{{Name: "temperature", Unit: "Cel", Resolution: 0.01}, {Name: "humidity", Unit: "%"}, {Name: "door", Form: device.Boolean}}

func TestCalibrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/air", Calibrates: true, Adjust: map[string]device.Adjust{"temperature": {Offset: 1}}})
		defer b.stop()
		do := func(body, want string) {
			t.Helper()
			got := "ok"
			if err := b.host.Do(t.Context(), "/device/air", "calibrate", []byte(body)); err != nil {
				got = strings.TrimPrefix(err.Error(), "/device/air calibrate: ")
			}
			if got != want {
				t.Errorf("calibrate %s: %s, want %s", body, got, want)
			}
		}
		do("{channel:temperature,offset:1}", "what it measures is not known before it has been opened")
		b.report(device.Report{Opened: &device.Opened{Channels: airChannels}})
		do("{channel:temperature,reads:21.7}", "temperature has no reading now to compare with; try again when it has")
		b.report(b.good(20))
		b.has("temperature", "value:21,")

		do("{channel:temperature,reads:21.7}", "ok")
		b.report(b.good(20))
		b.has("temperature", "value:21.7,", "quality:good")
		b.has("calibration", "scale:1", "offset:0.7", fmt.Sprint("at:", time.Now().UnixMilli()))
		do("{channel:temperature,scale:2}", "ok")
		b.report(b.good(20))
		b.has("temperature", "value:42.7,")
		do("{channel:temperature,offset:-0.4}", "ok")
		b.report(b.good(20))
		b.has("temperature", "value:41.6,")
		if r, ok := b.twin.LastGood(); !ok || r.Value != 41.6 {
			t.Errorf("the last good is %v, want it as the lane has it", r)
		}
		do("{channel:temperature,reset:true}", "ok")
		b.report(b.good(20))
		b.has("temperature", "value:21,")
		b.lacks("calibration", "scale")

		do("{channel:temprature,offset:1}", "there is no channel temprature with numbers; there are temperature, humidity")
		do("{offset:1}", "want a channel: temperature, humidity")
		do("{channel:door,offset:1}", "there is no channel door with numbers; there are temperature, humidity")
		do("{channel:temperature}", "want an offset, a scale, what it reads now, or reset: {channel:temperature,reads:21.7}")
		do("{channel:temperature,scale:0}", "a scale of 0 makes every reading the same")
		do("{channel:temperature,offset:1,reads:2}", "reads finds the offset, so give one of them")
		do("{channel:temperature,offset:1,reset:true}", "reset goes alone")
		b.lacks("calibration", "scale")

		b.report(device.Report{Err: device.ErrNoAnswer})
		do("{channel:temperature,reads:21.7}", "temperature has no reading now to compare with; try again when it has")
	})
}

// What was found out lasts, and holds for the very first reading after a start.
func TestCalibrationIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for round := range 2 {
			kept, err := store.Open(store.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, clock: clock.New("test", func() bool { return true })}
			b.host = host.New(host.Options{Clock: b.clock, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: kept})
			b.twin = twin.New(twin.Options{Node: "/device/air", Calibrates: true})
			if b.handle, err = b.host.Add("/device/air", host.Things, b.twin.Kind(), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			b.report(device.Report{Opened: &device.Opened{Channels: airChannels}})
			if round == 0 {
				if err := b.host.Do(t.Context(), "/device/air", "calibrate", []byte("{channel:temperature,offset:-0.4}")); err != nil {
					t.Fatal(err)
				}
			}
			b.report(b.good(20))
			b.has("temperature", "value:19.6,")
			if err := b.handle.Do(t.Context(), func() { panic("a restart") }); err != nil {
				t.Log(err)
			}
			time.Sleep(time.Second)
			b.report(b.good(21))
			b.has("temperature", "value:20.6,")
			if want := []string{"calibrate", "calibration", "door", "humidity", "info", "status", "temperature"}; !slices.Equal(b.lanes(), want) {
				t.Errorf("lanes %v, want %v", b.lanes(), want)
			}
			b.stop()
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A doubted reading is shown with its reason; a bad one leaves the last good one alone, however often it comes.
func TestQuality(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 60.0
		b := newBench(t, twin.Options{Node: "/device/air", Calibrates: true, Adjust: map[string]device.Adjust{
			"temperature": {Max: &most, Rate: 1, Stuck: time.Hour}, "temprature": {}, "door": {Offset: 1},
		}})
		defer b.stop()
		b.report(device.Report{Opened: &device.Opened{Channels: airChannels}})
		if got := b.conditions(); !slices.Equal(got, []string{"adjust.air: the channel door of air is no number, so it has nothing but stuck"}) {
			t.Errorf("conditions %q", got)
		}
		b.report(b.good(20))
		b.has("temperature", "value:20,", "quality:good")
		b.report(b.good(61))
		b.has("temperature", "value:61,", "quality:uncertain", "above 60 °C")
		time.Sleep(time.Second)
		b.report(b.good(30))
		b.has("temperature", "value:30,", "quality:uncertain", "changed by 10 °C in 1s")
		time.Sleep(time.Minute)
		b.report(b.good(30))
		b.has("temperature", "value:30,", "quality:good")
		for range 3 {
			b.report(device.Report{Readings: []device.NamedReading{{Channel: "temperature", Reading: device.Reading{Quality: device.Bad, Reason: "CRC"}}}})
			b.report(device.Report{Err: device.ErrGarbled})
			b.has("temperature", "value:30,", "quality:good")
		}
		time.Sleep(time.Hour)
		b.report(b.good(30))
		b.has("temperature", "quality:uncertain", "exactly the same for more than 1h0m0s")
		b.report(b.good(30.01))
		b.has("temperature", "quality:good")
	})
}

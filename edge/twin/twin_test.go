package twin_test

import (
	"errors"
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

// bench is a host with one twin under virtual time.
type bench struct {
	t      *testing.T
	host   *host.Host
	board  *health.Board
	clock  *clock.Clock
	twin   *twin.Twin
	handle *host.Handle
	asked  []string
	refuse error
}

func newBench(t *testing.T, o twin.Options) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.New("test", func() bool { return true })}
	b.board = health.NewBoard()
	b.host = host.New(host.Options{Clock: b.clock, Health: b.board, Log: slog.New(slog.DiscardHandler)})
	if o.Info.Driver == "relay" {
		o.Set = func(v device.Value) error {
			b.asked = append(b.asked, v.String())
			return b.refuse
		}
	}
	b.twin = twin.New(o)
	var err error
	if b.handle, err = b.host.Add(b.twin.Node, host.Things, b.twin.Kind(), nil); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return b
}

func (b *bench) stop() {
	if err := b.host.Stop(b.t.Context()); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) report(r device.Report) {
	b.t.Helper()
	r.At = b.clock.Now()
	if err := b.handle.Do(b.t.Context(), func() { b.twin.Report(r) }); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

func (b *bench) good(celsius float64) device.Report {
	return device.Report{Readings: []device.NamedReading{{
		Channel: "temperature", Reading: device.Reading{Value: celsius, Unit: "Cel", At: b.clock.Now()},
	}}}
}

// get returns a lane's value as text.
func (b *bench) get(lane string) string {
	b.t.Helper()
	a, _ := b.host.Node(b.twin.Node)
	for _, l := range a.Lanes() {
		if string(l.Name()) == lane {
			tail := l.Open(nobody{})
			defer tail.Close()
			body, _ := tail.State()()
			return string(body)
		}
	}
	return "no lane"
}

type nobody struct{}

func (nobody) Wake() {}

func (b *bench) conditions() (texts []string) {
	for _, c := range b.board.Active() {
		texts = append(texts, c.Code+": "+c.Text)
	}
	return texts
}

func (b *bench) lanes() (names []string) {
	a, _ := b.host.Node(b.twin.Node)
	for _, l := range a.Lanes() {
		names = append(names, string(l.Name()))
	}
	slices.Sort(names)
	return names
}

func (b *bench) has(lane string, parts ...string) {
	b.t.Helper()
	got := b.get(lane)
	for _, p := range parts {
		if !strings.Contains(got, p) {
			b.t.Errorf("%s = %s, want %s in it", lane, got, p)
		}
	}
}

func TestSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/air", Info: twin.Info{Driver: "sht4x"}, Every: 10 * time.Second})
		defer b.stop()
		if got, want := b.lanes(), []string{"info", "status"}; !slices.Equal(got, want) {
			t.Errorf("lanes = %v before the device was opened, want %v", got, want)
		}
		b.has("status", "state:stale", "nothing heard from it since the host started")

		b.report(device.Report{Opened: &device.Opened{
			Info:     device.Info{Driver: "sht4x", Wire: "/dev/i2c-1", Address: "0x44", Serial: "1234"},
			Channels: []device.Channel{{Name: "temperature", Unit: "Cel"}, {Name: "humidity", Unit: "%"}},
		}})
		if got, want := b.lanes(), []string{"humidity", "info", "status", "temperature"}; !slices.Equal(got, want) {
			t.Errorf("lanes = %v, want %v", got, want)
		}
		b.has("info", "driver:sht4x", `wire:"/dev/i2c-1"`, "serial:")
		b.has("temperature", "quality:bad", "no reading yet")

		b.report(b.good(21.5))
		b.has("temperature", "value:21.5", "unit:Cel", "quality:good", fmt.Sprint("at:", time.Now().UnixMilli()))
		b.has("status", "state:ok")

		// An error leaves the last good reading as it is.
		heard := time.Now()
		time.Sleep(5 * time.Second)
		b.report(device.Report{Err: fmt.Errorf("no answer at 0x44: %w", device.ErrNoAnswer)})
		b.has("temperature", "value:21.5", "quality:good")
		b.has("status", "state:lost", "no answer at 0x44", fmt.Sprint("lastGood:", heard.UnixMilli()), fmt.Sprint("since:", time.Now().UnixMilli()))
		b.report(device.Report{Err: errors.New("checksum")})
		b.has("status", "state:faulty", "reason:checksum")
		b.report(device.Report{Readings: []device.NamedReading{{Channel: "temperature", Reading: device.Reading{Value: 99, Quality: device.Bad, Reason: "CRC"}}}})
		b.has("temperature", "value:21.5", "quality:good")
		b.has("status", "state:faulty", "temperature: CRC")

		b.report(b.good(22))
		b.has("temperature", "value:22")
		b.has("status", "state:ok", "lastError:")

		time.Sleep(31 * time.Second)
		synctest.Wait()
		b.has("status", "state:ok")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.has("status", "state:stale", "nothing heard from it for")
	})
}

func TestOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/heater", Info: twin.Info{Driver: "relay"}, Takes: &device.Channel{Form: device.Boolean}})
		defer b.stop()
		if got, want := b.lanes(), []string{"desired", "info", "set", "state", "status", "takes"}; !slices.Equal(got, want) {
			t.Errorf("lanes = %v, want %v", got, want)
		}
		b.has("takes", "{form:boolean}")
		b.report(device.Report{State: &device.State{Value: device.On(false), Safe: true}})
		b.has("state", "value:false", "quality:good")
		b.has("status", "state:ok")

		if err := b.host.Do(t.Context(), "/device/heater", "set", []byte("true")); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.asked, []string{"on"}) {
			t.Errorf("the device was asked %v, want [on]", b.asked)
		}
		b.has("desired", "true")
		b.has("state", "value:false") // until the device reports
		b.report(device.Report{State: &device.State{Value: device.On(true)}})
		b.has("state", "value:true")

		if err := b.host.Do(t.Context(), "/device/heater", "set", []byte("hot")); err == nil {
			t.Error("a relay was set to hot")
		}
		b.refuse = errors.New("the device is stopped")
		if err := b.host.Do(t.Context(), "/device/heater", "set", []byte("false")); err == nil {
			t.Error("a set that the device refused was taken")
		}
	})
}

func TestAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/bulb"})
		defer b.stop()
		turn := func(fn func()) {
			t.Helper()
			if err := b.handle.Do(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		turn(b.twin.Back)
		b.has("status", "state:stale", "nothing heard")
		b.report(b.good(20))
		b.has("status", "state:ok")
		turn(func() { b.twin.Away("its will says offline") })
		b.has("status", "state:lost", "its will says offline")
		b.report(b.good(21))
		b.has("temperature", "value:21")
		bad := device.Report{Readings: []device.NamedReading{{Channel: "temperature", Reading: device.Reading{Quality: device.Bad, Reason: "nan"}}}}
		b.report(bad)
		b.has("status", "state:lost", "its will says offline") // whatever is heard
		turn(func() { panic("a restart") })
		time.Sleep(time.Second)
		synctest.Wait()
		b.has("status", "state:lost", "its will says offline")
		turn(b.twin.Back)
		b.has("status", "state:faulty", "nan")
		turn(b.twin.Back)
		b.has("status", "state:faulty", "nan")
		b.report(b.good(22))
		b.has("status", "state:ok")
	})
}

// What somebody kept of a device says nothing about how it is.
func TestRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/bulb"})
		defer b.stop()
		if err := b.handle.Do(t.Context(), func() { b.twin.Recall(b.good(23)) }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.has("temperature", "value:23")
		b.has("status", "state:stale", "nothing heard")
	})
}

// An output is set with the words it is shown in, too.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/heater", Info: twin.Info{Driver: "relay"}, Takes: &device.Channel{Form: device.Boolean}})
		defer b.stop()
		for _, body := range []string{"true", "off", "on", `"off"`} {
			if err := b.host.Do(t.Context(), "/device/heater", "set", []byte(body)); err != nil {
				t.Errorf("set %s: %v", body, err)
			}
		}
		if want := []string{"on", "off", "on", "off"}; !slices.Equal(b.asked, want) {
			t.Errorf("asked to switch %v, want %v", b.asked, want)
		}
		for _, body := range []string{"", "1", "warm", "{on}", "True"} {
			if err := b.host.Do(t.Context(), "/device/heater", "set", []byte(body)); err == nil {
				t.Errorf("set %s was taken", body)
			}
		}
	})
}

// While a device is not ok its status says when it last was; that comes from what is remembered, too.
func TestLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, round := range []int{1, 2} {
			kept, err := store.Open(store.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, clock: clock.New("test", func() bool { return true })}
			b.host = host.New(host.Options{Clock: b.clock, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: kept})
			b.twin = twin.New(twin.Options{Node: "/device/air"})
			if b.handle, err = b.host.Add("/device/air", host.Things, b.twin.Kind(), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if round == 1 {
				time.Sleep(time.Hour)
				b.report(b.good(20))
				b.lacks("status", "lastGood")
			} else {
				b.has("status", "state:stale", "nothing heard", "lastGood:946688400000", "since:946695600000") // 1 h and 3 h after 2000 began
			}
			b.stop()
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
		}
	})
}

func (b *bench) lacks(lane, part string) {
	b.t.Helper()
	if got := b.get(lane); strings.Contains(got, part) {
		b.t.Errorf("%s = %s, want no %s in it", lane, got, part)
	}
}

// An output that takes numbers or text is set with them, as plain Recon; what it takes is known when it was opened, or
// before.
func TestOutputOfAnyForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/lamp", Info: twin.Info{Driver: "relay"}})
		defer b.stop()
		set := func(body, want string) {
			t.Helper()
			err := b.host.Do(t.Context(), "/device/lamp", "set", []byte(body))
			if got := fmt.Sprint(err); got != want {
				t.Errorf("set %s: %s, want %s", body, got, want)
			}
		}
		if got := b.get("desired"); got != "" {
			t.Errorf("desired = %s before anybody said so, want nothing", got)
		}
		set("17", "<nil>")
		b.has("desired", "17")
		takes := func(c device.Channel) { b.report(device.Report{Opened: &device.Opened{Takes: &c}}) }
		takes(device.Channel{Unit: "%", Max: 100})
		set("42.5", "<nil>")
		set("130", "/device/lamp set: want 0 to 100 %, not 130")
		set("on", "/device/lamp set: want 0 to 100 %, not on")
		b.has("desired", "42.5")
		b.report(device.Report{State: &device.State{Value: device.Of(42.5)}})
		b.has("state", "value:42.5", `unit:"%"`)
		takes(device.Channel{Form: device.Text})
		set(`"21 °C"`, "<nil>")
		set("on", "<nil>")
		b.has("desired", "on")
		b.report(device.Report{State: &device.State{Value: device.Words("21 °C"), Safe: true}})
		b.has("state", `value:"21 °C"`)
		b.has("desired", `"21 °C"`)
		if want := []string{"17", "42.5", "21 °C", "on"}; !slices.Equal(b.asked, want) {
			t.Errorf("asked for %q, want %q", b.asked, want)
		}
	})
}

func TestTakesIsKnownBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/plug", Info: twin.Info{Driver: "relay"}, Takes: &device.Channel{Form: device.Boolean}})
		defer b.stop()
		if err := b.host.Do(t.Context(), "/device/plug", "set", []byte("1")); err == nil {
			t.Error("a switch was set to 1")
		}
	})
}

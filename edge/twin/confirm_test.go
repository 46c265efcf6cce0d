package twin_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/device"
	"selvage/edge/twin"
)

// ordered is a twin that is told and reports.
type ordered struct {
	*bench
	shown []string // the status at each change
}

func newOrdered(t *testing.T, takes device.Channel, confirm time.Duration) *ordered {
	t.Helper()
	o := &ordered{}
	o.bench = newBench(t, twin.Options{
		Node: "/device/lamp", Info: twin.Info{Driver: "relay"}, Takes: &takes, Confirm: confirm,
		Changed: func() { o.shown = append(o.shown, string(o.twin.Status().State)) },
	})
	return o
}

func (o *ordered) set(body string) {
	o.t.Helper()
	if err := o.host.Do(o.t.Context(), "/device/lamp", "set", []byte(body)); err != nil {
		o.t.Fatal(err)
	}
	synctest.Wait()
}

func (o *ordered) says(v device.Value) { o.report(device.Report{State: &device.State{Value: v}}) }

func (o *ordered) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdered(t, device.Channel{Form: device.Boolean}, 10*time.Second)
		defer o.stop()
		since := func() string { return time.Now().Format("15:04:05") }

		o.set("on") // before anything was heard
		at := since()
		o.pass(10 * time.Second)
		o.has("status", "state:faulty", "set to on at "+at+", and not confirmed within 10s: it says nothing about it")
		o.says(device.On(false))
		o.has("status", "state:faulty")
		o.says(device.On(true)) // late, and well
		o.has("status", "state:ok", `lastError:"set to on`)

		o.set("off")
		o.pass(9 * time.Second)
		o.says(device.On(true)) // of before
		o.has("status", "state:ok")
		o.says(device.On(false))
		o.pass(time.Minute)
		o.says(device.On(true)) // by hand, afterwards
		o.pass(time.Minute)
		o.has("status", "state:ok")

		o.set("on") // it is on: nothing to say
		o.pass(time.Minute)
		o.has("status", "state:ok")

		o.set("off")
		o.pass(5 * time.Second)
		o.set("off") // each command has its own time
		at = since()
		o.pass(9 * time.Second)
		o.has("status", "state:ok")
		o.pass(time.Second)
		o.has("status", "state:faulty", "set to off at "+at+", and not confirmed within 10s: it says on")
		o.set("on") // which it does
		o.has("status", "state:ok")

		if want := []string{"faulty", "ok", "faulty", "ok"}; !slices.Equal(o.shown, want) {
			t.Errorf("told of %q, want %q", o.shown, want)
		}
	})
}

// What is worse goes before, and does not end it.
func TestUnconfirmedAndAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdered(t, device.Channel{Form: device.Boolean}, 10*time.Second)
		defer o.stop()
		o.says(device.On(false))
		o.set("on")
		if err := o.handle.Do(t.Context(), func() { o.twin.Away("its will says offline") }); err != nil {
			t.Fatal(err)
		}
		o.pass(10 * time.Second)
		o.has("status", "state:lost", "its will says offline")
		if err := o.handle.Do(t.Context(), o.twin.Back); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.has("status", "state:faulty", "not confirmed within 10s: it says off")
		if err := o.handle.Do(t.Context(), func() { panic("a restart") }); err != nil {
			t.Fatal(err)
		}
		o.pass(time.Second)
		o.has("status", "state:faulty", "not confirmed within 10s: it says off")
		o.report(device.Report{State: &device.State{Value: device.On(false), Safe: true}}) // it is to be off now
		o.has("status", "state:ok")
	})
}

// A device rounds to steps of its own.
func TestConfirmedNearly(t *testing.T) {
	for _, c := range []struct {
		takes device.Channel
		set   string
		says  device.Value
		want  string
	}{
		{device.Channel{Unit: "%", Max: 100}, "50", device.Of(127 * 100 / 255.), "state:ok"},
		{device.Channel{Unit: "%", Max: 100}, "50", device.Of(45), "state:faulty"},
		{device.Channel{Unit: "Cel", Resolution: 0.5}, "20.3", device.Of(20.5), "state:ok"},
		{device.Channel{Unit: "Cel"}, "20.3", device.Of(float64(float32(20.3))), "state:ok"},
		{device.Channel{Unit: "Cel"}, "20.3", device.Of(20.4), "state:faulty"},
		{device.Channel{Unit: "Cel"}, "1", device.On(true), "state:faulty"},
		{device.Channel{Form: device.Text}, "heat", device.Words("heat"), "state:ok"},
		{device.Channel{Form: device.Text}, "heat", device.Words("cool"), "state:faulty"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOrdered(t, c.takes, time.Second)
			defer o.stop()
			o.set(c.set)
			o.says(c.says)
			o.pass(time.Second)
			o.has("status", c.want)
			if got := o.twin.Unconfirmed(); got != (c.want == "state:faulty") {
				t.Errorf("unconfirmed is %v with %s", got, c.want)
			}
		})
	}
}

func TestNobodyWaitsToConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdered(t, device.Channel{Form: device.Boolean}, 0)
		defer o.stop()
		o.says(device.On(false))
		o.set("on")
		o.pass(time.Hour)
		o.has("status", "state:ok")
	})
}

package twin_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/device"
	"selvage/edge/twin"
)

// A device that is discovered bit by bit becomes what it is, and stays so over a restart of its agent.
func TestDescribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, twin.Options{Node: "/device/plug", Info: twin.Info{Driver: "mqtt"}})
		defer b.stop()
		describe := func(o twin.Options) {
			t.Helper()
			if err := b.handle.Do(t.Context(), func() { b.twin.Describe(o) }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		lanes := func(want ...string) {
			t.Helper()
			if got := b.lanes(); !slices.Equal(got, want) {
				t.Errorf("lanes %q, want %q", got, want)
			}
		}
		b.report(b.good(20))
		lanes("info", "status", "temperature")

		var asked []string
		output := twin.Options{
			Node: "/device/another", Info: twin.Info{Driver: "mqtt", Model: "Plug S"}, Every: 10 * time.Second, Calibrates: true,
			Channels: []device.Channel{{Name: "temperature", Unit: "Cel"}, {Name: "power", Unit: "W"}},
			Takes:    &device.Channel{Form: device.Boolean}, Confirm: 5 * time.Second,
			Set: func(v device.Value) error { asked = append(asked, v.String()); return nil },
		}
		all := []string{"calibrate", "calibration", "desired", "info", "set", "state", "status", "takes", "temperature"}
		for range 2 {
			describe(output)
			lanes(all...)
		}
		b.has("info", `model:"Plug S"`)
		for _, restarted := range []bool{false, true} {
			if restarted {
				if err := b.handle.Do(t.Context(), func() { panic("a restart") }); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
				lanes(all...)
			}
			b.report(device.Report{State: &device.State{Value: device.On(false)}})
			b.has("status", "state:ok")
			if err := b.host.Do(t.Context(), "/device/plug", "set", []byte("on")); err != nil {
				t.Fatal(err)
			}
			if err := b.host.Do(t.Context(), "/device/plug", "set", []byte("17")); err == nil {
				t.Error("a switch was set to 17")
			}
			pass(5 * time.Second)
			b.has("status", "state:faulty", "not confirmed within 5s")
			b.report(device.Report{State: &device.State{Value: device.On(true)}})
			if err := b.host.Do(t.Context(), "/device/plug", "calibrate", []byte("{channel:temperature,offset:1}")); err != nil {
				t.Error(err)
			}
			pass(40 * time.Second)
			b.has("status", "state:stale", "nothing heard from it for")
		}
		if !slices.Equal(asked, []string{"on", "on"}) {
			t.Errorf("asked for %q", asked)
		}

		slow := output
		slow.Every = time.Hour
		describe(slow) // so it has not been quiet for long
		b.has("status", "state:ok")
		pass(time.Hour)
		b.has("status", "state:ok")
		pass(4 * time.Hour)
		b.has("status", "state:stale")
		slow.Every, slow.Set, slow.Takes = 0, nil, nil
		describe(slow)
		pass(100 * time.Hour)
		b.has("status", "state:ok")
		err := b.host.Do(t.Context(), "/device/plug", "set", []byte("off"))
		if err == nil || !strings.Contains(err.Error(), "it takes no commands any more") {
			t.Errorf("an output that is none any more: %v", err)
		}
	})
}

// What is not waited for any more was not missed.
func TestDescribedAsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdered(t, device.Channel{Form: device.Boolean}, 10*time.Second)
		defer o.stop()
		o.says(device.On(false))
		o.set("on")
		o.pass(10 * time.Second)
		o.has("status", "state:faulty")
		silent := o.twin.Options
		silent.Confirm = 0
		if err := o.handle.Do(t.Context(), func() { o.twin.Describe(silent) }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.has("status", "state:ok")
	})
}

package ble

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/ble/hci"
	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/leaktest"
)

// world is the air of the adapters that are called air:hci0.
var world = struct {
	sync.Mutex
	air *sim.Air
}{}

func init() {
	device.RegisterRadio("air", func(ctx context.Context, name string) (device.RadioBus, error) {
		world.Lock()
		defer world.Unlock()
		return hci.Open(ctx, name, world.air.Adapter())
	})
}

// notes are what a manager reports.
type notes struct {
	mu       sync.Mutex
	channels map[string][]string
	last     map[string]device.Reading
	presses  int
	errs     map[string]int
}

func (n *notes) take(r device.Report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Err != nil {
		n.errs[r.Device]++
	}
	if r.Opened != nil {
		n.channels[r.Device] = nil
		for _, c := range r.Opened.Channels {
			n.channels[r.Device] = append(n.channels[r.Device], c.Name)
		}
	}
	for _, x := range r.Readings {
		n.last[r.Device+" "+x.Channel] = x.Reading
		if x.Channel == "button" {
			n.presses++
		}
	}
}

func (n *notes) has(t *testing.T, what, want string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := n.last[what].String(); got != want {
		t.Errorf("%s = %s, want %s", what, got, want)
	}
}

func (n *notes) failed(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.errs[name]
}

// Several sensors share an adapter, which is pulled out and plugged in again; one of them is silent, and the others do
// not mind.
func TestManaged(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		say := func(b ...byte) func(time.Time) []byte { return func(time.Time) []byte { return said(b...) } }
		a := sim.NewAir(
			&sim.Beacon{Address: home, Signal: -60, Every: time.Second, Say: say(0x40, 0x02, 0xCA, 0x09)},
			&sim.Beacon{Address: device.RadioAddress{2}, Signal: -70, Every: 300 * time.Millisecond, Say: say(0x44, 0x00, 0x01, 0x3A, 0x01)},
		)
		world.Lock()
		world.air = a
		world.Unlock()
		n := &notes{channels: map[string][]string{}, last: map[string]device.Reading{}, errs: map[string]int{}}
		board := health.NewBoard()
		m := device.NewManager(device.Options{Report: n.take, Health: board})
		for name, c := range map[string]Config{
			"room":   {Address: home, Silence: time.Minute},
			"press":  {Address: device.RadioAddress{2}},
			"nobody": {Address: device.RadioAddress{3}, Silence: time.Minute},
		} {
			if err := m.Add(device.Spec{Name: name, Driver: "ble", Wire: "air:hci0", Config: c}); err != nil {
				t.Fatal(err)
			}
		}
		m.Start()
		defer m.Stop(context.Background())
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		wait(2 * time.Second)
		n.has(t, "room temperature", "25.06 °C")
		n.has(t, "press button", "press")
		if want := []string{"temperature", "rssi"}; !slices.Equal(n.channels["room"], want) {
			t.Errorf("channels %v, want %v", n.channels["room"], want)
		}
		a.Change(func(b []*sim.Beacon) { b[0].Say = say(0x40, 0x02, 0xCB, 0x09, 0x03, 0xBF, 0x13) })
		wait(2 * device.DefaultEvery)
		n.has(t, "room temperature", "25.07 °C")
		n.has(t, "room humidity", "50.55 %")
		a.Change(func(b []*sim.Beacon) { b[1].Say = say(0x44, 0x00, 0x02, 0x3A, 0x02) })
		wait(400 * time.Millisecond)
		n.has(t, "press button", "double press")
		wait(2 * time.Minute)
		if n.presses != 2 {
			t.Errorf("pressed twice, and told %d times", n.presses)
		}
		if n.failed("nobody") == 0 || n.failed("room")+n.failed("press") != 0 {
			t.Errorf("failures %v, want of nobody alone", n.errs)
		}

		a.Trouble(sim.Unplugged)
		wait(30 * time.Second)
		if n.failed("room") == 0 || !slices.ContainsFunc(board.Active(), func(c health.Condition) bool { return c.Code == "bus.air:hci0" }) {
			t.Errorf("pulled out: %v, %+v", n.errs, board.Active())
		}
		a.Trouble(sim.None)
		a.Change(func(b []*sim.Beacon) { b[0].Say = say(0x40, 0x02, 0xCC, 0x09) })
		wait(30 * time.Second)
		n.has(t, "room temperature", "25.08 °C")
		if slices.ContainsFunc(board.Active(), func(c health.Condition) bool { return c.Code == "bus.air:hci0" }) {
			t.Errorf("plugged in again: %+v", board.Active())
		}
		a.StopScans() // as bluetoothd does
		a.Change(func(b []*sim.Beacon) { b[0].Say = say(0x40, 0x02, 0xCD, 0x09) })
		wait(time.Minute)
		n.has(t, "room temperature", "25.09 °C")
		before := n.last["room temperature"].At
		a.Trouble(sim.Noisy)
		wait(30 * time.Second)
		if at := n.last["room temperature"].At; at != before && time.Since(at.Time()) < 15*time.Second {
			t.Error("cut packets are believed")
		}
	})
}

// Who tries a sensor waits for it.
func TestTried(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		world.Lock()
		world.air = sim.NewAir(&sim.Beacon{Address: home, Signal: -60, Every: 20 * time.Second, Say: func(time.Time) []byte { return said(0x40, 0x02, 0xCA, 0x09) }})
		world.Unlock()
		r := device.Try(t.Context(), device.Spec{Name: "room", Driver: "ble", Wire: "air:hci0", Config: Config{Address: home}}, nil)
		if r.Err != nil || len(r.Readings) != 2 || r.Readings[0].Reading.String() != "25.06 °C" || r.Opened.Info.Model != "BTHome v2" || len(r.Opened.Channels) != 2 {
			t.Errorf("%+v, %v", r.Readings, r.Err)
		}
		r = device.Try(t.Context(), device.Spec{Name: "nobody", Driver: "ble", Wire: "air:hci0", Config: Config{Address: device.RadioAddress{9}}}, nil)
		if !errors.Is(r.Err, device.ErrNoAnswer) || r.Err.(*device.Fault).Text != "09:00:00:00:00:00 was not heard on air:hci0 within 30s" {
			t.Errorf("nobody: %v", r.Err)
		}
	})
}

// A scan names who is in reach: those that can be read first, and of a crowd no more than it can keep.
func TestScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []*sim.Beacon{
			{Address: home, Signal: -90, Every: time.Second, Say: func(time.Time) []byte { return said(sealed...) }},
			{Address: device.RadioAddress{2}, Signal: -91, Every: time.Second, Say: func(time.Time) []byte {
				return append(said(0x40, 0x02, 0xCA, 0x09), 5, 9, 'k', 'i', 't', 0x1B)
			}},
		}
		for i := range 1000 {
			all = append(all, &sim.Beacon{
				Address: device.RadioAddress{9, byte(i >> 8), byte(i)}, Random: true, Signal: -50, Every: 5 * time.Second,
				Say: func(time.Time) []byte { return []byte{2, 1, 6} },
			})
		}
		world.Lock()
		world.air = sim.NewAir(all...)
		world.Unlock()
		found, err := device.ScanRadio(t.Context(), "air:hci0", 10*time.Second)
		if err != nil || len(found) > 256 || len(found) < 200 {
			t.Fatalf("%d found, %v", len(found), err)
		}
		if f := found[0]; f.Address != home || f.Driver != "ble" || f.Model != "BTHome v2" || !f.Secret || f.Signal != -90 {
			t.Errorf("first %+v", f)
		}
		if f := found[1]; f.Driver != "ble" || f.Name != "kit" || f.Secret || f.Times < 9 {
			t.Errorf("second %+v", f)
		}
		if f := found[2]; f.Driver != "" || !f.Random {
			t.Errorf("third %+v", f)
		}
	})
}

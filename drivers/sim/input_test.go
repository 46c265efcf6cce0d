package sim_test

import (
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pins "periph.io/x/conn/v3/gpio"

	"selvage/drivers/gpio"
	"selvage/drivers/sim"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

// pin opens a simulated pin.
func pin(t *testing.T, name string) pins.PinIO {
	t.Helper()
	p, err := device.OpenPin(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Drivers of pins are held to their rules on simulated ones, too.
func TestDriversOnPins(t *testing.T) {
	for driver, c := range map[string]struct {
		pin    string
		config any
	}{
		"gpio-in": {"sim:gpio-in/GPIO4", nil},
		"pulse":   {"sim:pulse/GPIO4", nil},
		"hc-sr04": {"sim:hc-sr04/GPIO23", gpio.EchoConfig{Echo: "sim:hc-sr04/GPIO24", Temperature: 20}},
	} {
		t.Run(driver, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{Driver: driver, Config: c.config, Pin: func() pins.PinIO { return pin(t, c.pin) }})
		})
	}
}

// An hour of all three, in one manager: every press, every pulse, and the distance as it is.
func TestPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		presses, releases, pulses, far := 0, 0, 0.0, 0
		var watts []float64
		on := false
		m := device.NewManager(device.Options{
			Clock: clock.New("boot", func() bool { return true }), Log: slog.New(slog.DiscardHandler),
			Report: func(r device.Report) {
				mu.Lock()
				defer mu.Unlock()
				if r.Err != nil {
					t.Error(r.Device, r.Err)
				}
				for _, n := range r.Readings {
					switch v := n.Reading.Value; n.Channel {
					case "active":
						if now := n.Reading.Bool(); now != on {
							if on = now; on {
								presses++
							} else {
								releases++
							}
						}
					case "energy":
						pulses = v * 1000
					case "power":
						watts = append(watts, v)
					case "distance":
						want := sim.FindSonar("sim:hc-sr04").Distance(time.Now())
						if math.Abs(v-want) > 0.002 {
							t.Errorf("it is %.4f m to what is %.4f m away", v, want)
						}
						far++
					}
				}
			},
		})
		for _, s := range []device.Spec{
			{Name: "button", Driver: "gpio-in", Wire: "sim:gpio-in/GPIO4"},
			{Name: "meter", Driver: "pulse", Wire: "sim:pulse/GPIO5"},
			{Name: "level", Driver: "hc-sr04", Wire: "sim:hc-sr04/GPIO23", Config: gpio.EchoConfig{Echo: "sim:hc-sr04/GPIO24", Temperature: 20}},
		} {
			if err := m.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		m.Start()
		time.Sleep(time.Hour)
		mu.Lock()
		if presses != 360 || releases != 360 {
			t.Errorf("%d presses and %d releases in an hour, want 360", presses, releases)
		}
		// 100 pulses in five minutes and 200 in the next; what came since the last reading is not read yet.
		if pulses < 1790 || pulses > 1800 {
			t.Errorf("%v pulses in an hour, want 1800", pulses)
		}
		if far < 359 {
			t.Errorf("%d distances in an hour", far)
		}
		near := 0
		for _, w := range watts {
			if math.Abs(w-1200) < 5 || math.Abs(w-2400) < 5 {
				near++
			}
		}
		if len(watts) < 300 || near < len(watts)*9/10 {
			t.Errorf("of %d readings of its power %d are 1200 or 2400 W", len(watts), near)
		}
		mu.Unlock()
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A button bounces: who does not wait until it has settled is told more.
func TestBounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for settle, want := range map[time.Duration]int{0: 8, 10 * time.Millisecond: 2, 700 * time.Microsecond: 4, 5 * time.Second: 0} {
			p := pin(t, "sim:gpio-in/GPIO4").(device.EdgePin)
			time.Sleep(10*time.Second - time.Duration(time.Now().UnixNano())%(10*time.Second))
			var mu sync.Mutex
			var edges []device.Edge
			err := p.Watch(pins.PullUp, settle, func(e device.Edge) {
				mu.Lock()
				defer mu.Unlock()
				if now, _ := p.Level(); now != e.Level || len(edges) > 0 && edges[len(edges)-1].Level == e.Level {
					t.Errorf("settling for %v: an edge to %v, and then it is %v", settle, e.Level, now)
				}
				edges = append(edges, e)
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(9 * time.Second)
			if err := p.Halt(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			if len(edges) != want {
				t.Errorf("settling for %v: %d edges, want %d", settle, len(edges), want)
			}
			if want == 2 && (edges[1].At-edges[0].At < 390*time.Millisecond || edges[0].Level != pins.Low) {
				t.Errorf("it is pressed by %v", edges)
			}
		}
		if err := pin(t, "sim:gpio-in/GPIO4").Out(pins.High); err == nil {
			t.Error("a button takes a level")
		}
	})
}

// What the module does with a trigger that is too short, with nothing before it, and while it is at work.
func TestSonar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sim.FindSonar("sim:hc-sr04")
		before := s.Distance
		defer func() { s.Distance = before }()
		trigger, echo := pin(t, "sim:hc-sr04/GPIO5"), pin(t, "sim:hc-sr04/GPIO6").(device.EdgePin)
		var mu sync.Mutex
		var edges []device.Edge
		if err := echo.Watch(pins.Float, 0, func(e device.Edge) { mu.Lock(); edges = append(edges, e); mu.Unlock() }); err != nil {
			t.Fatal(err)
		}
		take := func() (since []device.Edge) {
			mu.Lock()
			defer mu.Unlock()
			since, edges = edges, nil
			return since
		}
		ping := func(high time.Duration) {
			_ = trigger.Out(pins.High)
			time.Sleep(high)
			_ = trigger.Out(pins.Low)
		}
		for _, c := range []struct {
			metres float64
			high   time.Duration
			again  bool
			want   time.Duration // of the echo, 0 for none
		}{
			{1.716, 10 * time.Microsecond, false, 10 * time.Millisecond},
			{1.716, time.Millisecond, true, 10 * time.Millisecond},
			{1.716, 5 * time.Microsecond, false, 0},
			{100, 10 * time.Microsecond, false, 38 * time.Millisecond},
		} {
			s.Distance = sim.Steady(c.metres)
			ping(c.high)
			if c.again {
				time.Sleep(time.Millisecond)
				ping(c.high)
			}
			time.Sleep(time.Second)
			var high time.Duration
			edges := take()
			if len(edges) == 2 {
				high = edges[1].At - edges[0].At
			}
			if high != c.want || len(edges) != map[bool]int{true: 2}[c.want > 0] {
				t.Errorf("%+v: %v, high for %v", c, edges, high)
			}
		}
		ping(10 * time.Microsecond)
		time.Sleep(time.Millisecond)
		if now, _ := echo.Level(); now != pins.High {
			t.Error("its echo does not rise")
		}
		take()
		if err := echo.Halt(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if late := take(); len(late) > 0 {
			t.Errorf("told after all: %v", late)
		}
	})
}

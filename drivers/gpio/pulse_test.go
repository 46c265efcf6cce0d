package gpio

import (
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func TestPulseDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "pulse", Pin: func() gpio.PinIO { return new(edgy) }})
}

// beat sends pulses, low for 30 ms, one each period by both clocks.
func beat(pin *edgy, n int, period time.Duration) {
	for range n {
		time.Sleep(period)
		at := time.Duration(time.Now().UnixNano())
		pin.to(gpio.Low, at)
		pin.to(gpio.High, at+30*time.Millisecond)
	}
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := &edgy{fake: fake{level: gpio.High}}
		p, err := OpenPulse(t.Context(), pin, PulseConfig{Counts: "energy", Per: 800, Pull: "up", Active: "low"})
		if err != nil {
			t.Fatal(err)
		}
		read := func(total, rate float64) {
			t.Helper()
			s, err := p.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(s[0].Value-total) > 1e-9 {
				t.Errorf("total %v, want %v", s[0].Value, total)
			}
			switch {
			case rate < 0 && len(s) > 1:
				t.Errorf("a rate of %v that is not known yet", s[1].Value)
			case rate >= 0 && (len(s) < 2 || math.Abs(s[1].Value-rate) > 1e-6):
				t.Errorf("read %v, want a rate of %v", s, rate)
			}
		}
		read(0, -1)
		beat(pin, 1, time.Second)
		read(0.00125, -1)
		// 800 pulses are one kWh: a pulse each 4.5 s is 1 kW.
		beat(pin, 2, 4500*time.Millisecond)
		read(0.00375, 1000)
		beat(pin, 5, 2250*time.Millisecond)
		read(0.01, 2000)
		// Nothing comes: it is less than one pulse in that time.
		time.Sleep(2250 * time.Millisecond)
		read(0.01, 2000)
		time.Sleep(42750 * time.Millisecond)
		read(0.01, 100)
		time.Sleep(45 * time.Second)
		read(0.01, 50)
		beat(pin, 1, 10*time.Second) // 100 s after the last
		read(0.01125, 45)
	})
}

// A meter that stands still when the host starts has no rate that is unknown for ever.
func TestPulseStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := OpenPulse(t.Context(), &edgy{}, PulseConfig{Counts: "volume", Per: 450, Active: "low"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(standing)
		if s, err := p.Read(t.Context()); err != nil || len(s) != 2 || s[1].Value != 0 {
			t.Errorf("read %v, %v, want a rate of 0", s, err)
		}
	})
}

// Levels alternate, so of edges that were lost it is known how many pulses they were.
func TestPulsesLost(t *testing.T) {
	for _, c := range []struct {
		name  string
		edges []device.Edge
		want  float64
	}{
		{"none lost", []device.Edge{{Level: gpio.Low}, {Level: gpio.High}, {Level: gpio.Low}}, 2},
		{"the end of one and the begin of one", []device.Edge{{Level: gpio.Low}, {Level: gpio.High, Lost: 2}}, 2},
		{"two whole ones", []device.Edge{{Level: gpio.Low}, {Level: gpio.High}, {Level: gpio.Low, Lost: 4}}, 4},
		{"the first", []device.Edge{{Level: gpio.High, Lost: 1}}, 1},
	} {
		pin := &edgy{}
		p, err := OpenPulse(t.Context(), pin, PulseConfig{Counts: "pulses", Per: 1, Active: "low"})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.edges {
			pin.edge(e)
		}
		if s, err := p.Read(t.Context()); err != nil || s[0].Value != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, s, err, c.want)
		}
	}
}

func TestPulseTroubles(t *testing.T) {
	var f *device.Fault
	for name, pin := range map[string]gpio.PinIO{"a pin without edges": &deaf{}, "a pin of another kind": new(fake)} {
		if _, err := OpenPulse(t.Context(), pin, PulseConfig{Counts: "pulses", Per: 1}); !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	pin := &edgy{}
	p, err := OpenPulse(t.Context(), pin, PulseConfig{Counts: "pulses", Per: 1})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("unplugged")
	pin.edge(device.Edge{Err: gone})
	if _, err := p.Read(t.Context()); !errors.Is(err, gone) {
		t.Errorf("a pin that is gone: %v", err)
	}
	if c := p.Channels()[0]; !c.Total || c.Name != "count" {
		t.Errorf("its total is %+v", c)
	}
}

func TestPulseCheck(t *testing.T) {
	var keys []string
	PulseConfig{Counts: "sheep", Per: -1, Pull: "x", Active: "x", Debounce: -1}.Check(func(key, _, _ string) { keys = append(keys, key) })
	if want := []string{"counts", "per", "pull", "debounce", "active"}; !slices.Equal(keys, want) {
		t.Errorf("faults at %v, want %v", keys, want)
	}
}

package sim

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device/drivertest"
)

func TestDriver(t *testing.T) { drivertest.Run(t, drivertest.Case{Driver: "sim"}) }

// Soil dries, is watered by a pin, and stays within its limits; what is not read drifts all the same.
func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := NewRoom("sim:room", 1)
		c := Config{Channel: map[string]Quantity{
			"soil":  {Unit: "%", Start: 60, Max: 100, Rate: -0.5, Pins: map[string]float64{"GPIO27": 10}},
			"light": {Unit: "lx", Start: 100, Swing: 50, Period: 40 * time.Second},
		}}
		d := room.sensor(c)
		look := func(light, soil float64) {
			t.Helper()
			s, err := d.Read(t.Context())
			must(t, err)
			if len(s) != 2 || s[0].Channel != "light" || s[1].Channel != "soil" || math.Abs(s[0].Value-light) > 1e-6 || math.Abs(s[1].Value-soil) > 1e-6 {
				t.Errorf("it reads %v, want light %g and soil %g", s, light, soil)
			}
		}
		valve := room.Pin(27)
		look(100, 60)
		time.Sleep(10 * time.Second)
		look(150, 55)
		time.Sleep(10 * time.Second)
		must(t, valve.Out(gpio.High))
		time.Sleep(2 * time.Second)
		must(t, valve.Out(gpio.Low))
		time.Sleep(8 * time.Second)
		look(50, 65)
		must(t, d.Close())
		d = room.sensor(c) // the soil does not know
		look(50, 65)
		time.Sleep(time.Hour)
		look(50, 0)
		must(t, valve.Out(gpio.High))
		time.Sleep(time.Minute)
		look(150, 100)
		must(t, valve.In(gpio.PullDown, gpio.NoEdge))
		if valve.Read() != gpio.Low {
			t.Error("a pin that was let go of is high")
		}
	})
}

func TestConfig(t *testing.T) {
	good := map[string]Quantity{"soil": {}}
	for _, c := range []struct {
		config Config
		want   []string
	}{
		{Config{Room: "sim:room", Channel: good}, nil},
		{Config{Room: "room", Channel: good}, []string{"room"}},
		{Config{Room: "sim:room/GPIO17", Channel: good}, []string{"room"}},
		{Config{Room: "sim:room"}, []string{"channel"}},
		{Config{Room: "sim:room", Channel: map[string]Quantity{"Soil": {}}}, []string{"channel.Soil"}},
		{Config{Room: "sim:room", Channel: map[string]Quantity{"a": {Min: 1, Pins: map[string]float64{"GPIO28": 1, "GPIO05": 1, "PIN": 1}, Period: -1, Noise: -1}}},
			[]string{"min", "pins", "pins", "pins", "period", "noise"}},
	} {
		var got []string
		note := func(key, problem, remedy string) {
			if got = append(got, key); problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
		}
		c.config.Check(note)
		for _, q := range c.config.Channel {
			q.Check(note)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: faults at %q, want %q", c.config, got, c.want)
		}
	}
}

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
		d := sensor(t, room, c)
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
		d = sensor(t, room, c) // the soil does not know
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

func sensor(t *testing.T, r *Room, c Config) *Dev {
	t.Helper()
	d, err := r.sensor(c)
	must(t, err)
	return d
}

// What swings does so in its shape.
func TestShapes(t *testing.T) {
	for shape, want := range map[string][4]float64{
		"": {0, 10, 0, -10}, "sine": {0, 10, 0, -10}, "triangle": {0, 10, 0, -10}, "sawtooth": {-10, -5, 0, 5}, "square": {10, 10, 10, -10},
	} {
		l := level{now: 50, Quantity: Quantity{Swing: 10, Shape: shape, Period: time.Hour}}
		for i, w := range want {
			for _, periods := range []time.Duration{0, 7} {
				if got := l.signal(periods*time.Hour + time.Duration(i)*15*time.Minute); math.Abs(got-50-w) > 1e-9 {
					t.Errorf("%s after %d quarters is %g, want %g", shape, i, got, 50+w)
				}
			}
		}
	}
}

// A walk goes the same way however often somebody looks, and another way with another seed.
func TestWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		walk := func(seed uint64) (*Dev, *level) {
			room := NewRoom("sim:room", 1)
			d := sensor(t, room, Config{Seed: seed, Channel: map[string]Quantity{"a": {Start: 50, Walk: 0.5, Min: 0, Max: 100}}})
			return d, room.levels["a"]
		}
		often, a := walk(7)
		_, b := walk(7)
		_, c := walk(8)
		for range 10_000 {
			time.Sleep(777 * time.Millisecond)
			if s, err := often.Read(t.Context()); err != nil || s[0].Value < 0 || s[0].Value > 100 {
				t.Fatal(s, err)
			}
		}
		for _, l := range []*level{b, c} {
			l.wander(often.now())
		}
		if a.now != b.now || a.now == c.now || math.Abs(a.now-50) < 0.01 {
			t.Errorf("it went to %g, %g seldom looked at, %g with another seed", a.now, b.now, c.now)
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
		{Config{Room: "sim:room", Channel: map[string]Quantity{"set": {Shape: "round", Resolution: -1}}}, []string{"channel.set", "shape", "resolution"}},
		{Config{Room: "sim:room", Channel: good, Fault: []Fault{
			{Kind: "stuck", Channel: "soil", After: time.Minute, For: time.Minute, Every: time.Hour}, {Kind: "dead"}, {Kind: "spike", Size: 1, Every: time.Hour},
			{Kind: "unplugged", Wire: "sim:bme280"}, {Kind: "held", Wire: "sim:max31865"}, {Kind: "ones", Wire: "sim:pms5003/2"}, {Kind: "slow", Late: time.Second},
		}}, nil},
		{Config{Room: "sim:room", Channel: good, Fault: []Fault{
			{Kind: "stuck", Channel: "air"}, {Kind: "broken"}, {Kind: "unplugged"}, {Kind: "dead", Channel: "soil"}, {Kind: "spike"}, {Kind: "slow"},
			{Kind: "stuck", Wire: "/dev/i2c-1", Channel: "soil"}, {Kind: "stuck", Every: time.Hour}, {Kind: "stuck", For: time.Hour, Every: time.Hour, Spread: 1}, {Kind: "stuck", After: -1},
		}}, []string{"fault", "kind", "kind", "channel", "size", "late", "wire", "kind", "channel", "for", "every", "after"}},
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
		for _, f := range c.config.Fault {
			f.Check(note)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: faults at %q, want %q", c.config, got, c.want)
		}
	}
}

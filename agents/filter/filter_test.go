package filter

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
	"selvage/edge/device"
)

const node, lane = "/calm", "temperature"

func config(w *agenttest.World, lines string) {
	w.T.Helper()
	w.Config("[agent.\"/calm\"]\nkind = \"filter\"\nfrom = \"/device/air\"\nlane = \"temperature\"\n" + lines)
}

func TestConvert(t *testing.T) {
	for _, test := range []struct {
		value    float64
		from, to device.Unit
		want     float64
	}{
		{100, "Cel", "[degF]", 212},
		{-40, "[degF]", "Cel", -40},
		{0, "K", "Cel", -273.15},
		{1013.25, "hPa", "atm", 1},
		{2.5, "bar", "Pa", 250000},
		{1500, "W", "kW", 1.5},
		{1, "kW.h", "MJ", 3.6},
		{36, "km/h", "m/s", 10},
		{50, "%", "1", 0.5},
		{21.5, "Cel", "[degF]", 70.7},
		{0, "K", "[degF]", -459.67},
		{29.92, "hPa", "mbar", 29.92},
		{60, "L/h", "L/min", 1},
		{1, "[kn_i]", "km/h", 1.852},
		{1, "[ppm]", "[ppb]", 1000},
		{180, "deg", "rad", 3.14159265359},
		{math.MaxFloat64, "kPa", "Pa", math.Inf(1)},
	} {
		got := convert(device.Reading{Value: test.value, Unit: test.from}, test.to)
		if got.Bad() || got.Value != test.want || got.Unit != test.to {
			t.Errorf("convert(%g %s) = %g %s, want %g %s", test.value, test.from, got.Value, got.Unit, test.want, test.to)
		}
	}
	for from, of := range units {
		for to, into := range units {
			got := convert(device.Reading{Value: 7, Unit: from}, to)
			if got.Bad() != (of.of != into.of) {
				t.Errorf("from %s to %s: %v", from, to, got)
				continue
			}
			if back := convert(got, from); !got.Bad() && math.Abs(back.Value-7) > 1e-6 {
				t.Errorf("from %s to %s and back: %v, want 7", from, to, back.Value)
			}
		}
	}
}

func TestUnit(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `unit = "[degF]"`)
		w.Reading("/device/air", lane, 100, "Cel")
		w.Want(node, lane, device.Reading{Value: 212, Unit: "[degF]"})
		w.Reading("/device/air", lane, 100, "%")
		w.Want(node, lane, device.Reading{Quality: device.Bad, Reason: "% is not converted to [degF]"})
		w.Bad("/device/air", lane, "no answer")
		w.Want(node, lane, device.Reading{Quality: device.Bad, Reason: "no answer"})
	})
}

func TestDeadband(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, "deadband = 0.5\nrepeat = \"10m\"\nas = \"calm\"")
		read := func(celsius, want float64) {
			w.T.Helper()
			w.Reading("/device/air", lane, celsius, "Cel")
			w.Want(node, "calm", want)
		}
		read(20, 20)
		read(20.4, 20)
		read(19.6, 20)
		read(20.5, 20.5)
		read(20.1, 20.5)
		w.Sleep(10 * time.Minute)
		read(20.1, 20.1)
		w.Bad("/device/air", lane, "no answer")
		w.Want(node, "calm", device.Reading{Quality: device.Bad})
		read(20.2, 20.2)
	})
}

func TestEvery(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `every = "10s"`)
		for i := range 25 {
			w.Reading("/device/air", lane, float64(i), "Cel")
			w.Want(node, lane, max(0, i/10*10-1)) // the newest at the end of each 10 s
			w.Sleep(time.Second)
		}
		w.Sleep(9 * time.Second)
		w.Want(node, lane, 24) // the last one is not lost
		w.Bad("/device/air", lane, "no answer")
		w.Want(node, lane, device.Reading{Quality: device.Bad})
	})
}

func TestSmooth(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `smooth = "60s"`)
		w.Reading("/device/air", lane, 0, "Cel")
		for i := range 6 { // a step: its time constant does not depend on how often is read
			w.Sleep(time.Duration(5+i*2) * time.Second)
			w.Reading("/device/air", lane, 1, "Cel")
		}
		w.Want(node, lane, 1-math.Exp(-1))
		w.Bad("/device/air", lane, "no answer")
		w.Reading("/device/air", lane, 9, "Cel")
		w.Want(node, lane, 9.0) // what was before a gap says nothing
	})
}

// What is shown never differs from what was read by a deadband or more, and changes by no less.
func TestRandomReadings(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, "deadband = 0.5")
		rnd := rand.New(rand.NewPCG(5, 22))
		value, shown := 20.0, math.NaN()
		for range 3000 {
			value += 0.3 * rnd.NormFloat64()
			w.Reading("/device/air", lane, value, "Cel")
			now := agenttest.Get[device.Reading](w, node, lane).Value
			if now != shown && math.Abs(now-shown) < 0.5 || math.Abs(now-value) >= 0.5 {
				w.T.Fatalf("%g was read and %g is shown, before it was %g", value, now, shown)
			}
			shown = now
		}
	})
}

func TestCheck(t *testing.T) {
	faults := map[string]int{}
	Config{Unit: "furlong", Deadband: -1, Smooth: -1, Every: -1, Repeat: -1}.Check(func(key, problem, remedy string) {
		if problem == "" || remedy == "" {
			t.Errorf("fault at %s: %q, %q", key, problem, remedy)
		}
		faults[key]++
	})
	for _, key := range []string{"from", "lane", "unit", "deadband", "smooth", "every", "repeat"} {
		if faults[key] != 1 {
			t.Errorf("%d faults at %s, want 1", faults[key], key)
		}
	}
}

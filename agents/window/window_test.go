package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
	"selvage/edge/device"
)

func config(w *agenttest.World, lines string) {
	w.T.Helper()
	w.Config("[agent.\"/hour\"]\nkind = \"window\"\nfrom = \"/device/air\"\nlane = \"temperature\"\n" + lines)
}

func TestTumbling(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `over = "1h"`)
		for _, celsius := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
			w.Sleep(time.Minute)
			w.Reading("/device/air", "temperature", celsius, "Cel")
		}
		w.Bad("/device/air", "temperature", "no answer")
		w.Want("/hour", "mean", device.Reading{Quality: device.Bad}) // not over yet
		w.Sleep(52 * time.Minute)
		for lane, want := range map[string]float64{"mean": 5, "min": 2, "max": 9, "sum": 40, "deviation": 2} {
			w.Want("/hour", lane, device.Reading{Value: want, Unit: "Cel"})
		}
		w.Want("/hour", "count", device.Reading{Value: 8, Unit: "1"})
		w.Sleep(time.Hour)
		w.Want("/hour", "mean", device.Reading{Quality: device.Bad, Reason: "no reading in 1h0m0s"})
		w.Want("/hour", "count", 0)
	})
}

func TestSliding(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, "over = \"3m\"\nevery = \"1m\"")
		read := func(celsius float64, want device.Reading) {
			w.T.Helper()
			w.Reading("/device/air", "temperature", celsius, "Cel")
			w.Sleep(time.Minute)
			want.Unit = "Cel"
			w.Want("/hour", "mean", want)
		}
		read(1, device.Reading{Value: 1, Quality: device.Uncertain, Reason: "1m0s of 3m0s so far"})
		read(2, device.Reading{Value: 1.5, Quality: device.Uncertain, Reason: "2m0s of 3m0s so far"})
		read(3, device.Reading{Value: 2})
		read(7, device.Reading{Value: 4})
		w.Show("/device/air", "temperature", device.Reading{Value: 7, Unit: "Cel", Quality: device.Uncertain})
		read(7, device.Reading{Value: 6, Quality: device.Uncertain, Reason: "uncertain"})
		w.Reading("/device/air", "temperature", 300, "K") // another unit: nothing is mixed
		w.Sleep(time.Minute)
		w.Want("/hour", "max", device.Reading{Value: 300, Unit: "K", Quality: device.Uncertain, Reason: "1m0s of 3m0s so far"})
	})
}

// Statistics of random readings, large offsets among them, are those of the naive computation.
func TestRandomReadings(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, "over = \"5m\"\nevery = \"30s\"")
		rnd := rand.New(rand.NewPCG(5, 23))
		type sample struct {
			at    time.Time
			value float64
		}
		var all []sample
		for step := range 400 {
			offset := math.Pow(10, float64(step%8))
			for range rnd.IntN(5) {
				v := offset + rnd.NormFloat64()
				all = append(all, sample{w.Time(), v})
				w.Reading("/device/air", "temperature", v, "Cel")
			}
			w.Sleep(30 * time.Second)
			var in []float64
			for _, s := range all {
				if w.Time().Sub(s.at) <= 5*time.Minute {
					in = append(in, s.value)
				}
			}
			w.Want("/hour", "count", len(in))
			if len(in) == 0 {
				continue
			}
			var sum, squares float64
			for _, v := range in {
				sum += v
			}
			mean := sum / float64(len(in))
			for _, v := range in {
				squares += (v - mean) * (v - mean)
			}
			w.Want("/hour", "mean", mean)
			w.Want("/hour", "sum", sum)
			w.Want("/hour", "min", slices.Min(in))
			w.Want("/hour", "max", slices.Max(in))
			w.Want("/hour", "deviation", math.Sqrt(squares/float64(len(in))))
			if w.T.Failed() {
				w.T.Fatal(fmt.Sprint("with readings ", in))
			}
		}
	})
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{From: "/a", Lane: "b", Over: time.Hour}, ""},
		{Config{From: "/a", Lane: "b", Over: time.Hour, Every: time.Minute}, ""},
		{Config{Over: time.Hour}, "from lane "},
		{Config{From: "/a", Lane: "b"}, "over "},
		{Config{From: "/a", Lane: "b", Over: time.Hour, Every: 7 * time.Minute}, "every "},
		{Config{From: "/a", Lane: "b", Over: time.Hour, Every: 2 * time.Hour}, "every "},
		{Config{From: "/a", Lane: "b", Over: 24 * time.Hour, Every: time.Second}, "every "},
	} {
		got := ""
		test.config.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
			got += key + " "
		})
		if got != test.want {
			t.Errorf("%+v: faults at %q, want %q", test.config, got, test.want)
		}
	}
}

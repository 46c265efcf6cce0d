package climate

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
)

// room is a config of a climate agent with these lines, between a sensor and a heater.
func room(w *agenttest.World, lines string) {
	w.T.Helper()
	w.Output("/device/heater", "set")
	w.Config(`
		[agent."/room"]
		kind   = "climate"
		sensor = "/device/air"
		heater = "/device/heater"
		` + lines)
}

func TestClimate(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		read := func(celsius float64, told ...any) {
			w.T.Helper()
			w.Reading("/device/air", "temperature", celsius, "Cel")
			w.Told("/device/heater", "set", told...)
		}
		room(w, "target = 21.0\nband = 0.5")
		w.Told("/device/heater", "set", false) // no reading is no reason to heat
		read(20.6)
		read(20.4, true)
		read(21.4) // within the band it stays as it is
		read(21.6, false)

		w.Command("/room", "target", 25)
		w.Told("/device/heater", "set", true)
		for _, bad := range []any{500, -51, "NaN", "Infinity"} {
			w.Refused("/room", "target", bad, "target")
		}
		w.Refused("/room", "heating", true, "not set from outside")

		w.Sleep(59 * time.Second)
		w.Want("/room", "heating", true)
		w.Sleep(time.Second) // of silence
		w.Want("/room", "heating", false)
		w.Told("/device/heater", "set", false)
		read(20, true)
		w.Bad("/device/air", "temperature", "no answer")
		w.Told("/device/heater", "set", false)
		read(20, true)
		w.Stop()
		w.Told("/device/heater", "set", false)
	})
}

func TestTargetIsKept(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		room(w, "target = 21.0")
		w.Command("/room", "target", 17.5)
		w.Restart()
		w.Want("/room", "target", 17.5)
		w.Want("/room", "heating", false)
	})
}

func TestSafeOn(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 5.0\nsafe = \"on\"")
		w.Sleep(59 * time.Second)
		w.Want("/room", "heating", false)
		w.Sleep(time.Second) // a sensor that never came
		w.Want("/room", "heating", true)
		w.Reading("/device/air", "temperature", 9, "Cel")
		w.Want("/room", "heating", false)
		w.Told("/device/heater", "set", false, true, false)
		w.Stop()
		w.Told("/device/heater", "set", true)
	})
}

func TestLeastTimes(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "min_on = \"2m\"\nmin_off = \"5m\"\npatience = \"1h\"")
		w.Reading("/device/air", "temperature", 10, "Cel")
		w.Sleep(5*time.Minute - 1)
		w.Want("/room", "heating", false)
		w.Sleep(1)
		w.Want("/room", "heating", true)
		w.Reading("/device/air", "temperature", 30, "Cel")
		w.Want("/room", "heating", true)
		w.Sleep(2 * time.Minute)
		w.Want("/room", "heating", false)
		w.Reading("/device/air", "temperature", 10, "Cel")
		w.Sleep(5*time.Minute - 1)
		w.Want("/room", "heating", false)
		w.Sleep(1)
		w.Bad("/device/air", "temperature", "no answer") // heat is not left on unseen
		w.Told("/device/heater", "set", false, true, false, true, false)
	})
}

// Whatever is read, the heater is switched no sooner than the least times allow, never on above the band nor off
// below it, and never within the band.
func TestRandomReadings(t *testing.T) {
	const minOn, minOff, band = 90 * time.Second, 4 * time.Minute, 0.5
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 20.0\nmin_on = \"90s\"\nmin_off = \"4m\"\npatience = \"1h\"")
		rnd := rand.New(rand.NewPCG(5, 21))
		on, since, switches := false, w.Time(), 0
		for range 1000 {
			celsius := 20 + rnd.NormFloat64()
			w.Reading("/device/air", "temperature", celsius, "Cel")
			for seconds := range 2 + rnd.IntN(60) {
				if seconds > 0 {
					w.Sleep(time.Second)
				}
				is := agenttest.Get[bool](w, "/room", "heating")
				held := w.Time().Sub(since)
				least, wrong := minOff, celsius < 20-band
				if on {
					least, wrong = minOn, celsius > 20+band
				}
				switch {
				case is != on && held < least:
					w.T.Fatalf("switched to %v after %v, at %g °C", is, held, celsius)
				case is != on && !wrong:
					w.T.Fatalf("switched to %v at %g °C, in its band", is, celsius)
				case is == on && wrong && held >= least:
					w.T.Fatalf("still %v at %g °C after %v", is, celsius, held)
				case is != on:
					on, since, switches = is, w.Time(), switches+1
				}
			}
		}
		if switches < 100 {
			w.T.Errorf("the heater was switched %d times, which tests little", switches)
		}
	})
}

func TestCheck(t *testing.T) {
	good := Config{Sensor: "/device/air", Heater: "/device/heater", Target: 21, Band: 0.5, Patience: time.Minute, Safe: "off"}
	with := func(change func(*Config)) Config {
		c := good
		change(&c)
		return c
	}
	for name, test := range map[string]struct {
		config Config
		faults []string
	}{
		"good":            {good, nil},
		"of another host": {with(func(c *Config) { c.Sensor, c.Heater = "warp://shed:9001/device/air", "warps://shed/device/heater" }), nil},
		"nothing":         {Config{}, []string{"band", "heater", "patience", "safe", "sensor"}},
		"half a URI":      {with(func(c *Config) { c.Sensor, c.Heater = "warp://shed:9001", "http://shed/heater" }), []string{"heater", "sensor"}},
		"far off":         {with(func(c *Config) { c.Sensor, c.Target, c.Band, c.Patience = "air", 210, 11, -1 }), []string{"band", "patience", "sensor", "target"}},
		"odd times":       {with(func(c *Config) { c.MinOn, c.MinOff = -1, 25*time.Hour }), []string{"min_off", "min_on"}},
		"odd state":       {with(func(c *Config) { c.Safe = "warm" }), []string{"safe"}},
	} {
		faults := map[string]bool{}
		test.config.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("%s: fault at %s: %q, %q", name, key, problem, remedy)
			}
			faults[key] = true
		})
		if got := slices.Sorted(maps.Keys(faults)); !slices.Equal(got, test.faults) {
			t.Errorf("%s: faults at %v, want %v", name, got, test.faults)
		}
	}
}

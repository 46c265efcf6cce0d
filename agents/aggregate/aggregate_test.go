package aggregate

import (
	"errors"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/agent/agenttest"
	"selvage/edge/device"
)

func config(w *agenttest.World, lines string) {
	w.T.Helper()
	w.Config("[agent.\"/house\"]\nkind = \"aggregate\"\n" + lines)
}

// wantNumbers checks how many sources there are, are good, and are stale.
func wantNumbers(w *agenttest.World, count, good, stale int) {
	w.T.Helper()
	for lane, want := range map[string]int{"count": count, "good": good, "stale": stale} {
		w.Want("/house", lane, device.Reading{Value: float64(want), Unit: "1"})
	}
}

// wantAll checks mean, min, max and sum, all of the unit, quality and reason of like.
func wantAll(w *agenttest.World, mean, least, greatest, sum float64, like device.Reading) {
	w.T.Helper()
	for lane, want := range map[string]float64{"mean": mean, "min": least, "max": greatest, "sum": sum} {
		like.Value = want
		w.Want("/house", lane, like)
	}
}

func TestPattern(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Reading("/device/a", "temperature", 18, "Cel")
		w.Reading("/device/a", "humidity", 50, "%")
		config(w, `lanes = ["/device/*/temperature"]`)
		wantAll(w, 18, 18, 18, 18, device.Reading{Unit: "Cel"})
		w.Reading("/device/b", "temperature", 22, "Cel") // one that comes later
		w.Reading("/device/c", "temperature", -1, "Cel")
		wantAll(w, 13, -1, 22, 39, device.Reading{Unit: "Cel"})
		wantNumbers(w, 3, 3, 0)
		sources := agenttest.Entries[string, device.Reading](w, "/house", "sources")
		if r := sources["/device/b temperature"]; len(sources) != 3 || r.Value != 22 {
			w.T.Errorf("the sources are %v", sources)
		}
	})
}

// What is not there yet, bad, a text or doubtful counts as such.
func TestQuality(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `lanes = ["/device/a power", "/device/b power", "/device/a power"]`)
		bad := device.Reading{Quality: device.Bad, Reason: "none of 2 sources is good"}
		wantAll(w, 0, 0, 0, 0, bad)
		wantNumbers(w, 2, 0, 2)
		w.Reading("/device/a", "power", 100, "W")
		uncertain := device.Reading{Unit: "W", Quality: device.Uncertain, Reason: "1 of 2 sources are left out"}
		wantAll(w, 100, 100, 100, 100, uncertain)
		wantNumbers(w, 2, 1, 1)
		w.Bad("/device/b", "power", "no answer")
		wantAll(w, 100, 100, 100, 100, uncertain)
		wantNumbers(w, 2, 1, 0)
		w.Show("/device/b", "power", device.Reading{Form: device.Text, Text: "much"})
		wantNumbers(w, 2, 1, 0)
		w.Reading("/device/b", "power", 50, "W")
		wantAll(w, 75, 50, 100, 150, device.Reading{Unit: "W"})
		w.Show("/device/b", "power", device.Reading{Value: 50, Unit: "W", Quality: device.Uncertain, Reason: "old"})
		wantAll(w, 75, 50, 100, 150, device.Reading{Unit: "W", Quality: device.Uncertain, Reason: "a reading in it is uncertain"})
		wantNumbers(w, 2, 2, 0)
		w.Restart()
		wantAll(w, 75, 50, 100, 150, device.Reading{Unit: "W", Quality: device.Uncertain})
	})
}

func TestStale(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, "lanes = [\"/device/*/temperature\"]\nstale = \"10m\"")
		wantAll(w, 0, 0, 0, 0, device.Reading{Quality: device.Bad, Reason: "no sources"})
		w.Reading("/device/a", "temperature", 10, "Cel")
		w.Sleep(5 * time.Minute)
		w.Reading("/device/b", "temperature", 20, "Cel")
		w.Sleep(5*time.Minute - time.Second)
		wantNumbers(w, 2, 2, 0)
		w.Sleep(pulse + time.Second)
		wantAll(w, 20, 20, 20, 20, device.Reading{Unit: "Cel", Quality: device.Uncertain, Reason: "1 of 2"})
		wantNumbers(w, 2, 1, 1)
		w.Reading("/device/a", "temperature", 10, "Cel") // the same, but new
		wantAll(w, 15, 10, 20, 30, device.Reading{Unit: "Cel"})
	})
}

// A source that is away is left out until it is back.
func TestAway(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Reading("/device/a", "power", 1, "W")
		w.AddKind("/meter/b", agent.NewKind("meter", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			power := agent.Value(a, "power", device.Reading{Value: 3, Unit: "W"}).Transient()
			agent.Command(a, "away", func(away bool) error {
				if away {
					power.Stale(errors.New("its host is away"))
				} else {
					power.Stale(nil)
				}
				return nil
			})
			return nil
		}), nil)
		config(w, `lanes = ["/device/a power", "/meter/b power"]`)
		for range 2 {
			wantNumbers(w, 2, 2, 0)
			wantAll(w, 2, 1, 3, 4, device.Reading{Unit: "W"})
			w.Command("/meter/b", "away", true)
			w.Sleep(pulse)
			wantNumbers(w, 2, 1, 1)
			wantAll(w, 1, 1, 1, 1, device.Reading{Unit: "W", Quality: device.Uncertain, Reason: "1 of 2"})
			w.Command("/meter/b", "away", false)
			w.Sleep(pulse)
		}
	})
}

func TestUnits(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `lanes = ["/device/*/temperature"]`)
		w.Reading("/device/a", "temperature", 10, "Cel")
		w.Reading("/device/b", "temperature", 300, "K")
		wantAll(w, 0, 0, 0, 0, device.Reading{Quality: device.Bad, Reason: "different units"})
		wantNumbers(w, 2, 2, 0)
		w.WantHealth(`/house cannot mix readings of different units: /device/a temperature in "Cel", /device/b temperature in "K"`)
		w.Bad("/device/b", "temperature", "no answer")
		wantAll(w, 10, 10, 10, 10, device.Reading{Unit: "Cel", Quality: device.Uncertain})
		w.WantHealth()
	})
}

// Of conditions, sum is how many hold.
func TestConditions(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		config(w, `lanes = ["/device/*/open"]`)
		for node, open := range map[string]bool{"/device/door": true, "/device/gate": false, "/device/window": true, "/device/hatch": false} {
			w.Show(node, "open", device.Reading{Form: device.Boolean, Value: device.Flag(open)})
		}
		wantAll(w, 0.5, 0, 1, 2, device.Reading{Unit: "1"})
	})
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Lanes: []string{"/device/*/temperature", "/a b", "warp://there:9001/a b"}}, ""},
		{Config{}, "lanes "},
		{Config{Lanes: []string{"device/*/temperature"}}, "lanes "},
		{Config{Lanes: []string{"/device/air "}}, "lanes "},
		{Config{Lanes: []string{"air temperature"}}, "lanes "},
		{Config{Lanes: []string{"/a b"}, Stale: -1}, "stale "},
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

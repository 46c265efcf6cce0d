package alarm

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
	"selvage/edge/device"
)

// watching configures one alarm with these lines.
func watching(w *agenttest.World, lines string) {
	w.T.Helper()
	w.Config(`
		[agent."/alarms"]
		kind = "alarm"
		[agent."/alarms".watch.hot]
		node = "/device/store"
		lane = "temperature"
		` + lines)
}

func read(w *agenttest.World, celsius float64) {
	w.T.Helper()
	w.Reading("/device/store", "temperature", celsius, "Cel")
}

// wantActive checks the list: for each alarm its name and text, and over or acknowledged.
func wantActive(w *agenttest.World, want ...string) {
	w.T.Helper()
	var got []string
	for name, e := range agenttest.Entries[string, Active](w, "/alarms", "active") {
		line := name + ": " + e.Text
		if e.Over {
			line += ", over"
		}
		if e.Acknowledged {
			line += ", acknowledged"
		}
		got = append(got, line)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		w.T.Errorf("at %v the list is %q, want %q", w.Time(), got, want)
	}
}

func TestBounds(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		watching(w, "above = 8.0\nbelow = 2.0\nhysteresis = 0.5\nseverity = \"failure\"\ntext = \"Cold store\"")
		const hot, cold = "hot: Cold store: /device/store temperature is 8.1 °C, above 8", "hot: Cold store: /device/store temperature is 1.9 °C, below 2"
		wantActive(w)
		read(w, 8)
		wantActive(w)
		read(w, 8.1)
		wantActive(w, hot)
		w.Want("/alarms", "state", "failure")
		w.Want("/alarms", "active", map[string]Active{"hot": {
			Text: strings.TrimPrefix(hot, "hot: "), Severity: "failure", Since: w.Time(),
		}})
		read(w, 7.6)
		wantActive(w, hot)
		w.Bad("/device/store", "temperature", "no answer")
		wantActive(w, hot)
		read(w, 7.5)
		wantActive(w)
		w.Want("/alarms", "state", "ok")
		read(w, 1.9)
		wantActive(w, cold)
		read(w, 2.4)
		wantActive(w, cold)
		read(w, 2.5)
		wantActive(w)
	})
}

func TestDelay(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		watching(w, "above = 8.0\ndelay = \"10m\"")
		read(w, 9)
		w.Sleep(10*time.Minute - 1)
		wantActive(w)
		read(w, 8) // the door was closed in time
		w.Sleep(time.Hour)
		read(w, 9)
		w.Sleep(5 * time.Minute)
		read(w, 9.5)
		w.Sleep(5 * time.Minute)
		wantActive(w, "hot: /device/store temperature is 9.5 °C, above 8")
		w.Want("/alarms", "state", "warning")
	})
}

func TestLatch(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		watching(w, "above = 8.0\nlatch = true")
		const hot = "hot: /device/store temperature is 9 °C, above 8"
		w.Refused("/alarms", "acknowledge", "hot", `no alarm "hot"`)
		read(w, 9)
		read(w, 5)
		wantActive(w, hot+", over")
		w.Want("/alarms", "state", "warning")
		w.Restart()
		wantActive(w, hot+", over")
		w.Command("/alarms", "acknowledge", "hot")
		wantActive(w)
		w.Want("/alarms", "state", "ok")

		read(w, 9)
		w.Command("/alarms", "acknowledge", "*")
		wantActive(w, hot+", acknowledged")
		w.Want("/alarms", "state", "ok")
		w.Restart()
		wantActive(w, hot+", acknowledged")
		read(w, 5)
		wantActive(w)
	})
}

func TestStale(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		watching(w, `stale = "5m"`)
		w.Sleep(5 * time.Minute) // it never came
		wantActive(w, "hot: /device/store temperature has no good reading for 5m0s")
		read(w, 5)
		wantActive(w)
		w.Sleep(4 * time.Minute)
		w.Bad("/device/store", "temperature", "no answer")
		wantActive(w)
		w.Sleep(90 * time.Second)
		wantActive(w, "hot: /device/store temperature has no good reading for 5m0s")
	})
}

func TestChange(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		watching(w, "change = 3.0\nwithin = \"10m\"")
		for i := range 60 { // slowly: 2.9 °C in ten minutes
			read(w, 20-0.29*float64(i))
			w.Sleep(time.Minute)
		}
		wantActive(w)
		read(w, 2)
		wantActive(w, "hot: /device/store temperature is 2 °C, it has changed by 3.5 within 10m0s")
		w.Sleep(11 * time.Minute)
		wantActive(w)
	})
}

// Within the band of a bound's hysteresis it neither has an alarm come nor go, whatever is read.
func TestNoChatter(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		watching(w, "above = 8.0\nbelow = 2.0\nhysteresis = 0.5")
		rnd := rand.New(rand.NewPCG(5, 24))
		hot, cold, turns := false, false, 0
		for range 3000 {
			v := 5 + 3*rnd.NormFloat64()
			read(w, v)
			is, was := agenttest.Get[string](w, "/alarms", "state") != "ok", hot || cold
			hot, cold = v > 8 || v > 7.5 && hot, v < 2 || v < 2.5 && cold
			if is != (hot || cold) {
				w.T.Fatalf("at %g the alarm is %v", v, is)
			}
			if is != was {
				turns++
			}
		}
		if turns < 100 {
			w.T.Errorf("%d alarms came and went, which tests little", turns)
		}
	})
}

func TestConfigShrinks(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		eight := 8.0
		config := Config{Watch: map[string]Watch{}}
		for _, name := range []string{"a", "b"} {
			config.Watch[name] = Watch{Node: "/device/store", Lane: "temperature", Above: &eight}
		}
		w.Add("/alarms", "alarm", config)
		read(w, 9)
		const text = ": /device/store temperature is 9 °C, above 8"
		wantActive(w, "a"+text, "b"+text)
		delete(config.Watch, "a")
		w.Restart()
		wantActive(w, "b"+text)
	})
}

func TestCheck(t *testing.T) {
	one, two := 1.0, 2.0
	for _, test := range []struct {
		watch Watch
		want  string
	}{
		{Watch{Node: "/a", Lane: "b", Above: &two}, ""},
		{Watch{Node: "/a", Lane: "b", Change: 1, Within: 1, Severity: "failure"}, ""},
		{Watch{Above: &two}, "node lane "},
		{Watch{Node: "/a", Lane: "b"}, "node "},
		{Watch{Node: "/a", Lane: "b", Above: &one, Below: &two}, "above "},
		{Watch{Node: "/a", Lane: "b", Above: &two, Below: &one, Hysteresis: 0.5}, "above "},
		{Watch{Node: "/a", Lane: "b", Change: 1}, "change "},
		{Watch{Node: "/a", Lane: "b", Above: &one, Within: time.Minute}, "change "},
		{Watch{Node: "/a", Lane: "b", Above: &one, Hysteresis: -1, Severity: "bad", Delay: -1}, "hysteresis delay severity "},
	} {
		got := ""
		test.watch.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
			got += key + " "
		})
		if got != test.want {
			t.Errorf("%+v: faults at %q, want %q", test.watch, got, test.want)
		}
	}
	empty := false
	Config{Patience: time.Minute}.Check(func(key, _, _ string) { empty = key == "watch" })
	if !empty {
		t.Error("nothing to watch is no fault")
	}
}

// The hysteresis is that of the bound that was crossed: silence has none.
func TestHysteresisOfItsBound(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config(`
			[agent."/alarms"]
			kind = "alarm"
			[agent."/alarms".watch.hot]
			node       = "/device/store"
			lane       = "temperature"
			above      = 8.0
			below      = 2.0
			hysteresis = 0.5
			stale      = "5m"
		`)
		read := func(celsius float64, state string) {
			w.T.Helper()
			w.Reading("/device/store", "temperature", celsius, "Cel")
			w.Want("/alarms", "state", state)
		}
		read(7.8, "ok")
		w.Sleep(6 * time.Minute)
		w.Want("/alarms", "state", "warning")
		read(7.8, "ok")

		read(8.1, "warning")
		read(7.8, "warning")
		w.Sleep(6 * time.Minute)
		read(7.8, "warning") // silence makes nobody forget the bound
		read(7.4, "ok")
		read(7.8, "ok")
		read(8.1, "warning")
		read(2.3, "ok")
		read(1.9, "warning")
		read(2.3, "warning")
		read(2.6, "ok")
	})
}

func TestTextIsNeitherAboveNorBelow(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		w.Config(`
			[agent."/alarms"]
			kind = "alarm"
			[agent."/alarms".watch.cold]
			node   = "/device/store"
			lane   = "temperature"
			below  = 5.0
			change = 3.0
			within = "1m"
			stale  = "5m"
		`)
		says := func() {
			w.T.Helper()
			w.Show("/device/store", "temperature", device.Reading{Form: device.Text, Text: "21.5 C"})
			w.Want("/alarms", "state", "ok")
		}
		says()
		w.Reading("/device/store", "temperature", 21, "Cel")
		says()
		w.Sleep(6 * time.Minute)
		w.Want("/alarms", "state", "warning")
		says()
		w.Sleep(6 * time.Minute)
		w.Restart()
		says()
	})
}

package rule

import (
	"strings"
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
)

// vent configures a rule with this condition, over a sensor, and an output.
func vent(w *agenttest.World, when string) {
	w.T.Helper()
	w.Output("/device/vent", "set")
	w.Config(`
		[agent."/rule"]
		kind      = "rule"
		lanes     = { t = "/device/air temperature", h = "/device/air humidity", m = "/device/mode value" }
		when      = "` + when + `"
		then      = { send = "/device/vent set", value = true }
		otherwise = { send = "/device/vent set", value = false }
	`)
}

func TestRule(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		read := func(celsius, percent float64) {
			w.T.Helper()
			w.Reading("/device/air", "temperature", celsius, "Cel")
			w.Reading("/device/air", "humidity", percent, "%")
		}
		told := func(want ...any) { w.T.Helper(); w.Told("/device/vent", "set", want...) }
		vent(w, "t > 26 and h < 60 for 5m")
		w.Want("/rule", "state", "unknown")
		w.Want("/rule", "why", "h (/device/air humidity): no reading yet; m (/device/mode value): no reading yet; t (/device/air temperature): no reading yet")
		told()
		read(27, 50)
		w.Want("/rule", "state", "false")
		w.Want("/rule", "why", "")
		told(false) // for what it is when it is first known
		w.Sleep(5*time.Minute - 1)
		told()
		w.Sleep(1)
		told(true)
		w.Want("/rule", "state", "true")
		read(28, 40)
		told()
		w.Bad("/device/air", "temperature", "no answer")
		w.Want("/rule", "state", "unknown")
		told() // it stays as it is
		read(28, 40)
		w.Sleep(5 * time.Minute)
		told(false, true)
		read(26, 40)
		told(false)

		read(27, 40)
		w.Sleep(4 * time.Minute)
		read(26, 40) // a break
		read(27, 40)
		w.Sleep(4 * time.Minute)
		told()
		w.Sleep(time.Minute)
		told(true)
		w.Restart()
		told(false) // for how long it was true before the start is not known
		w.Sleep(5 * time.Minute)
		told(true)
	})
}

func TestAge(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		vent(w, "age(t) > 10m")
		w.Told("/device/vent", "set", false)
		w.Sleep(10*time.Minute + pulse)
		w.Told("/device/vent", "set", true)
		w.Reading("/device/air", "temperature", 20, "Cel")
		w.Told("/device/vent", "set", false)
		w.Sleep(9 * time.Minute)
		w.Bad("/device/air", "temperature", "no answer")
		w.Sleep(time.Minute + pulse)
		w.Told("/device/vent", "set", true)
	})
}

func TestOtherLanes(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		vent(w, "m == 'party' or was(t) < t - 2")
		w.Set("/device/mode", "value", "party")
		w.Told("/device/vent", "set", true)
		w.Set("/device/mode", "value", 5)
		w.Want("/rule", "why", `column 3, at "==": a number and a text cannot be compared`)
		w.Set("/device/mode", "value", "quiet")
		w.Reading("/device/air", "temperature", 20, "Cel")
		w.Reading("/device/air", "temperature", 21, "Cel")
		w.Told("/device/vent", "set", false)
		w.Reading("/device/air", "temperature", 24, "Cel")
		w.Told("/device/vent", "set", true)
	})
}

// A gap between two readings does not hide the first of them.
func TestWasOverAGap(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		vent(w, "was(t) == 2")
		w.Reading("/device/air", "temperature", 1, "Cel")
		w.Reading("/device/air", "temperature", 2, "Cel")
		w.Want("/rule", "state", "false")
		w.Bad("/device/air", "temperature", "no answer")
		w.Bad("/device/air", "temperature", "no answer yet")
		w.Reading("/device/air", "temperature", 3, "Cel")
		w.Want("/rule", "state", "true")
	})
}

func TestNobodyThere(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config(`
			[agent."/rule"]
			kind  = "rule"
			lanes = { t = "/device/air temperature" }
			when  = "t > 26"
			then  = { send = "/vent set", value = true }
		`)
		w.Reading("/device/air", "temperature", 20, "Cel") // without otherwise nothing is sent
		w.WantHealth()
		w.Reading("/device/air", "temperature", 27, "Cel")
		w.WantHealth("/rule cannot send: ")
		w.Output("/vent", "set")
		w.Sleep(retry)
		w.Told("/vent", "set", true)
		w.WantHealth()
	})
}

func TestNothingIsSentTooLate(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config(`
			[agent."/rule"]
			kind  = "rule"
			lanes = { t = "/device/air temperature" }
			when  = "t > 26"
			then  = { send = "/vent set", value = true }
		`)
		w.Reading("/device/air", "temperature", 20, "Cel")
		w.Reading("/device/air", "temperature", 27, "Cel")
		w.WantHealth("/rule cannot send: ")
		w.Reading("/device/air", "temperature", 20, "Cel")
		w.WantHealth()
		w.Output("/vent", "set")
		w.Sleep(retry)
		w.Told("/vent", "set")
	})
}

// A rule's own lanes take commands of their type, are remembered, and have the condition looked at.
func TestOwn(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		w.Output("/device/heater", "set")
		told := func(want ...any) { w.T.Helper(); w.Told("/device/heater", "set", want...) }
		w.Config(`
			[agent."/house"]
			kind      = "rule"
			lanes     = { t = "/device/air temperature" }
			own       = { mode = "home", guests = 0, frost = false }
			when      = "frost or t < 18 and (mode != 'away' or guests > 0) for 1s"
			then      = { send = "/device/heater set", value = true }
			otherwise = { send = "/device/heater set", value = false }
		`)
		w.Want("/house", "mode", "home")
		w.Want("/house", "guests", 0)
		w.Reading("/device/air", "temperature", 15, "Cel")
		told(false)
		w.Sleep(time.Second)
		told(true)
		w.Command("/house", "mode", "away")
		told(false)
		w.Command("/house", "guests", 2)
		w.Sleep(time.Second)
		told(true)
		w.Refused("/house", "guests", "many", "number")
		w.Refused("/house", "mode", 3, "text")
		w.Command("/house", "guests", 0)
		told(false)
		w.Restart()
		w.Want("/house", "mode", "away")
		w.Command("/house", "frost", true)
		w.Sleep(time.Second)
		told(false, true)
	})
}

func TestCheck(t *testing.T) {
	good := Config{Lanes: map[string]string{"t": "/device/air temperature"}, When: "t > 26", Then: &Action{}}
	with := func(change func(*Config)) func(func(key, problem, remedy string)) {
		c := good
		change(&c)
		return c.Check
	}
	own := func(name string, first any) func(*Config) {
		return func(c *Config) { c.Own = map[string]any{name: first} }
	}
	for _, test := range []struct {
		check func(func(key, problem, remedy string))
		want  string
	}{
		{good.Check, ""},
		{Config{}.Check, "lanes: a condition speaks of one lane at least"},
		{with(func(c *Config) { c.Then = nil }), "then: nothing is sent"},
		{with(func(c *Config) { c.When = "t > 26 and" }), "when: the condition, column 11, at its end: "},
		{with(func(c *Config) { c.Lanes = map[string]string{"t": "/a b", "for": "/a b"} }), `lanes.for: "for" cannot be a name`},
		{with(func(c *Config) { c.Lanes = map[string]string{"t": "/device/air"} }), `lanes.t: "/device/air" names no lane`},
		{with(func(c *Config) { c.Lanes = map[string]string{"t": "air temperature"} }), `lanes.t: "air": it names no agent`},
		{with(own("mode", "home")), ""},
		{with(own("mode", "two words")), ""},
		{with(own("t", 1)), "own.t: lanes has a t, too"},
		{with(own("state", 1)), "own.state: each rule has a lane state"},
		{with(own("not", 1)), `own.not: "not" cannot be a name`},
		{with(own("mode", "{")), ""},
		{with(own("guests", "0")), `own.guests: guests is the text "0"`},
		{Action{Send: "/device/vent set", Value: true}.Check, ""},
		{Action{Send: "/device/vent", Value: true}.Check, `send: "/device/vent" names no lane`},
		{Action{Send: "/device/vent set", Value: "two words"}.Check, ""},
		{Action{Send: "/device/vent set"}.Check, ""},
		{Action{Send: "/device/vent set", Value: "true"}.Check, `value: value is the text "true"`},
		{Action{Send: "/device/vent set", Value: "21.0"}.Check, `value: value is the text "21.0"`},
	} {
		got := ""
		test.check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
			got += key + ": " + problem
		})
		if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("faults %q, want %q", got, test.want)
		}
	}
}

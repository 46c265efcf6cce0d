package alarm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/agent/agenttest"
)

var robot = agent.NewKind("robot", struct{}{}, func(a *agent.Agent, _ struct{}) error {
	agent.Value(a, "job", "none")
	return nil
})

// garden has three plants, of which the third is precious, two robots, and an agent that lists all alarms and sends the
// robots.
func garden(w *agenttest.World) {
	w.T.Helper()
	w.AddKind("/robot/a", robot, nil)
	w.AddKind("/robot/b", robot, nil)
	text := ""
	for i, severity := range []string{"warning", "warning", "failure"} {
		text += fmt.Sprintf(`
			[agent."/plant/%[1]d"]
			kind = "alarm"
			watch.dry  = { node = "/device/bed-%[1]d", lane = "soil", below = 30.0, severity = %[2]q }
			watch.cold = { node = "/device/bed-%[1]d", lane = "temperature", below = 5.0 }
		`, i+1, severity)
		w.Reading(fmt.Sprintf("/device/bed-%d", i+1), "temperature", 20, "Cel")
		soil(w, i+1, 50)
	}
	w.Config(text)
	w.Config(`
		[agent."/garden"]
		kind = "alarm"
		from = { p1 = "/plant/1", p2 = "/plant/2", p3 = "/plant/3" }
		responder.a = { node = "/robot/a", lane = "job", takes = ["dry"] }
		responder.b = { node = "/robot/b", lane = "job", takes = ["dry"] }
	`)
}

func soil(w *agenttest.World, plant int, percent float64) {
	w.T.Helper()
	w.Reading(fmt.Sprintf("/device/bed-%d", plant), "soil", percent, "%")
}

// jobs checks what the robots do, and that this is what is shown of it: "p1/dry none".
func jobs(w *agenttest.World, want string) {
	w.T.Helper()
	a, b := agenttest.Get[string](w, "/robot/a", "job"), agenttest.Get[string](w, "/robot/b", "job")
	if got := a + " " + b; got != want {
		w.T.Errorf("at %v the robots are at %s, want %s", w.Time(), got, want)
	}
	shown := map[string]string{}
	for name, job := range map[string]string{"a": a, "b": b} {
		if job != "none" && job != "rest" {
			shown[job] = name
		}
	}
	w.Want("/garden", "assigned", shown)
}

func TestFrom(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		garden(w)
		listed := func(want ...string) {
			w.T.Helper()
			var got []string
			for name, e := range agenttest.Entries[string, Active](w, "/garden", "active") {
				if e.Acknowledged {
					name += " acknowledged"
				}
				got = append(got, name)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				w.T.Errorf("at %v the list is %q, want %q", w.Time(), got, want)
			}
		}
		listed()
		w.Want("/garden", "state", "ok")
		soil(w, 1, 20)
		soil(w, 3, 20)
		w.Reading("/device/bed-1", "temperature", 3, "Cel")
		listed("p1/cold", "p1/dry", "p3/dry")
		w.Want("/garden", "state", "failure")
		w.Command("/garden", "acknowledge", "p3/dry")
		listed("p1/cold", "p1/dry", "p3/dry acknowledged")
		w.Want("/plant/3", "state", "ok")
		w.Want("/garden", "state", "warning")
		w.Refused("/garden", "acknowledge", "dry", `no alarm "dry"`)
		w.Restart()
		listed("p1/cold", "p1/dry", "p3/dry acknowledged")
		soil(w, 1, 50)
		listed("p1/cold", "p3/dry acknowledged")
		w.Command("/garden", "acknowledge", "*")
		listed("p1/cold acknowledged", "p3/dry acknowledged")
	})
}

func TestResponders(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		garden(w)
		jobs(w, "none none")
		w.Reading("/device/bed-1", "temperature", 3, "Cel") // no robot can help it
		jobs(w, "none none")
		soil(w, 1, 20)
		jobs(w, "p1/dry none")
		soil(w, 1, 30)
		jobs(w, "none none")

		soil(w, 1, 20)
		soil(w, 2, 20)
		jobs(w, "p1/dry p2/dry")
		soil(w, 2, 30)
		soil(w, 2, 20)
		jobs(w, "p1/dry p2/dry")
		soil(w, 3, 20) // waits
		jobs(w, "p1/dry p2/dry")
		w.Restart()
		jobs(w, "p1/dry p2/dry")
		soil(w, 2, 50)
		jobs(w, "p1/dry p3/dry")
		soil(w, 2, 20)
		w.Sleep(time.Second)
		soil(w, 1, 50)
		soil(w, 1, 20)
		jobs(w, "p2/dry p3/dry") // the one that waits longer
		soil(w, 3, 50)
		soil(w, 2, 50)
		soil(w, 1, 50)
		jobs(w, "none none")
		w.WantHealth()
	})
}

// The most urgent alarm comes first: failures, then what lasts longest.
func TestUrgency(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		garden(w)
		w.Command("/robot/a", "job", "rest") // by hand
		w.Command("/robot/b", "job", "rest")
		for plant := range 3 {
			soil(w, plant+1, 20)
			w.Sleep(time.Second)
		}
		jobs(w, "rest rest")
		w.Sleep(time.Hour)
		w.Command("/robot/b", "job", "none")
		jobs(w, "rest p3/dry")
		w.Command("/robot/a", "job", "p3/dry") // two at one alarm is one too many
		jobs(w, "p3/dry p1/dry")
	})
}

// Nobody is sent out before all were heard from, or patience is over.
func TestPatience(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.AddKind("/robot/a", robot, nil)
		w.Reading("/device/bed-1", "soil", 20, "%")
		w.Config(`
			[agent."/garden"]
			kind = "alarm"
			watch.dry = { node = "/device/bed-1", lane = "soil", below = 30.0 }
			responder.a = { node = "/robot/a", lane = "job" }
			responder.b = { node = "/robot/b", lane = "job" }
			patience = "10m"
		`)
		w.Sleep(10*time.Minute - 1)
		w.Want("/robot/a", "job", "none")
		w.Sleep(1)
		w.Want("/robot/a", "job", "dry")
		w.AddKind("/robot/b", robot, nil)
		w.Want("/garden", "assigned", map[string]string{"dry": "a"})
		soil(w, 1, 50)
		w.Want("/robot/a", "job", "none")
	})
}

// faulty is a robot that takes jobs only while it listens, and whose host is said to be away until it is back.
func faulty(listens *bool) agent.Kind {
	return agent.NewKind("faulty", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		job := agent.Value(a, "job", "none").OnSet(func(_, now string) error {
			if now != "none" && !*listens {
				return errors.New("it does not listen")
			}
			return nil
		})
		agent.Command(a, "away", func(away bool) error {
			if away {
				job.Stale(errors.New("its host is away"))
			} else {
				job.Stale(nil)
			}
			return nil
		})
		return nil
	})
}

const guarded = `
	[agent."/garden"]
	kind = "alarm"
	patience = "1m"
	watch.dry = { node = "/device/bed-1", lane = "soil", below = 30.0 }
	responder.a = { node = "/robot/a", lane = "job" }
	responder.b = { node = "/robot/b", lane = "job" }
`

// What a robot does not take it is sent again: after a while, or when it is back.
func TestRetry(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		listens := false
		w.AddKind("/robot/a", faulty(&listens), nil)
		w.AddKind("/robot/b", robot, nil)
		w.Config(guarded)
		soil(w, 1, 20)
		listens = true
		w.Sleep(retry - 1)
		w.Want("/robot/a", "job", "none")
		w.Sleep(1)
		w.Want("/robot/a", "job", "dry")
		soil(w, 1, 50)
		w.Want("/robot/a", "job", "none")

		listens = false
		soil(w, 1, 20)
		w.Want("/robot/a", "job", "none")
		listens = true
		w.Command("/robot/a", "away", true)
		w.Command("/robot/a", "away", false)
		w.Want("/robot/a", "job", "dry")
		w.Want("/robot/b", "job", "none")
	})
}

// A robot that is away is replaced, after some patience. When it is back, one of the two steps back.
func TestGone(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		listens := true
		w.AddKind("/robot/a", faulty(&listens), nil)
		w.AddKind("/robot/b", robot, nil)
		w.Config(guarded)
		soil(w, 1, 20)
		w.Want("/robot/a", "job", "dry")
		w.Command("/robot/a", "away", true)
		w.Sleep(time.Minute - 1)
		w.Want("/robot/b", "job", "none")
		w.Sleep(1)
		w.Want("/robot/b", "job", "dry")
		w.Want("/garden", "assigned", map[string]string{"dry": "b"})
		w.Command("/robot/a", "away", false)
		w.Want("/robot/a", "job", "dry") // by name it comes first
		w.Want("/robot/b", "job", "none")
		w.Want("/garden", "assigned", map[string]string{"dry": "a"})
	})
}

// An alarm that was over while nobody looked does not stay.
func TestOverMeanwhile(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		names := []string{"dry", "cold"}
		w.AddKind("/plant/1", agent.NewKind("plant", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			active := agent.Map[string, Active](a, "active").Transient()
			for _, name := range names {
				active.Set(name, Active{Severity: "warning"})
			}
			return nil
		}), nil)
		w.Config("[agent.\"/garden\"]\nkind = \"alarm\"\nfrom = { p1 = \"/plant/1\" }\n" +
			"watch.p1 = { node = \"/device/bed-1\", lane = \"soil\", below = 30.0 }") // its own, though called like a source
		soil(w, 1, 20)
		listed := func(want ...string) {
			w.T.Helper()
			got := slices.Sorted(maps.Keys(agenttest.Entries[string, Active](w, "/garden", "active")))
			if !slices.Equal(got, want) {
				w.T.Errorf("the list is %q, want %q", got, want)
			}
		}
		listed("p1", "p1/cold", "p1/dry")
		names = []string{"cold"}
		w.Restart()
		listed("p1", "p1/cold")
		w.Command("/garden", "acknowledge", "p1")
		if e := agenttest.Entries[string, Active](w, "/garden", "active")["p1"]; !e.Acknowledged {
			t.Error("its own alarm is not acknowledged")
		}
	})
}

func TestCheckResponders(t *testing.T) {
	good := Config{From: map[string]string{"cellar": "/cellar"}, Patience: time.Minute}
	with := func(change func(*Config)) Config {
		c := good
		change(&c)
		return c
	}
	for _, test := range []struct {
		check func(func(key, problem, remedy string))
		want  string
	}{
		{good.Check, ""},
		{with(func(c *Config) { c.Patience = 0 }).Check, "patience"},
		{with(func(c *Config) { c.From = map[string]string{"": "/cellar"} }).Check, "from."},
		{with(func(c *Config) { c.From = map[string]string{"a/b": "/cellar"} }).Check, "from.a/b"},
		{with(func(c *Config) { c.From = map[string]string{"a": "cellar"} }).Check, "from.a"},
		{with(func(c *Config) { c.Watch = map[string]Watch{"cellar/hot": {}} }).Check, "watch.cellar/hot"},
		{with(func(c *Config) { c.Watch = map[string]Watch{"attic/hot": {}} }).Check, ""},
		{Responder{Node: "/robot", Lane: "job"}.Check, ""},
		{Responder{Node: "/robot"}.Check, "lane"},
		{Responder{Node: "robot", Lane: "job"}.Check, "node"},
	} {
		var got []string
		test.check(func(key, problem, remedy string) {
			if got = append(got, key); problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
		})
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("faults at %q, want %q", s, test.want)
		}
	}
}

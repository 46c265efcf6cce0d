package agenttest_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/agent/agenttest"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// The test in the package's documentation is TestFrost, line by line.
func TestDocumentation(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "agenttest.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	test, err := os.ReadFile("frost_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, real, _ := strings.Cut(string(test), "func TestFrost")
	if shown := code(f.Doc); shown != "func TestFrost"+real {
		t.Errorf("the documentation shows\n%s\nfrost_test.go has\nfunc TestFrost%s", shown, real)
	}
}

// code is the first block of code in a comment.
func code(doc *ast.CommentGroup) string {
	var b strings.Builder
	for line := range strings.Lines(doc.Text()) {
		switch {
		case strings.HasPrefix(line, "\t"):
			b.WriteString(line[1:])
		case b.Len() > 0:
			return b.String()
		}
	}
	return b.String()
}

// counter has a lane of each kind that stores, and one that does not.
var counter = agent.NewKind("counter", 0, func(a *agent.Agent, start int) error {
	count := agent.Value(a, "count", start)
	at := agent.Value(a, "at", clock.Stamp{}.Time()).Transient()
	log := agent.Map[string, int](a, "log")
	agent.Command(a, "add", func(n int) error {
		if n < 0 {
			return errors.New("it only goes up")
		}
		count.Set(count.Get() + n)
		log.Set(a.Param("name"), n)
		return nil
	})
	agent.Command(a, "panic", func(string) error { panic("for a test") })
	a.Every(time.Minute, func() { at.Set(a.Now().Time().UTC()) })
	return nil
})

func TestKeep(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		w.AddKind("/counter", counter, 5)
		w.Reading("/device/air", "temperature", 21.5, "Cel")
		w.Set("/mode", "value", "party")
		w.Command("/counter", "add", 2)
		w.Refused("/counter", "add", -1, "only goes up")
		w.Sleep(time.Minute)
		w.Want("/counter", "at", w.Time())
		w.Restart()
		w.Want("/counter", "count", 7)
		w.Want("/counter", "log", map[string]int{"": 2})
		w.Want("/counter", "at", time.Time{})
		w.Want("/device/air", "temperature", device.Reading{Value: 21.5, Unit: "Cel"})
		w.Want("/mode", "value", "party")
		if got := agenttest.Entries[string, int](w, "/counter", "log"); len(got) != 1 || got[""] != 2 {
			t.Errorf("Entries() = %v", got)
		}
		if got := agenttest.Get[device.Reading](w, "/device/air", "temperature"); got.At.Time() != w.Time().Add(-time.Minute) {
			t.Errorf("a reading of a minute ago is of %v", got.At.Time())
		}
	})
}

func TestForgets(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		w.Command("/counter", "add", 2)
		w.Restart()
		w.Want("/counter", "count", 5)
	})
}

func TestTime(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		w.SetTime(noon)
		w.SleepUntil(noon.Add(time.Minute))
		w.Want("/counter", "at", noon.Add(time.Minute))
		w.Stop()
		w.LoseTime()
		w.Start()
		w.Sleep(time.Minute)
		w.Want("/counter", "at", w.Time())
	})
}

func TestPanic(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		w.Command("/counter", "add", 2)
		w.Refused("/counter", "panic", "", "panic: for a test")
		w.WantHealth("agent /counter stopped: panic: for a test")
		w.Sleep(time.Second)
		w.WantHealth()
		w.Want("/counter", "count", 7)
	})
}

func init() { agent.Register("counter", 0, func(*agent.Agent, int) error { return nil }) }

// Each failure says what was expected, what was seen and when. The tests that fail run in a process of their own.
func TestFailures(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestThatFails")
	cmd.Env = append(os.Environ(), "AGENTTEST_FAILS=1")
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("%v, want tests that fail:\n%s", err, out)
	}
	for _, want := range []string{
		"at 1m30s: /counter count is 5, want 6",
		"at 0s: /shop due is 1732300000123, want 1732300001000",
		"at 0s: /shop order is a command lane, which holds nothing",
		"at 1m30s: /counter log is {}, want {a:1}",
		`at 1m30s: /device/air temperature is {value:21.5,unit:Cel,at:946684890000,quality:good}, want {value:21.5,unit:K,quality:good}`,
		`at 1m30s: /device/air temperature is {at:946684890000,quality:bad,reason:"no answer"}, want 21.5`,
		"at 1m30s: /counter add took 1, want it refused",
		`at 1m30s: /counter add refused -1 with "/counter add: it only goes up", want "too low" in it`,
		"at 1m30s: /counter add refused -1: /counter add: it only goes up",
		"at 1m30s: /device/heater set was told true, then false, want false",
		"at 1m30s: /device/heater set was told nothing, want true",
		`at 1m30s: the host's conditions are ["lane add of /counter: it only goes up"], want ["broken"]`,
		`at 0s: /counter cuont: no such lane; it has count, at, log, add, panic`,
		`at 0s: /counter: no such agent; there are /device/heater`,
		`at 0s: command to /counter ad: no such lane; it has count, at, log, add, panic`,
		`at 0s: there is no agent kind "cuonter"; there are ["agenttest.device" "climate" "counter"]`,
		"at 0s: the config has faults:\n",
		"config:3:10: target wants a number", // as selvage check has it
		"at 0s: the host is stopped; Start comes first",
		"at 0s: nothing is known of /device/heater; Output comes first",
		"at 0s: 1999-12-31 00:00:00 +0000 UTC has passed: it is 2000-01-01",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no failure says %q", want)
		}
	}
	if t.Failed() {
		t.Logf("they say:\n%s", out)
	}
}

func failing(t *testing.T, fn func(w *agenttest.World)) {
	t.Helper()
	if os.Getenv("AGENTTEST_FAILS") == "" {
		return // it is TestFailures that wants it
	}
	agenttest.Run(t, fn)
}

func TestThatFails(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		w.Output("/device/heater", "set")
		w.Sleep(90 * time.Second)
		w.Want("/counter", "count", 6)
		w.Want("/counter", "log", map[string]int{"a": 1})
		w.Reading("/device/air", "temperature", 21.5, "Cel")
		w.Want("/device/air", "temperature", device.Reading{Value: 21.5, Unit: "K"})
		w.Bad("/device/air", "temperature", "no answer")
		w.Want("/device/air", "temperature", 21.5)
		w.Refused("/counter", "add", 1, "")
		w.Refused("/counter", "add", -1, "too low")
		w.Command("/counter", "add", -1)
		w.Command("/device/heater", "set", true)
		w.Command("/device/heater", "set", false)
		w.Told("/device/heater", "set", false)
		w.Told("/device/heater", "set", true)
		w.WantHealth("broken")
	})
}

// shop has lanes of the kinds that others do not.
var shop = agent.NewKind("shop", 0, func(a *agent.Agent, _ int) error {
	agent.Demand(a, "stock", func() int { return 5 })
	agent.DemandMap(a, "stocks", func() iter.Seq[string] { return slices.Values([]string{"nails"}) }, func(string) (int, bool) { return 5, true })
	agent.Value(a, "due", int64(1732300000123)) // ms since 1970
	agent.Command(a, "order", func(int) error { return nil })
	return nil
})

func TestDemanded(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.AddKind("/shop", shop, 0)
		w.Want("/shop", "stock", 5)
		w.Want("/shop", "stocks", map[string]int{"nails": 5})
		free := w.Clog("/shop")
		free()
		free() // as one that is deferred, too
		w.Want("/shop", "stock", 5)
	})
}

func TestThatFailsHolding(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.AddKind("/shop", shop, 0)
		w.Want("/shop", "due", int64(1732300001000))
		w.Want("/shop", "order", []int{})
	})
}

func TestThatFailsLane(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		w.Want("/counter", "cuont", 5)
	})
}

func TestThatFailsNode(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.Output("/device/heater", "set")
		w.Want("/counter", "count", 5)
	})
}

func TestThatFailsCommand(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.AddKind("/counter", counter, 5)
		w.Command("/counter", "ad", 5)
	})
}

func TestThatFailsKind(t *testing.T) {
	failing(t, func(w *agenttest.World) { w.Add("/counter", "cuonter", nil) })
}

func TestThatFailsConfig(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.Config("[agent.\"/room\"]\nkind = \"climate\"\ntarget = \"warm\"\nsensor = \"/device/air\"\nheater = \"/device/heater\"")
	})
}

func TestThatFailsStopped(t *testing.T) {
	failing(t, func(w *agenttest.World) {
		w.Stop()
		w.Reading("/device/air", "temperature", 21.5, "Cel")
	})
}

func TestThatFailsOutput(t *testing.T) {
	failing(t, func(w *agenttest.World) { w.Told("/device/heater", "set") })
}

func TestThatFailsTime(t *testing.T) {
	failing(t, func(w *agenttest.World) { w.SleepUntil(time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)) })
}

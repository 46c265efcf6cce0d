package mqtt

import (
	"strings"
	"testing"
	"time"

	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// A device that does not do what it is told says so, to people as well, until it does.
func TestConfirmation(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	output := func(kind string, set Set, state bool) Map {
		m := Map{Device: "/device/" + kind + "-{name}", Channel: map[string]Channel{"power": {Path: pathTo("W"), Optional: true}}, Set: &set}
		if state {
			m.State, m.Channel = &Switched{}, nil
		}
		return m
	}
	soon := 50 * time.Millisecond
	e.connected(e.open("broker", Config{URL: b.url(), Map: map[string]Map{
		"fast/{name}":    output("fast", Set{Topic: "do/{name}", Confirm: &soon}, true),
		"patient/{name}": output("patient", Set{Topic: "do/{name}", Confirm: new(time.Duration(0))}, true),
		"usual/{name}":   output("usual", Set{Topic: "do/{name}"}, true),
		"silent/{name}":  output("silent", Set{Topic: "do/{name}"}, false),
	}}))
	for _, name := range []string{"fast", "patient", "usual"} {
		b.pub(name+"/plug", "OFF", "-q", "1")
		e.has("/device/"+name+"-plug", "state", "value:false")
	}
	b.pub("silent/plug", `{"W":1}`, "-q", "1")
	e.has("/device/silent-plug", "power", "value:1,")
	for _, name := range []string{"patient", "usual", "silent", "fast"} {
		if err := e.host.Do(t.Context(), route.NodeURI("/device/"+name+"-plug"), "set", []byte("on")); err != nil {
			t.Fatal(err)
		}
	}
	e.has("/device/fast-plug", "status", "state:faulty", "set to on at ", "and not confirmed within 50ms: it says off")
	if c := e.condition("device.fast-plug"); !strings.Contains(c.Text, "/device/fast-plug: set to on at ") || !strings.Contains(c.Remedy, "topic of its commands") {
		t.Error(c)
	}
	for _, name := range []string{"patient", "usual", "silent"} {
		e.has("/device/"+name+"-plug", "status", "state:ok")
	}
	b.pub("fast/plug", "ON", "-q", "1")
	e.has("/device/fast-plug", "status", "state:ok")
	until(t, "the condition to end", func() bool {
		for _, c := range e.health.Active() {
			if c.Code == "device.fast-plug" {
				return false
			}
		}
		return true
	})
}

// How long is waited is 10 s where a state can follow, and never where none can.
func TestConfirmTime(t *testing.T) {
	for name, c := range map[string]struct {
		maps map[string]Map
		want time.Duration
	}{
		"state":           {map[string]Map{"a/{n}": {Device: "/device/{n}", State: &Switched{}, Set: &Set{Topic: "x/{n}"}}}, confirmTime},
		"state elsewhere": {map[string]Map{"a/{n}": {Device: "/device/{n}", Set: &Set{Topic: "x/{n}"}}, "b/{n}": {Device: "/device/{n}", State: &Switched{}}}, confirmTime},
		"told":            {map[string]Map{"a/{n}": {Device: "/device/{n}", State: &Switched{}, Set: &Set{Topic: "x/{n}", Confirm: new(time.Minute)}}}, time.Minute},
		"switched off":    {map[string]Map{"a/{n}": {Device: "/device/{n}", State: &Switched{}, Set: &Set{Topic: "x/{n}", Confirm: new(time.Duration(0))}}}, 0},
		"no state":        {map[string]Map{"a/{n}": {Device: "/device/{n}", Set: &Set{Topic: "x/{n}"}}}, 0},
		"no output":       {map[string]Map{"a/{n}": {Device: "/device/{n}", Channel: map[string]Channel{"a": {}}}}, 0},
	} {
		mappings, err := compile(c.maps)
		if err != nil {
			t.Fatal(err)
		}
		b := &bridge{mappings: mappings}
		if got := b.options(&thing{node: "/device/x"}, mappings[0], "a/x").Confirm; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

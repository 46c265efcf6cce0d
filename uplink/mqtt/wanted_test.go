package mqtt

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"selvage/edge/leaktest"
)

// Filters and topics as in MQTT 3.1.1, 4.7.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b/c", false},
		{"a/b", "a", false},
		{"a/+", "a/b", true},
		{"a/+", "a/", true},
		{"a/+", "a", false},
		{"+", "/a", false},
		{"+/+", "/a", true},
		{"/+", "/a", true},
		{"a/#", "a", true},
		{"a/#", "a/b/c", true},
		{"a/#", "ab", false},
		{"#", "a/b", true},
		{"a/+/#", "a", false},
		{"a/+/#", "a/b", true},
		{"#", "$SYS/x", false},
		{"+/x", "$SYS/x", false},
		{"$SYS/#", "$SYS/x", true},
	} {
		if got := matches(c.filter, c.topic); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.filter, c.topic, got)
		}
	}
}

func TestOnly(t *testing.T) {
	got := only([]string{"a/+/c", "a/b/c", "a/#", "a", "b", "b", "+/x", "$SYS/x", "c/+/#", "c/d", "c", "ab"})
	want := []string{"$SYS/x", "+/x", "a/#", "ab", "b", "c", "c/+/#"}
	if !slices.Equal(got, want) {
		t.Errorf("only = %q, want %q", got, want)
	}
}

// What is left of filters brings all that the filters bring.
func TestOnlyBrings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(words ...string) string {
		levels := make([]string, 1+r.IntN(4))
		for i := range levels {
			levels[i] = words[r.IntN(len(words))]
		}
		if i := slices.Index(levels, "#"); i >= 0 {
			levels = levels[:i+1]
		}
		return strings.Join(levels, "/")
	}
	for range 20_000 {
		var all []string
		for range 1 + r.IntN(4) {
			all = append(all, random("a", "b", "+", "+", "#", "$x"))
		}
		left := only(slices.Clone(all))
		topic := random("a", "b", "$x", "")
		brings := func(filters []string) bool {
			return slices.ContainsFunc(filters, func(f string) bool { return matches(f, topic) })
		}
		if brings(all) != brings(left) {
			t.Fatalf("%q brought %v by %q, and %v by %q", topic, brings(all), all, brings(left), left)
		}
	}
}

// A filter is asked for as long as somebody wants it.
func TestWanted(t *testing.T) {
	x, y := &member{name: "x"}, &member{name: "y"}
	w := newWanted(nil)
	w.change(x, nil, []string{"a", "b/+"})
	w.change(x, nil, []string{"a"})
	w.change(y, nil, []string{"a"})
	w.changed = false
	w.change(x, []string{"a"}, []string{"c"})
	if got := slices.Sorted(slices.Values(w.filters())); !slices.Equal(got, []string{"a", "b/+", "c"}) || !w.changed {
		t.Errorf("filters = %q, changed %v", got, w.changed)
	}
	w.change(x, []string{"a", "b/+"}, nil)
	if w.brings(x, "a") || w.brings(x, "b/1") || !w.brings(y, "a") || !w.brings(x, "c") {
		t.Error("not those are concerned who want a topic")
	}
	w.change(y, []string{"a"}, nil)
	if got := w.filters(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("filters = %q", got)
	}
}

// What the broker has kept for a device that is met later comes, also where another subscription covers the device's.
func TestKeptBeforeMet(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	b.pub("shed/cellar", "61.5", "-r", "-q", "1")
	e := newEdge(t, t.TempDir())
	c := shed(b.url())
	c.Discover = []string{"homeassistant"}
	e.connected(e.open("broker", c))
	e.has("/device/cellar", "temperature", "value:61.5")
	b.pub("homeassistant/sensor/damp/config", `{"name":"Damp","unique_id":"d","unit_of_measurement":"%","state_topic":"shed/cellar"}`, "-r", "-q", "1")
	e.has("/device/damp", "damp", "value:61.5")
}

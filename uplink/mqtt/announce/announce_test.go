package announce

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"selvage/edge/device"
)

var update = flag.Bool("update", false, "write the golden files anew")

var host = Host{Name: "attic", Version: "v1.2", Prefix: "homeassistant", Status: "selvage/attic/status"}

// What Home Assistant is told of many kinds of channels and outputs, read by people.
func TestConfigs(t *testing.T) {
	number := func(name string, u device.Unit) Channel {
		return Channel{Name: name, Unit: u, Topic: "s/" + name}
	}
	thing := Thing{Node: "/device/air", Name: "air", Model: "Acme Air", Status: "s/status", Channels: []Channel{
		number("temperature", "Cel"), number("outside", "[degF]"), number("humidity", "%"), number("soil-moisture", "%"), number("battery", "%"),
		number("load", "%"), number("pressure", "hPa"), number("power", "W"), number("energy", "kW.h"), number("voltage", "V"),
		number("battery-voltage", "mV"), number("current", "A"), number("co2", "[ppm]"), number("voc", "[ppb]"), number("pm2-5", "ug/m3"),
		number("pm10", "ug/m3"), number("rain", "mm"), number("distance", "mm"), number("wind-speed", "m/s"), number("speed", "m/s"),
		number("water", "m3"), number("gas-used", "m3"), number("volume", "m3"), number("fan", "{rpm}"), number("n", ""), number("one", "1"),
		number("rssi", "dB[mW]"), number("resistance", "Ohm"), number("reactive-energy", "kV.A.h{reactive}"),
		{Name: "motion", Form: device.Boolean, Topic: "s/motion"}, {Name: "contact", Form: device.Boolean, Topic: "s/contact"},
		{Name: "said", Form: device.Text, Topic: "s/said"},
	}}
	var text strings.Builder
	show := func(h Host, things ...Thing) {
		for _, thing := range things {
			for _, c := range h.Configs(thing) {
				text.WriteString(c.Topic + "\n" + string(c.Payload) + "\n")
				if !h.Owns(c.Topic) {
					t.Errorf("%s is not known as our own", c.Topic)
				}
			}
		}
	}
	out := func(name string, o Output) Thing {
		o.State, o.Command = "s/state", "s/set"
		return Thing{Node: "/device/" + name, Name: name, Output: &o}
	}
	show(host, thing,
		out("lamp", Output{Form: device.Boolean}), out("dimmer", Output{Unit: "%", Max: 100, Step: 0.0001}), out("offset", Output{Unit: "Cel"}),
		out("line", Output{Form: device.Text}), out("mode", Output{Form: device.Text, Choices: []string{"<eco>", "boost"}}))
	show(Host{Name: "küche 1", Prefix: "p/q"}, Thing{Node: "/room/a_b/c%2fd", Name: "c/d", Channels: []Channel{number("x", "")}})

	file := filepath.Join("testdata", "configs.golden")
	if *update {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", file, text.String())
	}
}

func TestOwns(t *testing.T) {
	for topic, want := range map[string]bool{
		"homeassistant/sensor/selvage-attic/x/config":   true,
		"homeassistant/sensor/selvage-attic2/x/config":  false,
		"homeassistant/sensor/selvage-attic/x/state":    false,
		"homeassistant/selvage-attic/x/config":          false,
		"homeassistant/sensor/other/x/config":           false,
		"other/sensor/selvage-attic/x/config":           false,
		"homeassistant":                                 false,
		"homeassistant/":                                false,
		"homeassistant/device/selvage-attic/air/config": true,
	} {
		if got := host.Owns(topic); got != want {
			t.Errorf("Owns(%q) = %v", topic, got)
		}
	}
}

var plain = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)

// No two nodes or lanes have one config, and all are what Home Assistant allows.
func FuzzIdentifier(f *testing.F) {
	f.Add("a/b", "a__b")
	f.Add("a_5fb", "a_b")
	f.Add("ü", "u")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := identifier(a), identifier(b)
		if !plain.MatchString(x) || (a == b) != (x == y) {
			t.Errorf("%q is %q, %q is %q", a, x, b, y)
		}
	})
}

// Whatever a thing is, its configs are JSON, and one for each channel.
func FuzzConfigs(f *testing.F) {
	f.Add("/device/air", "temperature", "Cel", 0.0, 100.0, 0.5, "eco")
	f.Add("/\xff", "a b", "{}", 5.0, 5.0, -1.0, "\x00")
	f.Fuzz(func(t *testing.T, node, lane, unit string, least, most, step float64, choice string) {
		for _, form := range []device.Form{device.Number, device.Boolean, device.Text} {
			if !(least-least == 0 && most-most == 0 && step-step == 0) { // config and drivers give no others
				return
			}
			all := host.Configs(Thing{Node: node, Name: node, Channels: []Channel{{Name: lane, Form: form, Unit: device.Unit(unit), Topic: lane}},
				Output: &Output{Form: form, Unit: device.Unit(unit), Min: least, Max: most, Step: step, Choices: []string{choice}}})
			if len(all) != 2 || !slices.IsSortedFunc(all, func(a, b Config) int { return strings.Compare(a.Topic, b.Topic) }) {
				t.Fatalf("%d configs", len(all))
			}
			for _, c := range all {
				var e entity
				if err := json.Unmarshal(c.Payload, &e); err != nil {
					t.Fatalf("%s: %v", c.Payload, err)
				}
				if e.Min != nil && !(*e.Min < *e.Max && e.Step >= leastStep) {
					t.Errorf("%s", c.Payload)
				}
			}
		}
	})
}

package roster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
	"selvage/uplink/mqtt/family/rostertest"
)

// play notes something of one device, and compares what that says.
func play(t *testing.T, r *roster.Roster, to *rostertest.Sink, what string, note func(*roster.Note), want string) {
	t.Helper()
	n := r.Note(r.Add("key", family.Device{ID: "x/1", Name: "one"}, to), family.Message{}, to)
	note(n)
	n.End(true)
	rostertest.Compare(t, to, what, want)
}

func TestNames(t *testing.T) {
	var r roster.Roster
	to := rostertest.New(t)
	temperature := device.Channel{Name: "temperature", Unit: "Cel"}
	play(t, &r, to, "nothing", func(*roster.Note) {}, "")
	play(t, &r, to, "a channel", func(n *roster.Note) { n.Read("a", temperature, json.Number("1")) }, `
		meet x/1 "one" ""
		keep
		x/1 temperature = 1 °C`)
	play(t, &r, to, "another of its name", func(n *roster.Note) { n.Read("b", temperature, json.Number("2")) }, `
		meet x/1 "one" ""
		keep
		x/1 b = 2 °C`)
	play(t, &r, to, "two that differ in signs", func(n *roster.Note) {
		n.Read("c.d", device.Channel{Name: "c-d"}, true)
		n.Read("c d", device.Channel{Name: "c-d"}, true)
	}, `
		doubt names
		meet x/1 "one" ""
		keep
		x/1 c-d (bad: "true" is not a number)`)
	play(t, &r, to, "another unit", func(n *roster.Note) {
		n.Read("a", device.Channel{Name: "temperature", Unit: "[degF]"}, "70")
	}, `
		meet x/1 "one" ""
		keep
		x/1 temperature = 70 °F`)
	play(t, &r, to, "no unit", func(n *roster.Note) { n.Read("a", device.Channel{Name: "temperature"}, "71") }, "x/1 temperature = 71 °F")
	play(t, &r, to, "another form", func(n *roster.Note) {
		n.Read("a", device.Channel{Name: "temperature", Form: device.Text}, "warm")
	}, `x/1 temperature (bad: "warm" is not a number)`)
	play(t, &r, to, "nothing of a channel", func(n *roster.Note) { n.Read("e", temperature, nil) }, "")
}

func TestReadings(t *testing.T) {
	for _, c := range []struct {
		form device.Form
		v    any
		want string
	}{
		{device.Number, " 21.5\n", "21.5"},
		{device.Number, json.Number("1e2"), "100"},
		{device.Number, json.Number("1e999"), `(bad: "1e999" is not a number)`},
		{device.Number, "0x10", `(bad: "0x10" is not a number)`},
		{device.Number, "", `(bad: "" is not a number)`},
		{device.Boolean, "On", "on"},
		{device.Boolean, json.Number("0"), "off"},
		{device.Boolean, json.Number("2"), `(bad: "2" is neither on nor off)`},
		{device.Text, json.Number("017"), "017"},
		{device.Text, "", `(bad: "" is not a text of 1 to 1024 bytes)`},
		{device.Text, "\xff", `(bad: "\xff" is not a text of 1 to 1024 bytes)`},
		{device.Text, strings.Repeat("é", 600), `(bad: "` + strings.Repeat("é", 20) + `"… is not a text of 1 to 1024 bytes)`},
	} {
		var r roster.Roster
		to := rostertest.New(t)
		want := "x/1 c = " + c.want
		if strings.HasPrefix(c.want, "(") {
			want = "x/1 c " + c.want
		}
		play(t, &r, to, fmt.Sprintf("%v as %v", c.v, c.form), func(n *roster.Note) {
			n.Read("c", device.Channel{Name: "c", Form: c.form}, c.v)
		}, "meet x/1 \"one\" \"\"\nkeep\n"+want)
	}
}

func TestTimes(t *testing.T) {
	var r roster.Roster
	to := rostertest.New(t)
	read := func(at time.Time) func(n *roster.Note) {
		return func(n *roster.Note) {
			n.At(at)
			n.Doubtful("c", device.Channel{Name: "c"}, json.Number("1"), "so it seems")
		}
	}
	play(t, &r, to, "now", read(time.UnixMilli(1795420800250)), "meet x/1 \"one\" \"\"\nkeep\nx/1 c = 1 @2026-11-23T08:00:00.25Z (uncertain: so it seems)")
	for _, never := range []time.Time{{}, time.Unix(17, 0), time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)} {
		play(t, &r, to, never.String(), read(never), "x/1 c = 1 (uncertain: so it seems)")
	}
}

// TestIdentify: a device stays known by its former names, but not for ever.
func TestIdentify(t *testing.T) {
	var r roster.Roster
	to := rostertest.New(t)
	play(t, &r, to, "who", func(n *roster.Note) { n.Identify("mac") }, "meet mac also x/1 \"one\" \"\"\nkeep")
	play(t, &r, to, "the same", func(n *roster.Note) { n.Identify("mac") }, "")
	play(t, &r, to, "back", func(n *roster.Note) { n.Identify("x/1") }, "meet x/1 also mac \"one\" \"\"\nkeep")
	play(t, &r, to, "ever new", func(n *roster.Note) {
		for i := range 10 {
			n.Identify(fmt.Sprint(i))
		}
	}, "meet 9 also 5 6 7 8 \"one\" \"\"\nkeep")
}

// TestMuch: one message fills neither the memory nor the status of people.
func TestMuch(t *testing.T) {
	var r roster.Roster
	to := rostertest.New(t)
	n := r.Note(r.Add("key", family.Device{ID: "x/1"}, to), family.Message{}, to)
	for i := range 3000 {
		n.Read(fmt.Sprint("c", i), device.Channel{Name: fmt.Sprint("c", i)}, true)
	}
	n.Read(strings.Repeat("x", 300), device.Channel{Name: "x"}, true)
	n.End(false)
	if lines := to.Lines(); !n.Full() || len(to.Met["x/1"].Channels) != 256 || len(lines) != 2+256 {
		t.Errorf("%d channels, %d lines", len(to.Met["x/1"].Channels), len(lines))
	}
}

package line

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/fields"
	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

var air = map[string]fields.Channel{"temperature": {Unit: "Cel"}, "humidity": {Unit: "%", Max: 100}}

const match = `^T=(?P<temperature>-?[0-9.]+)( H=(?P<humidity>[0-9.]+))?$`

func TestDriver(t *testing.T) {
	for name, c := range map[string]struct {
		match string
		text  func(time.Time) string
	}{
		"JSON":    {"", func(time.Time) string { return `{"temperature": 21.4, "humidity": 45}` }},
		"pattern": {match, func(time.Time) string { return "T=21.4 H=45" }},
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: "line", Config: Config{Baud: 9600, Match: c.match, Wait: 5 * time.Second, Channel: air},
				Port: func() device.Port {
					return sim.NewLine("sim:line", &sim.Lines{Every: time.Second, Text: c.text}).Port()
				},
			})
		})
	}
}

func told(s device.Sample) string {
	var all []string
	for _, m := range s {
		text := fmt.Sprint(m.Channel, "=", m.Value, m.Text)
		if m.Err != nil {
			text = m.Channel + ": " + m.Err.Error()
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, match, came string
		channels          map[string]fields.Channel
		want              string
	}{
		{"JSON", "", "\n{\"temperature\": 21.4, \"humidity\": 45}\r\n", air, "humidity=45, temperature=21.4"},
		{"behind a greeting", "", "booting\nSensor v1\n{\"temperature\": 21.4, \"humidity\": 45}\n", air, "humidity=45, temperature=21.4"},
		{"the rest of a line is none", "", "{\"temperature\": 1, \"humidity\": 4}\n", air, ""},
		{"a line without its end is none", "", "\n{\"temperature\": 21.4, \"humidity\": 45}", air, ""},
		{"broken JSON is none", "", "\n{\"temperature\": 21.4, \"humidi\n{\"temperature\": 21.5, \"humidity\": 45}\n", air, "humidity=45, temperature=21.5"},
		{"one value a line", "", "\n{\"temperature\": 21.4}\n{\"humidity\": 45}\n", air, "humidity=45, temperature=21.4"},
		{"one value again before the other", "", "\n{\"temperature\": 21.4}\n{\"temperature\": 21.6}\n", air, "temperature=21.4"},
		{"deep JSON", "", "\n{\"air\": {\"temp\": \"21.4\"}, \"list\": [1, {\"x\": 2}], \"a.b\": 3}\n",
			map[string]fields.Channel{"a": {Path: "air.temp"}, "b": {Path: "list.1.x"}, "c": {Path: `["a.b"]`}, "d": {Path: "list.0"}}, "a=21.4, b=2, c=3, d=1"},
		{"a place that is not there", "", "\n{\"list\": [1], \"x\": 1}\n", map[string]fields.Channel{"a": {Path: "list.7"}, "x": {}}, ""},
		{"forms", "", "\n{\"door\": \"open\", \"lamp\": false, \"text\": \"hi\", \"n\": \"x\", \"odd\": \"maybe\"}\n",
			map[string]fields.Channel{"door": {Form: "boolean"}, "lamp": {Form: "boolean"}, "text": {Form: "text"}, "n": {}, "odd": {Form: "boolean"}},
			`door=1, lamp=0, n: "x" is no number, odd: "maybe" is neither on nor off, text=0hi`},
		{"a pattern", match, "\nT=-3.5 H=40\n", air, "humidity=40, temperature=-3.5"},
		{"what does not match", match, "\nx T=-3.5 H=40\n", air, ""},
		{"scale", `(?P<raw>\d+)`, "\n512\n", map[string]fields.Channel{"raw": {Scale: 0.5}}, "raw=256"},
		{"no number", `(?P<raw>\w+)`, "\nNaN\n", map[string]fields.Channel{"raw": {}}, `raw: "NaN" is no number`},
	} {
		d := prepared(t, Config{Match: c.match, Channel: c.channels})
		found, whole := d.gather([]byte(c.came))
		got := ""
		if whole {
			got = told(d.reader.Sample(found))
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// prepared is a device that has not read yet.
func prepared(t testing.TB, c Config) *Dev {
	t.Helper()
	d, err := prepare(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// With ask, the first line is the answer.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		arduino := &sim.Lines{Asks: "R\n", Text: func(time.Time) string { n++; return fmt.Sprintf("T=%d H=40", n) }}
		c := Config{Baud: 9600, Match: match, Ask: "R\n", Wait: time.Second, Channel: air}
		d, err := Open(t.Context(), sim.NewLine("sim:line", arduino).Port(), c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s, err := d.Read(t.Context())
		if err != nil || told(s) != "humidity=40, temperature=2" || time.Since(began) > 50*time.Millisecond {
			t.Errorf("read %s, %v in %v", told(s), err, time.Since(began))
		}
	})
}

// What is told until the time is over counts, also when the rest is not.
func TestHalfTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arduino := &sim.Lines{Every: 3 * time.Second, Text: func(time.Time) string { return "T=7" }}
		d, err := Open(t.Context(), sim.NewLine("sim:line", arduino).Port(), Config{Baud: 9600, Match: match, Wait: 8 * time.Second, Channel: air})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := d.Read(t.Context()); err != nil || told(s) != "temperature=7" {
			t.Errorf("read %s, %v", told(s), err)
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		Config{Baud: 1, Wait: time.Hour, Match: "(", Channel: map[string]fields.Channel{"Air": {}, "b": {Form: "x"}, "c": {Min: 2}}},
		Config{Baud: 9600, Wait: time.Second, Match: match, Channel: map[string]fields.Channel{"pressure": {}, "temperature": {}}},
	), "baud wait match channel.Air channel.b channel.c match"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzGather(f *testing.F) {
	f.Add([]byte("\n{\"temperature\": 21.4, \"humidity\": 45}\r\n"), true)
	f.Add([]byte("\nT=21.4 H=45\r\n"), false)
	f.Add([]byte("\n{\"air\": [1, {\"temperature\": 1e999}]}\n"), true)
	f.Fuzz(func(t *testing.T, came []byte, json bool) {
		c := Config{Match: match, Channel: map[string]fields.Channel{"temperature": {}, "humidity": {Path: "humidity", Form: "boolean"}}}
		if json {
			c.Match = ""
			c.Channel["deep"] = fields.Channel{Path: "air.1.temperature"}
		}
		d := prepared(t, c)
		found, _ := d.gather(came)
		for _, m := range d.reader.Sample(found) {
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
				t.Errorf("%s = %v", m.Channel, m.Value)
			}
		}
	})
}

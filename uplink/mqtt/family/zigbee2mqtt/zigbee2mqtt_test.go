package zigbee2mqtt

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// script is a sink that writes down what it is told, and complains of what a family must not do.
type script struct {
	strings.Builder
	t   testing.TB
	met map[string]family.Device
}

func newScript(t testing.TB) *script { return &script{t: t, met: map[string]family.Device{}} }

func (s *script) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

func (s *script) Meet(d family.Device) {
	s.met[d.ID] = d
	if d.ID == "" || d.Name == "" || len(d.Channels)+len(d.Outputs) > maxFields {
		s.t.Errorf("met %q %q with %d channels and %d outputs", d.ID, d.Name, len(d.Channels), len(d.Outputs))
	}
	if strings.ContainsAny(strings.Join(d.Filters, ""), "#\x00") || strings.Count(strings.Join(d.Filters, ""), "+") > 1 {
		s.t.Errorf("%s would subscribe to %q", d.ID, d.Filters)
	}
	s.line("  meet %s %q also %q model %q serial %q at %q filters %q every %v", d.ID, d.Name, d.Also, d.Model, d.Serial, d.Address, d.Filters, d.Every)
	for _, c := range d.Channels {
		s.line("    channel %s %s", c.Name, shape(c))
	}
	for _, o := range d.Outputs {
		s.line("    output %q %s %q silent %v", o.Name, shape(o.Takes), o.Options, o.Silent)
	}
}

func shape(c device.Channel) string { return fmt.Sprintf("%v %q %v..%v", c.Form, c.Unit, c.Min, c.Max) }

// check tells whether a report is of what the device was met with.
func (s *script) check(id string, r family.Report) {
	d, ok := s.met[id]
	if !ok {
		s.t.Errorf("%s reports, and was not met", id)
	}
	for _, n := range r.Readings {
		i := slices.IndexFunc(d.Channels, func(c device.Channel) bool { return c.Name == n.Channel })
		switch {
		case n.Reading.Bad() && n.Reading.Reason != "":
		case i < 0 || n.Reading.Form != d.Channels[i].Form || n.Reading.Unit != d.Channels[i].Unit || math.IsInf(n.Reading.Value, 0):
			s.t.Errorf("%s reads %s = %+v, which has channels %+v", id, n.Channel, n.Reading, d.Channels)
		}
	}
	for _, st := range r.States {
		i := slices.IndexFunc(d.Outputs, func(o family.Output) bool { return o.Name == st.Output })
		if i < 0 || st.Value.Form != d.Outputs[i].Takes.Form {
			s.t.Errorf("%s says that %q is %+v, which has outputs %+v", id, st.Output, st.Value, d.Outputs)
		}
	}
}

func (s *script) Report(id string, r family.Report) {
	s.check(id, r)
	s.line("  report %s%s", id, map[family.Presence]string{family.There: " there", family.Away: " away: " + r.Why}[r.Presence])
	for _, n := range r.Readings {
		at := ""
		if !n.Reading.At.IsZero() {
			at = " at " + n.Reading.At.Time().UTC().Format(time.RFC3339Nano)
		}
		s.line("    %s = %v (%v %q, %v %s)%s", n.Channel, n.Reading, n.Reading.Form, n.Reading.Unit, n.Reading.Quality, n.Reading.Reason, at)
	}
	for _, st := range r.States {
		s.line("    state %q = %v (%v)", st.Output, st.Value, st.Value.Form)
	}
}

func (s *script) Gone(id, why string) {
	delete(s.met, id)
	s.line("  gone %s: %s", id, why)
}

func (s *script) Publish(p family.Publication) { s.line("  publish %s %s", p.Topic, p.Payload) }
func (s *script) Doubt(p family.Problem)       { s.line("  doubt %s: %s; %s", p.Kind, p.Text, p.Remedy) }
func (s *script) Keep()                        { s.line("  keep") }

func (s *script) take(f family.Family, topic, payload string) {
	shown := payload
	if len(shown) > 300 {
		shown = shown[:300] + "…"
	}
	s.line("%s %s", topic, strings.ReplaceAll(shown, "\n", " "))
	f.Take(family.Message{Topic: topic, Payload: []byte(payload), At: time.Unix(1795420800, 0)}, s)
}

// golden compares with a file that was reviewed.
func (s *script) golden(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(s.String(), "\n"), strings.Split(string(want), "\n")
	for i := range got {
		if i >= len(wanted) || got[i] != wanted[i] {
			t.Fatalf("%s, line %d: %s\nwant: %s", file, i+1, got[i], append(wanted, make([]string, len(got))...)[i])
		}
	}
	if len(got) != len(wanted) {
		t.Fatalf("%s: %d lines, want %d", file, len(got), len(wanted))
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPublished takes what was logged elsewhere, in order.
func TestPublished(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "..", "shared", "data", "mqtt", "zigbee2mqtt.jsonl"))
	if err != nil {
		t.Skip("there are no published messages here: ../shared/data/mqtt/zigbee2mqtt.jsonl")
	}
	defer f.Close()
	s, n := newScript(t), New("")
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var row struct{ Topic, Payload string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		s.take(n, row.Topic, row.Payload)
	}
	s.golden(t, "published.txt")
}

// TestNetwork follows a network from its list of devices on.
func TestNetwork(t *testing.T) {
	s, n := newScript(t), New("")
	s.line("%q", n.Filters())
	for _, m := range [][2]string{
		{"bridge/state", "online"},
		{"plug/availability", `{"state":"online"}`}, // kept by the broker, and sent before the list
		{"plug", `{"state":"ON","power":12,"voltage":231,"linkquality":100}`},
		{"a group", `{"state":"ON","brightness":12}`},
		{"bridge/devices", read(t, "devices.json")},
		{"a group", `{"state":"OFF"}`},
		{"shelved", `{"temperature":3}`},
		{"plug", `{"state":"OFF","child_lock":"LOCK","power":0,"current":0,"voltage":231,"energy":1.5,"countdown":null,"power_outage_memory":"restore","linkquality":87,"update":{"state":"idle","installed_version":1},"update_available":false,"device":{"ieeeAddr":"0x00124b0000000001"}}`},
		{"Temperatur Balkon", `{"battery":"100","temperature":-3.25,"humidity":655.35,"pressure":1013,"voltage":3005,"last_seen":"2026-11-22T23:00:00+01:00"}`},
		{"Temperatur Balkon", `{"temperature":-327.68,"humidity":"n/a","last_seen":1795417200123}`},
		{"Temperatur Balkon", `{"temperature":20,"last_seen":"yesterday"}`},
		{"living/lamp", `{"state":"ON","brightness":254,"color_temp":370,"color_temp_startup":65535,"color_mode":"xy","color":{"x":0.46,"y":0.41,"hue":30,"saturation":90},"level_config":{"on_level":"previous"}}`},
		{"living/lamp", `{"brightness":"bright","state":"maybe","color":"blue"}`},
		{"living/lamp/set", `{"state":"ON"}`},
		{"living/lamp/availability", "offline"},
		{"living/north/blind", `{"state":"OPEN","position":60,"moving":"STOP","calibration":"OFF"}`},
		{"wall", `{"state_left":"ON","state_right":"OFF","action":"single_left","log":["a","b"]}`},
		{"wall", `{"action":""}`},
		{"door", `{"state":"UNLOCK","lock_state":"unlocked","contact":true,"battery":12}`},
		{"radiator", `{"local_temperature":20.5,"occupied_heating_setpoint":21,"local_temperature_calibration":-0.5,"system_mode":"heat","running_state":"idle","pi_heating_demand":150,"child_lock":"UNLOCK"}`},
		{"0x00158d0000000008", `{"linkquality":40,"voltage":2985,"battery":80}`},
		{"plug/power", "12.5"}, // as its states come in one object, its attributes are left out
		{"wall/set/state_left", "ON"},
		{"plug", "not JSON"},
		{"plug", ""},
		{"bridge/state", `{"state":"offline"}`},
		{"bridge/state", `{"state":"online"}`},
		{"bridge/state", `{"state":"gone fishing"}`},
		{"bridge/logging", `{"level":"info","message":"hello"}`},
		{"plug/availability", ``},
		{"living/lamp/availability", ``},
	} {
		s.take(n, "zigbee2mqtt/"+m[0], m[1])
	}
	s.golden(t, "network.txt")
}

// TestChanges has devices renamed, removed and disabled.
func TestChanges(t *testing.T) {
	const a, b = `"ieee_address":"0x000000000000000a"`, `"ieee_address":"0x000000000000000B"`
	s, n := newScript(t), New("home/zigbee")
	for _, m := range [][2]string{
		{"bridge/state", `{"state":"offline"}`},
		{"lamp", `{"temperature":20,"pressure":50,"illuminance":20000,"illuminance_lux":100}`},
		{"lamp", `{"temperature":"high"}`},
		{"lamp/strange", "words"},
		{"other/strange", `{"state":"ON"}`},
		{"bridge/devices", `[{` + a + `,"friendly_name":"lamp"},{` + b + `}]`},
		{"bridge/state", `{"state":"online"}`},
		{"new name/availability", `{"state":"offline"}`}, // Zigbee2MQTT tells this before the list
		{"bridge/devices", `[{` + a + `,"friendly_name":"new name"},{` + b + `,"friendly_name":"lamp"}]`},
		{"bridge/devices", `[{` + a + `,"friendly_name":"new name"},{` + b + `,"friendly_name":"new name"},{` + a + `,"friendly_name":"other"},{"ieee_address":"0x000000000000000c","friendly_name":"a/#"},{"ieee_address":"c"},17]`},
		{"bridge/devices", `{"not":"a list"}`},
		{"bridge/devices", ``},
		{"bridge/devices", `[{` + a + `,"friendly_name":"new name","disabled":true}]`},
		{"bridge/devices", `[{` + a + `,"friendly_name":"x/y/z/w","definition":{"model":1,"exposes":[{"type":"fan","features":[{"type":"binary","name":"state","property":"fan_state","access":7,"value_on":"ON","value_off":"OFF"}]},{"type":"switch","features":[{"type":"binary","name":"state","property":"state_!","access":2,"value_on":true,"value_off":false},{"type":"binary","name":"odd","property":"odd","access":7}]}]}},{` + b + `,"friendly_name":"x/y/z"}]`},
		{"x/y/z/w/availability", "online"},
		{"x/y/z/w", `{"fan_state":"ON"}`},
	} {
		s.take(n, "home/zigbee/"+m[0], m[1])
	}
	s.golden(t, "changes.txt")
}

func TestCommands(t *testing.T) {
	s, n := newScript(t), New("")
	s.take(n, "zigbee2mqtt/bridge/devices", read(t, "devices.json"))
	for _, c := range []struct {
		id, output string
		told       device.Value
		topic      string
		payload    string
	}{
		{"0x00124b0000000001", "", device.On(true), "plug", `{"state":"ON"}`},
		{"0x00124b0000000001", "", device.On(false), "plug", `{"state":"OFF"}`},
		{"0x00124b0000000001", "child-lock", device.Words("LOCK"), "plug", `{"child_lock":"LOCK"}`},
		{"0x0017880000000003", "brightness", device.Of(12.5), "living/lamp", `{"brightness":12.5}`},
		{"0x5c02720000000004", "", device.Words("STOP"), "living/north/blind", `{"state":"STOP"}`},
		{"0x5c02720000000004", "position", device.Of(40), "living/north/blind", `{"position":40}`},
		{"0x00158d0000000005", "left", device.On(true), "wall", `{"state_left":"ON"}`},
		{"0x000d6f0000000006", "", device.Words("UNLOCK"), "door", `{"state":"UNLOCK"}`},
		{"0x2c11650000000007", "", device.Words("heat"), "radiator", `{"system_mode":"heat"}`},
		{"0x2c11650000000007", "occupied-heating-setpoint", device.Of(21), "radiator", `{"occupied_heating_setpoint":21}`},
	} {
		for _, o := range s.met[c.id].Outputs {
			if o.Name != c.output {
				continue
			}
			p, err := o.Command(c.told)
			if err != nil || p.Topic != "zigbee2mqtt/"+c.topic+"/set" || string(p.Payload) != c.payload || p.QoS != 1 || p.Retain {
				t.Errorf("%s %q told %v: %+v with %s, %v, want %s", c.id, c.output, c.told, p, p.Payload, err, c.payload)
			}
			c.id = ""
		}
		if c.id != "" {
			t.Errorf("%s has no output %q", c.id, c.output)
		}
	}
}

// TestFilters counts the subscriptions that bring a topic: a broker may send a message once for each.
func TestFilters(t *testing.T) {
	s, n := newScript(t), New("")
	names := []string{"plug", "a", "a/b", "a/b/c", "x/y/z", "x/y/z/w", "ä ö/b"}
	var entries []string
	for i, name := range names {
		entries = append(entries, fmt.Sprintf(`{"ieee_address":"0x%016x","friendly_name":%q}`, i, name))
	}
	s.take(n, "zigbee2mqtt/bridge/devices", "["+strings.Join(entries, ",")+"]")
	filters := n.Filters()
	for _, d := range s.met {
		filters = append(filters, d.Filters...)
	}
	topics := []string{"bridge/state", "bridge/devices"}
	for _, name := range names {
		topics = append(topics, name, name+"/availability", name+"/power")
	}
	for _, topic := range topics {
		var by []string
		for _, filter := range filters {
			if ok, _ := path.Match(strings.ReplaceAll(filter, "+", "*"), "zigbee2mqtt/"+topic); ok {
				by = append(by, filter)
			}
		}
		if len(by) != 1 {
			t.Errorf("%s comes by %q", topic, by)
		}
	}
}

func TestMoment(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-07-27T09:41:41+02:00"`:      "2026-07-27T07:41:41Z",
		`"2026-07-27T07:41:41.987654Z"`:    "2026-07-27T07:41:41.987Z",
		"1785138101987":                    "2026-07-27T07:41:41.987Z",
		"":                                 "",
		"null":                             "",
		`"2026-07-27T09:41:41"`:            "",
		"0":                                "",
		"1e300":                            "",
		"-5":                               "",
		`"0001-01-01T00:00:00Z"`:           "",
		`"9999-12-31T23:59:59.999999999Z"`: "",
		"{}":                               "",
	} {
		got := ""
		if at := moment(json.RawMessage(text)); !at.IsZero() {
			got = at.Time().UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// TestLimits has strangers publish to ever new topics.
func TestLimits(t *testing.T) {
	s, n := newScript(t), New("").(*network)
	for i := range 3 * maxDevices {
		s.take(n, fmt.Sprintf("zigbee2mqtt/%d", i), `{"a":1}`)
		s.take(n, fmt.Sprintf("zigbee2mqtt/%d/availability", i), "online")
	}
	if len(n.things) != maxDevices || len(s.met) != maxDevices || len(n.online) != 2*maxDevices {
		t.Errorf("there are %d devices, %d were met, and the availability is known of %d", len(n.things), len(s.met), len(n.online))
	}
	for i := range 3 * maxFields {
		s.take(n, "zigbee2mqtt/1", fmt.Sprintf(`{"a%d":1}`, i))
	}
	if n := len(s.met["zigbee2mqtt/1"].Channels); n != maxFields {
		t.Errorf("a device has %d channels", n)
	}
	if text := s.String(); !strings.Contains(text, "doubt devices: zigbee2mqtt has more than 1000 devices") || !strings.Contains(text, "doubt attributes: zigbee2mqtt/1 has more than 128") {
		t.Error("nothing tells of the limits")
	}
	s.take(n, "zigbee2mqtt/bridge/devices", "["+strings.Repeat(`{"ieee_address":"0x00124b0000000001","definition":{"exposes":[`+strings.Repeat(`{"type":"numeric","name":"x","access":1},`, 999)+`{}]}},`, 9)+"{}]")
}

// FuzzTake takes lines of a topic below the base, a tab, and a payload.
func FuzzTake(f *testing.F) {
	list, _ := json.Marshal(json.RawMessage(read(f, "devices.json")))
	f.Add("bridge/devices\t" + string(list) + "\nplug\t{\"state\":\"ON\"}\nliving/lamp\t{\"color\":{\"x\":1}}")
	f.Add("a\t{\"b\":1,\"c\":{\"d\":\"e\"}}\na/b\t2\nbridge/state\toffline\na/availability\tonline")
	f.Add(`bridge/devices	[{"ieee_address":"0x0000000000000001","friendly_name":"a/b/c","definition":{"exposes":[{"type":"lock","features":[{"type":"binary","name":"state","access":7,"value_on":1,"value_off":null}]}]}}]`)
	f.Fuzz(func(t *testing.T, lines string) {
		s, n := newScript(t), New("")
		for line := range strings.Lines(lines) {
			topic, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			s.take(n, "zigbee2mqtt/"+topic, payload)
		}
		for _, d := range s.met {
			for _, o := range d.Outputs {
				told := []device.Value{{Form: o.Takes.Form, Number: 1}}
				for _, text := range o.Options {
					told = append(told, device.Words(text))
				}
				for _, v := range told {
					p, err := o.Command(v)
					if err != nil || !json.Valid(p.Payload) || strings.ContainsAny(p.Topic, "+#") {
						t.Errorf("%s %q told %v: %s %s, %v", d.ID, o.Name, v, p.Topic, p.Payload, err)
					}
				}
			}
		}
	})
}

func BenchmarkState(b *testing.B) {
	n, s := New(""), newScript(b)
	n.Take(family.Message{Topic: "zigbee2mqtt/bridge/devices", Payload: []byte(read(b, "devices.json"))}, s)
	m := family.Message{Topic: "zigbee2mqtt/Temperatur Balkon", Payload: []byte(`{"battery":100,"temperature":-3.25,"humidity":65.3,"pressure":1013,"voltage":3005,"linkquality":87,"last_seen":"2026-11-22T23:00:00+01:00"}`)}
	b.ReportAllocs()
	for b.Loop() {
		n.Take(m, deaf{})
	}
}

type deaf struct{ family.Sink }

func (deaf) Report(string, family.Report) {}

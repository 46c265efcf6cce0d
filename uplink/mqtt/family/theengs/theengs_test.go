package theengs

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
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
	if d.ID == "" || d.Name == "" || len(d.Channels) > maxFields {
		s.t.Errorf("met %q %q with %d channels and %d outputs", d.ID, d.Name, len(d.Channels), len(d.Outputs))
	}
	s.line("  meet %s %q also %q model %q at %q", d.ID, d.Name, d.Also, d.Model, d.Address)
	for _, c := range d.Channels {
		s.line("    channel %s %s", c.Name, shape(c))
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
	if len(r.States) > 0 {
		s.t.Errorf("%s has no outputs, and reports %+v", id, r.States)
	}
}

func (s *script) Report(id string, r family.Report) {
	s.check(id, r)
	s.line("  report %s%s", id, map[family.Presence]string{family.There: " there", family.Away: " away: " + r.Why}[r.Presence])
	for _, n := range r.Readings {
		s.line("    %s = %v (%v %q, %v %s)", n.Channel, n.Reading, n.Reading.Form, n.Reading.Unit, n.Reading.Quality, n.Reading.Reason)
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

// TestPublished takes what was logged elsewhere, in order.
func TestPublished(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "..", "shared", "data", "mqtt", "theengs_omg.jsonl"))
	if err != nil {
		t.Skip("there are no published messages here: ../shared/data/mqtt/theengs_omg.jsonl")
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

func TestAir(t *testing.T) {
	s, n := newScript(t), New("")
	s.line("%q", n.Filters())
	for _, m := range [][2]string{
		{"attic/LWT", "online"},
		{"attic/SYStoMQTT", `{"uptime":120,"version":"v1.8.0","disc":true,"env":"esp32dev-ble","freemem":126232,"minmem":83240,"tempc":41.2,"rssi":-61,"SSID":"net","ip":"192.0.2.7","mac":"02:00:00:00:00:AA","modules":["BT"]}`},
		{"attic/433toMQTT", `{"value":18446744073709551615,"protocol":1,"length":24,"delay":317}`},
		{"cellar/IRtoMQTT", `{"value":16724175,"protocol":3,"bits":32}`},
		{"cellar/IRtoMQTT", `{"value":0,"protocol":-1}`},
		{"cellar/SYStoMQTT", `{"uptime":"30","mac":"02:00:00:00:00:AB"}`},
		// A sensor that two gateways hear, and tells its name to one.
		{"attic/BTtoMQTT/A4C138010203", `{"id":"A4:C1:38:01:02:03","rssi":-70,"brand":"Xiaomi","model":"TH Sensor","model_id":"LYWSD03MMC/MJWSD05MMC_ATC","type":"THB","tempc":21.5,"tempf":70.7,"hum":"52.6","batt":101,"volt":2.9}`},
		{"cellar/BTtoMQTT/A4C138010203", `{"id":"A4:C1:38:01:02:03","name":"ATC_010203","rssi":-90,"distance":12.5,"servicedata":"00"}`},
		{"cellar/BTtoMQTT/A4C138010203", `{"id":"A4:C1:38:01:02:03","tempc":-300,"hum":"damp","volt":null}`},
		{"attic/LWT", "offline"},
		{"cellar/LWT", "offline"},
		{"cellar/LWT", "Offline"},
		{"attic/LWT", "online"},
		{"attic/BTtoMQTT/A4C138010203", "not JSON"},
		// What keys there are: decoder.theengs.io.
		{"attic/BTtoMQTT/020000000011", `{"id":"02:00:00:00:00:11","brand":"iNode","model":"Energy Meter","model_id":"INEM","type":"ENRG","avg":2.376,"avgu":"kW","sum":21.2928,"sumu":"kWh","lowbatt":false}`},
		{"attic/BTtoMQTT/020000000012", `{"id":"02:00:00:00:00:12","brand":"GENERIC","model":"TPMS","model_id":"TPMS","pres":2.1,"tempc":19,"alarm":true,"mode":"day"}`},
		{"attic/BTtoMQTT/020000000013", `{"id":"02:00:00:00:00:13","brand":"Blue Maestro","model":"Tempo Disc","tempc2_dp":10.8,"tempf2_dp":51.44,"tempf9":50,"pres":1013.5,"accx":-0.98,"lux":12,"fer":350,"moi":30,"motion":1,"list":[1]}`},
		{"attic/BTtoMQTT/020000000013", `{"id":"02:00:00:00:00:13","motion":true,"lux":"dark"}`},
		{"attic/BTtoMQTT/020000000013", `{"id":"02:00:00:00:00:13","presence":"absent"}`},
		{"attic/BTtoMQTT/020000000013", `{"id":"02:00:00:00:00:13","motion":false}`},
		{"attic/BTtoMQTT/020000000014", `{"id":"02:00:00:00:00:14","rssi":-60,"brand":"Tile","model":"Smart Tracker","model_id":"TILE","type":"TRACK","track":true,"device":"Tile Tracker"}`},
		// What passes by.
		{"attic/BTtoMQTT/020000000021", `{"id":"02:00:00:00:00:21","rssi":-60,"name":"[TV]"}`},
		{"attic/BTtoMQTT/020000000022", `{"id":"02:00:00:00:00:22","rssi":-60,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","type":"BCON","mfid":"4c00","uuid":"426c","major":3838,"minor":4949,"txpower":-59}`},
		{"attic/BTtoMQTT/020000000023", `{"id":"02:00:00:00:00:23","rssi":-60,"brand":"Apple","model":"Apple iPhone/iPad","model_id":"APPLEDEVICE","prmac":true,"unlocked":true}`},
		{"attic/BTtoMQTT/undecoded", `{"rssi":-60,"tempc":1}`},
		{"attic/BTtoMQTT/020000000024", `{"presence":"absent"}`},
		{"attic/commands/MQTTtoBT/config", `{"tempc":1}`},
		{"tv/LWT", "Online"},
		// The attic's gateway is renamed, and the cellar's replaced.
		{"roof/SYStoMQTT", `{"uptime":3,"mac":"02:00:00:00:00:AA"}`},
		{"cellar/SYStoMQTT", `{"uptime":3,"mac":"02:00:00:00:00:AC"}`},
	} {
		s.take(n, "home/"+m[0], m[1])
	}
	s.golden(t, "air.txt")
}

// TestReplayed begins with what was kept: it says what there is, and nothing of now.
func TestReplayed(t *testing.T) {
	s, n := newScript(t), New("site/radio")
	n.Take(family.Message{Topic: "site/radio/attic/BTtoMQTT/A4C138010203", Payload: []byte(`{"tempc":21.5}`), Retained: true, Replayed: true}, s)
	n.Take(family.Message{Topic: "site/radio/attic/LWT", Payload: []byte("offline"), Retained: true}, s)
	want := `  meet a4c138010203 "bluetooth 0203" also [] model "" at "site/radio/attic/BTtoMQTT/A4C138010203"
    channel temperature number "Cel" 0..0
  keep
  report a4c138010203 away: offline, and no other gateway hears it
`
	if got := s.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestLimits has strangers publish as ever new devices.
func TestLimits(t *testing.T) {
	s, a := newScript(t), New("").(*air)
	for i := range 3 * maxDevices {
		s.take(a, fmt.Sprintf("home/%d/BTtoMQTT/%012d", i%(2*maxGateways), i), `{"tempc":1}`)
		s.take(a, fmt.Sprintf("home/%d/LWT", i), "online")
	}
	for i := range 3 * maxFields {
		s.take(a, "home/1/BTtoMQTT/000000000001", fmt.Sprintf(`{"a%d":1}`, i))
	}
	if len(a.things) != maxDevices || len(s.met) != maxDevices || len(a.gateways) != maxGateways {
		t.Errorf("there are %d devices and %d gateways, and %d were met", len(a.things), len(a.gateways), len(s.met))
	}
	if n := len(s.met["000000000001"].Channels); n != maxFields {
		t.Errorf("a device has %d channels", n)
	}
	for _, kind := range []string{"devices", "gateways", "keys"} {
		if !strings.Contains(s.String(), "  doubt "+kind) {
			t.Errorf("nothing tells of too many %s", kind)
		}
	}
}

// FuzzTake takes lines of a topic below the base, a tab, and a payload.
func FuzzTake(f *testing.F) {
	f.Add("a/BTtoMQTT/020000000001\t{\"tempc\":1,\"weight\":3,\"unit\":\"kg\"}\na/LWT\toffline\na/SYStoMQTT\t{\"mac\":\"02:00:00:00:00:01\",\"uptime\":1}")
	f.Add("a/433toMQTT\t{\"value\":1}\na/SYStoMQTT\t{\"mac\":\"02:00:00:00:00:02\",\"uptime\":1}\nb/SYStoMQTT\t{\"mac\":\"02:00:00:00:00:02\",\"uptime\":1}")
	f.Add(`a/BTtoMQTT/x	{"id":"02:00:00:00:00:01","model":"m","":1,"a b":"c","presence":"absent","tempf":3,"pres":1e999}`)
	f.Fuzz(func(t *testing.T, lines string) {
		s, n := newScript(t), New("")
		for line := range strings.Lines(lines) {
			topic, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			s.take(n, "home/"+topic, payload)
		}
	})
}

func BenchmarkHeard(b *testing.B) {
	n, s := New(""), newScript(b)
	m := family.Message{Topic: "home/OMG/BTtoMQTT/020000000001", Payload: []byte(`{"id":"02:00:00:00:00:01","mac_type":1,"rssi":-23,"brand":"SwitchBot","model":"Meter (Plus)","model_id":"THX1/W230150X","tempc":17.6,"tempf":63.68,"hum":63,"batt":100}`)}
	n.Take(m, s)
	b.ReportAllocs()
	for b.Loop() {
		n.Take(m, deaf{})
	}
}

type deaf struct{ family.Sink }

func (deaf) Report(string, family.Report) {}

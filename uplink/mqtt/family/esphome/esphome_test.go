package esphome

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/rostertest"
)

func TestFilters(t *testing.T) {
	for base, want := range map[string]string{"": "+/", "home/node": "home/node/", "home/+/": "home/+/"} {
		got := New(base).Filters()
		for _, what := range []string{"status", "sensor/+/state", "cover/+/position/state", "fan/+/speed_level/state", "light/+/state"} {
			if !slices.Contains(got, want+what) {
				t.Errorf("%q has %v, want %s", base, got, want+what)
			}
		}
		if !slices.Contains(got, "esphome/discover/+") || slices.ContainsFunc(got, func(f string) bool { return strings.Contains(f, "#") || strings.HasSuffix(f, "debug") }) {
			t.Errorf("%q has %v", base, got)
		}
	}
}

// TestData: two of the rows are for Home Assistant's discovery.
func TestData(t *testing.T) {
	rostertest.Data(t, New(""), "esphome.jsonl", []string{
		"",
		"meet esphome/c3-debug \"c3-debug\" \"\"\nkeep\nesphome/c3-debug pressure-voltage = 0.483",
		"esphome/c3-debug there",
		"",
	})
}

func TestComponents(t *testing.T) {
	const meet = "meet esphome/node \"node\" \"\"\n"
	to := rostertest.New(t)
	rostertest.Play(t, New(""), to, []rostertest.Step{
		{"node/status", "offline", ""},
		{"node/debug", "[I] hello", ""},
		{"homeassistant/sensor/x/state", "1", ""},
		{"node/sensor/Some thing/state", "1", ""},
		{"node/sensor/_/state", "1", ""},
		{"/sensor/x/state", "1", ""},
		{"node/sensor/x/state", "", ""},
		{"node/sensor/room_temperature/state", "21.50", meet + "keep\nesphome/node room-temperature = 21.5\nesphome/node away said \"offline\""},
		{"node/sensor/room_temperature/state", "nan", `esphome/node room-temperature (bad: "nan": the sensor has no value)`},
		{"node/sensor/room_temperature/state", "inf", `esphome/node room-temperature (bad: "inf" is not a number)`},
		{"node/status", "online", "esphome/node there"},
		{"node/status", "offline", `esphome/node away says "offline"`},
		{"node/status", "well", ""},
		{"node/sensor/version/state", "2024.10.1", meet + "keep\nesphome/node version = 2024.10.1"},
		{"node/sensor/state/state", "nan", meet + "keep\nesphome/node device-state (bad: \"nan\": the sensor has no value)"},
		{"node/binary_sensor/door/state", "ON", meet + "keep\nesphome/node door = on"},
		{"node/binary_sensor/door/state", "open", "doubt payload"},
		{"node/sensor/door/state", "5", meet + "keep\nesphome/node sensor-door = 5"},
		{"node/switch/pump/state", "OFF", meet + "output \"pump\" boolean []\nkeep\nesphome/node output \"pump\" = off"},
		{"node/fan/pump/state", "ON", meet + "output \"fan-pump\" boolean []\nkeep\nesphome/node output \"fan-pump\" = on"},
		{"node/fan/pump/speed_level/state", "2", meet + "output \"pump-speed\" number []\nkeep\nesphome/node output \"pump-speed\" = 2"},
		{"node/light/lamp/state", `{"effect":"None","color_mode":"brightness","state":"ON","brightness":127,"color":{}}`, meet + `
			output "lamp" boolean []
			output "lamp-brightness" number []
			keep
			esphome/node output "lamp" = on
			esphome/node output "lamp-brightness" = 50`},
		{"node/light/lamp/state", `ON`, "doubt payload"},
		{"node/number/limit/state", "12.500000", meet + "output \"limit\" number []\nkeep\nesphome/node output \"limit\" = 12.5"},
		{"node/number/limit/state", "nan", ""},
		{"node/number/limit/state", "x", "doubt payload"},
		{"node/select/mode/state", "Heat up", meet + "output \"mode\" text []\nkeep\nesphome/node output \"mode\" = Heat up"},
		{"node/cover/blind/state", "opening", meet + "output \"blind\" text [open close stop]\nkeep\nesphome/node output \"blind\" = open"},
		{"node/cover/blind/state", "ajar", "doubt payload"},
		{"node/cover/blind/position/state", "40", meet + "output \"blind-position\" number []\nkeep\nesphome/node output \"blind-position\" = 40"},
		{"node/cover/blind/position/state", "101", "doubt payload"},
		{"node/switch/pump/command", "ON", ""},
	})
	want := map[string]struct {
		v device.Value
		p string
	}{
		"pump": {device.On(true), "node/switch/pump/command ON"}, "fan-pump": {device.On(false), "node/fan/pump/command OFF"},
		"pump-speed": {device.Of(3), "node/fan/pump/speed_level/command 3"}, "lamp": {device.On(true), `node/light/lamp/command {"state":"ON"}`},
		"lamp-brightness": {device.Of(50), `node/light/lamp/command {"brightness":128}`}, "limit": {device.Of(7.25), "node/number/limit/command 7.25"},
		"mode": {device.Words("Off"), "node/select/mode/command Off"}, "blind": {device.Words("stop"), "node/cover/blind/command STOP"},
		"blind-position": {device.Of(70), "node/cover/blind/position/command 70"},
	}
	outputs := to.Met["esphome/node"].Outputs
	if len(outputs) != len(want) {
		t.Errorf("there are %d outputs, want %d", len(outputs), len(want))
	}
	for _, o := range outputs {
		p, err := o.Command(want[o.Name].v)
		if got := p.Topic + " " + string(p.Payload); got != want[o.Name].p || err != nil {
			t.Errorf("%q makes %q, %v, want %q", o.Name, got, err, want[o.Name].p)
		}
	}
}

// TestBrightness: what is commanded comes back as that, though the node cuts off decimals of what it got (uint8 of
// brightness * 255, in its LightJSONSchema), and single precision may have it a step lower.
func TestBrightness(t *testing.T) {
	to := rostertest.New(t)
	f := New("")
	f.Take(family.Message{Topic: "n/light/l/state", Payload: []byte(`{"brightness":1}`)}, to)
	command := to.Met["esphome/n"].Outputs[0].Command
	for p := range 101 {
		var sent float64
		out, _ := command(device.Of(float64(p)))
		if _, err := fmt.Sscanf(string(out.Payload), `{"brightness":%g}`, &sent); err != nil || sent < 0 || sent > 255 {
			t.Fatalf("%d %% is sent as %s", p, out.Payload)
		}
		for _, back := range []float64{sent, math.Max(sent-1, 0)} {
			to.Lines()
			f.Take(family.Message{Topic: "n/light/l/state", Payload: fmt.Appendf(nil, `{"brightness":%g}`, back)}, to)
			rostertest.Compare(t, to, fmt.Sprintf("%d %% comes back as %g", p, back), fmt.Sprintf(`esphome/n output "l-brightness" = %d`, p))
		}
	}
}

func TestDiscovery(t *testing.T) {
	const topic, told = "esphome/discover/node", `{"ip":"192.0.2.9","name":"node","friendly_name":"Keller","port":6053,"version":"2024.10.1","mac":"0200000000ee","platform":"ESP32","board":"esp32dev","network":"wifi"}`
	to := rostertest.New(t)
	f := New("")
	rostertest.Play(t, f, to, []rostertest.Step{
		{topic, told, "keep"},
		{"node/sensor/a/state", "1", "meet 0200000000ee also esphome/node \"Keller\" \"ESPHome esp32dev\"\nkeep\n0200000000ee a = 1"},
		{topic, told, "keep"},
		{topic, strings.Replace(told, "Keller", "Dach", 1), "keep\nmeet 0200000000ee also esphome/node \"Dach\" \"ESPHome esp32dev\""},
		{topic, `{"mac":"nobody"}`, "doubt payload"},
		{topic, "", "keep\ngone 0200000000ee esphome/discover/node was taken away"},
		{topic, "", "keep"},
		{"late/switch/a/state", "ON", "meet esphome/late \"late\" \"\"\noutput \"a\" boolean []\nkeep\nesphome/late output \"a\" = on"},
		{"esphome/discover/late", strings.Replace(told, "friendly_name", "x", 1), "keep\nmeet 0200000000ee also esphome/late \"late\" \"ESPHome esp32dev\""},
	})
	f.(family.Connecter).Connected(time.Time{}, to)
	rostertest.Compare(t, to, "connected", "publish esphome/discover")
	to = rostertest.New(t)
	rostertest.Play(t, New("home/+/x"), to, []rostertest.Step{
		{"home/a/x/sensor/b/state", "1", "meet esphome/home/a/x \"x\" \"\"\nkeep\nesphome/home/a/x b = 1"},
		{"home/a/y/sensor/b/state", "1", ""},
		{"home", "1", ""},
	})
}

func FuzzTake(f *testing.F) {
	f.Add("", "node", "light/lamp/state", `{"state":"ON","brightness":300}`)
	f.Add("a/+", "a/b", "sensor/x/state", "nan")
	f.Add("", "node", "number/x/state", "1e308")
	f.Add("", "node", "cover/x/position/state", "-0")
	f.Add("", "node", "select/x/state", "\xff")
	f.Fuzz(func(t *testing.T, base, at, topic, payload string) {
		if strings.ContainsAny(at+topic, "+#\x00") {
			return // no topic of a message has these (MQTT 3.1.1, 4.7.1)
		}
		topics := []string{at + "/" + topic, at + "/status", "esphome/discover/" + at, at + "/sensor/x/state", at + "/light/x/state", at + "/binary_sensor/x/state"}
		rostertest.Fuzz(t, func() family.Family { return New(base) }, topics, rostertest.Same, []byte(payload), []byte("offline"), []byte(`{"mac":"020000000001"}`), []byte("ON"))
	})
}

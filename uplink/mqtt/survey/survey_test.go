package survey_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/edge/config"
	_ "selvage/uplink/mqtt"
	"selvage/uplink/mqtt/survey"
)

func TestFamily(t *testing.T) {
	for _, c := range []struct{ topic, payload, want string }{
		{"zigbee2mqtt/Stopcontact", "", "zigbee2mqtt"}, {"upstairs/bridge/devices", "[]", "zigbee2mqtt=upstairs"}, {"upstairs/bridge/wood", "1", ""},
		{"tele/plug/SENSOR", "{}", "tasmota"}, {"plug/tele/LWT", "Online", "tasmota"}, {"stat/plug/POWER2", "ON", "tasmota"}, {"tele/vision/news", "x", ""},
		{"tasmota/discovery/020000000001/config", "{}", "tasmota"}, {"stat/a", "1", ""},
		{"shellies/x/relay/0", "on", "shelly"}, {"own/name/events/rpc", `{"method":"NotifyStatus"}`, "shelly"}, {"own/events/rpc", "{}", ""},
		{"shellyplus1-000001/status/switch:0", "{}", "shelly"}, {"shellfish/status", "", ""},
		{"node/sensor/temp/state", "1", "esphome"}, {"node/sensor/temp", "1", ""}, {"esphome/discover/node", "{}", "esphome"},
		{"home/OMG/BTtoMQTT/020000000001", "{}", "theengs"}, {"home/OMG/LORAtoMQTT", "", ""},
		{"homeassistant/sensor/a/config", "{}", "homeassistant"}, {"homeassistant/status", "online", ""},
		{"spBv1.0/Plant/NBIRTH/Edge", "", "sparkplug"}, {"spBv1.0/STATE/host", "{}", "sparkplug"}, {"", "", ""}, {"/", "", ""},
	} {
		family, base := survey.Family(c.topic, []byte(c.payload))
		if base != "" {
			family += "=" + base
		}
		if family != c.want {
			t.Errorf("%s looks like %q, want %q", c.topic, family, c.want)
		}
	}
}

// What real devices publish looks like what they are.
func TestRows(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/data/mqtt/*.jsonl")
	if len(files) == 0 {
		t.Skip("shared/data/mqtt is absent")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".jsonl"), "_")
		var s survey.Survey
		for dec := json.NewDecoder(strings.NewReader(string(text))); dec.More(); {
			var row struct{ Topic, Payload string }
			if err := dec.Decode(&row); err != nil {
				t.Fatal(err)
			}
			got := s.Add(row.Topic, []byte(row.Payload), false)
			if got != want && got != "homeassistant" && row.Topic != "GRID/power" {
				t.Errorf("%s: %s looks like %q", file, row.Topic, got)
			}
		}
	}
}

func survey1(messages ...string) *survey.Survey {
	s := &survey.Survey{}
	for _, m := range messages {
		topic, payload, _ := strings.Cut(m, " ")
		s.Add(topic, []byte(payload), false)
	}
	return s
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name, want string
		messages   []string
	}{
		{"families", "discover = [\"homeassistant\", \"zigbee2mqtt\", \"zigbee2mqtt=up\"]\n", []string{
			"zigbee2mqtt/a {}", "up/bridge/state {}", "up/lamp {\"on\":1}", `homeassistant/sensor/x/config {"~":"own/x","stat_t":"~/state","avty":[{"t":"own/x/alive"}]}`, "own/x/state 1", "own/x/alive on"}},
		{"only one of another base", "discover = [\"zigbee2mqtt=up\"]\n", []string{"up/bridge/state {}"}},
		{"places before quantities", `
[uplink.b.map."h/{name}/hum"] # 2 messages on 2 topics
device = "/device/h-{name}"
channel.hum = {}

[uplink.b.map."h/{name}/temp_c"] # 2 messages on 2 topics
device = "/device/h-{name}"
channel.temp-c = { unit = "Cel" }
`, []string{"h/a/temp_c 1", "h/a/hum 1", "h/b/temp_c 1", "h/b/hum 1"}},
		{"who would be taken in by mistake", `
[uplink.b.map."h/a"] # 1 message
device = "/device/h"
channel.a = {}

[uplink.b.map."h/b"] # 1 message
device = "/device/h"
channel.b = {}

[uplink.b.map."h/info"] # 1 message
device = "/device/h-info"
channel.v = { path = "v" }
`, []string{"h/a 1", "h/b 1", `h/info {"v":1}`}},
		{"partly and not at all", `
[uplink.b.map."d/{name}"] # 3 messages on 2 topics
device = "/device/d-{name}"
at = "time"
channel.a = { path = "a" }
channel.b-c = { path = "b.c", form = "boolean", optional = true }
`, []string{`d/x {"a":1,"b":{"c":true},"time":"2026-11-23T08:00:00Z","n":null,"l":[1],"s":"x"}`, `d/x {"a":1}`, `d/y {"a":1,"b":{"c":"OFF"}}`}},
		{"twins of one name", `
[uplink.b.map."A b"] # 1 message
device = "/device/a-b"
channel.value = {}

[uplink.b.map."a-b"] # 1 message
device = "/device/a-b-2"
channel.value = {}
`, nil},
	} {
		s := survey1(c.messages...)
		if c.messages == nil {
			s.Add("A b", []byte("1"), false)
			s.Add("a-b", []byte("1"), false)
		}
		if got := s.Config("b", []string{"homeassistant", "zigbee2mqtt"}); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// FuzzConfig has what is written be a config, whatever was heard.
func FuzzConfig(f *testing.F) {
	f.Add("a/b/temp", `{"t":1,"at":1795420800,"x.y":{"z\"":true}}`, "a/c/temp", "21.5")
	f.Add("zigbee2mqtt/x", "1", "日/{n}/\x7f", "ON")
	f.Fuzz(func(t *testing.T, topic1, payload1, topic2, payload2 string) {
		if !strings.Contains(config1(t, survey1(topic1+" "+payload1, topic2+" "+payload2)), "uplink.broker") {
			t.Error("nothing is there")
		}
	})
}

// config1 is what is written, with the table it belongs to.
func config1(t *testing.T, s *survey.Survey) string {
	text := "[host]\nname = \"x\"\n[uplink.broker]\nkind = \"mqtt\"\nurl = \"mqtt://x\"\n" + s.Config("broker", nil)
	if _, err := config.Parse("x.toml", []byte(text)); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return text
}

package homeassistant

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// notes is a Sink that writes down what it is told.
type notes struct {
	lines    []string
	readings []device.Reading
	devices  map[string]family.Device
	kept     map[string][]byte
	now      family.Message
	checks   func(format string, args ...any)
}

func newNotes(t testing.TB) *notes {
	return &notes{devices: map[string]family.Device{}, kept: map[string][]byte{}, checks: t.Errorf}
}

func (n *notes) note(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func (n *notes) Meet(d family.Device) {
	n.devices[d.ID] = d
	n.note("meet %s %q %q at %s", strings.Join(append([]string{d.ID}, d.Also...), " = "), d.Name, d.Model, d.Address)
	if d.Every > 0 {
		n.note("  every %v", d.Every)
	}
	for _, c := range d.Channels {
		n.note("  channel %s %v %q", c.Name, c.Form, c.Unit)
	}
	for _, o := range d.Outputs {
		limits := ""
		if o.Takes.Max != 0 {
			limits = fmt.Sprintf(" %v to %v", o.Takes.Min, o.Takes.Max)
		}
		n.note("  output %q %v %q%s %q silent=%v", o.Name, o.Takes.Form, o.Takes.Unit, limits, o.Options, o.Silent)
	}
	n.note("  on %s", strings.Join(d.Filters, ", "))
}

func (n *notes) Report(id string, r family.Report) {
	d, met := n.devices[id]
	if !met {
		n.checks("a report of %s, which was not met", id)
	}
	if r.Presence != family.Unsaid {
		n.note("report %s %s %s", id, map[family.Presence]string{family.There: "is there", family.Away: "is away:"}[r.Presence], r.Why)
	}
	for _, s := range r.States {
		if !slices.ContainsFunc(d.Outputs, func(o family.Output) bool { return o.Name == s.Output && o.Takes.Form == s.Value.Form }) {
			n.checks("%s has a state of %q, and no such output", id, s.Output)
		}
		n.note("report %s state %q %v", id, s.Output, s.Value)
	}
	for _, c := range r.Readings {
		of := slices.IndexFunc(d.Channels, func(o device.Channel) bool { return o.Name == c.Channel })
		if of < 0 && c.Reading.Quality != device.Bad || of >= 0 && c.Reading.Quality != device.Bad && (d.Channels[of].Form != c.Reading.Form || d.Channels[of].Unit != c.Reading.Unit) {
			n.checks("%s has the reading %s %+v, and no such channel", id, c.Channel, c.Reading)
		}
		n.readings = append(n.readings, c.Reading)
		n.note("report %s %s %v", id, c.Channel, c.Reading)
	}
}

func (n *notes) Gone(id, why string) { delete(n.devices, id); n.note("gone %s: %s", id, why) }

func (n *notes) Publish(p family.Publication) { n.note("publish %s %s", p.Topic, p.Payload) }

func (n *notes) Doubt(p family.Problem) { n.note("doubt %s: %s", p.Kind, p.Text) }

func (n *notes) Keep() {
	n.kept[n.now.Topic] = slices.Clone(n.now.Payload)
	if len(n.now.Payload) == 0 {
		delete(n.kept, n.now.Topic)
	}
}

// say has the family take messages, each written as topic, space, payload.
func (n *notes) say(f family.Family, messages ...string) {
	for _, m := range messages {
		topic, payload, _ := strings.Cut(m, " ")
		raw := []byte(payload)
		n.now = family.Message{Topic: topic, Payload: raw}
		f.Take(n.now, n)
		clear(raw) // it is the caller's
	}
}

// since returns what was noted, and forgets it.
func (n *notes) since() string {
	text := strings.Join(n.lines, "\n")
	n.lines = nil
	return text
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if want = strings.TrimSpace(want); got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

type row struct {
	Topic, Payload, Encoding string
	Retained                 bool
}

// published reads the rows of files of recorded messages.
func published(t testing.TB, names ...string) (rows []row) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join("..", "..", "..", "..", "..", "shared", "data", "mqtt", name+".jsonl")
		f, err := os.Open(path)
		if err != nil {
			t.Skipf("there are no recorded messages here: ../shared/data/mqtt/%s.jsonl", name)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var r row
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if r.Encoding == "base64" {
				raw, err := base64.StdEncoding.DecodeString(r.Payload)
				if err != nil {
					t.Fatal(err)
				}
				r.Payload = string(raw)
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// TestPublished has all recorded messages, each after those before it.
func TestPublished(t *testing.T) {
	n, f := newNotes(t), New("")
	for _, r := range published(t, "homeassistant_discovery", "esphome", "tasmota", "zigbee2mqtt") {
		n.now = family.Message{Topic: r.Topic, Payload: []byte(r.Payload), Retained: r.Retained}
		f.Take(n.now, n)
	}
	for _, m := range [][2]string{
		{"homeassistant/sensor/Inverter_1/Battery_voltage", `51.2`},
		{"ems-esp/heartbeat", `{"uptime_sec":12345,"rssi":-60}`},
		{"watermeter/connection", `connection lost`},
		{"watermeter/main/json", `{"value":"123.456","raw":"0123.4"}`},
		{"GRID/export", `550.0`},
		{"device/template_sensor/state", `nan`},
		{"device/status", `offline`},
		{"tasmota01/tele/SENSOR", `{"ENERGY":{"Today":0.002}}`},
		{"tasmota01/tele/LWT", `Offline`},
		{"zigbee2mqtt/bridge/state", `{"state":"offline"}`},
		{"zigbee2mqtt/Temperatur Balkon", `{"linkquality":87,"temperature":21.5}`},
		{"zigbee2mqtt/Temperatur Balkon", `{"temperature":21.5}`},
	} {
		f.Take(family.Message{Topic: m[0], Payload: []byte(m[1])}, n)
	}
	same(t, "all", n.since(), `
meet homeassistant/100001 "Inverter" "MPPSolar PIP3048LV-MK" at homeassistant/sensor/Inverter_1/Battery_voltage
  channel battery-voltage-inverter number "V"
  on homeassistant/sensor/Inverter_1/Battery_voltage
meet homeassistant/ems-esp "ems-esp" "" at ems-esp/heartbeat
  channel uptime-sec number "s"
  on ems-esp/heartbeat
meet homeassistant/12345678 "Total water meter" "aquamess M100" at watermeter/main/json
  channel meter-water-counter number "m3"
  on watermeter/connection, watermeter/main/json
meet homeassistant/sensor/EXPORT "I3 Grid export" "" at GRID/export
  channel power number ""
  on GRID/export
meet 020000000001 = homeassistant/020000000001 "c3-debug-000001" "espressif airm2m_core_esp32c3" at c3-debug/sensor/pressure_voltage/state
  channel pressure-voltage number "V"
  on c3-debug/sensor/pressure_voltage/state, c3-debug/status
report 020000000001 pressure-voltage 0.483 V
report 020000000001 is there 
meet homeassistant/ESPsensortemplate_sensor "Template Sensor" "" at device/template_sensor/state
  channel temperature number "Cel"
  on device/status, device/template_sensor/state
meet 020000000001 = homeassistant/020000000001 = homeassistant/000001 "c3-debug-000001" "espressif airm2m_core_esp32c3" at tasmota01/tele/SENSOR
  channel pressure-voltage number "V"
  channel tasmota-energy-today number "kW.h"
  on c3-debug/sensor/pressure_voltage/state, c3-debug/status, tasmota01/tele/LWT, tasmota01/tele/SENSOR
meet 0x0000000000000001 = homeassistant/zigbee2mqtt_0x0000000000000001 "Temperatur Balkon" "Aqara WSDCGQ11LM" at zigbee2mqtt/Temperatur Balkon
  channel linkquality number ""
  on zigbee2mqtt/Temperatur Balkon, zigbee2mqtt/bridge/state
report homeassistant/100001 battery-voltage-inverter 51.2 V
report homeassistant/ems-esp uptime-sec 12345 s
report homeassistant/12345678 is away: says "connection lost"
report homeassistant/12345678 meter-water-counter 123.456 m³
report homeassistant/sensor/EXPORT power 550
report homeassistant/ESPsensortemplate_sensor temperature "nan" is no number
report homeassistant/ESPsensortemplate_sensor is away: says "offline"
report 020000000001 tasmota-energy-today 0.002 kWh
report 020000000001 is there 
report 0x0000000000000001 is away: says "{\"state\":\"offline\"}"
report 0x0000000000000001 linkquality 87
`)
}

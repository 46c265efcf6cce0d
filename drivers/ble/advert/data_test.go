package advert_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/drivers/ble/advert"
	"selvage/drivers/ble/hci"
	"selvage/edge/device"
)

// row is an advertisement that others have recorded, and what their decoder makes of it.
type row struct {
	Name   string         `json:"name"`
	HCI    string         `json:"hci_hex"`
	Key    string         `json:"key_hex"`
	Expect map[string]any `json:"expect"`
	Maker  string         `json:"manufacturer_data_hex"`
}

// rows reads recorded advertisements.
func rows(t testing.TB, name string) (all []row) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "ble", name)
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there are no recorded advertisements here: %s", path)
		}
		t.Skipf("there are no recorded advertisements here: ../shared/data/ble/%s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rows", path)
	}
	return all
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// heard is the advertisement of a row. One row has a length that is wrong, as its recorder cut it.
func heard(t testing.TB, r row) device.Advert {
	t.Helper()
	var reports hci.Reports
	all, err := reports.Parse(unhex(t, r.HCI))
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %d reports, %v, want one", r.Name, len(all), err)
	}
	return all[0]
}

// A rule says what a key of a row is here: a channel, and how its value becomes theirs.
type rule struct {
	channel string
	theirs  func(v float64) float64
}

func times(n float64) func(float64) float64 { return func(v float64) float64 { return v * n } }

// rules are those whose names differ by more than their spaces.
var rules = map[string]rule{
	"distance mm":             {"distance", times(1000)},
	"volume mL":               {"volume", times(1000)},
	"volume flow rate":        {"flow", nil},
	"dewpoint":                {"dew-point", nil},
	"non-stabilized weight":   {"weight-now", nil},
	"stabilized":              {"stable", nil},
	"weight removed":          {"removed", nil},
	"opening percentage":      {"opening-level", nil},
	"temperature calibrated":  {"temperature", nil},
	"aqi":                     {"air-quality", nil},
	"acceleration x":          {"acceleration-x", times(1000 / 9.80665)},
	"acceleration y":          {"acceleration-y", times(1000 / 9.80665)},
	"acceleration z":          {"acceleration-z", times(1000 / 9.80665)},
	"impact x":                {"impact-x", nil},
	"impact y":                {"impact-y", nil},
	"impact z":                {"impact-z", nil},
	"black tank":              {"level-black", nil},
	"volume dispensed port 2": {"volume-dispensed-2", nil},
	"volume start":            {"volume-start-2", nil},
	"port name":               {"port-name-2", nil},
	"water pressure":          {"pressure-water", times(1e-3)},
	"flow":                    {"flow", times(1000)},
	"battery status":          {"state-battery", nil},
	"pump mode":               {"mode", nil},
	"water leak":              {"water-leak", nil},
	"measured power":          {"measured-power", nil},
	"counter":                 {"count", nil},
	"temperature probe 1":     {"probe-1", nil},
	"temperature probe 2":     {"probe-2", nil},
	"temperature probe 3":     {"probe-3", nil},
	"temperature probe 4":     {"probe-4", nil},
	"six btn switch top left": {"button-top-left", nil},
}

// of a row that need another rule.
var ofRow = map[string]map[string]rule{
	"airmentor/air_mentor_pro_2_set_1": {"temperature": {"temperature-inside", nil}},
	"holyiot/holyiot_pressure":         {"pressure": {"pressure", times(100)}},
	"mikrotik/mikrotik_tg_bt5_out":     {"acceleration x": {"acceleration-x", times(1 / 9.80665)}, "acceleration z": {"acceleration-z", times(1 / 9.80665)}},
	"govee/Govee_H5178_sensor_1":       {"temperature": {"temperature-outdoor", nil}, "humidity": {"humidity-outdoor", nil}, "battery": {"battery-outdoor", nil}},
}

// words are what their decoder calls things that are texts here.
var words = map[string]string{
	"single press": "press", "rotate left": "rotate left", "unlock inside the door": "unlocked inside",
	"unlock outside the door": "unlocked outside", "close the door": "closed",
	"Constant differential pressure level 1": "constant differential pressure 1",
}

// Keys that say who it is, or how their program works, and no quantity.
var aside = []string{
	"firmware", "type", "mac", "rssi", "manufacturer", "motion timer", "weight unit", "locktype", "one btn switch",
	"data", "version", "sensor id",
}

// different says where we read a row otherwise, and why.
var different = map[string]string{
	"mikrotik/mikrotik_tg_bt5_out acceleration":    "the parts are measured, not their sum",
	"mikrotik/mikrotik_tg_bt5_out acceleration y":  "0xFFFD is -0.0117 g, not 255.99: the format says that numbers are signed",
	"ibeacon/ibeacon_sensor cypress temperature":   "a beacon that is not of Cypress's sensor has no temperature in its minor number",
	"ibeacon/ibeacon_sensor cypress humidity":      "the same",
	"kkm/kkm_k6 acceleration":                      "the parts are measured, not their sum",
	"kkm/kkm_k6_neg_temp acceleration":             "the parts are measured, not their sum",
	"airmentor/air_mentor_pro_2_set_1 air quality": "the number is measured, and not given a name",
	"kegtron/kegtron_kt200 keg size":               "litres are measured, and not given a name",
	"kegtron/kegtron_kt200 port state":             "no quantity",
	"kegtron/kegtron_kt200 port index":             "in the names of the channels",
	"kegtron/kegtron_kt200 port count":             "in the model",
	"grundfos/grundfos_MI401 pump id":              "is the serial number",
	"atc/atc_custom_encrypted voltage":             "computed of the charge, not measured",
	"xiaomi/Xiaomi_LYWSD03MMC voltage":             "computed of the charge, not measured",
}

// Every recorded advertisement decodes to what its row expects.
func TestRecorded(t *testing.T) {
	if n := len(rows(t, "adverts.jsonl")); n < 171 {
		t.Errorf("%d rows, want at least 171", n)
	}
	for _, r := range rows(t, "adverts.jsonl") {
		t.Run(r.Name, func(t *testing.T) {
			a := heard(t, r)
			p, err := advert.Decode(a.From, a.Data, unhex(t, r.Key))
			if err != nil {
				t.Fatalf("Decode: %v (%s %s)", err, p.Family, p.Model)
			}
			got := map[string]advert.Measure{}
			for _, m := range p.Measures {
				if _, ok := advert.Channel(m.Channel); !ok {
					t.Errorf("the channel %s is not in the catalogue", m.Channel)
				}
				if _, twice := got[m.Channel]; twice {
					t.Errorf("%s is measured twice", m.Channel)
				}
				got[m.Channel] = m
			}
			if p.Encrypted != (r.Key != "") {
				t.Errorf("Encrypted = %v with the key %q", p.Encrypted, r.Key)
			}
			for key, want := range r.Expect {
				expect(t, r, a, p, got, key, want)
			}
		})
	}
}

func expect(t *testing.T, r row, a device.Advert, p advert.Packet, got map[string]advert.Measure, key string, want any) {
	t.Helper()
	if _, skip := different[r.Name+" "+key]; skip {
		return
	}
	for _, k := range aside {
		if k == key {
			asideFits(t, r, a, key, want)
			return
		}
	}
	switch key {
	case "packet":
		if n, ok := want.(float64); ok && float64(p.ID) != n && float64(p.Count) != n && !strings.HasPrefix(r.Name, "bparasite") {
			t.Errorf("packet %d (count %d), want %v", p.ID, p.Count, want)
		}
		return
	case "uuid":
		if p.Serial != want && !strings.HasPrefix(r.Name, "tilt") {
			t.Errorf("serial %q, want %v", p.Serial, want)
		}
		return
	}
	rule, ok := ofRow[r.Name][key]
	if !ok {
		if rule, ok = rules[key]; !ok {
			rule.channel = strings.NewReplacer(" ", "-", ".", "-", "_", "-").Replace(key)
		}
	}
	switch {
	case strings.HasPrefix(key, "temperature alarm probe "):
		rule.channel = "probe-" + key[len(key)-1:] + "-high"
	case strings.HasPrefix(key, "low temperature alarm probe "):
		rule.channel = "probe-" + key[len(key)-1:] + "-low"
	case key == "button switch":
		rule.channel = "button"
		if _, top := got["button-top-left"]; top {
			rule.channel = "button-top-left"
		}
	case key == "steps" && got["dimmer"].Text != "":
		if !strings.HasSuffix(got["dimmer"].Text, fmt.Sprintf(" %v", want)) {
			t.Errorf("dimmer = %q, want %v steps", got["dimmer"].Text, want)
		}
		return
	case key == "action":
		rule.channel = "lock-action"
	case key == "method":
		rule.channel = "lock-method"
	case key == "key id":
		rule.channel = "lock-key"
	case want == "toggle":
		if m := got[rule.channel]; m.Text == "" || !m.Event {
			t.Errorf("%s = %+v, want an event", rule.channel, m)
		}
		return
	}
	m, ok := got[rule.channel]
	if n, number := want.(float64); number && n == 0 && (!ok || m.Err != nil) && strings.Contains(key, "probe") {
		return // they have 0 for a probe that is not plugged in
	}
	if !ok || m.Err != nil {
		t.Errorf("%s (%s) = %+v, want %v", rule.channel, key, m, want)
		return
	}
	switch want := want.(type) {
	case float64:
		v := m.Value
		if m.Text != "" {
			if m.Text != fmt.Sprint(want) {
				t.Errorf("%s = %q, want %v", rule.channel, m.Text, want)
			}
			return
		}
		if rule.theirs != nil {
			v = rule.theirs(v)
		}
		if math.Abs(v-want) > 1e-9+math.Abs(want)*1e-9 && math.Abs(v-want) > 0.0051*resolution(want) {
			t.Errorf("%s (%s) = %v, want %v", rule.channel, key, v, want)
		}
	case string:
		text := want
		if w, ok := words[want]; ok {
			text = w
		}
		if m.Text != text && !(rule.channel == "dimmer" && strings.HasPrefix(m.Text, text)) {
			t.Errorf("%s (%s) = %q, want %q", rule.channel, key, m.Text, text)
		}
	default:
		t.Errorf("%s: the row expects a %T", key, want)
	}
}

// resolution is 1 where a row's number was rounded to two digits behind the point, less where it has more.
func resolution(n float64) float64 {
	scale := 1.0
	if math.Abs(n*10-math.Round(n*10)) < 1e-6 {
		return 10 // one digit
	}
	for i := 0; i < 4 && math.Abs(n*100*scale-math.Round(n*100*scale)) > 1e-6; i++ {
		scale *= 10
	}
	return 1 / scale
}

func asideFits(t *testing.T, r row, a device.Advert, key string, want any) {
	t.Helper()
	switch {
	case key == "rssi" && float64(a.Signal) != want:
		t.Errorf("rssi = %d, want %v", a.Signal, want)
	case key == "mac" && strings.ReplaceAll(a.From.String(), ":", "") != want && r.Name != "govee/Govee_H5178_sensor_1" && r.Name != "sonoff/sonoff_r5":
		t.Errorf("from %v, want %v", a.From, want)
	}
}

// Ruuvi's own vectors: what it says of none is no value.
func TestRuuviVectors(t *testing.T) {
	for _, r := range rows(t, "ruuvi_df5.jsonl") {
		data := append([]byte{27, 0xFF, 0x99, 0x04}, unhex(t, r.Maker)...)
		p, err := advert.Decode(device.RadioAddress{}, data, nil)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		for _, m := range p.Measures {
			if invalid := strings.HasSuffix(r.Name, "/invalid"); invalid != (m.Err != nil) {
				t.Errorf("%s: %+v", r.Name, m)
			}
		}
		if len(p.Measures) != 9 {
			t.Errorf("%s: %d quantities, want 9", r.Name, len(p.Measures))
		}
	}
}

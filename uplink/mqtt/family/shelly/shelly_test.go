package shelly

import (
	"encoding/json"
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
	own := []string{"shellies/#", "selvage-shelly/#", "+/online", "+/status/+", "+/events/rpc"}
	for base, want := range map[string][]string{
		"": own, "shellies": own, "home/shelly/": append(slices.Clone(own), "home/shelly/+/online", "home/shelly/+/status/+", "home/shelly/+/events/rpc"),
	} {
		if got := New(base).Filters(); !slices.Equal(got, want) {
			t.Errorf("%q has %v, want %v", base, got, want)
		}
	}
}

// TestData: what stands in the file was reviewed against the messages by hand.
func TestData(t *testing.T) {
	const em3 = "meet shelly/shellyem3-000001 \"shellyem3-000001\" \"Shelly em3\"\n"
	const em = "meet shelly/shellyem-000002 \"shellyem-000002\" \"Shelly em\"\n"
	rostertest.Data(t, New(""), "shelly_gen1.jsonl", []string{
		em3 + "keep\nshelly/shellyem3-000001 power = 41.25 W",
		em3 + "keep\nshelly/shellyem3-000001 power-factor = 0.18",
		em3 + "keep\nshelly/shellyem3-000001 current = 0.99 A",
		em3 + "keep\nshelly/shellyem3-000001 voltage = 232.25 V",
		em3 + "keep\nshelly/shellyem3-000001 energy = 13372.4 Wh",
		em3 + "keep\nshelly/shellyem3-000001 energy-returned = 0 Wh",
		em3 + "keep\nshelly/shellyem3-000001 power-2 = -2.23 W",
		em3 + "keep\nshelly/shellyem3-000001 power-factor-2 = -0.02",
		em3 + "keep\nshelly/shellyem3-000001 current-2 = 0.39 A",
		em3 + "keep\nshelly/shellyem3-000001 voltage-2 = 233.14 V",
		em3 + "keep\nshelly/shellyem3-000001 energy-2 = 4107.8 Wh",
		em3 + "keep\nshelly/shellyem3-000001 energy-returned-2 = 186.9 Wh",
		em3 + "output \"\" boolean []\nkeep\nshelly/shellyem3-000001 output \"\" = off",
		em + "keep\nshelly/shellyem-000002 voltage = 224.3 V",
		em + "keep\nshelly/shellyem-000002 energy = 64541 Wh",
		"shelly/shellyem-000002 there",
	})
	rostertest.Data(t, New(""), "shelly_gen2.jsonl", []string{
		`meet shelly/shellyplus2pm-000001 "shellyplus2pm-000001" "Shelly plus2pm"
		output "" boolean []
		keep
		shelly/shellyplus2pm-000001 power = 0 W
		shelly/shellyplus2pm-000001 voltage = 230.8 V
		shelly/shellyplus2pm-000001 current = 0 A
		shelly/shellyplus2pm-000001 power-factor = 0
		shelly/shellyplus2pm-000001 frequency = 50 Hz
		shelly/shellyplus2pm-000001 energy = 123.585 Wh
		shelly/shellyplus2pm-000001 device-temperature = 44.9 °C
		shelly/shellyplus2pm-000001 output "" = off` + asked("shellyplus2pm-000001"),
		`meet 020000000001 also shelly/shellyplus2pm-000001 "shellyplus2pm-000001" "Shelly plus2pm"
		keep
		020000000001 energy = 123.585 Wh @2023-11-03T08:26:00.13Z
		020000000001 there`,
		`meet 020000000002 "shelly1pmmini-000002" "Shelly 1pmmini"
		keep
		020000000002 there` + asked("shelly1pmmini-000002"),
		`meet shelly/shellyplusht-000003 "shellyplusht-000003" "Shelly plusht"
		keep
		shelly/shellyplusht-000003 humidity = 51.9 %` + asked("shellies/shellyplusht-000003"),
		"020000000001 there",
	})
}

// asked is what is published when a device is asked.
func asked(at string) string {
	return fmt.Sprintf(`
		publish %s/rpc {"id":1,"src":"selvage-shelly/%[1]s","method":"Shelly.GetDeviceInfo"}
		publish %[1]s/rpc {"id":1,"src":"selvage-shelly/%[1]s","method":"Shelly.GetStatus"}`, at)
}

// commands are what the outputs of a device make of values.
func commands(t *testing.T, d family.Device, want map[string]struct {
	v device.Value
	p string
}) {
	t.Helper()
	if len(d.Outputs) != len(want) {
		t.Errorf("%s has %d outputs, want %d", d.ID, len(d.Outputs), len(want))
	}
	for _, o := range d.Outputs {
		v, err := o.Takes.Fit(want[o.Name].v)
		if err != nil {
			t.Errorf("%q: %v", o.Name, err)
		}
		p, err := o.Command(v)
		if got := p.Topic + " " + string(p.Payload); got != want[o.Name].p || err != nil {
			t.Errorf("%q makes %s, %v, want %s", o.Name, got, err, want[o.Name].p)
		}
	}
}

func TestGen1(t *testing.T) {
	to := rostertest.New(t)
	rostertest.Play(t, New(""), to, []rostertest.Step{
		{"shellies/shelly25-000001/online", "true", ""},
		{"shellies/announce", `{"id":"shellyswitch25-000001","model":"SHSW-25","mac":"0200000000AA","ip":"192.0.2.5","new_fw":false,"fw_ver":"20230913"}`, `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			keep`},
		{"shellies/shellyswitch25-000001/announce", `{"id":"shellyswitch25-000001","model":"SHSW-25","mac":"0200000000AA"}`, ""},
		{"shellies/announce", `{"id":"a/b"}`, "doubt payload"},
		{"shellies/announce", `{"id":"shellyplus1-0200000000bb","gen":2}`, ""},
		{"shellies/command", "announce", ""},
		{"shellies/shellyswitch25-000001/relay/1/command", "on", ""},
		{"shellies/shellyswitch25-000001/relay/1", "overpower", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			output "relay-1" boolean []
			keep
			0200000000aa output "relay-1" = off`},
		{"shellies/shellyswitch25-000001/relay/1", "dim", "doubt payload"},
		{"shellies/shellyswitch25-000001/relay/1/energy", "453", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			keep
			0200000000aa energy-1 = 7.55 Wh`},
		{"shellies/shellyswitch25-000001/relay/1/energy", "x", `0200000000aa energy-1 (bad: "x" is not a number)`},
		{"shellies/shellyswitch25-000001/relay/999/power", "1", ""},
		{"shellies/shellyswitch25-000001/relay/01/power", "1", ""},
		{"shellies/shellyswitch25-000001/roller/0", "stop", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			output "" text [open close stop]
			keep
			0200000000aa output "" = stop`},
		{"shellies/shellyswitch25-000001/roller/0/pos", "-1", ""},
		{"shellies/shellyswitch25-000001/roller/0/pos", "30", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			output "position" number []
			keep
			0200000000aa output "position" = 30`},
		{"shellies/shellyswitch25-000001/temperature", "59.03", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			keep
			0200000000aa device-temperature = 59.03 °C`},
		{"shellies/shellyswitch25-000001/temperature", "999.00", `0200000000aa device-temperature (bad: 999.00: the device has no value)`},
		{"shellies/shellyswitch25-000001/temperature", "-1", `0200000000aa device-temperature = -1 °C`},
		{"shellies/shellyswitch25-000001/overtemperature", "0", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			keep
			0200000000aa overtemperature = off`},
		{"shellies/shellyswitch25-000001/input/0", "1", `
			meet 0200000000aa also shelly/shellyswitch25-000001 "shellyswitch25-000001" "Shelly SHSW-25"
			keep
			0200000000aa input = on`},
		{"shellies/shellyswitch25-000001/online", "false", `0200000000aa away says "false"`},
		{"shellies/shellyswitch25-000001/online", "maybe", `doubt payload`},
		{"shellies/lamp/light/0/status", `{"ison":true,"mode":"white","brightness":40,"power":3.5}`, `
			meet shelly/lamp "lamp" ""
			output "" boolean []
			output "brightness" number []
			keep
			shelly/lamp power = 3.5 W
			shelly/lamp output "" = on
			shelly/lamp output "brightness" = 40`},
		{"shellies/lamp/light/0/status", `on`, "doubt payload"},
		{"shellies/rgbw/white/2/status", `{"ison":false}`, `
			meet shelly/rgbw "rgbw" ""
			output "white-2" boolean []
			keep
			shelly/rgbw output "white-2" = off`},
		{"shellies/rgbw", "x", ""},
	})
	commands(t, to.Met["0200000000aa"], map[string]struct {
		v device.Value
		p string
	}{
		"":         {device.Words("open"), "shellies/shellyswitch25-000001/roller/0/command open"},
		"position": {device.Of(42), "shellies/shellyswitch25-000001/roller/0/command/pos 42"},
		"relay-1":  {device.On(true), "shellies/shellyswitch25-000001/relay/1/command on"},
	})
	commands(t, to.Met["shelly/lamp"], map[string]struct {
		v device.Value
		p string
	}{
		"": {device.On(false), "shellies/lamp/light/0/command off"}, "brightness": {device.Of(7), `shellies/lamp/light/0/set {"brightness":7}`},
	})
	commands(t, to.Met["shelly/rgbw"], map[string]struct {
		v device.Value
		p string
	}{
		"white-2": {device.On(true), `shellies/rgbw/white/2/set {"turn":"on"}`},
	})
}

// TestSleepers: one that sleeps is not away, and is expected seldom.
func TestSleepers(t *testing.T) {
	const doubt = "(uncertain: taken for °C; it is in °F if the device is set so, and it has not said)"
	const ht = "meet shelly/shellyht-000001 \"shellyht-000001\" \"Shelly ht\"\nkeep\n"
	to := rostertest.New(t)
	rostertest.Play(t, New(""), to, []rostertest.Step{
		{"shellies/shellyht-000001/sensor/temperature", "21.5", ht + "shelly/shellyht-000001 temperature = 21.5 °C " + doubt},
		{"shellies/shellyht-000001/sensor/temperature", "999", `shelly/shellyht-000001 temperature (bad: "999": the device has no value)`},
		{"shellies/shellyht-000001/online", "false", ""},
		{"shellies/shellyht-000001/info", `{"tmp":{"value":70.7,"units":"F","tC":21.5,"tF":70.7}}`, "keep"},
		{"shellies/shellyht-000001/sensor/temperature", "70.7", ht + "shelly/shellyht-000001 temperature = 70.7 °F"},
		{"shellies/shellyht-000001/sensor/battery", "100", ht + "shelly/shellyht-000001 battery = 100 %"},
		{"shellies/shellydw-000001/sensor/state", "open", "meet shelly/shellydw-000001 \"shellydw-000001\" \"Shelly dw\"\nkeep\nshelly/shellydw-000001 open = on"},
		{"shellies/shellydw-000001/sensor/state", "unknown", `shelly/shellydw-000001 open (bad: "unknown" is neither on nor off)`},
		{"shellies/shellymotionsensor-1/status", `{"motion":true,"lux":12,"bat":98,"vibration":false,"tmp":{}}`, `
			meet shelly/shellymotionsensor-1 "shellymotionsensor-1" "Shelly motionsensor"
			keep
			shelly/shellymotionsensor-1 motion = on
			shelly/shellymotionsensor-1 vibration = off
			shelly/shellymotionsensor-1 illuminance = 12 lx
			shelly/shellymotionsensor-1 battery = 98 %`},
		{"weather/events/rpc", `{"src":"shellyhtg3-0200000000cc","dst":"weather/events","method":"NotifyFullStatus","params":{"ts":1698999954.77,
			"devicepower:0":{"id":0,"battery":{"V":5.9,"percent":97},"external":{"present":false}},"humidity:0":{"id":0,"rh":43.2},
			"sys":{"mac":"0200000000CC","wakeup_period":7200},"temperature:0":{"id":0,"tC":-1.5,"tF":29.3},"wifi":{"sta_ip":"192.0.2.7","rssi":-61}}}`, `
			meet 0200000000cc "weather" "Shelly htg3"
			keep
			0200000000cc battery = 97 % @2023-11-03T08:25:54.77Z
			0200000000cc battery-voltage = 5.9 V @2023-11-03T08:25:54.77Z
			0200000000cc external-power = off @2023-11-03T08:25:54.77Z
			0200000000cc humidity = 43.2 % @2023-11-03T08:25:54.77Z
			0200000000cc temperature = -1.5 °C @2023-11-03T08:25:54.77Z
			0200000000cc wifi-signal = -61 dBm @2023-11-03T08:25:54.77Z
			0200000000cc there` + asked("weather")},
		{"weather/online", "false", ""},
	})
	for id, want := range map[string]time.Duration{
		"shelly/shellyht-000001": 12 * time.Hour, "shelly/shellydw-000001": 24 * time.Hour, "0200000000cc": 2 * time.Hour, "shelly/shellymotionsensor-1": 0,
	} {
		if got := to.Met[id].Every; got != want {
			t.Errorf("%s is expected each %v, want %v", id, got, want)
		}
	}
}

func TestGen2(t *testing.T) {
	const id = "0200000000dd"
	to := rostertest.New(t)
	f := New("")
	rostertest.Play(t, f, to, []rostertest.Step{
		{"kitchen/online", "true", ""},
		{"shellypro-x/online", "true", asked("shellypro-x")},
		{"kitchen/status/switch:0", `{"id":0,"output":true}`, ""},
		{"kitchen/events/rpc", `{"src":"somebody","method":"NotifyStatus","params":{"switch:0":{"output":true}}}`, ""},
		{"kitchen/events/rpc", `[`, ""},
		{"kitchen/events/rpc", `{"src":"shellypro2pm-0200000000DD","method":"NotifyEvent","params":{"ts":1.5,"events":[{"component":"input:0","event":"single_push"}]}}`, `
			meet 0200000000dd "kitchen" "Shelly pro2pm"
			keep
			0200000000dd there` + asked("kitchen")},
		{"selvage-shelly/kitchen/rpc", `{"id":1,"src":"shellypro2pm-0200000000dd","dst":"selvage-shelly/kitchen",
			"result":{"name":"Küche","id":"shellypro2pm-0200000000dd","mac":"0200000000DD","model":"SPSW-202PE16EU","gen":2,"app":"Pro2PM"}}`, `
			meet 0200000000dd "Küche" "Shelly Pro2PM"
			keep
			0200000000dd there`},
		{"selvage-shelly/kitchen/rpc", `{"id":1,"src":"shellypro2pm-0200000000dd","result":{"mqtt":{"connected":true},
			"switch:0":{"id":0,"source":"init","tag":null,"output":true,"apower":11.5,"aenergy":{"total":152669.987,"by_minute":[0.1]},"temperature":{"tC":null}},
			"switch:1":{"id":1,"output":false,"apower":"n/a"},"input:0":{"id":0,"state":null},"number:200":{"value":12.5},"enum:201":{"value":"eco"}}}`, `
			meet 0200000000dd "Küche" "Shelly Pro2PM"
			output "" boolean []
			output "enum-201" text []
			output "number-200" number []
			output "switch-1" boolean []
			keep
			0200000000dd power = 11.5 W
			0200000000dd energy = 152670 Wh
			0200000000dd power-1 (bad: "n/a" is not a number)
			0200000000dd output "enum-201" = eco
			0200000000dd output "number-200" = 12.5
			0200000000dd output "" = on
			0200000000dd output "switch-1" = off
			0200000000dd there`},
		{"kitchen/events/rpc", `{"src":"shellypro2pm-0200000000dd","method":"NotifyStatus","params":{"ts":1788945292.88,"switch:1":{"id":1,"output":true},"switch:x":{"output":true}}}`, `
			0200000000dd output "switch-1" = on
			0200000000dd there`},
		{"selvage-shelly/kitchen/rpc", `{"id":1,"src":"shellypro2pm-0200000000dd","error":{"code":-103,"message":"Invalid argument"}}`, "doubt command"},
		{"kitchen/online", "false", `0200000000dd away says "false"`},
		{"kitchen/status/switch:0", `{"id":0,"output":true}`, `0200000000dd output "" = on`},
		{"kitchen/status/switch:0", `true`, "doubt payload"},
		{"shellyplus2pm-c/status/cover:0", `{"id":0,"state":"closing","current_pos":60,"pos_control":true,"apower":120}`, `
			meet shelly/shellyplus2pm-c "shellyplus2pm-c" "Shelly plus2pm"
			output "" text [open close stop]
			output "position" number []
			keep
			shelly/shellyplus2pm-c cover-state = closing
			shelly/shellyplus2pm-c power = 120 W
			shelly/shellyplus2pm-c output "" = close
			shelly/shellyplus2pm-c output "position" = 60` + asked("shellyplus2pm-c")},
		{"shellypro3em-e/status/em:0", `{"id":0,"a_current":4.0,"a_act_power":951.2,"n_current":null,"total_act_power":2484.9}`, `
			meet shelly/shellypro3em-e "shellypro3em-e" "Shelly pro3em"
			keep
			shelly/shellypro3em-e power = 2484.9 W
			shelly/shellypro3em-e current-a = 4 A
			shelly/shellypro3em-e power-a = 951.2 W` + asked("shellypro3em-e")},
		{"shellydimmerg3-l/status/light:0", `{"id":0,"output":false,"brightness":35}`, `
			meet shelly/shellydimmerg3-l "shellydimmerg3-l" "Shelly dimmerg3"
			output "" boolean []
			output "brightness" number []
			keep
			shelly/shellydimmerg3-l output "" = off
			shelly/shellydimmerg3-l output "brightness" = 35` + asked("shellydimmerg3-l")},
	})
	rpc := func(at, method, params string) string {
		return fmt.Sprintf(`%s/rpc {"id":1,"src":"selvage-shelly/%[1]s","method":%[2]q,"params":%[3]s}`, at, method, params)
	}
	commands(t, to.Met[id], map[string]struct {
		v device.Value
		p string
	}{
		"": {device.On(true), rpc("kitchen", "Switch.Set", `{"id":0,"on":true}`)}, "switch-1": {device.On(false), rpc("kitchen", "Switch.Set", `{"id":1,"on":false}`)},
		"number-200": {device.Of(2.5), rpc("kitchen", "Number.Set", `{"id":200,"value":2.5}`)},
		"enum-201":   {device.Words("away"), rpc("kitchen", "Enum.Set", `{"id":201,"value":"away"}`)},
	})
	commands(t, to.Met["shelly/shellyplus2pm-c"], map[string]struct {
		v device.Value
		p string
	}{
		"":         {device.Words("stop"), rpc("shellyplus2pm-c", "Cover.Stop", `{"id":0}`)},
		"position": {device.Of(33), rpc("shellyplus2pm-c", "Cover.GoToPosition", `{"id":0,"pos":33}`)},
	})
	f.(family.Loser).Lost(time.Time{}, to)
	f.(family.Connecter).Connected(time.Time{}, to)
	var want []string
	for _, at := range []string{"kitchen", "shellydimmerg3-l", "shellyplus2pm-c", "shellypro3em-e"} {
		want = append(want, asked(at))
	}
	rostertest.Compare(t, to, "connected", "publish shellies/command announce"+strings.Join(want, ""))
}

func FuzzTake(f *testing.F) {
	f.Add("", "shellyplus1-020000000001", "switch:0", `{"output":true,"apower":1.5,"brightness":200}`)
	f.Add("home", "x", "relay/0", "on")
	f.Add("", "x", "emeter/1/power", "-0.5")
	f.Add("", "shellyht-1", "sensor/temperature", "1e400")
	f.Add("", "x", "light/0/status", `{"ison":true,"brightness":"50","power":null}`)
	f.Add("", "", "cover:1", `{"state":"open","current_pos":-1,"value":[]}`)
	f.Fuzz(func(t *testing.T, base, at, topic, payload string) {
		if strings.ContainsAny(at+topic, "+#\x00") {
			return // no topic of a message has these (MQTT 3.1.1, 4.7.1)
		}
		key, _ := json.Marshal(topic)
		notify := fmt.Sprintf(`{"src":"shellyx-020000000001","method":"NotifyStatus","params":{"ts":1698999954.77,%s:%s}}`, key, payload)
		answer := fmt.Sprintf(`{"src":"shellyx-020000000001","result":{%s:%s}}`, key, payload)
		topics := []string{
			at + "/status/" + topic, at + "/events/rpc", "selvage-shelly/" + at + "/rpc", "shellies/" + at + "/" + topic, at + "/online",
			"shellies/" + at + "/online", "shellies/announce", "shellies/" + at + "/info",
		}
		same := func(read, written float64) bool { // watt-minutes are told in watt-hours
			return read == written || math.Abs(read*60-written) <= 0.031+math.Abs(written)*1e-12
		}
		rostertest.Fuzz(t, func() family.Family { return New(base) }, topics, same, []byte(payload), []byte(notify), []byte(answer))
	})
}

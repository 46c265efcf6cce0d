package homeassistant

import (
	"strings"
	"testing"

	"selvage/edge/device"
)

// TestMakers has configs as several makers publish them, and what their devices say.
func TestMakers(t *testing.T) {
	for _, c := range []struct {
		name     string
		messages []string
		want     string
	}{
		{"a plug of Zigbee2MQTT", []string{
			`homeassistant/switch/0x00124b0022f1a2b3/switch/config {"availability":[{"topic":"zigbee2mqtt/bridge/state","value_template":"{{ value_json.state }}"},{"topic":"zigbee2mqtt/Plug/availability","value_template":"{{ value_json.state }}"}],"availability_mode":"all","command_topic":"zigbee2mqtt/Plug/set","device":{"identifiers":["zigbee2mqtt_0x00124b0022f1a2b3"],"manufacturer":"TuYa","model":"Smart plug","name":"Plug"},"name":null,"payload_off":"OFF","payload_on":"ON","state_topic":"zigbee2mqtt/Plug","unique_id":"0x00124b0022f1a2b3_switch_zigbee2mqtt","value_template":"{{ value_json.state }}"}`,
			`homeassistant/sensor/0x00124b0022f1a2b3/power/config {"device":{"identifiers":["zigbee2mqtt_0x00124b0022f1a2b3"],"name":"Plug"},"device_class":"power","state_class":"measurement","state_topic":"zigbee2mqtt/Plug","unique_id":"0x00124b0022f1a2b3_power_zigbee2mqtt","unit_of_measurement":"W","value_template":"{{ value_json.power }}"}`,
			`homeassistant/select/0x00124b0022f1a2b3/power_outage_memory/config {"command_topic":"zigbee2mqtt/Plug/set/power_outage_memory","device":{"identifiers":["zigbee2mqtt_0x00124b0022f1a2b3"],"name":"Plug"},"entity_category":"config","name":"Power outage memory","options":["on","off","restore"],"state_topic":"zigbee2mqtt/Plug","unique_id":"0x00124b0022f1a2b3_power_outage_memory_zigbee2mqtt","value_template":"{{ value_json.power_outage_memory }}"}`,
			`zigbee2mqtt/Plug {"power":4.5,"state":"ON","power_outage_memory":"restore"}`,
			`zigbee2mqtt/Plug {"power":null,"state":"TOGGLED"}`,
			`zigbee2mqtt/bridge/state {"state":"online"}`,
			`zigbee2mqtt/Plug/availability {"state":"online"}`,
			`zigbee2mqtt/Plug/availability {"state":"offline"}`,
		}, `
meet 0x00124b0022f1a2b3 = homeassistant/zigbee2mqtt_0x00124b0022f1a2b3 "Plug" "TuYa Smart plug" at zigbee2mqtt/Plug
  output "" boolean "" [] silent=false
  on zigbee2mqtt/Plug, zigbee2mqtt/Plug/availability, zigbee2mqtt/bridge/state
meet 0x00124b0022f1a2b3 = homeassistant/zigbee2mqtt_0x00124b0022f1a2b3 "Plug" "TuYa Smart plug" at zigbee2mqtt/Plug
  channel power number "W"
  output "" boolean "" [] silent=false
  on zigbee2mqtt/Plug, zigbee2mqtt/Plug/availability, zigbee2mqtt/bridge/state
meet 0x00124b0022f1a2b3 = homeassistant/zigbee2mqtt_0x00124b0022f1a2b3 "Plug" "TuYa Smart plug" at zigbee2mqtt/Plug
  channel power number "W"
  output "" boolean "" [] silent=false
  output "power-outage-memory" text "" ["on" "off" "restore"] silent=false
  on zigbee2mqtt/Plug, zigbee2mqtt/Plug/availability, zigbee2mqtt/bridge/state
report 0x00124b0022f1a2b3 state "power-outage-memory" restore
report 0x00124b0022f1a2b3 state "" on
report 0x00124b0022f1a2b3 power 4.5 W
report 0x00124b0022f1a2b3 zigbee2mqtt/Plug "TOGGLED" is neither "ON" nor "OFF"
report 0x00124b0022f1a2b3 is there 
report 0x00124b0022f1a2b3 is away: says "{\"state\":\"offline\"}"`},
		{"a light of Zigbee2MQTT", []string{
			`homeassistant/light/0x00124b0022f1a2b4/light/config {"brightness":true,"brightness_scale":254,"command_topic":"zigbee2mqtt/Lamp/set","device":{"identifiers":["zigbee2mqtt_0x00124b0022f1a2b4"],"name":"Lamp"},"max_mireds":454,"min_mireds":250,"name":null,"schema":"json","state_topic":"zigbee2mqtt/Lamp","supported_color_modes":["color_temp"],"unique_id":"0x00124b0022f1a2b4_light_zigbee2mqtt"}`,
			`zigbee2mqtt/Lamp {"state":"ON","brightness":127,"color_temp":300,"color_mode":"color_temp"}`,
			`zigbee2mqtt/Lamp {"state":"OFF","brightness":null}`,
		}, `
meet 0x00124b0022f1a2b4 = homeassistant/zigbee2mqtt_0x00124b0022f1a2b4 "Lamp" "" at zigbee2mqtt/Lamp
  output "" boolean "" [] silent=false
  output "brightness" number "" 0 to 254 [] silent=false
  output "color-temperature" number "{mired}" 250 to 454 [] silent=false
  on zigbee2mqtt/Lamp
report 0x00124b0022f1a2b4 state "" on
report 0x00124b0022f1a2b4 state "brightness" 127
report 0x00124b0022f1a2b4 state "color-temperature" 300
report 0x00124b0022f1a2b4 state "" off`},
		{"a whole device at once", []string{
			`homeassistant/device/bla/config {"dev":{"ids":"ea334450945afc","name":"Kitchen","mf":"Bla electronics","mdl":"xya","sn":"ea334450945afc","cns":[["mac","02:00:00:00:00:AB"]]},"o":{"name":"bla2mqtt"},"cmps":{"temp":{"p":"sensor","device_class":"temperature","unit_of_measurement":"°C","value_template":"{{ value_json.temperature }}","unique_id":"temp01ae_t"},"hum":{"p":"sensor","dev_cla":"humidity","unit_of_meas":"%","val_tpl":"{{ value_json.humidity | round(1) }}","uniq_id":"temp01ae_h","exp_aft":90},"door":{"p":"binary_sensor","name":"Kitchen Door","val_tpl":"{{ value_json.door }}","pl_on":true,"pl_off":false},"fw":{"p":"update","stat_t":"x"},"old":{"p":"sensor"},"vac":{"p":"vacuum","cmd_t":"x"}},"state_topic":"sensorBedroom/state","~":"bed","avty_t":"~/LWT","qos":2}`,
			`sensorBedroom/state {"temperature":21,"humidity":"45.67","door":true}`,
			`sensorBedroom/state {"temperature":"None","door":"ajar"}`,
			`homeassistant/device/bla/config {"dev":{"ids":"ea334450945afc","name":"Kitchen"},"cmps":{"temp":{"p":"sensor","unit_of_measurement":"°C","unique_id":"temp01ae_t","state_topic":"t"}}}`,
			`homeassistant/device/bla/config `,
			`t 5`,
		}, `
doubt component: vacuum of homeassistant/device/bla/config is a component that is not taken in here
meet 0200000000ab = homeassistant/ea334450945afc "Kitchen" "Bla electronics xya" at sensorBedroom/state
  every 30s
  channel door boolean ""
  channel humidity number "%"
  channel temperature number "Cel"
  on bed/LWT, sensorBedroom/state
report 0200000000ab door on
report 0200000000ab humidity 45.7 %
report 0200000000ab temperature 21 °C
report 0200000000ab door "ajar" is neither "True" nor "False"
meet 0200000000ab = homeassistant/ea334450945afc "Kitchen" "" at t
  channel temp number "Cel"
  on t
gone 0200000000ab: its config was taken away from homeassistant/device/bla/config`},
		{"a thermostat of EMS-ESP", []string{
			`homeassistant/climate/ems-esp/thermostat_hc1/config {"name":"Thermostat hc1","uniq_id":"thermostat_hc1","~":"ems-esp","mode_stat_t":"~/thermostat_data","mode_stat_tpl":"{{value_json.hc1.mode if value_json.hc1 is defined else 'off'}}","mode_cmd_t":"~/thermostat/hc1/mode","temp_cmd_t":"~/thermostat/hc1/temp","temp_stat_t":"~/thermostat_data","temp_stat_tpl":"{{value_json.hc1.seltemp if value_json['hc1'] is defined and value_json['hc1']['seltemp'] is defined else 0}}","curr_temp_t":"~/thermostat_data","curr_temp_tpl":"{{value_json.hc1.currtemp}}","min_temp":"5","max_temp":"30","modes":["auto","heat","off"],"dev":{"ids":["ems-esp-thermostat"]}}`,
			`ems-esp/thermostat_data {"hc1":{"mode":"heat","seltemp":21.5,"currtemp":20.9}}`,
			`ems-esp/thermostat_data {"dhw":1}`,
		}, `
meet homeassistant/ems-esp-thermostat "ems-esp-thermostat" "" at ems-esp/thermostat_data
  channel current-temperature number "Cel"
  output "" number "Cel" 5 to 30 [] silent=false
  output "mode" text "" ["auto" "heat" "off"] silent=false
  on ems-esp/thermostat_data
report homeassistant/ems-esp-thermostat state "" 21.5
report homeassistant/ems-esp-thermostat state "mode" heat
report homeassistant/ems-esp-thermostat current-temperature 20.9 °C
report homeassistant/ems-esp-thermostat state "" 0
report homeassistant/ems-esp-thermostat state "mode" off`},
		{"a shutter, a fan and buttons of ESPHome", []string{
			`homeassistant/cover/esp/blind/config {"name":"Blind","stat_t":"esp/cover/blind/state","cmd_t":"esp/cover/blind/command","pos_t":"esp/cover/blind/position/state","set_pos_t":"esp/cover/blind/position/command","uniq_id":"b","dev":{"ids":"0200000000ac","name":"esp"}}`,
			`homeassistant/fan/esp/fan/config {"name":"Fan","stat_t":"esp/fan/state","cmd_t":"esp/fan/command","pct_stat_t":"esp/fan/speed","pct_cmd_t":"esp/fan/speed/set","spd_rng_max":4,"osc_cmd_t":"esp/fan/osc/set","osc_stat_t":"esp/fan/osc","uniq_id":"f","dev":{"ids":"0200000000ac","name":"esp"}}`,
			`homeassistant/button/esp/restart/config {"name":"Restart","cmd_t":"esp/button/restart/command","uniq_id":"r","dev":{"ids":"0200000000ac","name":"esp"}}`,
			`esp/cover/blind/position/state 40`,
			`esp/cover/blind/state opening`,
			`esp/fan/speed 3`,
			`esp/fan/state ON`,
			`esp/fan/osc oscillate_off`,
		}, `
meet 0200000000ac = homeassistant/0200000000ac "esp" "" at esp/cover/blind/state
  channel movement text ""
  output "" text "" ["open" "close" "stop"] silent=true
  output "position" number "%" 0 to 100 [] silent=false
  on esp/cover/blind/position/state, esp/cover/blind/state
meet 0200000000ac = homeassistant/0200000000ac "esp" "" at esp/cover/blind/state
  channel blind-movement text ""
  output "blind" text "" ["open" "close" "stop"] silent=true
  output "blind-position" number "%" 0 to 100 [] silent=false
  output "fan" boolean "" [] silent=false
  output "fan-oscillation" boolean "" [] silent=false
  output "fan-percentage" number "%" 0 to 100 [] silent=false
  on esp/cover/blind/position/state, esp/cover/blind/state, esp/fan/osc, esp/fan/speed, esp/fan/state
meet 0200000000ac = homeassistant/0200000000ac "esp" "" at esp/cover/blind/state
  channel blind-movement text ""
  output "blind" text "" ["open" "close" "stop"] silent=true
  output "blind-position" number "%" 0 to 100 [] silent=false
  output "fan" boolean "" [] silent=false
  output "fan-oscillation" boolean "" [] silent=false
  output "fan-percentage" number "%" 0 to 100 [] silent=false
  output "restart" text "" ["press"] silent=true
  on esp/cover/blind/position/state, esp/cover/blind/state, esp/fan/osc, esp/fan/speed, esp/fan/state
report 0200000000ac state "blind-position" 40
report 0200000000ac blind-movement opening
report 0200000000ac state "fan-percentage" 75
report 0200000000ac state "fan" on
report 0200000000ac state "fan-oscillation" off`},
		{"sensors that do not say what they are", []string{
			`homeassistant/sensor/a/x/config {"name":"A","state_topic":"a/x","unique_id":"x"}`,
			`homeassistant/sensor/a/y/config {"name":"B","state_topic":"a/y","unique_id":"y"}`,
			`a/x None`,
			`a/x 21.5`,
			`a/x unavailable`,
			`a/y on`,
			`a/y 7`,
		}, `
meet homeassistant/x "A" "" at a/x
  on a/x
meet homeassistant/y "B" "" at a/y
  on a/y
meet homeassistant/x "A" "" at a/x
  channel x number ""
  on a/x
report homeassistant/x x 21.5
report homeassistant/x x "unavailable" is no number
meet homeassistant/y "B" "" at a/y
  channel y text ""
  on a/y
report homeassistant/y y on
report homeassistant/y y 7`},
		{"an event, a lock and a siren", []string{
			`homeassistant/event/d/bell/config {"name":"Bell","state_topic":"d/bell","event_types":["ring"],"device":{"ids":"d"}}`,
			`homeassistant/lock/d/lock/config {"name":"Lock","state_topic":"d/lock","command_topic":"d/lock/set","value_template":"{{ value_json.s }}","device":{"ids":"d"}}`,
			`homeassistant/siren/d/siren/config {"name":"Siren","state_topic":"d/siren","command_topic":"d/siren/set","device":{"ids":"d"}}`,
			`d/bell {"event_type":"ring","n":1}`,
			`d/bell ring`,
			`d/lock {"s":"LOCKING"}`,
			`d/lock {"s":"LOCKED"}`,
			`d/siren {"state":"ON"}`,
			`d/siren OFF`,
		}, `
meet homeassistant/d "d" "" at d/bell
  channel bell text ""
  on d/bell
meet homeassistant/d "d" "" at d/bell
  channel bell text ""
  output "" boolean "" [] silent=false
  on d/bell, d/lock
meet homeassistant/d "d" "" at d/bell
  channel bell text ""
  output "lock" boolean "" [] silent=false
  output "siren" boolean "" [] silent=false
  on d/bell, d/lock, d/siren
report homeassistant/d bell ring
report homeassistant/d bell an event is JSON, not "ring"
report homeassistant/d state "lock" on
report homeassistant/d state "siren" on
report homeassistant/d state "siren" off`},
	} {
		n, f := newNotes(t), New("")
		n.say(f, c.messages...)
		same(t, c.name, n.since(), c.want)
	}
}

// TestDoubts has configs that are not taken, and what people are told.
func TestDoubts(t *testing.T) {
	n, f := newNotes(t), New("ha")
	for _, c := range []struct{ message, want string }{
		{`ha/sensor/x/config {"name":`, `doubt config: the config at ha/sensor/x/config is left out: it is no JSON: unexpected end of JSON input`},
		{`ha/sensor/x/config [1]`, `doubt config: the config at ha/sensor/x/config is left out: it is no JSON object, but "[1]"`},
		{`ha/sensor/x/config "` + strings.Repeat("x", maxConfig) + `"`, `doubt config: the config at ha/sensor/x/config is left out: it has 65538 bytes, and 65536 are taken at most`},
		{`ha/sensor/x/config ` + strings.Repeat("[", 200) + strings.Repeat("]", 200), `doubt config: the config at ha/sensor/x/config is left out: it is no JSON: it is nested too deep`},
		{`ha/sensor/x/config {"name":"x"}`, `doubt config: the config of ha/sensor/x/config: it has no topic that a sensor needs, such as state_topic or command_topic`},
		{`ha/sensor/x/config {"stat_t":"a/+/b"}`, `doubt config: the state_topic of ha/sensor/x/config: "a/+/b" is no topic of one kind of message`},
		{`ha/sensor/x/config {"stat_t":"a","val_tpl":"{{ states('x') }}"}`, `doubt template: the value_template of ha/sensor/x/config: line 1, column 4: states() is not available here, in "{{ states('x') }}"`},
		{`ha/sensor/x/config {"stat_t":"a","val_tpl":"{{ value"}`, `doubt template: the value_template of ha/sensor/x/config: line 1, column 1: a {{ has no }}, in "{{ value"`},
		{`ha/camera/x/config {"topic":"a"}`, `doubt component: camera of ha/camera/x/config is a component that is not taken in here`},
		{`ha/update/x/config {"stat_t":"a"}`, ``},
		{`ha/sensor/x/config `, ``},
		{`ha/sensor/x {"stat_t":"a"}`, ``},
		{`homeassistant/sensor/x/config {"stat_t":"a"}`, ``},
		{`ha/switch/x/config {"cmd_t":"a/#"}`, `doubt config: the command_topic of ha/switch/x/config: "a/#" is no topic`},
	} {
		n.say(f, c.message)
		same(t, c.message[:min(len(c.message), 80)], n.since(), c.want)
	}
	if len(n.kept) > 0 {
		t.Errorf("kept %q", n.kept)
	}
}

// TestPartly has an entity with one template that is not understood: the rest goes on, as it was until then.
func TestPartly(t *testing.T) {
	n, f := newNotes(t), New("")
	n.say(f, `homeassistant/fan/x/config {"name":"F","cmd_t":"f/set","stat_t":"f","pct_cmd_t":"f/pct","pct_cmd_tpl":"{{ now() }}"}`)
	same(t, "a part", n.since(), `
doubt template: the percentage_command_template of homeassistant/fan/x/config: line 1, column 4: now() is not available here, in "{{ now() }}"
meet homeassistant/fan/x "F" "" at f
  output "" boolean "" [] silent=false
  on f`)
	n.say(f, `homeassistant/fan/x/config {"cmd_t`, `f ON`)
	same(t, "what is no config", n.since(), `
doubt config: the config at homeassistant/fan/x/config is left out: it is no JSON: unexpected end of JSON input
report homeassistant/fan/x state "" on`)
}

func TestConflict(t *testing.T) {
	n, f := newNotes(t), New("")
	n.say(f, `homeassistant/sensor/a/config {"name":"A","stat_t":"a","unit_of_meas":"W","uniq_id":"u"}`)
	n.since()
	n.say(f, `homeassistant/sensor/b/config {"name":"B","stat_t":"b","unit_of_meas":"W","uniq_id":"u"}`, `b 5`, `a 6`)
	same(t, "a second one", n.since(), `
doubt conflict: homeassistant/sensor/a/config and homeassistant/sensor/b/config have the same unique_id u; the second is left out
report homeassistant/u a 6 W`)
	n.say(f, `homeassistant/sensor/a/config `, `homeassistant/sensor/b/config {"name":"B","stat_t":"b","unit_of_meas":"W","uniq_id":"u"}`, `b 5`)
	same(t, "when the first is gone", n.since(), `
gone homeassistant/u: its config was taken away from homeassistant/sensor/a/config
meet homeassistant/u "B" "" at b
  channel b number "W"
  on b
report homeassistant/u b 5 W`)
}

// TestReplayed has a family start with what another has kept, without what was taken away, and know the same.
func TestReplayed(t *testing.T) {
	n, f := newNotes(t), New("")
	n.say(f,
		`homeassistant/sensor/a/config {"name":"A","stat_t":"a","unit_of_meas":"W","uniq_id":"a","dev":{"ids":["x"],"name":"X"}}`,
		`homeassistant/sensor/b/config {"name":"B","stat_t":"b","unit_of_meas":"V","uniq_id":"b","dev":{"ids":["x","esp-020000000009"],"name":"X"}}`,
		`homeassistant/sensor/c/config {"name":"C","stat_t":"c","unit_of_meas":"A","uniq_id":"c","dev":{"ids":["x"],"name":"X"}}`,
		`homeassistant/sensor/c/config `,
	)
	was := n.devices["020000000009"]
	if len(n.kept) != 2 || len(was.Channels) != 2 || len(was.Also) != 2 {
		t.Fatalf("kept %d, met %+v", len(n.kept), was)
	}
	again, g := newNotes(t), New("")
	for topic, payload := range n.kept {
		again.say(g, topic+" "+string(payload))
	}
	if len(again.kept) != 2 || len(again.devices["020000000009"].Channels) != 2 {
		t.Errorf("after a restart: kept %d, met %+v", len(again.kept), again.devices)
	}
}

// TestAgain has a config that comes again, and one that changes what a sensor's state was found to be.
func TestAgain(t *testing.T) {
	n, f := newNotes(t), New("")
	config := `homeassistant/sensor/a/config {"name":"A","stat_t":"a","uniq_id":"a"}`
	n.say(f, config, `a 5`)
	n.since()
	n.say(f, config)
	same(t, "the same", n.since(), ``)
	n.say(f, `homeassistant/sensor/a/config {"name":"A","stat_t":"b","uniq_id":"a"}`, `a 6`, `b 7`)
	same(t, "another topic", n.since(), `
meet homeassistant/a "A" "" at b
  channel a number ""
  on b
report homeassistant/a a 7`)
	n.say(f, `homeassistant/sensor/a/config {"migrate_discovery":true}`)
	same(t, "taken over", n.since(), `gone homeassistant/a: its config was taken away from homeassistant/sensor/a/config`)
}

func TestAvailability(t *testing.T) {
	for _, c := range []struct{ config, says, want string }{
		{`"avty_t":"w"`, "w=online w=offline w=x w=", "there away - -"},
		{`"avty_t":"w","pl_avail":"1","pl_not_avail":"0"`, "w=1 w=online w=0", "there - away"},
		{`"avty_t":"w","avty_tpl":"{{ 'online' if value|int > 3 else 'offline' }}"`, "w=5 w=1 w=x", "there away -"},
		{`"avty":{"t":"w"}`, "w=online", "there"},
		{`"avty":[{"t":"w"},{"t":"v"}]`, "w=online v=offline w=online", "there away there"},
		{`"avty":[{"t":"w"},{"t":"v"}],"avty_mode":"any"`, "w=offline v=online w=offline v=offline w=online", "away there there away there"},
		{`"avty":[{"t":"w"},{"t":"v"}],"avty_mode":"all"`, "w=online v=online w=offline v=online w=online", "- there away away there"},
		{`"~":"w","avty":[{"topic":"~"}]`, "w=online", "there"},
	} {
		n, f := newNotes(t), New("")
		n.say(f, `homeassistant/sensor/a/config {"name":"A","stat_t":"a","uniq_id":"a",`+c.config+`}`)
		n.since()
		var got []string
		for message := range strings.SplitSeq(c.says, " ") {
			n.say(f, strings.Replace(message, "=", " ", 1))
			switch text := n.since(); {
			case strings.Contains(text, "is there"):
				got = append(got, "there")
			case strings.Contains(text, "is away"):
				got = append(got, "away")
			default:
				got = append(got, "-")
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s is %s, want %s", c.config, c.says, s, c.want)
		}
	}
}

func TestCommands(t *testing.T) {
	on, off := device.On(true), device.On(false)
	for _, c := range []struct {
		component, config, output string
		v                         device.Value
		want                      string
	}{
		{"switch", `"cmd_t":"s"`, "", on, "s ON"},
		{"switch", `"cmd_t":"s","pl_off":"0"`, "", off, "s 0"},
		{"switch", `"cmd_t":"s","cmd_tpl":"{\"x\": \"{{ value }}\"}","qos":1,"ret":true`, "", on, `s {"x": "ON"} qos 1 retain`},
		{"switch", `"~":"a/b","cmd_t":"~/set"`, "", on, "a/b/set ON"},
		{"number", `"cmd_t":"s","name":"N","min":-5,"max":5`, "n", device.Of(2.5), "s 2.5"},
		{"number", `"cmd_t":"s","name":"N","cmd_tpl":"{{ (value * 10) | int }}"`, "n", device.Of(2.5), "s 25"},
		{"number", `"cmd_t":"s","name":"N","cmd_tpl":"{{ value }}"`, "n", device.Of(21), "s 21"},
		{"select", `"cmd_t":"s","name":"N","ops":["a","b"]`, "n", device.Words("b"), "s b"},
		{"text", `"cmd_t":"s","name":"N"`, "n", device.Words("some text"), "s some text"},
		{"button", `"cmd_t":"s","name":"N"`, "n", device.Words("press"), "s PRESS"},
		{"button", `"cmd_t":"s","name":"N","pl_prs":"1"`, "n", device.Words("press"), "s 1"},
		{"cover", `"cmd_t":"s","pl_open":"UP"`, "", device.Words("open"), "s UP"},
		{"cover", `"cmd_t":"s","set_pos_t":"p","pos_open":0,"pos_clsd":255`, "position", device.Of(100), "p 0"},
		{"cover", `"cmd_t":"s","set_pos_t":"p","set_pos_tpl":"{\"go\":{{ position }}}"`, "position", device.Of(30), `p {"go":30}`},
		{"valve", `"cmd_t":"s"`, "", device.Words("close"), "s CLOSE"},
		{"valve", `"cmd_t":"s","pos":true`, "", device.Of(33.4), "s 33"},
		{"lock", `"cmd_t":"s"`, "", off, "s UNLOCK"},
		{"fan", `"cmd_t":"s","pct_cmd_t":"p","spd_rng_max":4`, "percentage", device.Of(50), "p 2"},
		{"fan", `"cmd_t":"s","pct_cmd_t":"p","spd_rng_max":4`, "percentage", device.Of(1), "p 1"},
		{"siren", `"cmd_t":"s"`, "", on, `s {"state":"ON"}`},
		{"humidifier", `"cmd_t":"s","hum_cmd_t":"h"`, "target-humidity", device.Of(45), "h 45"},
		{"climate", `"temp_cmd_t":"t","temp_cmd_tpl":"{\"t\":{{ value }}}"`, "", device.Of(20.5), `t {"t":20.5}`},
		{"climate", `"temp_cmd_t":"t","mode_cmd_t":"m","modes":["off"]`, "mode", device.Words("off"), "m off"},
		{"light", `"cmd_t":"s","bri_cmd_t":"b"`, "brightness", device.Of(99.6), "b 100"},
		{"light", `"cmd_t":"s","schema":"json"`, "", off, `s {"state":"OFF"}`},
		{"light", `"cmd_t":"s","schema":"json","brightness":true`, "brightness", device.Of(7), `s {"brightness":7,"state":"ON"}`},
		{"light", `"cmd_t":"s","schema":"template","cmd_on_tpl":"on{% if brightness is defined %},{{ brightness }}{% endif %}","cmd_off_tpl":"off","bri_tpl":"{{ value }}"`, "", on, "s on"},
		{"light", `"cmd_t":"s","schema":"template","cmd_on_tpl":"on{% if brightness is defined %},{{ brightness }}{% endif %}","cmd_off_tpl":"off","bri_tpl":"{{ value }}"`, "brightness", device.Of(8), "s on,8"},
		{"light", `"cmd_t":"s","schema":"template","cmd_on_tpl":"on","cmd_off_tpl":"off {{ state }}"`, "", off, "s off False"},
	} {
		n, f := newNotes(t), New("")
		n.say(f, `homeassistant/`+c.component+`/o/config {`+c.config+`,"uniq_id":"a","dev":{"ids":"d"}}`)
		found := false
		for _, o := range n.devices["homeassistant/d"].Outputs {
			if o.Name != c.output {
				continue
			}
			found = true
			v, err := o.Takes.Fit(c.v)
			if err != nil {
				t.Errorf("%s %s: %v", c.component, c.config, err)
				continue
			}
			p, err := o.Command(v)
			got := p.Topic + " " + string(p.Payload)
			if p.QoS > 0 {
				got += " qos 1"
			}
			if p.Retain {
				got += " retain"
			}
			if err != nil || got != c.want {
				t.Errorf("%s %s: %v is %s, %v; want %s", c.component, c.config, c.v, got, err, c.want)
			}
		}
		if !found {
			t.Errorf("%s %s has no output %q:\n%s", c.component, c.config, c.output, n.since())
		}
	}
}

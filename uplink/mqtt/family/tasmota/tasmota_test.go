package tasmota

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/rostertest"
)

func TestFilters(t *testing.T) {
	for base, want := range map[string][]string{
		"":                          {"tele/+/+", "stat/+/+"},
		"%topic%/%prefix%/":         {"+/tele/+", "+/stat/+"},
		"home":                      {"home/tele/+/+", "home/stat/+/+"},
		"%prefix%/home/b1/%topic%/": {"tele/home/b1/+/+", "stat/home/b1/+/+"},
		"x/%prefix%/t_%id%/%topic%": {"x/tele/+/+/+", "x/stat/+/+/+"},
	} {
		want = append([]string{"tasmota/discovery/+/+"}, want...)
		if got := New(base).Filters(); !slices.Equal(got, want) {
			t.Errorf("%q has %v, want %v", base, got, want)
		}
	}
}

// TestData: what stands in the file was reviewed against the messages by hand.
func TestData(t *testing.T) {
	const plug, meter = "tasmota/tasmota_000001", "tasmota/tasmota_000003"
	want := []string{
		`publish cmnd/tasmota_000001/STATE
		meet tasmota/tasmota_000001 "tasmota_000001" ""
		keep
		PLUG there`,
		`PLUG away says "Offline"`,
		`meet PLUG "tasmota_000001" "Gosund SP1 v23"
		keep`,
		``,
		``,
		`meet PLUG "tasmota_000001" "Gosund SP1 v23"
		output "" boolean []
		keep
		PLUG output "" = on`,
		`PLUG output "" = on`,
		``,
		``,
		`meet METER "tasmota_000003" ""
		keep
		METER apparent-power = 7.84 VA
		METER current = 0.039 A
		METER energy-export-active = 0 kWh
		METER energy-export-reactive = 39.131 kvarh
		METER energy-export-tariff-1 = 0 kWh
		METER energy-export-tariff-2 = 0 kWh
		METER power-factor = 0.39
		METER frequency = 50 Hz
		METER energy-import-active = 12.58 kWh
		METER energy-import-reactive = 0.002 kvarh
		METER energy-period = 0 Wh
		METER phase-angle = 290.45 °
		METER power = 0 W
		METER reactive-power = -7.21 var
		METER energy-today = 0.002 kWh
		METER energy-total = 0.017 kWh
		METER energy-total-tariff-1 = 0 kWh
		METER energy-total-tariff-2 = 0.017 kWh
		METER voltage = 234.31 V
		METER energy-yesterday = 0 kWh`,
		`meet METER "tasmota_000003" ""
		keep
		METER tx23-dir-avg = 266.1 ° @2020-03-03T00:00:00Z
		METER tx23-dir-avg-card = W @2020-03-03T00:00:00Z
		METER tx23-dir-card = WSW @2020-03-03T00:00:00Z
		METER tx23-dir-deg = 247.5 ° @2020-03-03T00:00:00Z
		METER tx23-dir-range = 0 ° @2020-03-03T00:00:00Z
		METER tx23-speed-act = 14.8 km/h @2020-03-03T00:00:00Z
		METER tx23-speed-avg = 8.5 km/h @2020-03-03T00:00:00Z
		METER tx23-speed-max = 14.8 km/h @2020-03-03T00:00:00Z
		METER tx23-speed-min = 12.2 km/h @2020-03-03T00:00:00Z`,
		`meet METER "tasmota_000003" ""
		keep
		METER ds18b20-temperature = 2.4 °C`,
		`meet METER "tasmota_000003" ""
		keep
		METER dht11-temperature = 20 °C`,
	}
	for i := range want {
		want[i] = strings.NewReplacer("PLUG", plug, "METER", meter).Replace(want[i])
	}
	rostertest.Data(t, New(""), "tasmota.jsonl", want)
}

// described is a discovery message as Tasmota 13 makes it; %s are its topic, relays and kind of light.
const described = `{"ip":"192.0.2.15","dn":"Lamp","fn":["Lamp",null],"hn":"lamp-0956","mac":"020000000001","md":"Sonoff Basic","ty":0,"if":0,
"cam":0,"ofln":"Offline","onln":"Online","state":["OFF","ON","TOGGLE","HOLD"],"sw":"13.4.0","t":"%s","ft":"%%topic%%/%%prefix%%/",
"tp":["cmnd","stat","tele"],"rl":%s,"swc":[-1],"swn":[null],"btn":[0],"so":{"4":0,"82":1},"lk":1,"lt_st":%s,"bat":0,"dslp":%s,"sho":[],"ver":1}`

func lamp(topic, relays, light, sleep string) string {
	return fmt.Sprintf(described, topic, relays, light, sleep)
}

func TestDiscovery(t *testing.T) {
	const config, sensors = "tasmota/discovery/020000000001/config", "tasmota/discovery/020000000001/sensors"
	to := rostertest.New(t)
	f := New("")
	rostertest.Play(t, f, to, []rostertest.Step{
		{sensors, `{"sn":{"Time":"2024-01-01T00:00:00","AM2301":{"Temperature":70.1,"Humidity":40},"TempUnit":"F"},"ver":1}`, "keep"},
		{config, lamp("lamp", "[2,1,0,0]", "2", "0"), `
			meet 020000000001 also tasmota/lamp "Lamp" "Sonoff Basic"
			output "" boolean []
			output "ct" number []
			output "dimmer" number []
			output "power2" boolean []
			keep
			meet 020000000001 also tasmota/lamp "Lamp" "Sonoff Basic"`},
		{config, lamp("lamp", "[2,1,0,0]", "2", "0"), ""},
		{"lamp/tele/LWT", "Online", "publish lamp/cmnd/STATE\n020000000001 there"},
		{"lamp/tele/LWT", "Online", "020000000001 there"},
		{"lamp/tele/LWT", "", ""},
		{"lamp/tele/LWT", "On", "doubt payload"},
		{"lamp/stat/RESULT", `{"Time":"2024-01-01T00:00:01","Uptime":"0T00:00:07","UptimeSec":7,"POWER1":"OFF","POWER2":"ON","Dimmer":50,
			"HSBColor":"0,0,50","CT":327,"Wifi":{"AP":1,"SSId":"x","RSSI":90,"Signal":-55}}`, `
			meet 020000000001 also tasmota/lamp "Lamp" "Sonoff Basic"
			020000000001 hsb-color = 0,0,50
			020000000001 uptime = 7 s
			020000000001 wifi-quality = 90 %
			020000000001 wifi-signal = -55 dBm
			020000000001 output "ct" = 327
			020000000001 output "dimmer" = 50
			020000000001 output "" = off
			020000000001 output "power2" = on`},
		{"lamp/stat/RESULT", `{"Command":"Unknown"}`, ""},
		{"lamp/tele/SENSOR", `{"Time":"2024-01-01T00:00:00","AM2301":{"Temperature":null,"Humidity":"41"},"TempUnit":"F"}`, `
			020000000001 am2301-humidity = 41 %
			020000000001 am2301-temperature (bad: null: the sensor has no value)`},
		{"lamp/tele/SENSOR", `{"AM2301":{"Temperature":21.5,"Humidity":"nan"},"TempUnit":"C"}`, `
			meet 020000000001 also tasmota/lamp "Lamp" "Sonoff Basic"
			020000000001 am2301-humidity (bad: "nan" is not a number)
			020000000001 am2301-temperature = 21.5 °C`},
		{"tasmota/discovery/020000000002/config", strings.ReplaceAll(lamp("lamp", "[1]", "0", "0"), "020000000001", "020000000002"), "doubt conflict"},
		{"tasmota/discovery/020000000003/config", lamp("other", "[1]", "0", "0"), "doubt payload"},
		{"tasmota/discovery/020000000003/config", `{"mac":"020000000003"}`, "doubt payload"},
		{"tasmota/discovery/020000000003/config", `{`, "doubt payload"},
		{"tasmota/discovery/nobody/config", `{}`, ""},
		{config, lamp("moved", "[1]", "0", "3600"), `
			meet 020000000001 also tasmota/moved "Lamp" "Sonoff Basic"
			keep`},
		{"lamp/stat/POWER1", "ON", ""},
		{"moved/stat/POWER1", "ON", `020000000001 output "" = on`},
		{"moved/tele/LWT", "Offline", ""},
		{config, "", "keep\ngone 020000000001 tasmota/discovery/020000000001/config was taken away"},
		{config, "", "keep"},
		{"moved/stat/POWER1", "ON", ""},
	})
	if len(to.Met) != 0 {
		t.Errorf("what is gone is here: %v", to.Met)
	}
	d := lampCommands(t)
	for name, want := range map[string]struct {
		v device.Value
		p string
	}{
		"": {device.On(true), "lamp/cmnd/POWER1 ON"}, "power2": {device.On(false), "lamp/cmnd/POWER2 OFF"},
		"dimmer": {device.Of(42), "lamp/cmnd/Dimmer 42"}, "ct": {device.Of(300), "lamp/cmnd/CT 300"},
	} {
		i := slices.IndexFunc(d.Outputs, func(o family.Output) bool { return o.Name == name })
		p, err := d.Outputs[i].Command(want.v)
		if got := p.Topic + " " + string(p.Payload); got != want.p || err != nil {
			t.Errorf("%q makes %q, %v, want %q", name, got, err, want.p)
		}
	}
	if want := []string{"lamp/tele/+", "lamp/stat/+"}; !slices.Equal(d.Filters, want) {
		t.Errorf("its news come from %v, want %v", d.Filters, want)
	}
}

func lampCommands(t *testing.T) family.Device {
	to := rostertest.New(t)
	New("").Take(family.Message{Topic: "tasmota/discovery/020000000001/config", Payload: []byte(lamp("lamp", "[2,1]", "5", "0"))}, to)
	return to.Met["020000000001"]
}

func TestWithout(t *testing.T) {
	to := rostertest.New(t)
	rostertest.Play(t, New(""), to, []rostertest.Step{
		{"tele/old/LWT", "Offline", ""},
		{"tele/x/UPTIME", `{"Uptime":1}`, ""},
		{"tele/x/SENSOR", `21.5`, "doubt payload"},
		{"tele/x/SENSOR", strings.Repeat("[", 200) + strings.Repeat("]", 200), "doubt payload"},
		{"tele//SENSOR", `{"A":1}`, ""},
		{"tele/x/y/SENSOR", `{"A":1}`, ""},
		{"stat/x/SENSOR", `{"A":1}`, ""},
		{"tele/x/SENSOR", `{"Time":"2024-01-01T00:00:00+01:00","ENERGY":{"Power":[10,"20"],"Total":{"Phase1":1.5},"Voltage":{"L1":230}},
			"DS18B20-1":{"Id":"01191ED79190","Temperature":1},"DS18B20-2":{"Id":"3C01F0968E04","Temperature":2},
			"BME280-76":{"Pressure":1000.5,"SeaPressure":1013.2,"DewPoint":5},"MHZ19B":{"CarbonDioxide":700},"SDS0X1":{"PM2.5":12.5},"IAQ":{"eCO2":450},
			"Switch1":"ON","ANALOG":{"A0":512},"RDM6300":{"UID":"04D1"},"ZbReceived":{"0x1":{"Temperature":1}},
			"Shutter1":{"Position":30,"Direction":0},"PressureUnit":"hPa","TempUnit":"C"}`, `
			meet tasmota/x "x" ""
			output "shutter1" number []
			keep
			tasmota/x analog-a0 = 512 @2023-12-31T23:00:00Z
			tasmota/x bme280-76-dew-point = 5 °C @2023-12-31T23:00:00Z
			tasmota/x bme280-76-pressure = 1000.5 hPa @2023-12-31T23:00:00Z
			tasmota/x bme280-76-sea-pressure = 1013.2 hPa @2023-12-31T23:00:00Z
			tasmota/x ds18b20-01191ed79190-temperature = 1 °C @2023-12-31T23:00:00Z
			tasmota/x ds18b20-3c01f0968e04-temperature = 2 °C @2023-12-31T23:00:00Z
			tasmota/x power-1 = 10 W @2023-12-31T23:00:00Z
			tasmota/x power-2 = 20 W @2023-12-31T23:00:00Z
			tasmota/x energy-total-phase1 = 1.5 kWh @2023-12-31T23:00:00Z
			tasmota/x voltage-l1 = 230 V @2023-12-31T23:00:00Z
			tasmota/x iaq-eco2 = 450 ppm @2023-12-31T23:00:00Z
			tasmota/x mhz19b-carbon-dioxide = 700 ppm @2023-12-31T23:00:00Z
			tasmota/x rdm6300-uid = 04D1 @2023-12-31T23:00:00Z
			tasmota/x sds0x1-pm2-5 = 12.5 µg/m³ @2023-12-31T23:00:00Z
			tasmota/x switch1 = on @2023-12-31T23:00:00Z
			tasmota/x output "shutter1" = 30`},
		{"tele/x/SENSOR", `{"Time":"1970-01-01T00:00:07+00:00","Switch1":"TOGGLE","RDM6300":{"UID":17}}`, `
			tasmota/x rdm6300-uid = 17
			tasmota/x switch1 (bad: "TOGGLE" is neither on nor off)`},
		{"stat/x/RESULT", `{"POWER1":"1","POWER2":"0","Dimmer":300,"Shutter1":{"Position":-1}}`, `
			meet tasmota/x "x" ""
			output "" boolean []
			output "power2" boolean []
			keep
			tasmota/x dimmer (bad: Dimmer says 300, which is out of range)
			tasmota/x shutter1 (bad: Shutter1 says -1, which is out of range)
			tasmota/x output "" = on
			tasmota/x output "power2" = off`},
		{"stat/x/POWER", "HOLD", "doubt payload"},
		{"stat/x/POWER33", "ON", ""},
		{"stat/x/DIMMER", `{"POWER":"ON","Dimmer":20}`, `
			meet tasmota/x "x" ""
			output "dimmer" number []
			keep
			tasmota/x output "dimmer" = 20
			tasmota/x output "" = on`},
		{"stat/x/STATUS", `{"Status":{"Module":1,"DeviceName":"Kitchen","Topic":"x"}}`, `
			meet tasmota/x "Kitchen" ""
			keep`},
		{"stat/x/STATUS11", `{"StatusSTS":{"POWER":"OFF","Vcc":3.1,"BatteryPercentage":60}}`, `
			meet tasmota/x "Kitchen" ""
			keep
			tasmota/x battery = 60 %
			tasmota/x vcc = 3.1 V
			tasmota/x output "" = off`},
		{"tele/x/INFO1", `{"Info1":{"Module":"Sonoff TH","Version":"13.4.0(tasmota)"}}`, `
			meet tasmota/x "Kitchen" "Sonoff TH"
			keep`},
	})
}

// TestConnected: each device is asked once for its state after the broker was connected.
func TestConnected(t *testing.T) {
	to := rostertest.New(t)
	f := New("").(*tasmota)
	f.Take(family.Message{Topic: "tele/a/LWT", Payload: []byte("Online"), Replayed: true}, to)
	rostertest.Compare(t, to, "replayed", "meet tasmota/a \"a\" \"\"\nkeep")
	f.Connected(time.Time{}, to)
	f.Take(family.Message{Topic: "tele/a/LWT", Payload: []byte("Online")}, to)
	rostertest.Compare(t, to, "connected", "publish cmnd/a/STATE\ntasmota/a there")
	f.Lost(time.Time{}, to)
	f.Connected(time.Time{}, to)
	rostertest.Compare(t, to, "connected again", "publish cmnd/a/STATE")
}

// TestMany: who publishes to ever new topics fills neither the memory nor a device.
func TestMany(t *testing.T) {
	to := rostertest.New(t)
	f := New("")
	for i := range 5000 {
		f.Take(family.Message{Topic: fmt.Sprintf("tele/x%d/SENSOR", i), Payload: []byte(`{"A":{"Temperature":1}}`)}, to)
	}
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, `"S%d":1,`, i)
	}
	f.Take(family.Message{Topic: "tele/x1/SENSOR", Payload: []byte("{" + b.String() + `"E":1}`)}, to)
	if n, c := len(to.Met), len(to.Met["tasmota/x1"].Channels); n != 4096 || c != 256 {
		t.Errorf("%d devices were met, and one has %d channels", n, c)
	}
}

func FuzzTake(f *testing.F) {
	f.Add("", "a", `{"ENERGY":{"Total":[1,"2"],"Power":{"A":null}},"TempUnit":"C","X-1":{"Id":"0A","Temperature":"1e5"}}`, `{"POWER":"ON","CT":200}`)
	f.Add("%topic%/%prefix%/", "a", lamp("lamp", "[2,3,3]", "1", "0"), `{"sn":{"DHT11":{"Temperature":1}}}`)
	f.Add("%prefix%", "", "Online", "Offline")
	f.Fuzz(func(t *testing.T, base, topic, one, two string) {
		topics := []string{
			"tasmota/discovery/020000000001/config", "tasmota/discovery/020000000001/sensors", "tele/" + topic + "/SENSOR", "tele/" + topic + "/STATE",
			"tele/" + topic + "/LWT", "stat/" + topic + "/POWER", "stat/" + topic + "/STATUS10", "tele/" + topic + "/INFO1", "lamp/tele/SENSOR", topic,
		}
		if strings.ContainsAny(topic, "+#\x00") {
			return // no topic of a message has these (MQTT 3.1.1, 4.7.1)
		}
		rostertest.Fuzz(t, func() family.Family { return New(base) }, topics, rostertest.Same, []byte(one), []byte(two), []byte("ON"))
	})
}

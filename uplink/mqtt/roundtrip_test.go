package mqtt

import (
	"slices"
	"strings"
	"testing"

	"selvage/edge/leaktest"
)

// A plug behind Zigbee2MQTT is found, announced to Home Assistant and switched from there. What Home Assistant would find
// there by itself is not announced again, nor do we find what we have announced.
func TestRoundTrip(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	b.pub("homeassistant/sensor/porch/config", `{"name":"Porch","unique_id":"porch-1","state_topic":"porch/t","unit_of_measurement":"°C","device":{"identifiers":["porch"],"name":"Porch"}}`, "-r")
	b.pub("zigbee2mqtt/bridge/state", `{"state":"online"}`, "-r")
	b.pub("zigbee2mqtt/bridge/devices", `[{"ieee_address":"0x000000000000000a","type":"Router","friendly_name":"plug","disabled":false,"definition":{"model":"TS011F","vendor":"Tuya","description":"plug","exposes":[
		{"type":"switch","features":[{"type":"binary","name":"state","property":"state","access":7,"value_on":"ON","value_off":"OFF","value_toggle":"TOGGLE"}]},
		{"type":"numeric","name":"power","property":"power","access":5,"unit":"W"}]}}]`, "-r")
	e := newEdge(t, t.TempDir())
	ear := b.listen("homeassistant/#", "selvage/#", "zigbee2mqtt/#")
	l := e.open("broker", Config{URL: b.url(), Discover: []string{"zigbee2mqtt", "homeassistant"}, Announce: &Announce{}})
	e.connected(l)
	e.has("/device/plug", "info", "driver:zigbee2mqtt")
	b.pub("porch/t", "7.5", "-r")
	b.pub("zigbee2mqtt/plug", `{"state":"ON","power":12.5}`)
	e.has("/device/porch", "info", "driver:homeassistant")
	ear.hears("0 selvage/test/device/plug/state ON")
	ear.hears("0 selvage/test/device/plug/power 12.5")
	b.pub("selvage/test/device/plug/set", "OFF")
	set := `0 zigbee2mqtt/plug/set {"state":"OFF"}`
	ear.hears(set)
	b.pub("zigbee2mqtt/plug", `{"state":"OFF","power":0}`)
	ear.hears("0 selvage/test/device/plug/state OFF")

	for _, want := range []string{"homeassistant/switch/selvage-test/device__plug__set/config", "homeassistant/sensor/selvage-test/device__plug__power/config"} {
		if i := slices.IndexFunc(ear.all(), func(line string) bool { return strings.HasPrefix(line, "0 "+want+" {") }); i < 0 {
			t.Errorf("%s was not announced", want)
		}
	}
	for _, line := range ear.all() {
		if strings.Contains(line, "selvage-test") && strings.Contains(line, "porch") {
			t.Errorf("what Home Assistant has told of is announced to it: %s", line)
		}
	}
	if got := e.get("/uplink/broker", "devices"); strings.Count(got, "@update") != 2 {
		t.Errorf("the bridge has found %s", got)
	}
}

package mqtt

import (
	"fmt"
	"strings"
	"testing"

	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// plugs is Zigbee2MQTT's list with plugs of these names, their addresses being 1, 2 and so on.
func plugs(names ...string) string {
	var all []string
	for i, name := range names {
		if name != "" {
			all = append(all, fmt.Sprintf(`{"ieee_address":"0x000000000000000%d","friendly_name":%q,"type":"Router","supported":true,"disabled":false,
"definition":{"model":"TS011F","vendor":"Tuya","exposes":[
{"type":"switch","features":[{"type":"binary","name":"state","property":"state","access":7,"value_on":"ON","value_off":"OFF"}]},
{"type":"numeric","name":"power","property":"power","access":1,"unit":"W"}]}}`, i+1, name))
		}
	}
	return strings.ReplaceAll("["+strings.Join(all, ",")+"]", "\n", "")
}

func (e *edge) isThere(node string) bool {
	_, ok := e.host.Node(route.NodeURI(node))
	return ok
}

// A device that a family tells of is a twin that can be commanded, also after a restart while the broker is away; it
// keeps its node when it is renamed, and is taken away when its family says that it is gone.
func TestDiscovered(t *testing.T) {
	leaktest.Check(t)
	b, dir := startBroker(t), t.TempDir()
	c := Config{URL: b.url(), QoS: 1, Discover: []string{"zigbee2mqtt"}}
	e := newEdge(t, dir)
	e.connected(e.open("broker", c))
	b.pub("zigbee2mqtt/bridge/devices", plugs("Plug Küche", "Boiler"), "-r", "-q", "1")
	b.pub("zigbee2mqtt/Plug Küche", `{"state":"OFF","power":12.5}`, "-q", "1")
	e.has("/device/plug-kueche", "power", "value:12.5", "unit:W")
	e.has("/device/plug-kueche", "info", "Tuya TS011F", "zigbee2mqtt")
	e.has("/device/boiler", "status", "stale")
	heard := b.listen("zigbee2mqtt/+/set")
	if err := e.host.Do(t.Context(), "/device/plug-kueche", "set", []byte("true")); err != nil {
		t.Fatal(err)
	}
	heard.hears(`0 zigbee2mqtt/Plug Küche/set {"state":"ON"}`)
	b.pub("zigbee2mqtt/Plug Küche", `{"state":"ON","power":900}`, "-q", "1")
	e.has("/device/plug-kueche", "state", "value:true")
	e.stop()

	b.pub("zigbee2mqtt/Plug Küche", `{"state":"ON","power":901}`, "-q", "1") // waits for our session
	b.stop()
	e = newEdge(t, dir)
	e.open("broker", c)
	e.has("/device/plug-kueche", "power", "value:900")
	if a, _ := e.host.Node("/device/plug-kueche"); a == nil || a.Lane("set") == nil {
		t.Error("the plug is no output before the broker is there")
	}
	b.start()
	e.has("/device/plug-kueche", "power", "value:901")

	b.pub("zigbee2mqtt/bridge/devices", plugs("Plug Bad", ""), "-r", "-q", "1")
	b.pub("zigbee2mqtt/Plug Bad", `{"power":3}`, "-q", "1")
	e.has("/device/plug-kueche", "power", "value:3")
	until(t, "the boiler to be taken away", func() bool { return !e.isThere("/device/boiler") })
	if strings.Contains(e.get("/uplink/broker", "devices"), "boiler") {
		t.Error("the boiler is remembered")
	}
	e.stop()
	e = newEdge(t, dir)
	e.connected(e.open("broker", c))
	e.has("/device/plug-kueche", "power", "value:3")
	if e.isThere("/device/boiler") || e.isThere("/device/plug-bad") {
		t.Error("there are devices that are gone, or have other nodes")
	}
}

// A device that two families know is one twin, of the family that is most native to it.
func TestOfTwoFamilies(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	e.connected(e.open("broker", Config{URL: b.url(), QoS: 1, Discover: []string{"homeassistant", "zigbee2mqtt"}}))
	b.pub("homeassistant/sensor/0x0000000000000001/power/config", `{"name":"Power","unique_id":"p","unit_of_measurement":"W",
"state_topic":"zigbee2mqtt/Plug","value_template":"{{ value_json.power }}","device":{"identifiers":["zigbee2mqtt_0x0000000000000001"],"name":"Plug"}}`, "-r", "-q", "1")
	e.has("/device/plug", "info", "homeassistant")
	b.pub("zigbee2mqtt/bridge/devices", plugs("Plug"), "-r", "-q", "1")
	e.has("/device/plug", "info", "zigbee2mqtt")
	b.pub("zigbee2mqtt/Plug", `{"state":"ON","power":7}`, "-q", "1")
	e.has("/device/plug", "power", "value:7")
	e.has("/device/plug", "state", "value:true")
	if e.isThere("/device/plug-2") {
		t.Error("the device has two twins")
	}
}

// Devices of one name, or of the name of something else, have nodes of their own, and keep them.
func TestNamesakes(t *testing.T) {
	leaktest.Check(t)
	b, dir := startBroker(t), t.TempDir()
	c := shed(b.url())
	c.Discover = []string{"zigbee2mqtt"}
	for range 2 {
		e := newEdge(t, dir)
		e.connected(e.open("broker", c))
		b.pub("shed/plug", "21.5", "-q", "1")
		e.has("/device/plug", "temperature", "value:21.5")
		b.pub("zigbee2mqtt/bridge/devices", plugs("Plug", "plug!"), "-r", "-q", "1")
		b.pub("zigbee2mqtt/plug!", `{"power":2}`, "-q", "1")
		b.pub("zigbee2mqtt/Plug", `{"power":1}`, "-q", "1")
		e.has("/device/plug-2", "power", "value:1")
		e.has("/device/plug-3", "power", "value:2")
		e.stop()
	}
}

// The messages that define devices are bounded, and none is written twice.
func TestKept(t *testing.T) {
	k := kept{topics: map[string]definition{}}
	half, quarter := make([]byte, maxKept/2), make([]byte, maxKept/4)
	if !k.keep("a", half) || !k.keep("b", quarter) || k.keep("c", half) {
		t.Error("the bound is not held")
	}
	if !k.has("a", half) || k.has("a", quarter) || k.has("a", nil) || !k.has("c", nil) || k.has("c", half) {
		t.Error("it is not known what is kept")
	}
	if !k.keep("a", []byte("small")) || !k.keep("c", half) || !k.keep("a", nil) || !k.keep("b", nil) || !k.keep("c", nil) {
		t.Error("what is taken away makes no room")
	}
	if k.bytes != 0 || len(k.topics) != 0 {
		t.Errorf("%d bytes of %d topics are left", k.bytes, len(k.topics))
	}
}

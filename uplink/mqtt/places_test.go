package mqtt

import (
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/uplink/mqtt/family"
)

// A device whose node another agent has taken meanwhile gets another one.
func TestNodeTakenMeanwhile(t *testing.T) {
	leaktest.Check(t)
	b, dir := startBroker(t), t.TempDir()
	c := Config{URL: b.url(), QoS: 1, Discover: []string{"zigbee2mqtt"}}
	e := newEdge(t, dir)
	e.connected(e.open("broker", c))
	b.pub("zigbee2mqtt/bridge/devices", plugs("Plug"), "-r", "-q", "1")
	e.has("/device/plug", "info", "zigbee2mqtt")
	e.stop()
	e = newEdge(t, dir)
	if _, err := e.host.Add("/device/plug", host.Things, agent.NewKind("other", struct{}{}, func(*agent.Agent, struct{}) error { return nil }), nil); err != nil {
		t.Fatal(err)
	}
	e.connected(e.open("broker", c))
	b.pub("zigbee2mqtt/Plug", `{"power":7}`, "-q", "1")
	e.has("/device/plug-2", "power", "value:7")
}

// A mapping does not get the twin of a device that was found by itself, and goes on when that is gone.
func TestMappingOfFoundDevice(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	c := shed(b.url())
	c.Discover = []string{"zigbee2mqtt"}
	l := e.open("broker", c)
	e.connected(l)
	b.pub("zigbee2mqtt/bridge/devices", plugs("Plug"), "-r", "-q", "1")
	e.has("/device/plug", "info", "zigbee2mqtt")
	b.pub("shed/plug", "21", "-q", "1")
	if text := e.condition("uplink.broker.nodes").Text; !strings.Contains(text, "found by itself") {
		t.Error(text)
	}
	b.pub("zigbee2mqtt/bridge/devices", "[]", "-r", "-q", "1")
	until(t, "the plug to be taken away", func() bool { return !e.isThere("/device/plug") })
	b.pub("shed/plug", "22", "-q", "1")
	b.pub("shed/other", "23", "-q", "1")
	e.has("/device/other", "temperature", "value:23")
	if l.Status().LastError != "" {
		t.Errorf("the connection was lost: %s", l.Status().LastError)
	}
}

// A subscription that a broker would end the connection over is not asked for.
func TestBadFilters(t *testing.T) {
	for f, want := range map[string]bool{
		"a/b": true, "a/+/#": true, "#": true, "$SYS/x": true, "ä/ö": true,
		"": false, "a\x01b": false, "a\u0085b": false, "a\uffffb": false, "a\ufdd0": false, "$share/g/a": false, "$Queue/a": false,
		"a+/b": false, "a/#/b": false, "a/b#": false, "\xff": false, strings.Repeat("a", mostTopic+1): false,
	} {
		if isFilter(f) != want {
			t.Errorf("isFilter(%.20q) = %v", f, !want)
		}
	}
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	l := e.open("broker", Config{URL: b.url(), QoS: 1, Discover: []string{"homeassistant"}})
	e.connected(l)
	b.pub("homeassistant/sensor/bad/config", `{"name":"Bad","state_topic":"$share","unique_id":"b","unit_of_measurement":"W"}`, "-r", "-q", "1")
	b.pub("homeassistant/sensor/good/config", `{"name":"Good","state_topic":"x/good","unique_id":"g","unit_of_measurement":"W"}`, "-r", "-q", "1")
	until(t, "the subscription", func() bool { return b.subscribed("x/good") })
	b.pub("x/good", "1", "-q", "1")
	e.has("/device/good", "good", "value:1")
	if l.Status().LastError != "" {
		t.Errorf("the connection was lost: %s", l.Status().LastError)
	}
}

// Outputs that a family knew which another family does not know go with it.
func TestOutputsOfFormerFamily(t *testing.T) {
	leaktest.Check(t)
	e := newEdge(t, t.TempDir())
	s := unconnected(t, e, Config{URL: "mqtt://127.0.0.1:1", QoS: 1, Discover: []string{"homeassistant", "zigbee2mqtt"}})
	say := func(topic, payload string) {
		s.take(nil, &message{topic: topic, payload: []byte(payload), acked: func() {}})
	}
	for _, name := range []string{"lock", "led"} {
		say("homeassistant/switch/0x0000000000000001/"+name+"/config", `{"name":"`+name+`","unique_id":"`+name+`","command_topic":"x/`+name+`",
"state_topic":"x/`+name+`/state","device":{"identifiers":["zigbee2mqtt_0x0000000000000001"],"name":"Plug"}}`)
	}
	if !e.isThere("/device/plug-lock") || !e.isThere("/device/plug-led") {
		t.Fatal("the outputs have no twins")
	}
	say("zigbee2mqtt/bridge/devices", plugs("Plug"))
	e.has("/device/plug", "info", "zigbee2mqtt")
	if e.isThere("/device/plug-lock") || e.isThere("/device/plug-led") {
		t.Error("outputs that nobody knows have twins")
	}
}

// A device with ever new IDs is known by the last alone.
func TestNewIDs(t *testing.T) {
	leaktest.Check(t)
	e := newEdge(t, t.TempDir())
	s := unconnected(t, e, Config{URL: "mqtt://127.0.0.1:1", QoS: 1, Discover: []string{"zigbee2mqtt"}})
	b := s.bridge
	b.taking.Lock()
	defer b.taking.Unlock()
	g := &gathering{bridge: b, member: b.members[0]}
	for _, id := range []string{"1", "2", "3"} {
		g.Meet(family.Device{ID: id, Also: []string{"name"}, Name: "n"})
	}
	if n := len(b.members[0].met); n != 2 || len(b.things) != 1 {
		t.Errorf("%d IDs and %d things", n, len(b.things))
	}
	g.Meet(family.Device{ID: "1", Name: "other"})
	g.Meet(family.Device{ID: "3", Also: []string{"1"}, Name: "n"})
	if n := len(b.members[0].met); n != 2 || len(b.things) != 1 {
		t.Errorf("of two that are one there are %d IDs and %d things", n, len(b.things))
	}
}

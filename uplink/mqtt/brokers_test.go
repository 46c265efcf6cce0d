package mqtt

import (
	"strings"
	"testing"

	"selvage/edge/leaktest"
)

// What is behind one broker does not mix with what is behind another, and one that fails does not touch the other.
func TestTwoBrokers(t *testing.T) {
	leaktest.Check(t)
	house, barn := startBroker(t), startBroker(t)
	e := newEdge(t, t.TempDir())
	plug := func(url, device string) Config {
		return Config{URL: url, Client: "the-same", Map: map[string]Map{"shed/{name}": {
			Device: device, State: &Switched{}, Set: &Set{Topic: "set/{name}"},
		}, "both": {Device: "/device/both", Channel: map[string]Channel{"temperature": {}}}}}
	}
	inHouse := e.open("house", plug(house.url(), "/device/house/{name}"))
	e.connected(inHouse)
	e.connected(e.open("barn", plug(barn.url(), "/device/barn/{name}")))
	if c := e.condition("uplink.barn.nodes"); !strings.Contains(c.Text, `the topic "both" cannot have the twin /device/both`) {
		t.Error(c.Text)
	}
	hear := func(b *broker, node, payload string) {
		t.Helper()
		b.pub("shed/plug", payload, "-q", "1")
		e.has(node, "state", "value:"+map[string]string{"ON": "true", "OFF": "false"}[payload])
	}
	hear(house, "/device/house/plug", "ON")
	hear(barn, "/device/barn/plug", "OFF")
	e.has("/device/house/plug", "state", "value:true")
	house.pub("both", "1", "-q", "1")
	barn.pub("both", "2", "-q", "1")
	hear(barn, "/device/barn/plug", "ON") // behind the 2
	e.has("/device/both", "temperature", "value:1,")

	house.stop()
	e.has("/uplink/house", "status", "state:lost")
	e.has("/device/house/plug", "status", "state:lost", house.port)
	if err := e.host.Do(t.Context(), "/device/house/plug", "set", []byte("off")); err == nil || !strings.Contains(err.Error(), "/uplink/house") {
		t.Errorf("set behind a broker that is away: %v", err)
	}
	if err := e.host.Do(t.Context(), "/device/barn/plug", "set", []byte("off")); err != nil {
		t.Error(err)
	}
	until(t, "the command", func() bool { return strings.Contains(barn.said(), "Received PUBLISH from the-same") })
	hear(barn, "/device/barn/plug", "OFF")
	e.has("/uplink/barn", "status", "state:connected")
	e.has("/device/barn/plug", "status", "state:ok")
	house.start()
	e.connected(inHouse)
	hear(house, "/device/house/plug", "OFF")
	e.has("/device/house/plug", "status", "state:ok")
}

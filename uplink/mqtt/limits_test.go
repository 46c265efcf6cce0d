package mqtt

import (
	"fmt"
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/uplink"
)

// What means nothing leaves the readings as they are, and shows in the status.
func TestBadPayloads(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	c := shed(b.url())
	c.Map["json/{name}"] = Map{Device: "/device/{name}", Channel: map[string]Channel{
		"power": {Path: pathTo("p"), Unit: "W"}, "mode": {Path: pathTo("m"), Form: "text", Optional: true},
	}}
	e.connected(e.open("broker", c))
	for _, bad := range []string{"nan", "unavailable", "21,5", "0x10", "inf", "\x1b[31mred", "1e999", "\xff", strings.Repeat("long ", 100)} {
		b.pub("shed/temp", "21.5")
		e.has("/device/temp", "status", "state:ok")
		b.client("mosquitto_pub", strings.NewReader(bad), "-p", b.port, "-t", "shed/temp", "-s")
		e.has("/device/temp", "status", "state:faulty", "shed/temp", "is not")
		e.has("/device/temp", "temperature", "value:21.5", "quality:good")
		if got := e.get("/device/temp", "status"); strings.ContainsRune(got, 0x1b) || len(got) > 1000 {
			t.Errorf("%q: status = %q", bad, got)
		}
	}
	for _, bad := range []string{`{"p":`, `{"q":1}`, `{"p":null}`, `{"p":[1]}`, `{"p":true}`, `5`} {
		b.pub("json/meter", `{"p":7,"m":"eco"}`)
		e.has("/device/meter", "status", "state:ok")
		e.has("/device/meter", "mode", "value:eco")
		b.pub("json/meter", bad)
		e.has("/device/meter", "status", "state:faulty", "json/meter")
		e.has("/device/meter", "power", "value:7,")
	}
	b.pub("json/meter", `{"p":8}`)
	e.has("/device/meter", "power", "value:8,")
	e.has("/device/meter", "status", "state:ok")
	b.pub("json/meter", "", "-r")
	b.pub("json/other", `{"p":1}`)
	e.has("/device/other", "power", "value:1,")
	e.has("/device/meter", "status", "state:ok")
}

func TestManyDevices(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	c := shed(b.url())
	c.Devices = 300
	l := e.open("broker", c)
	e.connected(l)
	for i := range 310 {
		b.pub(fmt.Sprint("shed/n", i), "1")
	}
	until(t, "ten to be refused", func() bool { return e.health.Count("uplink.broker.devices") >= 10 })
	if n := l.In.Load(); n != 310 {
		t.Errorf("%d messages came, want 310", n)
	}
	if c := e.condition("uplink.broker.devices"); !strings.Contains(c.Text, "300") || !strings.Contains(c.Remedy, "devices") {
		t.Errorf("%+v", c)
	}
	e.has("/device/n0", "temperature", "value:1,")
	b.pub("shed/n0", "2")
	e.has("/device/n0", "temperature", "value:2,")
}

// What is too large is refused by name and acknowledged; what follows it comes.
func TestHugePayload(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	l := e.open("broker", shed(b.url()))
	e.connected(l)
	for qos := range 3 {
		huge := strings.NewReader(strings.Repeat("x", 2<<20))
		b.client("mosquitto_pub", huge, "-p", b.port, "-t", "shed/camera", "-s", "-q", fmt.Sprint(qos))
		b.pub("shed/temp", fmt.Sprint(qos), "-q", fmt.Sprint(qos))
		e.has("/device/temp", "temperature", fmt.Sprintf("value:%d,", qos))
	}
	e.has("/device/camera", "status", "state:faulty", "shed/camera", "1048576 bytes")
	if c := e.condition("uplink.broker.size"); !strings.Contains(c.Text, "shed/camera") {
		t.Error(c.Text)
	}
	if n := strings.Count(b.said(), "as selvage-test-broker"); n != 1 {
		t.Errorf("connected %d times, want once", n)
	}
	until(t, "acknowledgements", func() bool {
		return strings.Count(b.said(), "Received PUBACK from selvage-test-broker") == 2 && strings.Count(b.said(), "Received PUBCOMP") >= 2
	})
}

// Two uplinks to one broker are two clients; a node is one twin's.
func TestTwoUplinks(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	if _, err := e.seen.Add("/device/taken", agent.NewKind("test", struct{}{}, func(*agent.Agent, struct{}) error { return nil })); err != nil {
		t.Fatal(err)
	}
	one := e.open("one", shed(b.url()))
	c := shed(b.url())
	c.Map = map[string]Map{"barn/{name}": c.Map["shed/{name}"]}
	two := e.open("two", c)
	e.connected(one)
	e.connected(two)
	b.pub("shed/a", "1")
	b.pub("barn/b", "2")
	e.has("/device/a", "temperature", "value:1,")
	e.has("/device/b", "temperature", "value:2,")
	b.pub("barn/a", "3", "-q", "1")
	if c := e.condition("uplink.two.nodes"); !strings.Contains(c.Text, "barn/a") || !strings.Contains(c.Text, "/device/a") {
		t.Errorf("%+v", c)
	}
	b.pub("shed/taken", "3")
	e.condition("uplink.one.nodes")
	b.pub("shed/a", "4")
	e.has("/device/a", "temperature", "value:4,")
}

// One channel has one topic.
func TestTwoTopicsOneChannel(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	c := Config{URL: b.url(), Map: map[string]Map{"house/{room}/{name}": {
		Device: "/device/{name}", Channel: map[string]Channel{"temperature": {Unit: "Cel"}},
	}}}
	e.connected(e.open("broker", c))
	b.pub("house/bath/lamp", "1")
	e.has("/device/lamp", "temperature", "value:1,")
	b.pub("house/hall/lamp", "2")
	if c := e.condition("uplink.broker.channels"); !strings.Contains(c.Text, "house/bath/lamp") || !strings.Contains(c.Text, "house/hall/lamp") {
		t.Error(c.Text)
	}
	b.pub("house/bath/lamp", "3")
	e.has("/device/lamp", "temperature", "value:3,")
}

func TestNotLetIn(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t, "allow_anonymous false")
	e := newEdge(t, t.TempDir())
	l := e.open("broker", shed(b.url()))
	until(t, "an error", func() bool { return l.Status().LastError != "" })
	if got := l.Status(); got.State != uplink.Connecting || !strings.Contains(got.LastError, "gives no user") {
		t.Errorf("%+v", got)
	}
	t.Setenv("SELVAGE_TEST_PASSWORD", "hunter2")
	c := shed(b.url())
	c.User = "me"
	if err := c.Password.UnmarshalText([]byte("env:SELVAGE_TEST_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	l = e.open("second", c)
	until(t, "an error", func() bool { return l.Status().LastError != "" })
	if got := l.Status().LastError; !strings.Contains(got, `the user "me"`) || strings.Contains(got, "hunter2") {
		t.Error(got)
	}
	if s := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

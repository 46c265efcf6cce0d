package mqtt

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"selvage/edge/device"
	"selvage/edge/leaktest"
	"selvage/uplink"
)

func TestPlain(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	l := e.open("broker", shed(b.url()))
	e.connected(l)
	b.pub("shed/temp", "21.5")
	e.has("/device/temp", "temperature", "value:21.5", "unit:Cel", "at:", "quality:good")
	e.has("/device/temp", "status", "state:ok")
	e.has("/device/temp", "info", "driver:mqtt", `address:"shed/temp"`, b.port)
	e.has("/uplink/broker", "status", "state:connected", b.port, "in:1")
	e.has("/uplink/broker", "devices", "/device/temp", "shed/{name}")
	for qos := range 3 {
		b.pub("shed/temp", fmt.Sprint(qos), "-q", fmt.Sprint(qos))
		e.has("/device/temp", "temperature", fmt.Sprintf("value:%d,", qos))
	}
	b.pub("shed/kühl % 1", "-3e0")
	e.has("/device/k%c3%bchl%20%25%201", "temperature", "value:-3")
	b.pub("shed/..", "5")
	if c := e.condition("uplink.broker.topics"); !strings.Contains(c.Text, "shed/..") {
		t.Error(c.Text)
	}
}

func TestRetained(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	b.pub("shed/temp", "19", "-r")
	dir := t.TempDir()
	e := newEdge(t, dir)
	l := e.open("broker", shed(b.url()))
	e.has("/device/temp", "temperature", "value:19", "quality:uncertain", "kept by the broker")
	e.connected(l)
	b.pub("shed/temp", "20", "-r", "-q", "1")
	e.has("/device/temp", "temperature", "value:20", "quality:good")
	known := e.get("/device/temp", "temperature")
	until(t, "the acknowledgement", func() bool { return strings.Contains(b.said(), "Received PUBACK from selvage-test-broker") })
	e.stop()

	// The same value again is no news, and its real time stays. A marker behind it says it has come.
	e = newEdge(t, dir)
	l = e.open("broker", shed(b.url()))
	e.connected(l)
	b.pub("shed/other", "1")
	e.has("/device/other", "temperature", "value:1")
	if got := e.get("/device/temp", "temperature"); got != known {
		t.Errorf("a repeated value made %s of %s", got, known)
	}
	e.has("/device/temp", "status", "state:stale")
	e.stop()

	b.pub("shed/temp", "", "-r") // deletes what is kept
	b.pub("shed/temp", "22", "-r")
	e = newEdge(t, dir)
	e.open("broker", shed(b.url()))
	e.has("/device/temp", "temperature", "value:22", "quality:uncertain")
}

// A thing behind a broker is calibrated as a device of this machine is: by the config, by a command, for ever.
func TestCalibrateThing(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	c := Config{URL: b.url(), Map: map[string]Map{"shed/{name}": {
		Device: "/device/{name}", Channel: map[string]Channel{"temperature": {Unit: "Cel"}},
		Adjust: map[string]device.Adjust{"temperature": {Offset: 1, Max: new(60.0)}},
	}, "door/{name}": {Device: "/device/{name}", Channel: map[string]Channel{"closed": {Form: "boolean"}}}}}
	e := newEdge(t, dir)
	l := e.open("broker", c)
	e.connected(l)
	b.pub("shed/temp", "20", "-r")
	e.has("/device/temp", "temperature", "value:21,", "quality:good")
	for body, want := range map[string]string{
		"{reads:21.7}":        "",
		"{channel:closed}":    "there is no channel closed with numbers; there are temperature",
		"{channel:a,reads:1}": "there is no channel a with numbers; there are temperature",
	} {
		err := e.host.Do(t.Context(), "/device/temp", "calibrate", []byte(body))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("calibrate %s: %v, want %q", body, err, want)
		}
	}
	e.has("/device/temp", "calibration", "scale:1", "offset:0.7")
	b.pub("shed/temp", "20.1", "-r", "-q", "1")
	e.has("/device/temp", "temperature", "value:21.8,", "quality:good")
	b.pub("shed/hot", "59.5")
	e.has("/device/hot", "temperature", "value:60.5,", "quality:uncertain", "above 60")
	b.pub("door/front", "ON")
	e.has("/device/front", "closed", "true")
	if err := e.host.Do(t.Context(), "/device/front", "calibrate", []byte("{reads:1}")); err == nil {
		t.Error("what measures no numbers was calibrated")
	}
	known := e.get("/device/temp", "temperature")
	e.stop()

	// What the broker kept is the same value as before, by the same calibration, so it is no news.
	e = newEdge(t, dir)
	l = e.open("broker", c)
	e.connected(l)
	b.pub("shed/other", "1")
	e.has("/device/other", "temperature", "value:2,")
	if got := e.get("/device/temp", "temperature"); got != known {
		t.Errorf("a repeated value made %s of %s", got, known)
	}
	b.pub("shed/temp", "10")
	e.has("/device/temp", "temperature", "value:11.7,")
	e.stop()
}

func TestOutput(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	l := e.open("broker", Config{URL: b.url(), Map: map[string]Map{"stat/{plug}/POWER": {
		Device: "/device/{plug}", State: &Switched{}, Set: &Set{Topic: "cmnd/{plug}/POWER"}, Online: &Online{Topic: "tele/{plug}/LWT"},
	}, "tele/{plug}/SENSOR": {
		Device: "/device/{plug}", Channel: map[string]Channel{"power": {Path: pathTo("ENERGY.Power"), Unit: "W"}},
	}}})
	e.connected(l)
	b.pub("tele/desk/SENSOR", `{"Time":"now","ENERGY":{"Power":"12.5"}}`)
	e.has("/device/desk", "power", "value:12.5", "unit:W")

	heard := exec.Command(program(t, "mosquitto_sub"), "-p", b.port, "-t", "cmnd/#", "-v", "-C", "1", "-W", "20")
	out, err := heard.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := heard.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "mosquitto_sub to subscribe", func() bool {
		if err := e.host.Do(t.Context(), "/device/desk", "set", []byte("true")); err != nil {
			t.Fatal(err)
		}
		return l.Out.Load() > 0 && heard.ProcessState == nil && b.subscribed("cmnd/#")
	})
	if err := e.host.Do(t.Context(), "/device/desk", "set", []byte("true")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, _ := out.Read(buf)
	heard.Wait()
	if got := string(buf[:n]); got != "cmnd/desk/POWER ON\n" {
		t.Errorf("mosquitto_sub saw %q", got)
	}
	e.has("/device/desk", "desired", "true")
	e.has("/device/desk", "state", "no reading yet")
	b.pub("stat/desk/POWER", "ON")
	e.has("/device/desk", "state", "value:true")

	b.pub("tele/desk/LWT", "Offline", "-r")
	e.has("/device/desk", "status", "state:lost", "tele/desk/LWT says", "Offline")
	b.pub("tele/desk/SENSOR", `{"ENERGY":{"Power":13}}`)
	e.has("/device/desk", "power", "value:13")
	e.has("/device/desk", "status", "state:lost")
	b.pub("tele/desk/LWT", "Online", "-r")
	e.has("/device/desk", "status", "state:ok")
	b.pub("tele/desk/LWT", "away", "-r")
	e.has("/device/desk", "status", "state:faulty", "away", "neither on nor off")

	b.stop()
	until(t, "the loss to be noticed", func() bool { return l.Status().State == uplink.Lost })
	err = e.host.Do(t.Context(), "/device/desk", "set", []byte("false"))
	if err == nil || !strings.Contains(err.Error(), "is not connected") {
		t.Errorf("a set without a broker: %v", err)
	}
	e.has("/device/desk", "status", "state:lost", "is not connected") // after a grace
	b.start()
	e.connected(l)
	e.has("/device/desk", "status", "state:faulty", "neither on nor off") // as before
	b.pub("tele/desk/SENSOR", `{"ENERGY":{"Power":14}}`)
	e.has("/device/desk", "status", "state:ok")
}

// subscribed tells whether somebody has subscribed to a filter since the broker started.
func (b *broker) subscribed(filter string) bool {
	return strings.Contains(b.said(), filter+" (QoS")
}

// A client that is killed has its will published.
func TestWill(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	c := shed(b.url())
	m := c.Map["shed/{name}"]
	m.Online = &Online{Topic: "shed/{name}/online", On: "here", Off: "gone"}
	c.Map["shed/{name}"] = m
	e.connected(e.open("broker", c))
	thing := exec.Command(program(t, "mosquitto_sub"), "-p", b.port, "-t", "x/will", "--will-topic", "shed/temp/online", "--will-payload", "gone")
	if err := thing.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the thing to connect", func() bool { return b.subscribed("x/will") })
	b.pub("shed/temp/online", "here", "-r")
	b.pub("shed/temp", "20")
	e.has("/device/temp", "status", "state:ok")
	thing.Process.Kill()
	thing.Wait()
	e.has("/device/temp", "status", "state:lost", "gone")
}

// What is published while the broker restarts or we are away comes when we are back.
func TestRestartOfBroker(t *testing.T) {
	leaktest.Check(t)
	b := newBroker(t)
	dir := t.TempDir()
	e := newEdge(t, dir)
	l := e.open("broker", shed(b.url()))
	until(t, "an error", func() bool { return l.Status().LastError != "" })
	if got := l.Status().LastError; !strings.Contains(got, "connection refused") {
		t.Errorf("without a broker: %s", got)
	}
	if c := e.condition("uplink.broker"); !strings.Contains(c.Remedy, "[broker]") {
		t.Errorf("remedy: %s", c.Remedy)
	}
	b.start()
	e.connected(l)
	b.pub("shed/temp", "1", "-q", "1")
	e.has("/device/temp", "temperature", "value:1,")
	b.stop()
	until(t, "the loss to be noticed", func() bool { return l.Status().State == uplink.Lost })
	b.start()
	e.connected(l)
	b.pub("shed/temp", "2", "-q", "1")
	e.has("/device/temp", "temperature", "value:2,")
	e.stop()

	b.pub("shed/temp", "3", "-q", "1")
	b.pub("shed/new", "4", "-q", "2")
	b.stop() // and its memory goes to disk
	b.start()
	e = newEdge(t, dir)
	e.has("/device/temp", "temperature", "no such agent")
	e.open("broker", shed(b.url()))
	e.has("/device/temp", "temperature", "value:3,")
	e.has("/device/new", "temperature", "value:4,")
}

// Twins that topics made are there after a restart, before the broker is. One whose mapping is gone is not.
func TestRemembered(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	e := newEdge(t, dir)
	l := e.open("broker", shed(b.url()))
	e.connected(l)
	b.pub("shed/temp", "21.5", "-q", "1")
	e.has("/device/temp", "temperature", "value:21.5")
	until(t, "the acknowledgement", func() bool { return strings.Contains(b.said(), "Received PUBACK from selvage-test-broker") })
	e.stop()
	b.stop()

	e = newEdge(t, dir)
	c := shed(b.url())
	c.Map["yard/gate"] = Map{Device: "/device/gate", Channel: map[string]Channel{"open": {Form: "boolean"}}}
	e.open("broker", c)
	e.has("/device/temp", "temperature", "value:21.5", "quality:good")
	e.has("/device/temp", "status", "state:stale")
	e.has("/device/gate", "status", "state:stale")
	e.has("/device/temp", "status", "state:lost", "is not connected")
	e.stop()

	b.start()
	e = newEdge(t, dir)
	c = Config{URL: b.url(), Map: map[string]Map{"barn/{name}": c.Map["shed/{name}"]}}
	l = e.open("broker", c)
	e.connected(l)
	if got := e.get("/uplink/broker", "devices"); got != "" {
		t.Errorf("devices = %s", got)
	}
	e.has("/device/temp", "temperature", "no such agent")
	b.pub("shed/temp", "1") // nobody asks the broker for this any more
	b.pub("barn/temp", "2")
	e.has("/device/temp", "temperature", "value:2,")
	if n := e.health.Count("uplink.broker.unmapped"); n != 0 {
		t.Errorf("%d messages came that no mapping takes", n)
	}
}

// gate is a host whose commits can be held up.
type gate struct {
	uplink.Host
	mu    sync.Mutex
	shut  bool
	tried int
}

func (g *gate) Flush(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		g.tried++
		return errors.New("no space left on device")
	}
	return g.Host.Flush(ctx)
}

func (g *gate) turn(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

// A message is acknowledged after its commit, and comes again until then.
func TestAcknowledged(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	for qos := 1; qos <= 2; qos++ {
		e := newEdge(t, dir)
		g := &gate{Host: e.seen}
		e.seen = g
		c := shed(b.url())
		c.Client = fmt.Sprint("acknowledged", qos)
		e.connected(e.open("broker", c))
		g.turn(true)
		topic := fmt.Sprint("shed/q", qos)
		b.pub(topic, "5", "-q", fmt.Sprint(qos))
		e.has(fmt.Sprint("/device/q", qos), "temperature", "value:5,")
		until(t, "a try to save", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.tried > 0 })
		ack := []string{"", "Received PUBACK from " + c.Client, "Received PUBREC from " + c.Client}[qos]
		if strings.Contains(b.said(), ack) {
			t.Errorf("QoS %d: acknowledged before the commit", qos)
		}
		known := e.get(fmt.Sprint("/device/q", qos), "temperature")
		e.stop()

		e = newEdge(t, dir)
		e.open("broker", c)
		until(t, "the acknowledgement", func() bool { return strings.Contains(b.said(), ack) })
		if again := fmt.Sprintf("Sending PUBLISH to %s (d1, q%d", c.Client, qos); !strings.Contains(b.said(), again) {
			t.Errorf("QoS %d: the message did not come again", qos)
		}
		if got := e.get(fmt.Sprint("/device/q", qos), "temperature"); got != known { // its time is that of the first arrival
			t.Errorf("QoS %d: a message that came again made %s of %s", qos, got, known)
		}
		e.stop()
	}
}

package mqtt

import (
	"bytes"
	"encoding/hex"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/leaktest"
	"selvage/edge/twin"
	"selvage/uplink"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

// named is a host of another name.
type named struct {
	uplink.Host
	name string
}

func (h named) Name() string { return h.name }

// births listens to what edge nodes publish. The payloads come as hexadecimal digits.
func (b *broker) births() *ear { return b.listenAs("%r %t %x", "spBv1.0/#") }

// told are the messages of a topic so far.
func (e *ear) told(t testing.TB, topic string) (all []sparkplug.Payload) {
	t.Helper()
	for _, line := range e.all() {
		text, of := strings.CutPrefix(line, "0 "+topic+" ")
		if !of {
			continue
		}
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := sparkplug.Decode(raw)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, p)
	}
	return all
}

// tells waits for so many messages of a topic, and returns the last.
func (e *ear) tells(topic string, count int) sparkplug.Payload {
	e.t.Helper()
	var all []sparkplug.Payload
	until(e.t, topic, func() bool { all = e.told(e.t, topic); return len(all) >= count })
	return all[count-1]
}

func metricIn(t testing.TB, p sparkplug.Payload, name string) sparkplug.Metric {
	t.Helper()
	i := slices.IndexFunc(p.Metrics, func(m sparkplug.Metric) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no metric %s in %+v", name, p)
	}
	return p.Metrics[i]
}

func sessionIn(t testing.TB, p sparkplug.Payload) uint64 {
	t.Helper()
	v, _ := metricIn(t, p, sparkplug.BdSeq).Value.(uint64)
	return v
}

// cut ends a connection without the packet that says goodbye.
func cutOff(t testing.TB, b *bridge) {
	t.Helper()
	if err := b.conn.Load().conn.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// One host is an edge node, and another finds it: it has the same values and units, switches the output, and its twins are
// lost when the node is.
func TestEdgeNode(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	ear := b.births()
	there := newEdge(t, t.TempDir())
	h := there.open("broker", Config{URL: b.url(), Discover: []string{"sparkplug"}})
	there.connected(h)

	dir := t.TempDir()
	e := newEdge(t, dir)
	e.seen = named{e.seen, "line 1"}
	air, airTurns := e.plug("air", twin.Options{Info: twin.Info{Driver: "sht4x"}})
	asked := make(chan device.Value, 1)
	heater, heaterTurns := e.plug("heater", twin.Options{
		Info: twin.Info{Driver: "pwm"}, Set: func(v device.Value) error { asked <- v; return nil }, Takes: &device.Channel{Unit: "%", Max: 100},
	})
	foreign, foreignTurns := e.plug("theirs", twin.Options{Info: twin.Info{Driver: "sparkplug", Wire: b.url()}})
	e.do(airTurns, func() { air.Report(e.reading("temperature", 21.5, "Cel")) })
	e.do(foreignTurns, func() { foreign.Report(e.reading("temperature", 1, "Cel")) })
	e.do(heaterTurns, func() {
		heater.Report(device.Report{At: e.host.Clock.Now(), State: &device.State{Value: device.Of(40)}})
	})
	config := Config{URL: b.url(), Sparkplug: &Sparkplug{Group: "Plant1"}}
	l := e.open("plant", config)
	node := opened
	e.connected(l)
	there.has("/device/air", "temperature", "value:21.5", "unit:Cel", "quality:good")
	there.has("/device/air", "status", "state:ok")
	there.has("/device/heater-device-set", "state", "40")

	birth := ear.tells("spBv1.0/Plant1/NBIRTH/line 1", 1)
	ear.tells("spBv1.0/Plant1/DBIRTH/line 1/air", 1)
	temperature := metricIn(t, ear.tells("spBv1.0/Plant1/DBIRTH/line 1/air", 1), "temperature")
	if temperature.DataType != sparkplug.Double || temperature.Properties.Of(engUnit) != "°C" || temperature.Properties.Of(sparkplug.Quality) != int64(sparkplug.QualityGood) {
		t.Errorf("born %+v", temperature)
	}
	if !strings.Contains(b.said(), " as selvage-line 1-plant (p2, c1,") {
		t.Error("the broker keeps a session for an edge node")
	}
	if !birth.HasSeq || birth.Seq != 0 || slices.ContainsFunc(ear.all(), func(line string) bool { return strings.Contains(line, "theirs") }) {
		t.Errorf("born %+v, and heard\n%s", birth, strings.Join(ear.all(), "\n"))
	}

	// What changes, how good it is, and a lane that comes.
	e.do(airTurns, func() { air.Report(e.reading("temperature", 22.25, "Cel")) })
	there.has("/device/air", "temperature", "value:22.25", "unit:Cel", "quality:good")
	e.do(airTurns, func() {
		r := e.reading("temperature", 23, "Cel")
		r.Readings[0].Reading.Quality, r.Readings[0].Reading.Reason = device.Uncertain, "a doubt"
		air.Report(r)
	})
	there.has("/device/air", "temperature", "value:23", "quality:uncertain", "stale (500)")
	e.do(airTurns, func() { air.Report(e.reading("power", 60, "kW.h")) })
	there.has("/device/air", "power", "value:60", `unit:"kW.h"`, "quality:good")

	// Commands, through the door that all commands go through.
	if err := there.seen.Command(t.Context(), "/device/heater-device-set", "set", []byte("55.5")); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got.Number != 55.5 || got.Form != device.Number {
		t.Errorf("the heater was told %v", got)
	}
	e.do(heaterTurns, func() {
		heater.Report(device.Report{At: e.host.Clock.Now(), State: &device.State{Value: device.Of(55.5)}})
	})
	there.has("/device/heater-device-set", "state", "55.5")
	b.orders(t, "air", sparkplug.Metric{Name: "temperature", DataType: sparkplug.Double, Value: 5.0})
	if c := e.condition("uplink.plant.commands"); !strings.Contains(c.Text, "none that can be written") {
		t.Error(c.Text)
	}
	node.settle("commands")
	b.orders(t, "heater", sparkplug.Metric{Name: "set", DataType: sparkplug.Double, Value: 130.0})
	if c := e.condition("uplink.plant.commands"); !strings.Contains(c.Text, "want 0 to 100 %, not 130") {
		t.Error(c.Text)
	}
	node.settle("commands")
	b.orders(t, "nobody", sparkplug.Metric{Name: "set", DataType: sparkplug.Double, Value: 1.0})
	if c := e.condition("uplink.plant.commands"); !strings.Contains(c.Text, "no such device") {
		t.Error(c.Text)
	}

	// Whoever wants the births again has them.
	births := len(ear.told(t, "spBv1.0/Plant1/NBIRTH/line 1"))
	topic, ask := sparkplug.AskRebirth("Plant1", "line 1", time.Now())
	b.pubRaw(topic, ask)
	if again := ear.tells("spBv1.0/Plant1/NBIRTH/line 1", births+1); sessionIn(t, again) != sessionIn(t, birth) {
		t.Errorf("a rebirth is of session %d, and was of %d", sessionIn(t, again), sessionIn(t, birth))
	}

	// A device that is lost, one that is back, and an agent that goes.
	e.do(airTurns, func() { air.Away("its will says so") })
	there.has("/device/air", "status", "state:lost")
	e.do(airTurns, func() { air.Back() })
	there.has("/device/air", "status", "state:ok")
	if err := e.host.Remove(t.Context(), "/device/heater"); err != nil {
		t.Fatal(err)
	}
	there.has("/device/heater-device-set", "status", "state:lost")

	// The death by our will, and the next session.
	deaths := len(ear.told(t, "spBv1.0/Plant1/NDEATH/line 1"))
	births = len(ear.told(t, "spBv1.0/Plant1/NBIRTH/line 1"))
	cutOff(t, node)
	if death := ear.tells("spBv1.0/Plant1/NDEATH/line 1", deaths+1); sessionIn(t, death) != sessionIn(t, birth) {
		t.Errorf("died in session %d, born in %d", sessionIn(t, death), sessionIn(t, birth))
	}
	there.has("/device/air", "status", "ended")
	next := ear.tells("spBv1.0/Plant1/NBIRTH/line 1", births+1)
	if sessionIn(t, next) <= sessionIn(t, birth) {
		t.Errorf("session %d after %d", sessionIn(t, next), sessionIn(t, birth))
	}
	there.has("/device/air", "status", "state:ok")

	// Who leaves says so, and the number of the session outlasts the program.
	e.stop()
	there.has("/device/air", "status", "state:lost", "ended")
	last := ear.told(t, "spBv1.0/Plant1/NBIRTH/line 1")
	e = newEdge(t, dir)
	e.seen = named{e.seen, "line 1"}
	e.open("plant", config)
	if after := ear.tells("spBv1.0/Plant1/NBIRTH/line 1", len(last)+1); sessionIn(t, after) != sessionIn(t, last[len(last)-1])+1 {
		t.Errorf("session %d after a restart, and %d before", sessionIn(t, after), sessionIn(t, last[len(last)-1]))
	}
}

// A session that the broker could not hear of does not use up a number, nor flash.
func TestSessionUnheard(t *testing.T) {
	leaktest.Check(t)
	b := newBroker(t)
	e := newEdge(t, t.TempDir())
	l := e.open("plant", Config{URL: b.url(), Sparkplug: &Sparkplug{Group: "Plant1"}})
	until(t, "a try without a broker", func() bool { return l.Status().LastError != "" })
	b.start()
	e.connected(l)
	ear := b.births()
	topic, ask := sparkplug.AskRebirth("Plant1", "test", time.Now())
	b.pubRaw(topic, ask)
	if got := sessionIn(t, ear.tells("spBv1.0/Plant1/NBIRTH/test", 1)); got != 1 {
		t.Errorf("the first session has the number %d", got)
	}
}

// orders commands a metric of a device.
func (b *broker) orders(t testing.TB, device string, m sparkplug.Metric) {
	t.Helper()
	p := sparkplug.Payload{Timestamp: sparkplug.Millis(time.Now()), Metrics: []sparkplug.Metric{m}}
	b.pubRaw("spBv1.0/Plant1/DCMD/line 1/"+device, p.Encode())
}

// pubRaw publishes what is no text.
func (b *broker) pubRaw(topic string, payload []byte, more ...string) {
	b.t.Helper()
	b.client("mosquitto_pub", bytes.NewReader(payload), append(more, "-h", "127.0.0.1", "-p", b.port, "-t", topic, "-s")...)
}

// Neither this uplink nor another of the host finds what the host publishes as a node; another host does.
func TestOwnNode(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	ear := b.births()
	e := newEdge(t, t.TempDir())
	e.seen = named{e.seen, "line 2"}
	h := e.open("broker", Config{URL: b.url(), Discover: []string{"sparkplug"}})
	other := opened
	e.connected(h)
	air, turns := e.plug("air", twin.Options{Info: twin.Info{Driver: "sht4x"}})
	e.do(turns, func() { air.Report(e.reading("temperature", 21.5, "Cel")) })
	e.connected(e.open("plant", Config{URL: b.url(), Discover: []string{"sparkplug"}, Sparkplug: &Sparkplug{Group: "Plant1"}}))
	ear.tells("spBv1.0/Plant1/DBIRTH/line 2/air", 1)
	for _, b := range []*bridge{other, opened} {
		if len(b.concerned("spBv1.0/Plant1/DBIRTH/line 2/air")) > 0 || len(b.concerned("spBv1.0/Plant1/DBIRTH/line 3/air")) == 0 {
			t.Errorf("%s: whose own node is line 2?", b.line.Name)
		}
	}
	marker := sparkplug.Payload{Metrics: []sparkplug.Metric{{Name: "power", DataType: sparkplug.Double, Value: 3.0}}, HasSeq: true, Seq: 0}
	b.pubRaw("spBv1.0/Plant1/NBIRTH/line 3", marker.Encode())
	e.has("/uplink/broker", "devices", "line-3")
	e.has("/uplink/plant", "devices", "line-3")
	if got := e.get("/uplink/broker", "devices") + e.get("/uplink/plant", "devices"); strings.Contains(got, "line-2") || strings.Contains(got, "air") {
		t.Errorf("the host has found itself: %s", got)
	}
	topic, ask := sparkplug.AskRebirth("Plant1", "line 2", time.Now())
	b.pubRaw(topic, ask, "-q", "1")
	ear.tells("spBv1.0/Plant1/NBIRTH/line 2", 2) // discovery's subscription to all below spBv1.0 is not that for commands
}

// Two agents cannot be one device.
func TestSameDevice(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	ear := b.births()
	e := newEdge(t, t.TempDir())
	e.room("/attic/hall")
	e.room("/room/hall")
	e.connected(e.open("plant", Config{URL: b.url(), Sparkplug: &Sparkplug{Group: "Plant1", Node: "roof-{host}", Lanes: []string{"/*/hall/*"}}}))
	birth := ear.tells("spBv1.0/Plant1/DBIRTH/roof-test/hall", 1)
	if m := metricIn(t, birth, "target"); m.Value != 20.5 {
		t.Errorf("born %+v", m)
	}
	if c := e.condition("uplink.plant.conflict"); !strings.Contains(c.Text, "/room/hall is no device") || !strings.Contains(c.Text, "/attic/hall") {
		t.Error(c.Text)
	}
	if err := e.host.Remove(t.Context(), "/attic/hall"); err != nil {
		t.Fatal(err)
	}
	ear.tells("spBv1.0/Plant1/DDEATH/roof-test/hall", 1)
	ear.tells("spBv1.0/Plant1/DBIRTH/roof-test/hall", 2)
}

func TestEdgeMetrics(t *testing.T) {
	at := clock.At(time.UnixMilli(1_700_000_000_000))
	d := newEdgeDevice("/device/a%2fb")
	if d.name != "a%2fb" {
		t.Errorf("the device is called %s", d.name)
	}
	for _, c := range []struct {
		name    string
		r       device.Reading
		value   any
		kind    sparkplug.DataType
		quality int64
		anew    bool
	}{
		{"x", device.Reading{}, nil, 0, 0, false}, // nobody knows what it will be
		{"x", device.Reading{Value: 21.5, Unit: "Cel", At: at}, 21.5, sparkplug.Double, 192, true},
		{"x", device.Reading{Value: 22, Unit: "Cel", At: at}, 22.0, sparkplug.Double, 192, false},
		{"x", device.Reading{Quality: device.Bad, Reason: "gone"}, nil, sparkplug.Double, 0, false},
		{"x", device.Reading{Value: math.NaN(), Unit: "Cel"}, nil, sparkplug.Double, 0, false},
		{"x", device.Reading{Value: 22, Unit: "Cel", Quality: device.Uncertain}, 22.0, sparkplug.Double, 500, false},
		{"x", device.Reading{Value: 295, Unit: "K"}, 295.0, sparkplug.Double, 192, true},
		{"x", device.Reading{Value: 1, Form: device.Boolean, At: at}, true, sparkplug.Boolean, 192, true},
		{"x", device.Reading{Text: "open", Form: device.Text, At: at}, "open", sparkplug.String, 192, true},
		{"x", device.Reading{Text: strings.Repeat("x", mostText+1), Form: device.Text, At: at}, nil, sparkplug.String, 0, false},
	} {
		d.anew = false
		m := d.metricOf(c.name, c.r)
		if m.Name == "" {
			if c.kind != 0 {
				t.Errorf("%+v is no metric", c.r)
			}
			continue
		}
		if !d.hold(m) || d.anew != c.anew || m.Value != c.value || m.DataType != c.kind || m.Properties.Of(sparkplug.Quality) != c.quality {
			t.Errorf("%+v: %+v, anew %v", c.r, m, d.anew)
		}
		if c.r.At == at && m.Timestamp != 1_700_000_000_000 {
			t.Errorf("%+v is of %d", c.r, m.Timestamp)
		}
	}
	for i := 1; d.hold(d.metricOf(strings.Repeat("n", i), device.Reading{Text: strings.Repeat("y", mostText), Form: device.Text, At: at})); i++ {
		if i > maxPacket/mostText {
			t.Fatal("there is room for any number of metrics")
		}
	}
	n, err := sparkplug.NewNode("g", "n", 0)
	if err != nil {
		t.Fatal(err)
	}
	n.Connected(time.Now())
	births, err := n.Born(d.name, d.all(), time.Now())
	if err != nil || len(births) != 1 || len(births[0].Payload) > maxPacket {
		t.Errorf("%v: %d births", err, len(births))
	}
}

// A host reads the units that we write.
func TestEdgeUnits(t *testing.T) {
	for _, u := range []device.Unit{"Cel", "[degF]", "%", "hPa", "[ppm]", "ug/m3", "lx", "V", "A", "W", "kW.h", "V.A{reactive}", "Hz", "{rpm}", "m3/h", "dB[mW]", "uS/cm"} {
		if got := family.Unit(u.Symbol()); got != u {
			t.Errorf("%s is written %s and read %s", u, u.Symbol(), got)
		}
	}
}

package mqtt

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink"
)

// ear is a mosquitto_sub.
type ear struct {
	t     testing.TB
	mu    sync.Mutex
	lines []string // RETAINED TOPIC PAYLOAD
}

func (b *broker) listen(topics ...string) *ear { return b.listenAs("%r %t %p", topics...) }

func (b *broker) listenAs(format string, topics ...string) *ear {
	b.t.Helper()
	args := []string{"-p", b.port, "-q", "2", "-F", format}
	for _, topic := range topics {
		args = append(args, "-t", topic)
	}
	cmd := exec.Command(program(b.t, "mosquitto_sub"), args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	e := &ear{t: b.t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			e.mu.Lock()
			e.lines = append(e.lines, s.Text())
			e.mu.Unlock()
		}
	}()
	b.t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		cmd.Wait()
	})
	until(b.t, "mosquitto_sub to subscribe", func() bool { return b.subscribed(topics[len(topics)-1]) })
	return e
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.lines)
}

// hears waits for a line.
func (e *ear) hears(line string) {
	e.t.Helper()
	end := time.After(mostPatience)
	for !slices.Contains(e.all(), line) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			e.t.Fatalf("waited in vain for %q; heard\n%s", line, strings.Join(e.all(), "\n"))
		}
	}
}

// kept returns what the broker keeps, by topic.
func (b *broker) kept(filter string) map[string]string {
	b.t.Helper()
	out, err := exec.Command(program(b.t, "mosquitto_sub"), "-p", b.port, "-t", filter, "-v", "-W", "1", "--retained-only").Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		topic, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		all[topic] = payload
	}
	return all
}

// room is an agent with lanes of several kinds.
type room struct {
	a      *agent.Agent
	target *agent.ValueLane[float64]
	lamps  *agent.MapLane[string, bool]
	told   *agent.ValueLane[string]
}

func (e *edge) room(node route.NodeURI) (*room, *host.Handle) {
	e.t.Helper()
	r := &room{}
	h, err := e.host.Add(node, host.Things, agent.NewKind("room", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		r.a, r.target = a, agent.Value(a, "target", 20.5)
		r.lamps = agent.Map[string, bool](a, "lamps")
		r.told = agent.Value(a, "told", "")
		agent.Command(a, "say", func(s string) error {
			if s == "no" {
				return errors.New("no is not said here")
			}
			r.told.Set(s)
			return nil
		})
		return nil
	}), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	return r, h
}

// plug is a twin that can be switched.
func (e *edge) plug(name string, o twin.Options) (*twin.Twin, *host.Handle) {
	e.t.Helper()
	o.Node = twin.Node(name)
	tw := twin.New(o)
	h, err := e.host.Add(o.Node, host.Things, tw.Kind(), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	return tw, h
}

func (e *edge) do(h *host.Handle, fn func()) {
	e.t.Helper()
	done := make(chan error, 1)
	if err := h.Post(e.t.Context(), fn, func(err error) { done <- err }); err != nil {
		e.t.Fatal(err)
	}
	if err := <-done; err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) reading(channel string, v float64, u device.Unit) device.Report {
	at := e.host.Clock.Now()
	return device.Report{At: at, Readings: []device.NamedReading{{Channel: channel, Reading: device.Reading{Value: v, Unit: u, At: at}}}}
}

func TestPublishLanes(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	r, h := e.room("/room/k%c3%bcche%2f1")
	tw, th := e.plug("air", twin.Options{Info: twin.Info{Driver: "sht4x"}})
	e.do(h, func() { r.lamps.Set("desk", true) })
	e.do(th, func() { tw.Report(e.reading("temperature", 21.5, "Cel")) })
	ear := b.listen("out/#")
	l := e.open("broker", Config{URL: b.url(), Status: "out/{host}/here", Publish: map[string]Publish{
		"out/text/{name}/{lane}":    {Lanes: []string{"/room/*/target", "/device/*/*"}, Payload: "text"},
		"out/value/{node}/{lane}":   {Lanes: []string{"/room/*/*"}, Payload: "value", QoS: new(0)},
		"out/{host}/{lane}/{key}":   {Lanes: []string{"/room/*/lamps"}, Payload: "text", QoS: new(2)},
		"out/json/{node}/{lane}":    {Lanes: []string{"/device/*/temperature", "/room/*/target"}},
		"out/passing/{name}/{lane}": {Lanes: []string{"/room/*/told"}, Payload: "text", Retain: new(false)},
	}})
	e.connected(l)
	ear.hears("0 out/test/here online")
	ear.hears("0 out/text/küche%2f1/target 20.5")
	ear.hears("0 out/text/air/temperature 21.5")
	ear.hears("0 out/value/room/küche%2f1/target 20.5")
	ear.hears(`0 out/value/room/küche%2f1/lamps {"desk":true}`)
	ear.hears("0 out/test/lamps/desk ON")
	ear.hears(`0 out/json/room/küche%2f1/target {"value":20.5}`)
	e.do(h, func() {
		r.lamps.Set("a/b", false)
		r.lamps.Remove("desk")
		r.told.Set("hello")
	})
	ear.hears("0 out/test/lamps/a%2fb OFF")
	ear.hears("0 out/test/lamps/desk ")
	ear.hears(`0 out/value/room/küche%2f1/lamps {"a/b":false}`)
	ear.hears("0 out/passing/küche%2f1/told hello")
	var got struct {
		Value         float64
		Unit, Quality string
		Time          time.Time
	}
	kept := b.kept("out/#")
	if err := json.Unmarshal([]byte(kept["out/json/device/air/temperature"]), &got); err != nil || got.Value != 21.5 || got.Unit != "°C" || got.Quality != "good" || got.Time.IsZero() {
		t.Errorf("%v: %+v in %s", err, got, kept["out/json/device/air/temperature"])
	}
	for _, topic := range []string{"out/passing/küche%2f1/told", "out/test/lamps/desk"} {
		if text, is := kept[topic]; is {
			t.Errorf("the broker keeps %s %q", topic, text)
		}
	}

	// Without a broker the newest waits, and nothing else.
	b.stop()
	until(t, "the loss to be noticed", func() bool { return l.Status().State == uplink.Lost })
	e.do(h, func() {
		for i := range 10_000 {
			r.target.Set(float64(i))
		}
		r.lamps.Clear()
	})
	b.start()
	again := b.listen("out/#")
	again.hears("0 out/text/küche%2f1/target 9999")
	again.hears("0 out/test/lamps/a%2fb ")
	if got := again.all(); slices.ContainsFunc(got, func(line string) bool { return strings.HasSuffix(line, "target 9998") }) {
		t.Error("what a lane held for a moment while there was no broker was published later")
	}

	// An agent that is no more leaves nothing at the broker.
	e.connected(l)
	if err := e.host.Remove(t.Context(), "/room/k%c3%bcche%2f1"); err != nil {
		t.Fatal(err)
	}
	again.hears("0 out/text/küche%2f1/target ")
	again.hears(`0 out/value/room/küche%2f1/lamps `)
	e.stop()
	again.hears("0 out/test/here offline")
}

// The will of a bridge that does not say that it leaves.
func TestOwnWill(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	ear := b.listen("selvage/#")
	e := newEdge(t, t.TempDir())
	l := e.open("broker", Config{URL: b.url(), Announce: &Announce{}})
	e.connected(l)
	ear.hears("0 selvage/test/status online")
	if err := opened.conn.Load().conn.Conn.(*net.TCPConn).CloseWrite(); err != nil { // without the packet that says goodbye
		t.Fatal(err)
	}
	ear.hears("0 selvage/test/status offline")
	until(t, "the uplink to come again", func() bool { return l.Status().State == uplink.Connected && l.Status().LastError != "" })
	if got := b.kept("selvage/test/status")["selvage/test/status"]; got != "online" {
		t.Errorf("the broker keeps %q", got)
	}
}

// mayNot is a host whose policy lets uplinks command one node only.
type mayNot struct {
	uplink.Host
	only route.NodeURI
}

func (h mayNot) Command(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	if node != h.only {
		return &uplink.Fault{Err: errors.New("the policy does not let it"), Remedy: "ask for a role"}
	}
	return h.Host.Command(ctx, node, lane, body)
}

func TestCommands(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	b.pub("say/hall", "kept", "-r")
	e := newEdge(t, t.TempDir())
	e.seen = mayNot{e.seen, "/room/hall"}
	r, h := e.room("/room/hall")
	e.room("/room/cellar")
	l := e.open("broker", Config{URL: b.url(), Command: map[string]Command{
		"say/{room}":   {Node: "/room/{room}", Lane: "say", Payload: "text"},
		"set/{x}/lamp": {Node: "/room/{x}", Lane: "lamps"},
	}})
	e.connected(l)
	refused := func(want ...string) {
		t.Helper()
		c := e.condition("uplink.broker.commands")
		for _, w := range want {
			if !strings.Contains(c.Text+" "+c.Remedy, w) {
				t.Errorf("%s (%s): want %q", c.Text, c.Remedy, w)
			}
		}
		opened.settle("commands")
	}
	refused(`"kept" on "say/hall"`, "the broker has kept it", "without retain")
	b.pub("say/hall", "ON")
	e.has("/room/hall", "told", "ON")
	b.pub("set/hall/lamp", `{"@update":{"key":"desk"},"$1":true}`)
	e.has("/room/hall", "lamps", "@update(key:desk) true")
	b.pub("say/hall", "no")
	refused("no is not said here", "/room/hall")
	b.pub("say/cellar", "hello")
	refused("the policy does not let it", "ask for a role", "/room/cellar")
	b.pub("say/nobody", "hello")
	refused("/room/nobody")
	e.has("/room/hall", "told", "ON")

	// What was said while we were away is not done later.
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.pub("say/hall", "late", "-q", "2")
	e.lines = nil
	l = e.open("again", Config{URL: b.url(), Client: "selvage-test-broker", Command: map[string]Command{"say/{room}": {Node: "/room/{room}", Lane: "say"}}})
	e.connected(l)
	told := make(chan string, 1)
	e.do(h, func() { r.told.OnSet(func(_, now string) error { told <- now; return nil }) })
	b.pub("say/hall", "marker")
	if got := <-told; got != "marker" {
		t.Errorf("told %q after the bridge had been away", got)
	}
}

// A device that is met later may bring the topic of a command with QoS 1. What the broker has kept of it is not obeyed,
// whether it sends what two subscriptions bring once or twice.
func TestCommandsKept(t *testing.T) {
	leaktest.Check(t)
	for _, option := range []string{"allow_duplicate_messages false", "allow_duplicate_messages true"} {
		b := startBroker(t, option)
		b.pub("homeassistant/sensor/hall/config", `{"name":"Said","unique_id":"hall","state_topic":"say/hall","device":{"identifiers":["hall"],"name":"Hall"}}`, "-r")
		e := newEdge(t, t.TempDir())
		r, h := e.room("/room/hall")
		c := Config{URL: b.url(), Client: "here", QoS: 1, Discover: []string{"homeassistant"}, Command: map[string]Command{"say/{room}": {Node: "/room/{room}", Lane: "say"}}}
		l := e.open("broker", c)
		until(t, "both subscriptions", func() bool { return b.subscribed("say/hall") && b.subscribed("say/+") })
		e.has("/uplink/broker", "filters", "say/hall", "say/+")
		if s, ok := l.Session(); !ok || slices.Contains(s.Filters, "say/+") || !slices.Contains(s.Filters, "say/hall") || s.QoS != 1 {
			t.Errorf("the session is %+v", s)
		}
		b.pub("say/hall", "now")
		e.has("/room/hall", "told", "now")
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.lines = nil
		b.pub("say/hall", "late", "-q", "1")
		told := make(chan string, 2)
		e.do(h, func() { r.told.OnSet(func(_, now string) error { told <- now; return nil }) })
		e.open("again", c)
		if c := e.condition("uplink.again.commands"); !strings.Contains(c.Text, `"late" on "say/hall"`) || !strings.Contains(c.Text, "when we were away") {
			t.Errorf("%s: %s", option, c.Text)
		}
		b.pub("say/hall", "marker")
		if got := <-told; got != "marker" {
			t.Errorf("%s: told %q after the bridge had been away", option, got)
		}
		e.stop()
	}
}

// A filter that is wanted for a command and for something else is one subscription, of which the broker keeps messages.
func TestSubscriptions(t *testing.T) {
	x := &member{name: "x"}
	b := &bridge{config: Config{QoS: 1}, wanted: newWanted(nil), out: &out{filters: []string{"a/+", "a/b", "c", "d/e"}}}
	b.wanted.change(x, nil, []string{"c", "d/+", "f"})
	if got, want := b.subscriptions(), map[string]byte{"a/+": 0, "c": 1, "d/+": 1, "d/e": 0, "f": 1}; !maps.Equal(got, want) {
		t.Errorf("subscriptions %v, want %v", got, want)
	}
	if want := []string{"a/+", "a/b", "c", "d/e"}; !slices.Equal(b.out.filters, want) {
		t.Errorf("filters of commands are %q now", b.out.filters)
	}
}

func TestAnnounced(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	e := newEdge(t, dir)
	ear := b.listen("homeassistant/#", "selvage/#")
	air, airTurns := e.plug("air", twin.Options{Info: twin.Info{Driver: "sht4x", Model: "Sensirion SHT4x"}})
	asked := make(chan device.Value, 1)
	set := func(v device.Value) error { asked <- v; return nil }
	heater, heaterTurns := e.plug("heater", twin.Options{Info: twin.Info{Driver: "zigbee2mqtt", Wire: b.url()}, Set: set, Takes: &device.Channel{Form: device.Boolean}})
	e.plug("dimmer", twin.Options{Info: twin.Info{Driver: "pwm"}, Set: set, Takes: &device.Channel{Unit: "%", Max: 100, Resolution: 0.5}})
	e.plug("mode", twin.Options{Info: twin.Info{Driver: "x"}, Set: set, Takes: &device.Channel{Form: device.Text}, Choices: []string{"eco", "boost"}})
	theirs, theirTurns := e.plug("theirs", twin.Options{Info: twin.Info{Driver: "homeassistant", Wire: b.url()}})
	e.do(airTurns, func() { air.Report(e.reading("temperature", 21.5, "Cel")) })
	e.do(theirTurns, func() { theirs.Report(e.reading("temperature", 5, "Cel")) })
	e.room("/room/hall")
	config := Config{URL: b.url(), Announce: &Announce{Lanes: []string{"/device/*/*", "/room/*/target"}}}
	l := e.open("broker", config)
	e.connected(l)
	ear.hears("0 selvage/test/device/air/temperature 21.5")
	ear.hears("0 selvage/test/device/air/status online")
	ear.hears("0 selvage/test/room/hall/target 20.5")
	e.do(airTurns, func() { air.Report(e.reading("humidity", 40, "%")) })
	ear.hears("0 selvage/test/device/air/humidity 40")
	e.do(heaterTurns, func() {
		heater.Report(device.Report{At: e.host.Clock.Now(), State: &device.State{Value: device.On(true)}})
	})
	ear.hears("0 selvage/test/device/heater/state ON")

	topics := map[string]string{}
	until(t, "all configs", func() bool { topics = b.kept("homeassistant/#"); return len(topics) >= 6 })
	var text strings.Builder
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		fmt.Fprintf(&text, "%s\n%s\n", topic, topics[topic])
	}
	golden(t, "announced.golden", text.String())

	// Commands from Home Assistant, and what they lead to.
	b.pub("selvage/test/device/heater/set", "OFF")
	if got := <-asked; got.Form != device.Boolean || got.Bool() {
		t.Errorf("heater was told %v", got)
	}
	b.pub("selvage/test/device/dimmer/set", "42.5")
	if got := <-asked; got.Number != 42.5 {
		t.Errorf("dimmer was told %v", got)
	}
	b.pub("selvage/test/device/mode/set", "eco")
	if got := <-asked; got.Text != "eco" {
		t.Errorf("mode was told %v", got)
	}
	b.pub("selvage/test/device/dimmer/set", "130")
	if c := e.condition("uplink.broker.commands"); !strings.Contains(c.Text, "want 0 to 100 %, not 130") {
		t.Error(c.Text)
	}
	e.do(airTurns, func() { air.Away("its will says so") })
	ear.hears("0 selvage/test/device/air/status offline")

	// Home Assistant begins anew, and is told all of it again.
	count := func(line string) (n int) {
		for _, l := range ear.all() {
			if l == line {
				n++
			}
		}
		return n
	}
	const humid = "homeassistant/sensor/selvage-test/device__air__humidity/config"
	was := "0 " + humid + " " + topics[humid]
	before := count(was)
	b.pub("homeassistant/status", "online")
	until(t, "the configs to come again", func() bool { return count(was) == before+1 })

	// What is no more is taken back, also if it went while nobody was there to say so.
	if err := e.host.Remove(t.Context(), "/device/mode"); err != nil {
		t.Fatal(err)
	}
	ear.hears("0 homeassistant/select/selvage-test/device__mode__set/config ")
	e.stop()
	orphanTime = 10 * time.Millisecond
	defer func() { orphanTime = time.Minute }()
	e = newEdge(t, dir)
	e.room("/room/hall")
	e.connected(e.open("broker", config))
	ear.hears("0 " + humid + " ")
	until(t, "the rest to be taken back", func() bool { return len(b.kept("homeassistant/#")) == 1 })
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", file, got)
	}
}

// A node may have any name that is a URI, and brokers accept the topic: Mosquitto closes the connection for a control character.
func TestOddNames(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	for _, name := range []string{"a%c2%85b", "a%ef%b7%90b", "a%ef%bf%bfb"} {
		r, h := e.room(route.NodeURI("/room/" + name))
		e.do(h, func() { r.target.Set(21) })
	}
	ear := b.listen("home/#")
	e.open("broker", Config{URL: b.url(), Publish: map[string]Publish{"home/{name}/{lane}": {Lanes: []string{"/room/*/target"}}}})
	for _, name := range []string{"a%c2%85b", "a%ef%b7%90b", "a%ef%bf%bfb"} {
		ear.hears("0 home/" + name + `/target {"value":21}`)
	}
}

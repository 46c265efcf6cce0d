package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/jsonpath"
	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/uplink"
)

// mostPatience bounds what a test waits for; it is spent only when something is broken.
const mostPatience = 20 * time.Second

// program finds one of Mosquitto's programs.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: apt install mosquitto mosquitto-clients", name)
	}
	t.Skipf("%s is not installed: apt install mosquitto mosquitto-clients", name)
	return ""
}

// broker is a Mosquitto that may be stopped and started again on its port, with its memory.
type broker struct {
	t    testing.TB
	port string
	conf string
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer // what it says
}

func (b *broker) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

// said returns what the broker has logged since it was started.
func (b *broker) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

// newBroker writes the config of a broker that is not started yet.
func newBroker(t testing.TB, more ...string) *broker {
	t.Helper()
	program(t, "mosquitto_pub")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	b := &broker{t: t, port: port, conf: filepath.Join(dir, "mosquitto.conf")}
	lines := []string{"listener " + port + " 127.0.0.1", "persistence true", "persistence_location " + dir + "/", "log_dest stderr", "log_type all"}
	if !strings.Contains(strings.Join(more, "\n"), "allow_anonymous") {
		lines = append(lines, "allow_anonymous true")
	}
	if os.Getuid() == 0 {
		lines = append(lines, "user root") // else it would give up its rights to our folder
	}
	if err := os.WriteFile(b.conf, []byte(strings.Join(append(lines, more...), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stop)
	return b
}

func startBroker(t testing.TB, more ...string) *broker {
	t.Helper()
	b := newBroker(t, more...)
	b.start()
	return b
}

func (b *broker) url() string { return "mqtt://127.0.0.1:" + b.port }

// start returns when the broker answers.
func (b *broker) start() {
	b.t.Helper()
	b.mu.Lock()
	b.log.Reset()
	b.mu.Unlock()
	b.cmd = exec.Command(program(b.t, "mosquitto"), "-c", b.conf)
	b.cmd.Stderr = b
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("mosquitto on %s", b.port)
	until(b.t, "mosquitto to listen", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+b.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (b *broker) stop() {
	if b.cmd == nil {
		return
	}
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.cmd.Wait()
	b.cmd = nil
	if b.t.Failed() {
		b.t.Logf("mosquitto said:\n%s", b.said())
	}
}

// pub publishes with mosquitto_pub.
func (b *broker) pub(topic, payload string, more ...string) {
	b.t.Helper()
	args := []string{"-h", "127.0.0.1", "-p", b.port, "-t", topic, "-m", payload}
	if payload == "" {
		args = append(args[:len(args)-2], "-n")
	}
	b.client("mosquitto_pub", nil, append(args, more...)...)
}

func (b *broker) client(name string, in io.Reader, args ...string) {
	b.t.Helper()
	cmd := exec.Command(program(b.t, name), args...)
	cmd.Stdin = in
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("%v: %v: %s", cmd, err, out)
	}
}

// until waits for something that another process or goroutine does.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(mostPatience)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// edge is a host with uplinks on a store.
type edge struct {
	t      testing.TB
	host   *host.Host
	store  *store.Store
	health *health.Board
	lines  []*uplink.Line
	seen   uplink.Host // what the uplinks are given; host.Uplinks() unless set before open
}

func newEdge(t testing.TB, dir string) *edge {
	t.Helper()
	e := &edge{t: t, health: health.NewBoard()}
	c := clock.New("test", func() bool { return true })
	log := slog.New(slog.DiscardHandler)
	var err error
	if e.store, err = store.Open(store.Options{Dir: dir, Clock: c, Health: e.health, Log: log}); err != nil {
		t.Fatal(err)
	}
	e.host = host.New(host.Options{Name: "test", Clock: c, Health: e.health, Log: log, Store: e.store})
	e.seen = e.host.Uplinks()
	t.Cleanup(e.stop)
	return e
}

// open starts an uplink.
func (e *edge) open(name string, c Config) *uplink.Line {
	e.t.Helper()
	if c.QoS == 0 {
		c.QoS = 2
	}
	if c.Devices == 0 {
		c.Devices = 1000
	}
	if c.Queue == 0 {
		c.Queue = 64e6
	}
	c.Check(func(key, problem, remedy string) { e.t.Errorf("%s: %s (%s)", key, problem, remedy) })
	l, err := uplink.Open(e.seen, uplink.Spec{Name: name, Kind: "mqtt under test", Config: c})
	if err != nil {
		e.t.Fatal(err)
	}
	e.lines = append(e.lines, l)
	l.Start()
	return l
}

func (e *edge) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), mostPatience)
	defer cancel()
	for _, l := range e.lines {
		if err := l.Stop(ctx); err != nil {
			e.t.Error(err)
		}
	}
	e.lines = nil
	if err := e.host.Stop(ctx); err != nil {
		e.t.Error(err)
	}
	if err := e.store.Close(); err != nil {
		e.t.Error(err)
	}
}

func (e *edge) connected(l *uplink.Line) {
	e.t.Helper()
	until(e.t, "the uplink to connect", func() bool { return l.Status().State == uplink.Connected })
}

// get returns what a lane holds, as text.
func (e *edge) get(node, lane string) string {
	s, err := e.host.Read(context.Background(), route.NodeURI(node), route.LaneName(lane))
	if err != nil {
		return err.Error()
	}
	return string(bytes.Join(s.Events, []byte(" ")))
}

// has waits until a lane's text has all these parts in it.
func (e *edge) has(node, lane string, want ...string) {
	e.t.Helper()
	got := ""
	end := time.Now().Add(mostPatience)
	is := func() bool {
		got = e.get(node, lane)
		for _, w := range want {
			if !strings.Contains(got, w) {
				return false
			}
		}
		return true
	}
	for !is() {
		if time.Now().After(end) {
			e.t.Fatalf("%s %s = %s, want %q in it", node, lane, got, want)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// condition waits for a condition and returns it.
func (e *edge) condition(code string) (c health.Condition) {
	e.t.Helper()
	until(e.t, "the condition "+code, func() bool {
		for _, c = range e.health.Active() {
			if c.Code == code {
				return true
			}
		}
		return false
	})
	return c
}

// shed is the mapping of the first example.
func shed(url string) Config {
	return Config{URL: url, Map: map[string]Map{"shed/{name}": {
		Device: "/device/{name}", Channel: map[string]Channel{"temperature": {Unit: "Cel"}},
	}}}
}

func pathTo(text string) (p jsonpath.Path) {
	if err := p.UnmarshalText([]byte(text)); err != nil {
		panic(fmt.Sprint(text, ": ", err))
	}
	return p
}

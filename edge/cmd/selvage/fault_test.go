package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What keeps a host from starting is said with its place and its remedy.
func TestDoesNotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	_, port, _ := net.SplitHostPort(address)

	tests := []struct {
		name   string
		config string
		args   []string
		code   int
	}{
		{name: "wrong-config", args: []string{"run"}, code: 2, config: `[host]
data = "./var"
listen = "0.0.0.0:9001"
[device.air]
driver = "sht4"
bus = "/dev/i2c-1"
every = "10"
[device.heater]
driver = "gpio-out"
pin = "GPIO17"
safe = "of"
[agent."/room/air"]
kind = "climate"
sensor = "/device/aire"
heater = "/device/heater"
tarket = 21.0
`},
		{name: "wrong-config-check", args: []string{"check"}, code: 2, config: "[host]\nnam = \"x\"\n"},
		{name: "wrong-config-json", args: []string{"check", "--json"}, code: 2, config: "[host]\nnam = \"x\"\n"},
		{name: "serial-check", args: []string{"check"}, code: 2, config: `[device.meter]
driver = "modbus"
port = "/dev/ttyUSB0"
[device.arduino]
driver = "line"
port = "/dev/ttyUSB1"
[device.pump]
driver = "modbus-out"
port = "/dev/ttyUSB0"
address = 2
output = "register 16"
[device.fan]
driver = "modbus-out"
port = "/dev/ttyUSB0"
address = 2
output = "register 0x0010"
[device.lamp]
driver = "modbus-out"
port = "/dev/ttyUSB0"
address = 2
output = "coil 0"
[device.siren]
driver = "modbus-out"
port = "/dev/ttyUSB0"
address = 3
[bus."/dev/i2c-1"]
scl = "GPIO3"
sda = "GPIO2"
`},
		{name: "no-config", args: []string{"run", "-c", "none.toml"}, code: 2},
		{name: "busy-port", args: []string{"run"}, code: 1, config: "[host]\ndata = \"./var\"\nlisten = \"" + address + "\"\n"},
		{name: "data-below-file", args: []string{"run"}, code: 1, config: "[host]\ndata = \"./selvage.toml/var\"\nlisten = \"127.0.0.1:0\"\n"},
		{name: "no-host", args: []string{"get", "/device/air", "temperature", "--host", "warp://127.0.0.1:1"}, code: 1},
		{name: "no-such-name", args: []string{"ls", "--host", "warp://nobody.invalid"}, code: 1},
		{name: "no-host-uri", args: []string{"ls", "--host", "mqtt://x"}, code: 2},
		{name: "no-command", args: []string{"gte"}, code: 2},
		{name: "no-lane-given", args: []string{"get", "/device/air"}, code: 2},
		{name: "no-flag", args: []string{"ls", "--al"}, code: 2},
		{name: "nothing-given", args: []string{"get"}, code: 2},
		{name: "too-much-given", args: []string{"set", "/room/air", "name", "two", "words"}, code: 2},
		{name: "no-such-port", args: []string{"ls", "--host", "warp://127.0.0.1:99999"}, code: 2},
		{name: "no-such-port-uri", args: []string{"set", "warp://127.0.0.1:99999/x", "y", "1"}, code: 2},
		{name: "empty-host", args: []string{"set", "/x", "y", "1", "--host", ""}, code: 2},
		{name: "empty-uri", args: []string{"ls", ""}, code: 2},
		{name: "empty-lane", args: []string{"watch", "/x", ""}, code: 2},
		{name: "run-json", args: []string{"run", "--json"}, code: 2, config: "[host]\ndata = \"./var\"\n"},
		{name: "folder-as-config", args: []string{"run", "-c", "."}, code: 2},
		{name: "empty-config", args: []string{"check"}, code: 0},
		{name: "bad-value", args: []string{"set", "/x", "y", "{a:1"}, code: 2},
	}
	var dns = regexp.MustCompile(`: lookup nobody\.invalid.*`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := folderWith(t, tt.config)
			r := f.run(t, tt.args...)
			if r.code != tt.code {
				t.Errorf("exit %d, want %d", r.code, tt.code)
			}
			text := dns.ReplaceAllString(r.out+r.err, ": …")
			golden(t, tt.name, text, address, "127.0.0.1:PORT", ":"+port, ":PORT")
			if _, err := os.Stat(filepath.Join(string(f), "var")); tt.code == 2 && err == nil {
				t.Error("the data folder was made although nothing was to be started")
			}
		})
	}
}

// Two hosts do not share a data folder.
func TestDataInUse(t *testing.T) {
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n")
	h := f.host(t)
	r := f.run(t, "run")
	if r.code != 1 {
		t.Errorf("exit %d, want 1", r.code)
	}
	pid := regexp.MustCompile(`(process|kill) \d+`)
	golden(t, "data-in-use", pid.ReplaceAllString(r.err, "$1 PID"))
	h.stop(t, syscall.SIGTERM, stopTime)
}

// A host runs without a bus that is missing, and uses it when it comes.
func TestMissingBus(t *testing.T) {
	sample := newFolder(t, "")
	text, err := os.ReadFile(filepath.Join(string(sample), "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	devices, _, _ := strings.Cut(string(text), "[agent.") // an agent would have something to say of its own
	onBus := func(bus string) folder { return folderWith(t, replace(t, devices, `"sim:room"`, bus)) }

	// The machine's own, under a number that no machine has.
	f := onBus(`"/dev/i2c-199"`)
	h := f.host(t)
	h.err.wait(t, h, "i2c-dev\n")
	if r := f.run(t, "get", "/device/machine", "status", "--host", h.url); r.code != 0 {
		t.Errorf("a device on no bus suffers: %s", r.err)
	}
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	buses := regexp.MustCompile(`this machine (shows|has) [^;]*`) // of the machine that tests
	golden(t, "missing-bus", buses.ReplaceAllString(h.err.text(), "this machine …"))

	f = onBus(`"late:plugged"`)
	h = f.host(t)
	h.err.wait(t, h, "! late:plugged")
	w := start(t, f.command("watch", "/device/air", "status", "--host", h.url))
	w.out.wait(t, w, "state: lost")
	f.write(t, "plugged", "")
	h.err.wait(t, h, "+ late:plugged")
	w.out.wait(t, w, "state: ok")
	if r := f.run(t, "get", "/device/air", "temperature", "--host", h.url); r.code != 0 {
		t.Errorf("the bus is there, but: %s", r.err)
	}
	h.stop(t, syscall.SIGTERM, stopTime)
	over := regexp.MustCompile(`over after \d+s`)
	golden(t, "late-bus", over.ReplaceAllString(h.err.text(), "over after TIME"))
}

// A second Ctrl-C does not wait for the first.
func TestSecondSignal(t *testing.T) {
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n")
	h := f.host(t)
	h.cmd.Process.Signal(os.Interrupt)
	h.cmd.Process.Signal(os.Interrupt)
	select {
	case <-h.ended:
	case <-time.After(stopTime):
		t.Error("the host still runs")
	}
}

// An agent that does not stop is named; everything else is stopped all the same, and in time.
func TestStuckAgent(t *testing.T) {
	f := newFolder(t, "\n[agent.\"/stuck\"]\nkind = \"stuck\"\n")
	h := f.host(t)
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	golden(t, "stuck-agent", h.err.text())
	if r := f.run(t, "get", "/room/air", "target", "--host", h.url); r.code != 1 {
		t.Error("the host still answers")
	}
}

// The config bounds how many agents can be made by asking for them.
func TestAgentsBound(t *testing.T) {
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\nagents = 1\n"+notes)
	h := f.host(t)
	for _, want := range []struct {
		node string
		code int
	}{{"/note/1", 0}, {"/note/2", 1}, {"/note/1", 0}} {
		if r := f.run(t, "get", want.node, "notes", "--host", h.url); r.code != want.code {
			t.Errorf("get %s: exit %d, want %d; %s", want.node, r.code, want.code, r.err)
		}
	}
	h.stop(t, syscall.SIGTERM, stopTime)
}

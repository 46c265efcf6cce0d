package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// An output, of which the test sees the wire, is in its safe state whenever whoever commands it is lost: the agent, the
// uplink, the host. Only while a host that was killed is away does the wire stay as it was, since nobody is there to
// change it; the next start makes it safe before anything else is done with it.
func TestOutputsAreMadeSafe(t *testing.T) {
	at := freePort(t)
	hub := folderWith(t, fmt.Sprintf("[host]\nname = \"hub\"\ndata = \"./var\"\nlisten = %q\n[hub]\n", at))
	const all, safe = "255", "51"
	root := t.TempDir()
	for _, led := range []string{"valve", "lamp", "siren"} {
		lamp := filepath.Join(root, "sys/class/leds", led)
		if err := os.MkdirAll(lamp, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"max_brightness": all, "brightness": "0"} {
			if err := os.WriteFile(filepath.Join(lamp, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	led := func(name, more string) string {
		return fmt.Sprintf("[device.%s]\ndriver = \"led\"\nled = %[1]q\nroot = %q\nsafe = 20\n%s\n", name, root, more)
	}
	f := folderWith(t, "[host]\nname = \"site\"\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n"+
		led("valve", `safe-when = ["agent./noise/1", "uplink.hub"]`)+led("lamp", "")+led("siren", `safe-after = "1s"`)+
		fmt.Sprintf("[agent.\"/noise/1\"]\nkind = \"noisy\"\n[uplink.hub]\nkind = \"warp\"\nurl = \"warp://%s\"\nsend = [\"/device/*/state\"]\n", at))

	center := hub.host(t)
	h := f.host(t)
	wire := func(name, want, when string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, "sys/class/leds", name, "brightness"))
		if got := strings.TrimSpace(string(text)); err != nil || got != want {
			t.Errorf("%s the wire of %s has %s, %v; want %s", when, name, got, err, want)
		}
	}
	states := map[string]*events{}
	begin := func() {
		t.Helper()
		for _, name := range []string{"valve", "lamp", "siren"} {
			states[name] = follow(t, h, "/device/"+name, "state")
			states[name].wait(t, "value:20,")
			wire(name, safe, "at the start")
		}
		follow(t, h, "/uplink/hub", "status").wait(t, "connected")
	}
	on := func(names ...string) {
		t.Helper()
		for _, name := range names {
			post(t, h, "/device/"+name, "set", "100")
			states[name].wait(t, "value:100,")
			wire(name, all, "told")
		}
	}
	begin()
	on("valve", "lamp", "siren")
	states["siren"].wait(t, "value:20,")
	wire("siren", safe, "told no more")

	if r := f.run(t, "--host", h.url, "set", "/noise/1", "fall", "overboard"); r.code == 0 {
		t.Error("a command whose agent panics is answered with success")
	}
	states["valve"].wait(t, "value:20,")
	wire("valve", safe, "without its agent")
	wire("lamp", all, "of which that is nothing to it")

	on("valve")
	if code := center.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("the hub ended with %d", code)
	}
	states["valve"].wait(t, "value:20,")
	wire("valve", safe, "without its uplink")
	wire("lamp", all, "of which that is nothing to it")

	on("valve") // though the uplink is still away: somebody near by has said so
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("the host ended with %d", code)
	}
	for _, name := range []string{"valve", "lamp", "siren"} {
		wire(name, safe, "after the stop")
	}

	hub.host(t)
	h = f.host(t)
	begin()
	on("valve", "lamp", "siren")
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-h.ended
	wire("lamp", all, "of a host that was killed")
	h = f.host(t)
	begin()
	if d := get(t, h, "/device/lamp", "desired"); strings.Contains(d, "100") {
		t.Errorf("after a start desired is %s", d)
	}
}

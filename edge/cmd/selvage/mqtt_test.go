package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What is heard on a broker is shown without harm to the terminal, and pasted into a config it is one.
func TestMQTTListen(t *testing.T) {
	m := newMosquitto(t)
	m.start(t)
	address := m.address
	publish := func(topic, payload string) {
		t.Helper()
		c := exec.Command(mosquittoProgram(t, "mosquitto_pub"), "-p", port(address), "-r", "-q", "1", "-t", topic, "-m", payload)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	publish("shed/north", "21.5")
	publish("shed/south", "22")
	publish("zigbee2mqtt/plug", `{"power":5}`)
	publish("evil", "\x1b[31mred\x07")
	publish("long", strings.Repeat("ä", 100))
	publish("the/end", "1")

	f := folderWith(t, fmt.Sprintf("[host]\ndata = \"./var\"\n[uplink.house]\nkind = \"mqtt\"\nurl = \"mqtt://%s\"\n", address))
	for _, by := range [][]string{{"--url", "mqtt://" + address}, {"--uplink", "house"}, {}} {
		p := start(t, f.command(append([]string{"mqtt", "listen"}, by...)...))
		p.out.wait(t, p, "  the/end  1  retained\n")
		if code := p.stop(t, os.Interrupt, stopTime); code != 0 {
			t.Errorf("%q: exit %d: %s", by, code, p.err.text())
		}
		heard := p.out.text()
		for _, want := range []string{
			"  shed/north  21.5  retained\n", `  evil  "\x1b[31mred\a"  retained`, "ä…  retained\n", `  zigbee2mqtt/plug  {"power":5}  retained  zigbee2mqtt`,
			`.map."shed/{name}"] # 2 messages on 2 topics, 2 retained`,
		} {
			if !strings.Contains(heard, want) {
				t.Errorf("%q: no %q in\n%s", by, want, heard)
			}
		}
		if strings.ContainsAny(heard, "\x1b\x07") {
			t.Errorf("%q: control characters are in %q", by, heard)
		}
		_, lines, _ := strings.Cut(heard, "\n\n") // behind what came, as it came
		config := "[host]\ndata = \"./var\"\n"
		if len(by) == 0 || by[0] != "--url" {
			config += fmt.Sprintf("[uplink.house]\nkind = \"mqtt\"\nurl = \"mqtt://%s\"\n", address)
		}
		if r := folderWith(t, config+lines).run(t, "check"); r.code != 0 {
			t.Errorf("%q: %s%s", by, r.err, config+lines)
		}
	}

	f.runs(t, 0, []string{"mqtt", "listen", "shed/+", "--json", "--for", "500ms"}, `"topic":"shed/north","payload":"21.5","retained":true}`, `{"config":"`)
	f.runs(t, 1, []string{"mqtt", "listen", "--uplink", "barn"}, "there is no broker [uplink.barn]", "there is house")
	f.runs(t, 1, []string{"mqtt", "listen", "--url", "mqtt://" + freePort(t)}, "connection refused", "is a broker running there?")
	f.runs(t, 2, []string{"mqtt", "listen", "--url", "mqtt://x", "--uplink", "house"}, "by --url or by --uplink")
	f.runs(t, 2, []string{"mqtt"}, "selvage mqtt listen")
}

// What is published while the config of its uplink is reloaded is kept once, in order.
func TestReloadWhileItBridges(t *testing.T) {
	m := newMosquitto(t)
	m.start(t)
	f := folderWith(t, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[history."/device/*/*"]
keep = "1d"
[uplink.other]
kind = "mqtt"
url = "mqtt://%s"
[uplink.other.map."other/{name}"]
device = "/device/other-{name}"
channel = { n = { } }
every = "1m"
`, m.address))
	h := f.host(t)
	for !strings.Contains(get(t, h, "/uplink/other", "status"), "connected") { // before, Mosquitto keeps nothing for it
	}
	lines := newLiner(t, m.address, "other/lines", 1)
	for i := range 10 {
		arrives(t, h, "other-lines", 200*(i+1))
		f.edit(t, fmt.Sprintf("every = \"%dm\"", i+1), fmt.Sprintf("every = \"%dm\"", i+2))
		h.hangUp(t, &h.out, strings.Repeat("reloaded selvage.toml: uplink other restarted, 0 unchanged\n", i+1))
	}
	sent := lines.close(t)
	got := arrives(t, h, "other-lines", sent)
	lost, doubled, swapped := compare(got, sent)
	if lost+doubled+swapped > 0 || sent < 2000 {
		t.Errorf("of %d lines %d were lost, %d doubled, %d out of order", sent, lost, doubled, swapped)
	}
	t.Logf("%d lines, 10 reloads", sent)
}

package main

import (
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"selvage/edge/web/browsertest"
)

// The sample in a browser: the page loads, a value changes, a command is sent and has its effect.
func TestPage(t *testing.T) {
	f := newFolder(t, "")
	h := f.host(t)
	p := browsertest.Start(t).Open("http" + h.url[len("warp"):] + "/")
	p.Size(1280, 3000) // what is not on screen is not linked
	lane := func(node, lane string) string {
		return `document.querySelector('[data-node="` + node + `"] [data-lane="` + lane + `"] .value')?.textContent`
	}
	p.Wait(lane("/device/air", "temperature") + `?.includes("°C")`)
	p.Eval("void (window.before = "+lane("/device/air", "temperature")+")", nil)
	p.Wait(lane("/device/air", "temperature") + " !== window.before")
	p.Wait(lane("/uplink/broker", "status") + `?.includes("connected")`)

	p.Wait(lane("/device/heater", "state") + ` === "off"`)
	heater := `[data-node="/device/heater"] [data-lane="set"]`
	p.Click(heater + " .set")
	p.Click(heater + " form button") // the first is true
	p.Wait(lane("/device/heater", "state") + ` === "on"`)
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("the host, with a browser on it: exit %d", code)
	}
	p.Wait(`document.body.innerText.includes("Not live")`)
	p.Allow("ERR_CONNECTION")
	p.Allow("WebSocket")
}

// A port that another broker has keeps nothing from running, and the one that has it is used.
func TestBrokerPortTaken(t *testing.T) {
	f := newFolder(t, "")
	address := f.broker(t)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	h := f.host(t)
	h.err.wait(t, h, "change listen in")
	for _, want := range []string{address, "in use", "ss -ltnp", "change listen in"} {
		if got := h.err.text(); !strings.Contains(got, want) {
			t.Errorf("with its port taken the host says %s, want %q in it", got, want)
		}
	}
	if got := get(t, h, "/device/air", "temperature"); !strings.Contains(got, "unit:Cel") {
		t.Errorf("/device/air temperature is %s", got)
	}
	l.Close()
	h.err.wait(t, h, "+ broker")
	follow(t, h, "/uplink/broker", "status").wait(t, "state:connected")
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// mosquitto_pub to the broker of the sample: what is published is there with unit, time and quality.
func TestPublished(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		needs(t, "mosquitto_pub", "the program of that name")
	}
	f := newFolder(t, "")
	h := f.host(t)
	follow(t, h, "/uplink/broker", "status").wait(t, "state:connected")
	host, port, _ := net.SplitHostPort(f.broker(t))
	if out, err := exec.Command(pub, "-h", host, "-p", port, "-q", "1", "-t", "shed/temp", "-m", "21.5").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub: %v %s", err, out)
	}
	follow(t, h, "swim:meta:host", "nodes").wait(t, `"/device/temp"`)
	follow(t, h, "/device/temp", "temperature").wait(t, "value:21.5", "unit:Cel", "at:", "quality:good")
	if got := f.run(t, "get", "/device/temp", "temperature", "--host", h.url); got.out != "21.5 °C\n" {
		t.Errorf("selvage get prints %q, %s", got.out, got.err)
	}
}

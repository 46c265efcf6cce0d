package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// A climate agent here, whose sensor and heater are another host's.
func TestClimateOfAnotherHost(t *testing.T) {
	at := freePort(t)
	shed := folderWith(t, fmt.Sprintf(`[host]
name = "shed"
data = "./var"
listen = %q
[device.air]
driver = "sht4x"
bus = "sim:room"
every = "100ms"
[device.heater]
driver = "gpio-out"
pin = "sim:room/GPIO17"
safe = "off"
`, at))
	house := folderWith(t, fmt.Sprintf(`[host]
name = "house"
data = "./var"
listen = "127.0.0.1:0"
[agent."/shed/air"]
kind = "climate"
sensor = "warp://%s/device/air"
heater = "warp://%[1]s/device/heater"
target = 90.0
`, at))
	home := house.host(t)
	conditions := follow(t, home, "/host", "conditions")
	conditions.wait(t, "peer."+at) // what it follows is not there yet
	there := shed.host(t)
	follow(t, home, "/shed/air", "temperature").wait(t, "unit:Cel", "quality:good")
	follow(t, there, "/device/heater", "state").wait(t, "value:true")
	follow(t, home, "/peer/"+at, "status").wait(t, "state:connected", "links:1")

	there.cmd.Process.Kill()
	<-there.ended
	follow(t, home, "/peer/"+at, "status").wait(t, "state:lost")
	before := get(t, home, "/shed/air", "temperature") // as it was last
	if !strings.Contains(before, "quality:good") {
		t.Errorf("while the sensor's host is away, the temperature is %s", before)
	}
	there = shed.host(t)
	now := follow(t, home, "/shed/air", "temperature")
	now.wait(t, "unit:Cel")
	for now.last == before {
		now.last = ""
		now.wait(t, "unit:Cel")
	}

	post(t, there, "/device/heater", "set", "true") // it started in its safe state
	state := follow(t, there, "/device/heater", "state")
	state.wait(t, "value:true")
	if code := home.stop(t, os.Interrupt, stopTime); code != 0 {
		t.Errorf("the stop ended with %d", code)
	}
	state.wait(t, "value:false") // the agent's last command
	if code := there.stop(t, os.Interrupt, stopTime); code != 0 {
		t.Errorf("the stop ended with %d", code)
	}
}

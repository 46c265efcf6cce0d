package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/config"
	"selvage/edge/leaktest"
	"selvage/uplink"
)

// hear listens at a broker while do publishes, until as many messages have come as it says.
func hear(t *testing.T, c Config, l uplink.Listening, do func() int) (uplink.Found, []uplink.Heard) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mostPatience)
	defer cancel()
	var all []uplink.Heard
	up, came := make(chan struct{}), make(chan struct{}, 1000)
	l.Up = func() { close(up) }
	l.Heard = func(h uplink.Heard) {
		h.Payload = slices.Clone(h.Payload)
		all = append(all, h)
		came <- struct{}{}
	}
	go func() {
		defer cancel()
		select {
		case <-up:
		case <-ctx.Done():
			return
		}
		for range do() {
			select {
			case <-came:
			case <-ctx.Done():
				t.Error("messages are missing")
				return
			}
		}
	}()
	found, err := c.Listen(ctx, l)
	if err != nil {
		t.Error(err)
	}
	return found, all
}

// What devices really publish can be taken in with the lines that are written for it.
func TestListen(t *testing.T) {
	leaktest.Check(t)
	files, _ := filepath.Glob("../../../shared/data/mqtt/*.jsonl")
	if len(files) == 0 {
		t.Skip("shared/data/mqtt is absent")
	}
	b := startBroker(t)
	b.pub("shed/kühl", "20.5", "-r")
	say := func(topic string, payload []byte, retained bool) {
		args := []string{"-p", b.port, "-t", topic, "-s"}
		if len(payload) == 0 {
			args[len(args)-1] = "-n"
		}
		if retained {
			args = append(args, "-r")
		}
		b.client("mosquitto_pub", bytes.NewReader(payload), args...)
	}
	found, all := hear(t, Config{QoS: 1, Devices: 10}, uplink.Listening{Name: "broker", URL: b.url(), Filter: "#"}, func() (n int) {
		for _, file := range files {
			for _, r := range readRows(t, file) {
				say(r.Topic, r.bytes(t), r.Retained)
				n++
			}
		}
		for topic, payload := range map[string]string{
			"shed/north": "21.5", "garden/bed 1/soil_temp_c": "12", "garden/bed 2/soil_temp_c": "13", "garden/bed 1/open": "ON", "barn": `{"a.b":1,"power_w":2,"lux":3,"on":true,"at":1795420800}`,
			"odd/{x}": "1", "bin": "\xff\xfe", `quote"s\`: "1", "a/b/c": "", "status": "1", "日本": "1",
		} {
			say(topic, []byte(payload), false)
			n++
		}
		return n + 1
	})
	text := fmt.Sprintf("[host]\nname = \"x\"\n[uplink.broker]\nkind = \"mqtt\"\nurl = %q\n%s", b.url(), found.Config)
	if _, err := config.Parse("x.toml", []byte(text)); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{
		"[uplink.broker.map.\"shed/{name}\"] # 2 messages on 2 topics, 1 retained\ndevice = \"/device/shed-{name}\"\nchannel.value = {}\n",
		"[uplink.broker.map.\"garden/{name}/soil_temp_c\"] # 2 messages on 2 topics\ndevice = \"/device/garden-{name}\"\nchannel.soil-temp-c = { unit = \"Cel\" }\n",
		"[uplink.broker.map.\"garden/bed 1/open\"] # 1 message\ndevice = \"/device/garden-bed-1\"\nchannel.open = { form = \"boolean\" }\n",
		"[uplink.broker.map.\"barn\"] # 1 message\ndevice = \"/device/barn\"\nat = \"at\"\nchannel.a-b = { path = \"[\\\"a.b\\\"]\" }\nchannel.lux = { path = \"lux\", unit = \"lx\" }\nchannel.on = { path = \"on\", form = \"boolean\" }\nchannel.power-w = { path = \"power_w\" }\n",
		"# \"odd/{x}\": nothing", "# \"bin\": nothing", `[uplink.broker.map."quote\"s\\"]`,
	} {
		if !strings.Contains(found.Config, want) {
			t.Errorf("no %s in\n%s", want, found.Config)
		}
	}
	families := map[string]bool{}
	for _, h := range all {
		families[h.Family] = true
	}
	for _, want := range []string{"esphome", "homeassistant", "shelly", "sparkplug", "tasmota", "theengs", "zigbee2mqtt", ""} {
		if !families[want] {
			t.Errorf("nothing looks like %q", want)
		}
	}
	until(t, "the client to leave", func() bool { return strings.Contains(b.said(), "Received DISCONNECT from selvage-") })
	if strings.Contains(b.said(), "c0, k") {
		t.Error("a session was left behind")
	}
}

// Who cannot listen is told why, as an uplink is.
func TestListenRefused(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t, "allow_anonymous false")
	for name, c := range map[string]struct {
		Config
		url, want, remedy string
	}{
		"no broker":   {url: "mqtt://127.0.0.1:" + freePort(t), want: "connection refused", remedy: "is a broker running there?"},
		"no user":     {url: b.url(), want: "gives no user", remedy: "add user and password to [uplink.broker]"},
		"no URL":      {url: "127.0.0.1", want: "is no scheme", remedy: "mqtts"},
		"with a user": {url: "mqtt://me:hunter2@host", want: "holds a user", remedy: "password ="},
		"no password": {Config: Config{User: "me", Password: inFile("/no/such")}, url: b.url(), want: "password cannot be read", remedy: "check password"},
	} {
		_, err := c.Listen(t.Context(), uplink.Listening{Name: "broker", URL: c.url, Filter: "#", Up: func() { t.Error("connected") }})
		fault, ok := err.(*uplink.Fault)
		if !ok || !strings.Contains(fault.Error(), c.want) || !strings.Contains(fault.Remedy, c.remedy) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q with a remedy %q", name, err, c.want, c.remedy)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := (Config{URL: b.url()}).Listen(ctx, uplink.Listening{Filter: "#"}); err != nil {
		t.Errorf("whose time is over: %v", err)
	}
}

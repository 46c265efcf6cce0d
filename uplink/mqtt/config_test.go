package mqtt

import (
	"os"
	"strings"
	"testing"

	"selvage/edge/config"
	"selvage/edge/route"
)

// The config in the package's text is one.
func TestSample(t *testing.T) {
	text, err := os.ReadFile("mqtt.go")
	if err != nil {
		t.Fatal(err)
	}
	var sample strings.Builder
	for line := range strings.Lines(string(text)) {
		if after, ok := strings.CutPrefix(line, "//\t"); ok {
			sample.WriteString(after)
		} else if strings.Contains(line, "A channel takes:") {
			break
		}
	}
	plan, err := config.Parse("sample.toml", []byte("[host]\nname = \"x\"\n"+sample.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, sample.String())
	}
	c := plan.Uplinks[0].Config.(Config)
	if len(c.Map) != 3 || c.QoS != 1 || c.Devices != 1000 || c.Password.String() != "file:/etc/selvage/mqtt" ||
		len(c.Publish) != 2 || len(c.Command) != 1 || c.Announce == nil || c.Queue != 64e6 {
		t.Errorf("%+v", c)
	}
	for node, want := range map[string]bool{"/device/x": true, "/device/x/y": false, "/room/x": false} {
		if got := c.Makes(route.NodeURI(node)); got != want {
			t.Errorf("Makes(%q) = %v", node, got)
		}
	}
}

// Each fault is found, at its key.
func TestFaults(t *testing.T) {
	const shed = `map."shed/{name}"`
	for _, c := range []struct{ toml, want string }{
		{`url = ""`, "url is missing"},
		{`url = "mqtt://me:hunter2@host"`, "holds a user or password"},
		{`url = "http://host"`, `"http" is no scheme`},
		{`url = "mqtt://"`, "names no host"},
		{`url = "mqtt://host/path"`, "has a path"},
		{"user = \"me\"\npassword = \"hunter2\"", "not where to find one"},
		{`password = "env:X"`, "without a user"},
		{`ca = "x.pem"`, "no certificates"},
		{"url = \"mqtts://host\"\ncert = \"x.pem\"", "without its private key"},
		{`key = "file:x.pem"`, "without its certificate"},
		{"url = \"wss://host\"\ncert = \"x.pem\"\nkey = \"-----BEGIN PRIVATE KEY-----\"", "not where to find one"},
		{"cert = \"x.pem\"\nkey = \"file:x.pem\"", "no certificates to show"},
		{`keepalive = "100ms"`, "none that MQTT has"},
		{`keepalive = "19h"`, "none that MQTT has"},
		{`qos = 3`, "no QoS 3"},
		{`devices = 0`, "less than one"},
		{`map."shed/+" = { device = "/device/x", state = {}, set = { topic = "x" } }`, "+ and #"},
		{shed + ` = { channel = { a = {} } }`, "has no device"},
		{shed + ` = { device = "/room/{name}", channel = { a = {} } }`, "not below /device/"},
		{shed + ` = { device = "/device/{nam}", channel = { a = {} } }`, "a part {nam}"},
		{shed + ` = { device = "/device/a b", channel = { a = {} } }`, "no node URI"},
		{shed + ` = { device = "/device/%41", channel = { a = {} } }`, "it would be /device/A"},
		{shed + ` = { device = "/device/{name}" }`, "nothing is read"},
		{shed + ` = { device = "/device/{name}", channel = { status = {} } }`, "cannot be named status"},
		{shed + ` = { device = "/device/{name}", channel = { "a/b" = {} } }`, "no name for a channel"},
		{shed + ` = { device = "/device/{name}", channel = { a = { form = "flag" } } }`, `no form "flag"`},
		{shed + ` = { device = "/device/{name}", channel = { a = { on = "x" } } }`, "together"},
		{shed + ` = { device = "/device/{name}", channel = { a = { form = "text", unit = "W" } } }`, "has no unit"},
		{shed + ` = { device = "/device/{name}", channel = { a = { path = "a..b" } } }`, "a name between two dots"},
		{shed + ` = { device = "/device/{name}", channel = { a = {} }, adjust = { b = { offset = 1 } } }`, `no channel b is read from "shed/{name}"`},
		{shed + ` = { device = "/device/{name}", channel = { a = { form = "text" } }, adjust = { a = { offset = 1 } } }`, "nothing but stuck"},
		{shed + ` = { device = "/device/{name}", channel = { a = {} }, adjust = { a = { scale = 0 } } }`, "a scale of 0"},
		{shed + ` = { device = "/device/{name}", every = "1ms", channel = { a = {} } }`, "less than a second"},
		{shed + ` = { device = "/device/{name}", state = {} }`, "nothing sets it"},
		{shed + ` = { device = "/device/{name}", state = {}, set = { topic = "x/{id}" } }`, "a part {id} that device has not"},
		{shed + ` = { device = "/device/{name}", state = {}, set = { topic = "x/#" } }`, "no topic"},
		{shed + ` = { device = "/device/{name}", state = {}, set = { topic = "x", qos = 4 } }`, "no QoS 4"},
		{shed + ` = { device = "/device/{name}", payload = "xml", channel = { a = {} } }`, `no form "xml"`},
		{shed + ` = { device = "/device/{name}", payload = "text", channel = { a = { path = "a" } } }`, "no path into a text"},
		{shed + ` = { device = "/device/{name}", payload = "cbor", match = "(?P<a>.)", channel = { a = {} } }`, "takes text apart"},
		{shed + ` = { device = "/device/{name}", match = "(", channel = { a = {} } }`, "no regular expression"},
		{shed + ` = { device = "/device/{name}", match = "(?P<b>.)", channel = { a-b = {} } }`, `no group called "a_b", which channel.a-b wants`},
		{shed + ` = { device = "/device/{name}", match = "(?P<b>.)", channel = { a = { path = "b" } }, at = "t" }`, `no group called "t", which at wants`},
		{shed + ` = { device = "/device/{name}", state = {}, set = { topic = "x", confirm = "-1s" } }`, "before it is set"},
		{shed + ` = { device = "/device/{name}", channel = { a = {} }, set = { topic = "x", confirm = "5s" } }`, "which could confirm it"},
		{shed + ` = { device = "/device/{name}", channel = { a = {} }, online = { topic = "x" } }`, "lacks the part {name}"},
		{shed + " = { device = \"/device/{name}\", channel = { a = {} } }\nmap.\"barn/{x}\" = { device = \"/device/{x}\", channel = { a = {} } }", "a channel a too"},
		{`status = "a/{name}"`, "no part {name} here"},
		{`status = "a/#"`, "is no topic"},
		{`publish."a/+" = { lanes = ["/device/*/*"] }`, "is no topic"},
		{`publish."a/{nam}" = { lanes = ["/device/*/*"] }`, "a part {nam} that no lane has"},
		{`publish.a = {}`, "nothing is chosen"},
		{`publish.a = { lanes = ["/device"] }`, "names no lane"},
		{`publish.a = { lanes = ["device/*"] }`, "device/*"},
		{`publish.a = { lanes = ["/device/*/*"], payload = "xml" }`, `no payload "xml"`},
		{`publish.a = { lanes = ["/device/*/*"], qos = 3 }`, "no QoS 3"},
		{`publish.a = { lanes = ["/device/*/*"], history = true, qos = 0 }`, "could not be sent again"},
		{`publish.a = { lanes = ["/device/*/*"], history = true, retain = true }`, "an older value"},
		{`publish."a/{key}" = { lanes = ["/device/*/*"], history = true }`, "no keys"},
		{"queue = \"0B\"\npublish.a = { lanes = [\"/device/*/*\"], history = true }", "no room"},
		{"publish.\"shed/{name}\" = { lanes = [\"/device/*/*\"] }\n" + shed + ` = { device = "/device/{name}", channel = { a = {} } }`, "would come back by the mapping"},
		{"publish.\"{node}/{lane}\" = { lanes = [\"/device/*/*\"] }\n" + `map."a/b/{c}/d" = { device = "/device/{c}", channel = { a = {} } }`, "would come back by the mapping"},
		{"publish.\"x/{name}/{lane}\" = { lanes = [\"/device/*/*\"] }\n" + `command."x/{y}/say" = { node = "/room/{y}" }`, "would come back by the command"},
		{"announce = {}\n" + `map."selvage/{h}/{x}/{y}/state" = { device = "/device/{y}", channel = { a = {} } }`, "would come back"},
		{`announce = { lanes = ["/"] }`, "lane"},
		{`announce = { base = "a/+" }`, "is no topic"},
		{`sparkplug = {}`, "needs a group"},
		{`sparkplug = { group = "a/b" }`, "cannot be part of a topic"},
		{`sparkplug = { group = "a", node = "b/c" }`, "cannot be part of a topic"},
		{`sparkplug = { group = "a", node = "#" }`, "is no topic"},
		{`sparkplug = { group = "a", node = "{name}" }`, "no part {name} here"},
		{`sparkplug = { group = "a", lanes = ["/"] }`, "lane"},
		{"status = \"a\"\nsparkplug = { group = \"a\" }", "one will"},
		{"announce = {}\nsparkplug = { group = \"a\" }", "one will"},
		{"publish.a = { lanes = [\"/device/*/*\"] }\nsparkplug = { group = \"a\" }", "one will"},
		{"sparkplug = { group = \"a\" }\n" + `map."spBv1.0/a/DDATA/{n}/{d}" = { device = "/device/{d}", channel = { a = {} } }`, "would come back"},
		{`command."a/#" = { node = "/a/b" }`, "is no topic"},
		{`command.a = {}`, "for no node"},
		{`command.a = { node = "/a/{b}" }`, "a part {b}"},
		{`command.a = { node = "a b" }`, "no node URI"},
		{`command.a = { node = "/%41" }`, "it would be /A"},
		{`command.a = { node = "/a", lane = "" , payload = "xml" }`, `no payload "xml"`},
		{"command.\"a/{b}\" = { node = \"/a/{b}\" }\n" + `map."a/{b}" = { device = "/device/{b}", channel = { a = {} } }`, "would come by the mapping of \"a/{b}\""},
		{"command.\"home/{name}/set\" = { node = \"/a/{name}\" }\n" + `map."home/{name}/{what}" = { device = "/device/{name}", channel = { a = {} } }`, "would come by the mapping"},
		{"command.\"home/{room}/{name}\" = { node = \"/a/{name}\" }\n" + `map."home/temp/{name}" = { device = "/device/{name}", channel = { a = {} } }`, "would come by the mapping"},
		{"command.\"home/{node}\" = { node = \"/a/{node}\" }\n" + `map."home/on" = { device = "/device/x", channel = { a = {} } }`, "would come by the mapping"},
		{"command.\"home/do_{x}\" = { node = \"/a/{x}\" }\n" + `map."home/t_{x}" = { device = "/device/{x}", channel = { a = {} } }`, "would come by the mapping"},
		{"command.\"home/{x}/do\" = { node = \"/a/{x}\" }\n" + `map."a/{x}" = { device = "/device/{x}", channel = { a = {} }, online = { topic = "home/{x}/do" } }`, "would come by the mapping"},
		{"discover = [\"zigbee2mqtt\"]\ncommand.\"zigbee2mqtt/{x}/do\" = { node = \"/a/{x}\" }", `would come by discover "zigbee2mqtt"`},
		{"discover = [\"sparkplug\"]\ncommand.\"spBv1.0/{x}/do\" = { node = \"/a/{x}\" }", "would come by discover"},
		{"announce = { base = \"x/{host}\" }\n" + `map."x/y/device/{y}/set" = { device = "/device/{y}", channel = { a = {} } }`, "would come by the mapping"},
		{"announce = {}\n" + `map."selvage/x/device/{y}/set" = { device = "/device/{y}", channel = { a = {} } }`, "would come by the mapping"},
		{"announce = {}\n" + `map."homeassistant/status" = { device = "/device/x", channel = { a = {} } }`, "would come by the mapping"},
	} {
		text := "[host]\nname = \"x\"\n[uplink.broker]\nkind = \"mqtt\"\n"
		if !strings.Contains(c.toml, "url =") {
			text += "url = \"mqtt://host\"\n"
		}
		_, err := config.Parse("x.toml", []byte(text+c.toml+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n%v\nwant %q in it", c.toml, err, c.want)
			continue
		}
		if n := strings.Count(err.Error(), "x.toml:"); n != 1 {
			t.Errorf("%s: %d faults:\n%v", c.toml, n, err)
		}
		if strings.Contains(c.want, "a channel a too") && !strings.Contains(err.Error(), "x.toml:7:") && !strings.Contains(err.Error(), "x.toml:6:") {
			t.Errorf("not at its line: %v", err)
		}
	}
}

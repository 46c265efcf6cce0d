// Package edge_test keeps the house in order: which package may import which.
package edge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// rooms says what each package is for and what it may import. Columns: floor; package, `*`
// standing for one element of the path; what it may import from us; what from outside, the
// standard library being open to all; why the room exists or has an unusual arrow. A name
// without a slash is short for edge/NAME unless a row above has it, `below` means every lower floor. A package under
// a literal row is not under a pattern. Test helpers (packages named …test) and imports of
// tests are not checked.
//
// The table serves the house: where a piece of work needs another row or arrow, change it
// here in the same commit and say why.
const rooms = `
0 | edge/recon         |                                           |                                     | Recon text, values, Go types
0 | edge/route         |                                           |                                     | node URIs, lane names, patterns
0 | edge/clock         |                                           |                                     | boot id, monotonic and wall time, and whether to trust it
0 | edge/series        |                                           |                                     | time series packed into blocks
0 | edge/secret        |                                           |                                     | where passwords and tokens are that a config needs
0 | edge/size          |                                           |                                     | sizes of data as people write them, in configs and lanes
0 | edge/jsonpath      |                                           |                                     | a value in a JSON text by the path to it, for whoever is told in JSON
0 | edge/health        |                                           |                                     | named conditions and their remedies
0 | edge/conformance   |                                           |                                     | for tests: what the reference implementation does, and where we differ
1 | edge/warp          | recon route                               |                                     | envelopes and the link state machine: no socket, no clock
1 | edge/store         | recon route clock health series           | modernc.org/sqlite                  | stored lanes and their history on disk; it reads numbers out of Recon to roll them up
1 | edge/policy        | route health                              |                                     | identities, roles, who may do what on which URI and lane
1 | edge/device        | recon clock health                        | periph.io/x/conn/v3                 | driver contract, one owner per bus; a reading has a wire form, hence recon
1 | edge/device/scan   |                                           |                                     | what there is on a machine to make devices of; it reads files alone
1 | edge/device/tape   | device clock                              | periph.io/x/conn/v3                 | recordings of devices, and wires that answer as recorded
2 | edge/agent         | recon route clock device health           |                                     | what an agent's author imports
2 | edge/peer          | warp recon route health                   | github.com/gorilla/websocket        | one WebSocket to a WARP host, dialled or accepted
2 | uplink             | agent recon route clock health            |                                     | what all ways out have in common; an uplink is an agent too, hence agent
2 | edge/wear          | agent health size                         |                                     | what is written to the card, and how long it lasts; its figures are an agent's lanes, hence agent
3 | edge/host          | below                                     |                                     | agents by URI, turns, supervision, live links
3 | edge/twin          | agent device recon route clock health     |                                     | the agent of a device: one shape for all
3 | uplink/mqtt        | uplink uplink/mqtt/* uplink/mqtt/family/* twin agent device clock secret size jsonpath recon route health | github.com/eclipse/paho.mqtt.golang | things behind an MQTT broker become twins, and lanes topics
3 | uplink/mqtt/form   | recon jsonpath                            |                                     | what things publish in other forms than JSON, as JSON
3 | uplink/mqtt/survey | uplink/mqtt/family device jsonpath        |                                     | what is published on a broker, and the config that takes it in: pure
3 | uplink/mqtt/family | device                                    |                                     | what devices that speak MQTT in a way of their own become: a contract, and pure
3 | uplink/mqtt/family/zigbee2mqtt | uplink/mqtt/family device jsonpath clock |                               | devices of Zigbee2MQTT; it says when readings were, hence clock
3 | uplink/mqtt/family/theengs | uplink/mqtt/family device jsonpath |                                         | what OpenMQTTGateway and Theengs Gateway hear by radio
3 | uplink/mqtt/family/roster | uplink/mqtt/family device clock jsonpath |                                 | for families whose devices come to be known bit by bit; devices tell the time, hence clock
3 | uplink/mqtt/family/tasmota | uplink/mqtt/family uplink/mqtt/family/roster device jsonpath | | devices with Tasmota
3 | uplink/mqtt/family/shelly | uplink/mqtt/family uplink/mqtt/family/roster device jsonpath | | Shelly devices
3 | uplink/mqtt/family/esphome | uplink/mqtt/family uplink/mqtt/family/roster device jsonpath | | devices with ESPHome
3 | uplink/mqtt/sparkplug |                                        | google.golang.org/protobuf          | Sparkplug B: topics, payloads and the edge node that publishes; pure, and of protobuf the wire alone
3 | uplink/mqtt/family/sparkplug | uplink/mqtt/family uplink/mqtt/sparkplug device clock |              | the host's side of Sparkplug B: a pure machine
3 | uplink/mqtt/announce | device                                  |                                     | for uplink/mqtt: agents described to Home Assistant; pure
3 | uplink/mqtt/jinja  | jsonpath                                  |                                     | the templates that devices give Home Assistant
3 | uplink/mqtt/family/homeassistant | uplink/mqtt/family uplink/mqtt/jinja device jsonpath |            | Home Assistant's MQTT discovery, with its templates
3 | uplink/warp        | uplink agent peer warp secret recon route health |                                     | the uplink to a hub, and what the two say to each other; it reads lanes, hence agent
3 | edge/meta          | agent host recon route health             |                                     | the swim:meta nodes and /host; they list the agents of a host, hence host
3 | edge/config        | agent device uplink policy wear size secret clock route health | github.com/pelletier/go-toml/v2 | TOML to plan; faults with place and remedy
3 | drivers/*          | device clock drivers/sensirion drivers/sysfs drivers/fields | periph.io/x/conn/v3 golang.org/x/sys | one chip or one kind of wire each; what all of Sensirion's have in common is a room of its own
3 | drivers/sysfs      | device                                    |                                     | for other drivers: the kernel's files, and what their errors mean
3 | drivers/fields     | device jsonpath                           |                                     | for other drivers: channels out of JSON and other text
3 | drivers/bus        | device clock                              | periph.io/x/conn/v3 go.bug.st/serial golang.org/x/sys | the machine's own buses, ports and pins
3 | drivers/httppoll   | device secret drivers/fields              |                                     | things on the network that tell their values over HTTP; a password has its place, hence secret
3 | drivers/ble        | device secret drivers/ble/advert drivers/ble/hci |  | Bluetooth LE sensors that are heard; the key of one has its place, hence secret
3 | drivers/ble/advert | device                                    |                                     | what they say: pure functions
3 | drivers/ble/hci    | device                                    | golang.org/x/sys                    | Bluetooth adapters that listen
3 | drivers/sim        | device clock drivers/ble/hci              | periph.io/x/conn/v3                 | simulated hardware; an adapter is simulated down to its packets, hence hci
3 | drivers/replay     | device edge/device/tape clock             |                                     | recordings played, through the drivers that were recorded
3 | drivers/modbus     | device clock                              | github.com/goburrow/modbus github.com/pelletier/go-toml/v2 | units on Modbus; maps of their registers are TOML files, of users' own, too
3 | agents/*           | agent device clock recon route health     |                                     | one job each; a lane may hold any value, hence recon; what is computed of readings has a time, hence clock; patterns of lanes, hence route
3 | drivers/kerneltest/guest | device drivers/*                         | periph.io/x/conn/v3 golang.org/x/sys | for tests: a host in a few lines, which runs drivers on a kernel of its own
4 | edge/web           | agent host peer policy recon route clock series health | github.com/gorilla/websocket github.com/VictoriaMetrics/metrics | HTTP and the accepting side of WARP; it reads lanes over HTTP, hence agent, and their history, hence clock and series
4 | edge/far           | agent host peer recon route health        |                                     | agents of other hosts, as agents here
4 | edge/broker        | agent policy health                       | github.com/mochi-mqtt/server/v2 golang.org/x/sync/semaphore | the embedded MQTT broker, which is an agent too; passwords are those of the console, hence policy; large packets wait in order, hence the semaphore
4 | edge/hub           | agent host peer warp uplink/warp recon route health | github.com/gorilla/websocket | where edges uplink to: copies of their lanes
5 | edge/cli           | edge/* edge/device/* uplink uplink/warp                 | github.com/spf13/cobra github.com/guptarohit/asciigraph | the commands: wires everything, stops it in reverse
6 | edge/cmd/selvage   | below                                     |                                     | main.go, and parts.go: the one list of drivers and agents
`

func TestFloors(t *testing.T) {
	table, err := parseRooms(rooms)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range floorFaults(table, listPackages(t)) {
		t.Error(fault)
	}
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-buildvcs=false", "-json=ImportPath,Name,Dir,Doc,GoFiles,Imports", "./...")
	cmd.Dir = ".." // the module's root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
		}
		t.Fatalf("%v: %v", cmd, err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		// Only what the test itself opens counts for Go's test cache; without this a cached
		// pass would outlive a changed import or a new package.
		for _, dir := range []string{p.Dir, filepath.Dir(p.Dir)} {
			if _, err := os.ReadDir(dir); err != nil {
				t.Fatal(err)
			}
		}
		pkgs = append(pkgs, p)
	}
}

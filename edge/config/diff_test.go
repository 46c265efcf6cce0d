package config_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"selvage/edge/config"
)

func parsed(t *testing.T, text string) *config.Plan {
	t.Helper()
	plan, err := config.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return plan
}

// told writes changes on one line: what goes, what changes, what comes, what a restart takes.
func told(c config.Changes) string {
	var all []string
	say := func(sign, name string) { all = append(all, sign+name) }
	for _, d := range c.Devices.Removed {
		say("-", d.Name)
	}
	for _, d := range c.Devices.Changed {
		say("~", d.Name)
	}
	for _, d := range c.Devices.Added {
		say("+", d.Name)
	}
	for _, a := range c.Agents.Removed {
		say("-", a.Name())
	}
	for _, a := range c.Agents.Changed {
		say("~", a.Name())
	}
	for _, a := range c.Agents.Added {
		say("+", a.Name())
	}
	for _, u := range c.Uplinks.Removed {
		say("-", u.Name)
	}
	for _, u := range c.Uplinks.Changed {
		say("~", u.Name)
	}
	for _, u := range c.Uplinks.Added {
		say("+", u.Name)
	}
	if c.Buses {
		say("~", "buses")
	}
	if c.Broker {
		say("~", "broker")
	}
	if c.Policy {
		say("~", "policy")
	}
	if c.History {
		say("~", "history")
	}
	if c.Wear {
		say("~", "wear")
	}
	for _, key := range c.Fixed {
		say("!", key)
	}
	return strings.Join(all, " ")
}

func TestDiff(t *testing.T) {
	const all = `
[host]
name = "here"
[host.warp]
links = 100
[device.air]
driver = "sht4x"
bus = "/dev/i2c-1"
every = "10s"
[device.heater]
driver = "gpio-out"
pin = "GPIO17"
[agent."/room/air"]
kind = "climate"
sensor = "/device/air"
[agent."/room/:id"]
kind = "all-types"
names = ["a", "b"]
limits = { low = 1.5 }
[uplink.cloud]
kind = "warp"
url = "warps://hub.example"
`
	tests := []struct {
		name, cut, put string // cut is replaced
		want           string
	}{
		{name: "nothing", want: ""},
		{name: "lines and comments move", cut: "[device.air]", put: "\n# the air\n\n[device.air]", want: ""},
		{name: "a default written out", cut: `bus = "/dev/i2c-1"`, put: "bus = \"/dev/i2c-1\"\naddress = 0x44", want: ""},
		{name: "another way to write it", cut: `"10s"`, put: `"10000ms"`, want: ""},
		{name: "an interval", cut: `"10s"`, put: `"5s"`, want: "~air"},
		{name: "a bus", cut: "i2c-1", put: "i2c-2", want: "~air"},
		{name: "the pins of a bus", cut: "[device.heater]", put: "[bus.\"/dev/i2c-1\"]\nscl = \"GPIO3\"\nsda = \"GPIO2\"\n[device.heater]", want: "~buses"},
		{name: "a key of a driver", cut: `pin = "GPIO17"`, put: "pin = \"GPIO17\"\nsafe = \"on\"", want: "~heater"},
		{name: "another name", cut: "[device.heater]", put: "[device.boiler]", want: "-heater +boiler"},
		{name: "a device more", cut: "[device.heater]", put: "[device.machine]\ndriver = \"system\"\n[device.heater]", want: "+machine"},
		{name: "another driver", cut: `driver = "sht4x"`, put: `driver = "bme280"`, want: "~air"},
		{name: "a key of an agent", cut: `kind = "climate"`, put: "kind = \"climate\"\ntarget = 23", want: "~/room/air"},
		{name: "an agent elsewhere", cut: `"/room/air"`, put: `"/room/attic"`, want: "-/room/air +/room/attic"},
		{name: "a pattern of another name", cut: "/room/:id", put: "/room/:name", want: "-/room/:id +/room/:name"},
		{name: "a list", cut: `"a", "b"`, put: `"b", "a"`, want: "~/room/:id"},
		{name: "a map", cut: "1.5", put: "1.6", want: "~/room/:id"},
		{name: "an uplink", cut: "hub.example", put: "other.example", want: "~cloud"},
		{name: "an uplink less", cut: "[uplink.cloud]\nkind = \"warp\"\nurl = \"warps://hub.example\"\n", want: "-cloud"},
		{name: "a broker", cut: "[uplink.cloud]", put: "[broker]\n[uplink.cloud]", want: "~broker"},
		{name: "a policy", cut: "[uplink.cloud]", put: "[policy]\naudit = true\n[uplink.cloud]", want: "~policy"},
		{name: "a history", cut: "[uplink.cloud]", put: "[history.\"/device/*/*\"]\n[uplink.cloud]", want: "~history"},
		{name: "a budget", cut: "[uplink.cloud]", put: "[wear]\nbudget = \"1GB\"\n[uplink.cloud]", want: "~wear"},
		{name: "the default of wear", cut: "[uplink.cloud]", put: "[wear]\nrewrites = 3000\n[uplink.cloud]", want: ""},
		{name: "a hub", cut: "[uplink.cloud]", put: "[hub]\n[uplink.cloud]", want: "!hub"},
		{name: "keys of the host", cut: "[host]\nname = \"here\"\n[host.warp]\nlinks = 100", put: "[host]\nname = \"there\"\ndata = \"./var\"\n[host.warp]\nlinks = 99", want: "!host.name !host.data !host.warp.links"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(all, tt.cut) {
				t.Fatalf("there is no %s to replace", tt.cut)
			}
			old, new := parsed(t, all), parsed(t, strings.Replace(all, tt.cut, tt.put, 1))
			c := config.Diff(old, new)
			if got := told(c); got != tt.want {
				t.Errorf("Diff gives %q, want %q", got, tt.want)
			}
			if c.None() != (tt.want == "") {
				t.Errorf("None() = %v", c.None())
			}
			left := config.Diff(config.Applied(old, new), new)
			if got := told(config.Changes{Fixed: left.Fixed}); got != told(left) || !slices.Equal(left.Fixed, c.Fixed) {
				t.Errorf("after all that takes no restart was applied, %q is left of %q", told(left), tt.want)
			}
		})
	}
}

// A file read twice has no difference.
func TestDiffOfTheSame(t *testing.T) {
	text, err := os.ReadFile("testdata/good.toml")
	if err != nil {
		t.Fatal(err)
	}
	old, new := parsed(t, string(text)), parsed(t, string(text))
	if c := config.Diff(old, new); !c.None() || c.Devices.Same != len(old.Devices) || c.Agents.Same != len(old.Agents) || c.Uplinks.Same != len(old.Uplinks) {
		t.Errorf("Diff of a file and itself gives %q", told(c))
	}
}

// Whatever two files ask for, the first and the changes make the second.
func TestDiffMakesTheOther(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		from, to := random(r), random(r)
		old, new := parsed(t, from), parsed(t, to)
		c := config.Diff(old, new)
		running := asks(old)
		for key := range asks(&config.Plan{Devices: c.Devices.Removed, Agents: c.Agents.Removed, Uplinks: c.Uplinks.Removed}) {
			if _, runs := running[key]; !runs {
				t.Fatalf("seed %d: %s goes, which was not there", seed, key)
			}
			delete(running, key)
		}
		for key, what := range asks(&config.Plan{Devices: c.Devices.Changed, Agents: c.Agents.Changed, Uplinks: c.Uplinks.Changed}) {
			if was, runs := running[key]; !runs || reflect.DeepEqual(was, what) {
				t.Fatalf("seed %d: %s changes, which was not there or is the same", seed, key)
			}
			running[key] = what
		}
		for key, what := range asks(&config.Plan{Devices: c.Devices.Added, Agents: c.Agents.Added, Uplinks: c.Uplinks.Added}) {
			if _, runs := running[key]; runs {
				t.Fatalf("seed %d: %s comes, which is there", seed, key)
			}
			running[key] = what
		}
		if !reflect.DeepEqual(running, asks(new)) {
			t.Fatalf("seed %d: from\n%s\nthe changes %q do not make\n%s", seed, from, told(c), to)
		}
	}
}

// asks is what a plan asks for, by the names of its tables.
func asks(p *config.Plan) map[string]any {
	all := map[string]any{}
	for _, d := range p.Devices {
		all["device "+d.Name] = d.Spec
	}
	for _, a := range p.Agents {
		all["agent "+a.Name()] = []any{a.URI, a.Pattern.String(), a.Kind, a.Config}
	}
	for _, u := range p.Uplinks {
		all["uplink "+u.Name] = u.Spec
	}
	return all
}

// random writes a config with some of a few tables, some of their keys differing.
func random(r *rand.Rand) string {
	var tables []string
	add := func(format string, args ...any) {
		if r.IntN(3) > 0 {
			tables = append(tables, fmt.Sprintf(format, args...))
		}
	}
	for i := range 4 {
		add("[device.d%d]\ndriver = \"sht4x\"\nbus = \"/dev/i2c-%d\"\naddress = %d\nevery = \"%ds\"\n", i, r.IntN(2), 0x44+i, 1+r.IntN(2))
		add("[agent.\"/a/%d\"]\nkind = \"climate\"\nsensor = \"/far/%d\"\n", i, r.IntN(2))
		add("[agent.\"/%d/:id\"]\nkind = \"all-types\"\nlevels = [%d, 1]\n", i, r.IntN(2))
		add("[uplink.u%d]\nkind = \"warp\"\nurl = \"warp://host-%d.example\"\n", i, r.IntN(2))
	}
	r.Shuffle(len(tables), func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
	return strings.Join(tables, "")
}

func TestFaultsTell(t *testing.T) {
	_, err := config.Parse("x.toml", []byte("[host]\nnam = \"x\"\n"))
	faults, _ := err.(config.Faults)
	if got, want := faults.Tell("nothing was changed."), "1 fault; nothing was changed."; !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "x.toml:2:1: ") {
		t.Errorf("got %s, want it to end with %s", got, want)
	}
}

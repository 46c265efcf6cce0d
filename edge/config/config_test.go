package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"selvage/edge/config"
	"selvage/edge/wear"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each testdata/x.toml has an x.golden with its faults, or with the plan when it has none.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		name := filepath.Base(input)
		t.Run(strings.TrimSuffix(name, ".toml"), func(t *testing.T) {
			content, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			got := outcome(config.Parse(name, content)) + "\n"
			golden := strings.TrimSuffix(input, ".toml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; to write it: go test -update", err)
			}
			if got != string(want) {
				t.Errorf("Parse(%s) gives\n%s\nwant\n%s", name, got, want)
			}
		})
	}
}

func outcome(plan *config.Plan, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "host %+v", plan.Host)
	for _, d := range plan.Devices {
		fmt.Fprintf(&b, "\n%d:%d device %+v", d.Pos.Line, d.Pos.Col, d.Spec)
	}
	for _, bus := range plan.Buses {
		fmt.Fprintf(&b, "\nbus %+v", bus)
	}
	for _, a := range plan.Agents {
		fmt.Fprintf(&b, "\n%d:%d agent %q pattern %s kind %s %s", a.Pos.Line, a.Pos.Col, a.URI, a.Pattern, a.Kind, configText(a.Config))
	}
	for _, u := range plan.Uplinks {
		fmt.Fprintf(&b, "\n%d:%d uplink %s kind %s %s", u.Pos.Line, u.Pos.Col, u.Name, u.Kind, configText(u.Config))
	}
	if plan.Broker != nil {
		fmt.Fprintf(&b, "\nbroker %+v", *plan.Broker)
	}
	if plan.Hub != nil {
		fmt.Fprintf(&b, "\nhub %+v", *plan.Hub)
	}
	if !reflect.DeepEqual(plan.Wear, wear.Defaults) {
		fmt.Fprintf(&b, "\nwear %s", configText(plan.Wear))
	}
	return strings.ReplaceAll(b.String(), "_:{} ", "") // of fields that are there for their tags
}

// configText shows what pointers point to.
func configText(c any) string {
	text, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestSample(t *testing.T) {
	plan, err := config.Load("../../build/sample/selvage.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Devices) != 3 || len(plan.Agents) != 1 {
		t.Errorf("the sample has %d devices and %d agents, want 3 and 1", len(plan.Devices), len(plan.Agents))
	}
}

func TestHostDefaults(t *testing.T) {
	plan, err := config.Parse("empty.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Broker != nil || plan.Hub != nil {
		t.Errorf("Parse of nothing gives broker %v and hub %v, want neither", plan.Broker, plan.Hub)
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := config.Host{Name: name, Data: "/var/lib/selvage", Listen: "127.0.0.1:9001", Commit: 250e6, History: 2e9, Agents: 10000,
		WARP: config.WARP{Connections: 1024, Message: 1_100_000, Links: 65_536, Pending: 1_000_000}, Turn: time.Second}
	if plan.Host != want {
		t.Errorf("Parse of nothing gives %+v, want %+v", plan.Host, want)
	}
}

func TestLoadSaysWhyNot(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.toml")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, want string }{
		{"missing", filepath.Join(folder, "none.toml"), "there is no such file\n     check the path"},
		{"folder", folder, "is a folder, not a file\n     name the file in it, such as " + filepath.Join(folder, "selvage.toml")},
		{"large", large, "is larger than 1 MB"},
	}
	for _, tt := range tests {
		_, err := config.Load(tt.path)
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Load(%s) = %v, want one fault with %q", tt.name, tt.path, err, tt.want)
		}
	}
}

func TestMount(t *testing.T) {
	const one, plain = "mount is one place and no pattern, got ", "mount wants a plain path, got "
	const below = `write "/edge"; each edge appears below it under its name`
	tests := []struct{ mount, problem, remedy string }{
		{"/edge", "", ""},
		{"/a/b-c/d.e~", "", ""},
		{"/devices", "", ""},
		{"/a:b", "", ""},
		{"/site/device", "", ""},
		{"", plain + `""`, `write "/edge"`},
		{"/", plain + `"/"`, `write "/edge"`},
		{"edge", plain + `"edge"`, `write "/edge"`},
		{"/site/", plain + `"/site/"`, `write "/site"`},
		{"//site//north", plain + `"//site//north"`, `write "/site/north"`},
		{"/site/../edge", plain + `"/site/../edge"`, `write "/edge"`},
		{"/the site", plain + `"/the site"`, `write "/edge"`},
		{"/%65dge", plain + `"/%65dge"`, `write "/edge"`},
		{"/edge?x", plain + `"/edge?x"`, `write "/edge"`},
		{"warp://hub/edge", plain + `"warp://hub/edge"`, `write "/edge"`},
		{"swim:edge", plain + `"swim:edge"`, `write "/edge"`},
		{"/edge/:name", one + `"/edge/:name"`, below},
		{"/edge/*", one + `"/edge/*"`, below},
		{"/:", one + `"/:"`, below},
		{"/device", "/device is the place of the twins of devices", `write "/edge"`},
		{"/device/", "/device is the place of the twins of devices", `write "/edge"`},
		{"/uplink/cloud", "/uplink is the place of uplinks", `write "/edge"`},
		{"/host", "/host is the place of the host itself", `write "/edge"`},
	}
	for _, tt := range tests {
		plan, err := config.Parse("hub.toml", fmt.Appendf(nil, "[hub]\nmount = %q\n", tt.mount))
		var faults config.Faults
		switch {
		case tt.problem == "" && (err != nil || string(plan.Hub.Mount) != tt.mount):
			t.Errorf("mount %q gives %v, want no fault", tt.mount, err)
		case tt.problem != "" && (!errors.As(err, &faults) || len(faults) != 1 ||
			faults[0].Problem != tt.problem || faults[0].Remedy != tt.remedy || faults[0].Line != 2):
			t.Errorf("mount %q gives\n%v\nwant on line 2: %s; %s", tt.mount, err, tt.problem, tt.remedy)
		}
	}
}

// The host and the broker may share an address or a port, not both.
func TestListenTwice(t *testing.T) {
	tests := []struct {
		host, broker string
		same         bool
	}{
		{"127.0.0.1:9001", "127.0.0.1:9001", true},
		{"localhost:9001", "127.0.0.1:09001", true},
		{"[::1]:9001", "[0:0::1%lo]:9001", true},
		{"127.0.0.1:9001", "[::1]:9001", false},
		{"127.0.0.1:9001", "127.0.0.2:9001", false},
		{"127.0.0.1:9001", "127.0.0.1:1883", false},
		{"127.0.0.1:0", "127.0.0.1:0", false},
	}
	for _, tt := range tests {
		_, err := config.Parse("t.toml", fmt.Appendf(nil, "[broker]\nlisten = %q\n[host]\nlisten = %q\n", tt.broker, tt.host))
		want := fmt.Sprintf("[host] listens on %s already", tt.host)
		if same := err != nil && strings.Contains(err.Error(), want); same != tt.same || (err != nil) != tt.same {
			t.Errorf("host on %s and broker on %s gives %v, want a fault: %t", tt.host, tt.broker, err, tt.same)
		}
	}
}

// An uplink finds its place too, below names with dots as well.
func TestUplinkPosFault(t *testing.T) {
	plan, err := config.Parse("t.toml", []byte("[uplink.broker]\nkind = \"mqtt\"\n[uplink.broker.map.\"v1.2/a\"]\ndevice = \"/device/a\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	pos := plan.Uplinks[0].Pos
	tests := []struct {
		key       string
		line, col int
	}{
		{"", 1, 1},
		{"kind", 2, 8},
		{"map.v1.2/a", 3, 1},
		{"map.v1.2/a.device", 4, 10},
		{"map.v1.2/b.device", 1, 1},
	}
	for _, tt := range tests {
		if f := pos.Fault(tt.key, "it is gone", ""); f.Line != tt.line || f.Col != tt.col {
			t.Errorf("Fault(%q) stands at %d:%d, want %d:%d", tt.key, f.Line, f.Col, tt.line, tt.col)
		}
	}
}

// What goes wrong with a device later is shown at its place in the file too.
func TestPosFault(t *testing.T) {
	plan, err := config.Parse("greenhouse.toml", []byte("[device.air]\ndriver = \"sht4x\"\nbus = \"sim:room\"\naddress = 0x45\n"))
	if err != nil {
		t.Fatal(err)
	}
	pos := plan.Devices[0].Pos
	want := `greenhouse.toml:4:11: nothing answers at 0x45
   4 | address = 0x45
     |           ^^^^ 0x44 answers
greenhouse.toml:1:1: it is gone
   1 | [device.air]
     | ^^^^^^^^^^^^
2 faults; nothing was started.`
	got := config.Faults{pos.Fault("address", "nothing answers at 0x45", "0x44 answers"), pos.Fault("", "it is gone", "")}.Error()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

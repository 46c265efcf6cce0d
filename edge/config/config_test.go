package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/edge/config"
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
	for _, a := range plan.Agents {
		fmt.Fprintf(&b, "\n%d:%d agent %q pattern %s kind %s %s", a.Pos.Line, a.Pos.Col, a.URI, a.Pattern, a.Kind, configText(a.Config))
	}
	return b.String()
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
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := config.Host{Name: name, Data: "/var/lib/selvage", Listen: "127.0.0.1:9001", Commit: 250e6, Agents: 10000}
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

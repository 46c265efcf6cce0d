package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"selvage/uplink"
)

// FuzzParse holds for any text: no panic, every fault stands inside the file, a plan has nothing
// that a table would be refused for, and a text that is read without a fault of syntax is one
// go-toml reads too.
func FuzzParse(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range inputs {
		content, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
	}
	f.Fuzz(func(t *testing.T, content string) {
		plan, err := Parse("fuzz.toml", []byte(content))
		if (plan == nil) == (err == nil) {
			t.Fatalf("Parse gives plan %v and error %v, want one of them", plan, err)
		}
		if plan != nil {
			checkPlan(t, plan)
		}
		var faults Faults
		if errors.As(err, &faults) {
			lines := strings.Split(strings.TrimPrefix(content, "\uFEFF"), "\n")
			for _, fault := range faults {
				if fault.Line > 0 || len(faults) <= maxFaults {
					checkPlace(t, fault, lines)
				}
			}
			if !strings.HasSuffix(faults.Error(), "nothing was started.") {
				t.Errorf("the text of the faults ends without the summary:\n%v", faults)
			}
		}
		var tree map[string]any
		if wrong := toml.Unmarshal([]byte(strings.TrimPrefix(content, "\uFEFF")), &tree); wrong != nil && err == nil {
			t.Errorf("Parse reads what go-toml refuses: %v", wrong)
		}
	})
}

func checkPlan(t *testing.T, plan *Plan) {
	t.Helper()
	for _, u := range plan.Uplinks {
		kind, known := uplink.Lookup(u.Kind)
		if !known || !isName(u.Name) || reflect.TypeOf(u.Config) != reflect.TypeOf(kind.Defaults) {
			t.Errorf("the plan has the uplink %+v", u.Spec)
		}
	}
	if b := plan.Broker; b != nil && b.Listen != "" {
		ours, problem, _ := listenAddress(b.Listen, "")
		theirs, _, _ := listenAddress(plan.Host.Listen, "")
		if problem != "" || ours == theirs && ours.Port() != 0 {
			t.Errorf("the plan has the broker %+v, and a host that listens on %s", *b, plan.Host.Listen)
		}
	}
	if h := plan.Hub; h != nil {
		if problem, _ := checkMount(h.Mount); problem != "" {
			t.Errorf("the plan has the hub %+v: %s", *h, problem)
		}
		for _, a := range plan.Agents {
			if strings.HasPrefix(string(a.URI)+"/", string(h.Mount)+"/") {
				t.Errorf("the plan has the hub %+v and the agent %s", *h, a.URI)
			}
		}
	}
}

func checkPlace(t *testing.T, f Fault, lines []string) {
	t.Helper()
	if f.Line < 1 || f.Line > len(lines) {
		t.Fatalf("fault %+v stands outside the %d lines", f, len(lines))
	}
	// The place may be right behind the line, where something is missing.
	if length := utf8.RuneCountInString(lines[f.Line-1]); f.Col < 1 || f.Len < 1 || f.Col+f.Len-1 > length+1 {
		t.Errorf("fault %+v stands outside its line of %d characters", f, length)
	}
	if f.Problem == "" {
		t.Errorf("fault %+v says nothing", f)
	}
}

// Every input that is no TOML for go-toml has a fault of syntax here, and no other has one. How
// large a number may be is left to the key it is for.
func TestSyntaxAgreesWithTOML(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range inputs {
		content, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		content = []byte(strings.TrimPrefix(string(content), "\uFEFF"))
		var tree map[string]any
		wrong := toml.Unmarshal(content, &tree)
		faults := read(input, content).faults
		if wrong != nil && strings.Contains(wrong.Error(), "too large") {
			wrong = nil
		}
		if (wrong == nil) != (len(faults) == 0) {
			t.Errorf("read(%s) finds %d faults of syntax, go-toml says %v", input, len(faults), wrong)
		}
	}
}

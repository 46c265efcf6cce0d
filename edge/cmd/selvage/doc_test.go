package main

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"selvage/edge/agent"
	"selvage/edge/cli"
	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/uplink"
)

// forTests are the kinds of this package's tests, which take no keys and need no words.
var forTests = []string{"note", "tally", "stuck", "swim", "noisy", "counter", "chatter"}

// Everything that is built in is described: kinds and tables in a sentence, keys in words that say more than
// their name, with a unit where a bare number would leave one wondering.
func TestReferenceHasWords(t *testing.T) {
	measured := regexp.MustCompile(`^(target|band|above|below|min|max|low|high|hysteresis|deadband|threshold|limit|level|rate|step)$`)
	unit := regexp.MustCompile(`°C|%|unit|bytes|seconds|minutes|how many|a second`)
	for _, s := range config.Reference() {
		if slices.Contains(forTests, s.Kind) {
			continue
		}
		at := strings.TrimSpace(s.Table + " " + s.Kind)
		first, _ := utf8.DecodeRuneInString(s.Doc)
		if len(s.Doc) < 20 || !strings.HasSuffix(s.Doc, ".") || !unicode.IsUpper(first) {
			t.Errorf("[%s]: %q is no sentence about it; a blank field of its Config, or the field of the table, has a tag doc", at, s.Doc)
		}
		for _, k := range s.Keys {
			if len(k.Doc) < 10 || strings.HasSuffix(k.Doc, ".") {
				t.Errorf("[%s] %s: %q are not the words that its field's tag doc should have: ten letters or more, without a full stop", at, k.Name, k.Doc)
			}
			if k.Type == "number" && measured.MatchString(k.Name) && !unit.MatchString(k.Doc) {
				t.Errorf("[%s] %s: in what unit is it? %q does not say", at, k.Name, k.Doc)
			}
		}
	}
}

// What the decoder takes is what the reference has.
func TestReferenceIsComplete(t *testing.T) {
	var kinds, tables []string
	sections := config.Reference()
	for _, s := range sections {
		if s.By != "" && s.Kind != "" {
			kinds = append(kinds, s.Kind)
		}
		if root, _, _ := strings.Cut(s.Table, "."); !slices.Contains(tables, "["+root) {
			tables = append(tables, "["+root)
		}
	}
	if want := slices.Concat(device.Names(), agent.Kinds(), uplink.Kinds()); !slices.Equal(kinds, want) {
		t.Errorf("it has the kinds %q, want %q", kinds, want)
	}
	takes := regexp.MustCompile(`\[\w+`).FindAllString(remedy(t, "[qqqqqqqq]\n", "[qqqqqqqq]"), -1)
	if slices.Sort(takes); !slices.Equal(takes, slices.Sorted(slices.Values(tables))) {
		t.Errorf("it has the tables %q, the decoder takes %q", tables, takes)
	}

	for i, s := range sections {
		if s.By != "" && s.Kind == "" {
			continue // those keys are taken together with those of a kind
		}
		var keys []string
		text := ""
		if s.Kind != "" { // of this kind, or a table within one of this kind
			top := sections[slices.IndexFunc(sections, func(o config.Section) bool {
				return o.Kind == s.Kind && o.By != "" && strings.HasPrefix(s.Table, o.Table)
			})]
			text = "[" + top.Sample + "]\n" + top.By + " = \"" + s.Kind + "\"\n"
			if s.By != "" {
				keys = keysOf(sections[slices.IndexFunc(sections, func(o config.Section) bool { return o.Table == s.Table })])
			}
		}
		header := "[" + s.Sample + "]"
		if s.List {
			header = "[" + header + "]"
		}
		if !strings.HasPrefix(text, header) {
			text += header + "\n"
		}
		keys = append(keys, keysOf(s)...)
		for _, below := range sections[i+1:] {
			if rest, ok := strings.CutPrefix(below.Table, s.Table+"."); ok && below.Kind == s.Kind {
				key := regexp.MustCompile(`^[\w-]+`).FindString(rest)
				if !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
			}
		}
		got := remedy(t, text+"qqqqqqqq = 1\n", "has no key qqqqqqqq")
		if got == "it takes no keys" {
			got = "it takes "
		}
		takes := strings.Split(strings.TrimPrefix(got, "it takes "), ", ")
		if cut := len(takes) - 1; takes[cut] == "…" { // the rest is not told
			takes = takes[:cut]
			keys = slices.DeleteFunc(keys, func(k string) bool { return !slices.Contains(takes, k) })
		}
		if slices.Sort(keys); !slices.Equal(slices.Sorted(slices.Values(takes)), keys) && !(len(keys) == 0 && got == "it takes ") {
			t.Errorf("%s\nthe reference has the keys %q, the decoder takes %q", text, keys, takes)
		}
	}
}

func keysOf(s config.Section) (keys []string) {
	for _, k := range s.Keys {
		keys = append(keys, k.Name)
	}
	return keys
}

// remedy returns that of the fault in text whose problem has the words.
func remedy(t *testing.T, text, words string) string {
	t.Helper()
	_, err := config.Parse("test.toml", []byte(text))
	var faults config.Faults
	errors.As(err, &faults)
	for _, f := range faults {
		if strings.Contains(f.Problem, words) {
			return f.Remedy
		}
	}
	t.Fatalf("%s\nhas no fault %q, but %v", text, words, err)
	return ""
}

// The sample that the reference prints is a config: as it stands one that asks for nothing, and with the
// comments taken away one that asks for everything there is, in every key.
func TestReferenceAsTOML(t *testing.T) {
	var out, errs bytes.Buffer
	if code := cli.Main([]string{"config", "doc", "--toml"}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if plan, err := config.Parse("sample.toml", out.Bytes()); err != nil || len(plan.Agents)+len(plan.Devices) > 0 {
		t.Errorf("with its comments: %+v, %v", plan, err)
	}
	text := regexp.MustCompile(`(?m)^# ?`).ReplaceAll(out.Bytes(), nil)
	plan, err := config.Parse("sample.toml", text)
	if err != nil {
		t.Fatalf("without its comments: %v", err)
	}
	if len(plan.Devices) != len(device.Names()) || len(plan.Agents) != len(agent.Kinds()) || len(plan.Uplinks) != len(uplink.Kinds()) ||
		plan.Broker == nil || plan.Hub == nil || plan.Policy == nil {
		t.Errorf("without its comments it is %+v", plan)
	}
	for i, line := range strings.Split(out.String(), "\n") {
		if utf8.RuneCountInString(line) > 80 && strings.HasPrefix(line, "##") {
			t.Errorf("line %d is wider than a terminal: %s", i+1, line)
		}
	}
}

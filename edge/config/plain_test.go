package config

import (
	"maps"
	"reflect"
	"strings"
	"testing"
)

// plain takes what is what it is written as.
type plain struct {
	_     struct{}       `doc:"Takes anything."`
	Value any            `doc:"what to send" example:"21.0"`
	Own   map[string]any `doc:"what it holds at first" example:"{ mode = \"home\" }"`
}

func readPlain(text string) (p plain, err error) {
	d := read("x.toml", []byte(text))
	var keys fields
	keys.add(reflect.ValueOf(&p).Elem())
	if d.fill(d.root, keys); len(d.faults) > 0 {
		err = d.sorted()
	}
	return p, err
}

func TestPlainValues(t *testing.T) {
	for written, want := range map[string]any{
		`true`: true, `false`: false, `21`: int64(21), `0x10`: int64(16), `-1_000`: int64(-1000),
		`21.0`: 21.0, `1e3`: 1000.0, `"home"`: "home", `"two words"`: "two words", `"true"`: "true", `""`: "",
	} {
		got, err := readPlain("value = " + written + "\nown = { x = " + written + " }\n")
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if got.Value != want || !maps.Equal(got.Own, map[string]any{"x": want}) {
			t.Errorf("%s is %#v and %#v, want %#v", written, got.Value, got.Own, want)
		}
	}
	for written, want := range map[string]string{
		`[1]`:                  "value wants true or false, a number or text in quotes, got a list",
		`{ a = 1 }`:            "value wants true or false, a number or text in quotes, got a table",
		`2026-01-01`:           "value wants true or false, a number or text in quotes, got the date or time 2026-01-01",
		`99999999999999999999`: "value wants a whole number from",
		`inf`:                  "value wants a number of ordinary size",
	} {
		_, err := readPlain("value = " + written + "\n")
		if err == nil || !strings.Contains(err.Error(), "x.toml:1:9: "+want) {
			t.Errorf("%s: got %v, want %s", written, err, want)
		}
	}
}

func TestPlainReference(t *testing.T) {
	var r reference
	r.table(Section{Table: "x"}, &plain{Own: map[string]any{"mode": "home", "guests": int64(0)}})
	want := []Key{
		{"value", "true, a number or a text", "", "what to send", "", "21.0"},
		{"own", "table of true, numbers or texts", `{ guests = 0, mode = "home" }`, "what it holds at first", "", `{ mode = "home" }`},
	}
	if len(r.sections) != 1 || !reflect.DeepEqual(r.sections[0].Keys, want) {
		t.Errorf("got %+v, want %+v", r.sections, want)
	}
}

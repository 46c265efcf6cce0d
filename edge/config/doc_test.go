package config

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/size"
)

// What a default is printed as is what the decoder reads it from.
func TestDurationAndSizeText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		250 * time.Millisecond: "250ms", 10 * time.Second: "10s", 90 * time.Second: "1m30s", time.Minute: "1m", time.Hour: "1h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 48 * time.Hour: "2d",
	} {
		got := durationText(d)
		if back, err := clock.ParseSpan(got); got != want || back != d || err != nil {
			t.Errorf("%v is written %q and read as %v, %v; want %q", d, got, back, err, want)
		}
	}
	for n, want := range map[size.Bytes]string{1: "1B", 999: "999B", 64_000: "64kB", 1_100_000: "1.1MB", 1_234_567: "1234567B", 2e9: "2GB"} {
		var back size.Bytes
		got := sizeText(n)
		if err := back.UnmarshalText([]byte(got)); got != want || back != n || err != nil {
			t.Errorf("%d bytes are written %q and read as %d, %v; want %q", n, got, back, err, want)
		}
	}
}

// Every shape that a Config's field may have, and what its tags do.
func TestReferenceShapes(t *testing.T) {
	type part struct {
		Name string `doc:"what it is called"`
	}
	type shapes struct {
		_      struct{}           `doc:"Has everything."`
		Text   string             `doc:"a text"`
		Bytes  size.Bytes         `doc:"a size"`
		Times  []time.Duration    `doc:"some durations" example:"[\"1s\"]"`
		Factor map[string]float64 `doc:"factors by name"`
		Maybe  *int               `doc:"a number or not" unset:"1"`
		Alone  bool               `doc:"does not go with others" example:"-"`
		In     part               `doc:"One."`
		List   []part             `doc:"Many."`
		Named  map[string]*part   `doc:"By name." example:"a b"`
		Other  *part              `doc:"Does not go with others." example:"-"`
	}
	var r reference
	r.table(Section{Table: "x"}, &shapes{Text: `"`, Bytes: 64_000, Factor: map[string]float64{"b": 2, "a": 1.5}, In: part{"p"}})
	want := []Section{
		{Table: "x", Sample: "x", Doc: "Has everything.", Keys: []Key{
			{"text", "text", `"\""`, "a text", "", `"\""`},
			{"bytes", "size", `"64kB"`, "a size", "", `"64kB"`},
			{"times", "list of durations", "", "some durations", "", `["1s"]`},
			{"factor", "table of numbers", "{ a = 1.5, b = 2 }", "factors by name", "", "{ a = 1.5, b = 2 }"},
			{"maybe", "whole number", "", "a number or not", "1", ""},
			{"alone", "true or false", "false", "does not go with others", "", ""},
		}},
		{Table: "x.in", Sample: "x.in", Doc: "One.", Keys: []Key{{"name", "text", `"p"`, "what it is called", "", `"p"`}}},
		{Table: "x.list", Sample: "x.list", List: true, Doc: "Many.", Keys: []Key{{"name", "text", "", "what it is called", "", ""}}},
		{Table: `x.named."a b"`, Sample: `x.named."a b"`, Doc: "By name.", Keys: []Key{{"name", "text", "", "what it is called", "", ""}}},
		{Table: "x.other", Sample: "x.other", Alone: true, Doc: "Does not go with others.", Keys: []Key{{"name", "text", "", "what it is called", "", ""}}},
	}
	if len(r.sections) != len(want) {
		t.Fatalf("%d sections, want %d", len(r.sections), len(want))
	}
	for i, s := range r.sections {
		if !reflect.DeepEqual(s, want[i]) {
			t.Errorf("section %d is\n%s\nwant\n%s", i, fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", want[i]))
		}
	}
}

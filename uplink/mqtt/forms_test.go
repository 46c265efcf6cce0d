package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
)

// One config reads the same values out of each form.
func TestForms(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	want := fmt.Sprintf("temperature 21.5 °C at %d; open on", at.UnixMilli())
	channels := map[string]Channel{"temperature": {Path: pathTo("t"), Unit: "Cel"}, "open": {Path: pathTo("d.open"), Form: "boolean"}}
	flat := map[string]Channel{"temperature": {Path: pathTo("t"), Unit: "Cel"}, "open": {Form: "boolean"}}
	seconds := at.Unix()
	for name, c := range map[string]struct {
		Map
		raw, want string
	}{
		"json":             {Map{Channel: channels, At: pathTo("at")}, fmt.Sprintf(`{"t":21.5,"d":{"open":true},"at":%d}`, seconds), want},
		"json as told":     {Map{Payload: asJSON, Channel: channels, At: pathTo("at")}, `{"t":"21.5","d":{"open":"ON"},"at":"2026-11-23T09:00:00+01:00"}`, want},
		"cbor":             {Map{Payload: cbor, Channel: channels, At: pathTo("at")}, "\xa3\x61t\xf9\x4d\x60\x61d\xa1\x64open\xf5\x62at\xc1\x1a" + string([]byte{byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds)}), want},
		"recon":            {Map{Payload: asRecon, Channel: channels, At: pathTo("@sample.at")}, fmt.Sprintf(`@sample(at:%d){t:21.5,d:{open:true}}`, seconds), want},
		"influx":           {Map{Payload: influx, Channel: flat}, fmt.Sprintf("shed t=21.5,open=T %d", at.UnixNano()), want},
		"influx by field":  {Map{Payload: influx, Channel: flat, At: pathTo("at")}, fmt.Sprintf("shed t=21.5,open=T,at=%d 17", at.UnixMilli()), want},
		"influx in lines":  {Map{Payload: influx, Channel: flat}, fmt.Sprintf("a t=21.5 %d\nb,x=y open=T %[1]d\nc z=1", seconds), want},
		"match":            {Map{Match: `T=(?P<t>[0-9.]+) (?P<open>\w+) at (?P<at>.*)`, Channel: flat, At: pathTo("at")}, "T=21.5 on at 2026-11-23T08:00:00Z", want},
		"a JSON text":      {Map{Payload: asJSON, Channel: map[string]Channel{"open": {Form: "boolean"}}}, `"ON"`, "open on"},
		"a text in quotes": {Map{Payload: asText, Channel: map[string]Channel{"open": {Form: "text"}}}, `"ON"`, `open "ON"`},
		"a CBOR number":    {Map{Payload: cbor, Channel: map[string]Channel{"t": {}}}, "\x18\x2a", "t 42"},
		"numbers as names": {Map{Payload: cbor, Channel: map[string]Channel{"t": {Path: pathTo("1")}}}, "\xa1\x01\x18\x2a", "t 42"},
		"a tag":            {Map{Payload: influx, Channel: map[string]Channel{"where": {Form: "text"}}}, "a,where=shed t=1", "where shed"},

		"no cbor":           {Map{Payload: cbor, Channel: channels}, "\xa3\x61t", `"\xa3at" cannot be read as cbor: at byte 3: it is cut off`},
		"no influx":         {Map{Payload: influx, Channel: flat}, "21.5", `"21.5" cannot be read as influx: line 1: a field has no =`},
		"half a line":       {Map{Payload: influx, Channel: map[string]Channel{"t": {}}}, "a t=1\nb t", `t 1; "a t=1\nb t" cannot be read as influx: line 2: a field has no =`},
		"no recon":          {Map{Payload: asRecon, Channel: channels}, "}", `"}" cannot be read as recon: `},
		"no match":          {Map{Match: "(?P<t>[0-9]+)", Channel: map[string]Channel{"t": {}}}, "none", `"none" cannot be read as text: it does not match`},
		"no such field":     {Map{Payload: influx, Channel: map[string]Channel{"t": {}}}, "a b=1\na c=1", `t: t: "{\"measurement\":\"a\",\"b\":1}" has no t`},
		"CBOR not a number": {Map{Payload: cbor, Channel: map[string]Channel{"t": {}}}, "\xf9\x7e\x00", `t: t: "NaN" is not a number`},
		"not UTF-8":         {Map{Payload: influx, Channel: map[string]Channel{"t": {Form: "text"}}}, "a t=\"\xff\"", "is not UTF-8"},
	} {
		c.Device = "/device/x"
		c.check("t", func(key, problem, remedy string) { t.Errorf("%s: %s: %s (%s)", name, key, problem, remedy) })
		m, err := newMapping("t", c.Map)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := readAs(m, c.raw); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// readAs tells what a mapping reads.
func readAs(m *mapping, raw string) string {
	a := &arrival{topic: "t"}
	said, why := m.read([]byte(raw))
	var parts []string
	if len(said) > 0 {
		for _, n := range a.readings(target{&thing{source: map[string]source{}}, m, false, 0}, said) {
			text := n.Channel + " " + n.Reading.String()
			if n.Reading.Bad() && n.Reading.Reason != "" {
				text = n.Channel + ": " + n.Reading.Reason
			}
			if n.Channel == "temperature" {
				text += fmt.Sprintf(" at %d", n.Reading.At.Time().UnixMilli())
			}
			parts = append([]string{text}, parts...)
		}
	}
	if why != "" {
		parts = append(parts, string(why))
	}
	return strings.Join(parts, "; ")
}

// Lines of one message that say when they were are readings of those times, in whatever order they stand.
func TestLinesOfTime(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	e.store.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) { return store.Keep{For: time.Hour}, true })
	e.connected(e.open("broker", Config{URL: b.url(), Map: map[string]Map{"shed/{name}": {
		Device: "/device/{name}", Payload: influx, Channel: map[string]Channel{"temperature": {Unit: "Cel"}},
	}}}))
	now := time.Now().Truncate(time.Second)
	line := func(v int) string {
		return fmt.Sprintf("a temperature=%d %d\n", v, now.Add(time.Duration(v)*time.Second).Unix())
	}
	b.pub("shed/air", line(-20)+line(-10)+line(-30)+"a,x=y humidity=1", "-q", "1")
	e.has("/device/air", "temperature", "value:-10,", fmt.Sprint("at:", now.UnixMilli()-10_000), "quality:good")
	b.pub("shed/air", line(-5)+"broken", "-q", "1")
	e.has("/device/air", "temperature", "value:-5,")
	e.has("/device/air", "status", "state:faulty", "line 2: a field has no =")
	b.pub("shed/air", line(-4), "-q", "1")
	e.has("/device/air", "temperature", "value:-4,")
	if err := e.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := e.host.History("/device/air", "temperature", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		value, _, _ := strings.Cut(string(p.Body), ",")
		got = append(got, value)
	}
	if want := []string{"{value:-30", "{value:-20", "{value:-10", "{value:-5", "{value:-4"}; !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
}

package mqtt

import (
	"math"
	"testing"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
)

func TestRead(t *testing.T) {
	tasmota := `{"Time":"2026-11-22T23:00:00","ENERGY":{"Total":"1.234","Power":[12, 13.5e0 , -1]},"POWER1":"ON","a\"b":1,"n":null,"t":true,"n":2,"u":"k\u00fchl"}`
	for _, c := range []struct {
		name    string
		channel Channel
		raw     string
		want    string // of the reading; "" for a problem, "-" for nothing
	}{
		{"text", Channel{Unit: "Cel"}, " 21.5\n", "21.5 °C"},
		{"integer", Channel{Unit: "W"}, "-7", "-7 W"},
		{"zero", Channel{}, "0", "0"},
		{"exponent", Channel{}, "1e3", "1000"},
		{"nan", Channel{}, "nan", ""},
		{"infinity", Channel{}, "1e999", ""},
		{"hex", Channel{}, "0x10", ""},
		{"underscore", Channel{}, "1_0", ""},
		{"empty", Channel{}, " ", ""},
		{"word", Channel{}, "unavailable", ""},
		{"member", Channel{Path: pathTo("ENERGY.Total"), Unit: "kW.h"}, tasmota, "1.234 kWh"},
		{"element", Channel{Path: pathTo("ENERGY.Power[1]"), Unit: "W"}, tasmota, "13.5 W"},
		{"element by dot", Channel{Path: pathTo("ENERGY.Power.2"), Unit: "W"}, tasmota, "-1 W"},
		{"past the end", Channel{Path: pathTo("ENERGY.Power[3]")}, tasmota, ""},
		{"absent", Channel{Path: pathTo("ENERGY.Voltage")}, tasmota, ""},
		{"absent and optional", Channel{Path: pathTo("ENERGY.Voltage"), Optional: true}, tasmota, "-"},
		{"group", Channel{Path: pathTo("ENERGY"), Optional: true}, tasmota, ""},
		{"into a number", Channel{Path: pathTo("ENERGY.Total.x")}, tasmota, ""},
		{"the last of two", Channel{Path: pathTo("n")}, tasmota, "2"},
		{"boolean", Channel{Path: pathTo("POWER1"), On: "ON", Off: "OFF"}, tasmota, "on"},
		{"JSON boolean", Channel{Path: pathTo("t"), Form: "boolean"}, tasmota, "on"},
		{"boolean as number", Channel{Path: pathTo("t")}, tasmota, ""},
		{"other words", Channel{Path: pathTo("POWER1"), On: "1", Off: "0"}, tasmota, ""},
		{"usual words", Channel{Form: "boolean"}, "Offline", "off"},
		{"text form", Channel{Path: pathTo("u"), Form: "text"}, tasmota, "kühl"},
		{"number as text", Channel{Path: pathTo("ENERGY.Total"), Form: "text"}, tasmota, "1.234"},
		{"tenths", Channel{Scale: 0.1, Unit: "Cel"}, "3", "0.3 °C"},
		{"thousands", Channel{Scale: 1000, Unit: "W"}, "1.5", "1500 W"},
		{"negative", Channel{Scale: -0.5}, "3", "-1.5"},
		{"not JSON", Channel{Path: pathTo("a")}, "21.5 °C", ""},
		{"JSON but flat", Channel{Path: pathTo("a")}, "21.5", ""},
	} {
		m, err := newMapping("t", Map{Device: "/device/x", Channel: map[string]Channel{"c": c.channel}})
		if err != nil {
			t.Fatal(c.name, err)
		}
		got := ""
		pl, why := newPayload([]byte(c.raw), m.json)
		if why == "" {
			var r device.Reading
			var found bool
			r, found, why = m.channels[0].read(pl)
			switch {
			case found:
				r.At.Wall = 1 // a reading has a time, or a plain 0 is none
				got = r.String()
			case why == "":
				got = "-"
			}
		}
		if got != c.want || (got == "") != (why != "") {
			t.Errorf("%s: %q gives %q, %q, want %q", c.name, c.raw, got, why, c.want)
		}
	}
	m, _ := newMapping("t", Map{Device: "/device/x", Channel: map[string]Channel{"c": {Scale: 0.1}}})
	if r, _, _ := m.channels[0].read(payload{raw: []byte("3")}); r.Value != 0.3 {
		t.Errorf("three tenths are %v", r.Value)
	}
}

// FuzzDecode has no payload do harm.
func FuzzDecode(f *testing.F) {
	f.Add(`{"a":{"b":[1,"2",{"c":null}]},"a":{"b":3}}`, "a.b")
	f.Add(` [ [ ] , { "x" : "\u00e4\"" } ] `, "1.x")
	f.Add("21.5", "")
	f.Add(`[-0.5e+3,0,true,false,null,"\\/\u00E4",{}]`, "0")
	f.Add(`[01]`, "0")
	f.Add(`{"\u0061":tru}`, "a")
	f.Fuzz(func(t *testing.T, raw, where string) {
		var p jsonpath.Path
		if p.UnmarshalText([]byte(where)) != nil {
			return
		}
		for _, as := range []Map{{}, {Payload: asJSON}, {Payload: cbor}, {Payload: influx}, {Payload: asRecon}, {Match: "(?P<c>[0-9.]+)"}} {
			for _, form := range []string{"number", "boolean", "text"} {
				as.Device, as.Channel = "/device/x", map[string]Channel{"c": {Path: p, Form: form, Optional: true}}
				readAny(t, as, raw)
			}
		}
	})
}

// readAny reads what may be anything.
func readAny(t *testing.T, as Map, raw string) {
	m, err := newMapping("t", as)
	if err != nil {
		t.Fatal(err)
	}
	said, why := m.read([]byte(raw))
	if len(why) > 500 || (why == "") == (len(said) == 0) && as.Payload != influx {
		t.Errorf("%+v: %q is %d payloads, %q", as, raw, len(said), why)
	}
	for _, pl := range said {
		r, found, why := m.channels[0].read(pl)
		if found && (why != "" || r.Bad() && !r.IsZero() || math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) || len(why) > 500 {
			t.Errorf("%+v: %q: %+v, %q", as, raw, r, why)
		}
	}
}

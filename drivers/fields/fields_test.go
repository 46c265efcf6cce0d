package fields

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"selvage/edge/device"
)

// told shows a sample: values, or why there are none.
func told(s device.Sample) string {
	var all []string
	for _, m := range s {
		text := fmt.Sprint(m.Channel, "=", m.Value)
		var f *device.Fault
		switch {
		case errors.As(m.Err, &f):
			text = m.Channel + ": " + f.Text
		case m.Err != nil:
			text = m.Channel + ": " + m.Err.Error()
		case m.Text != "":
			text = m.Channel + "=" + m.Text
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

type channels = map[string]Channel

func TestWhole(t *testing.T) {
	page := "<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>"
	for _, c := range []struct {
		name, match, text string
		channels          channels
		want              string
	}{
		{"a member", "", `{"temperature": 21.4}`, channels{"temperature": {}}, "temperature=21.4"},
		{"behind a byte order mark", "", "\xEF\xBB\xBF {\"temperature\": 21.4}\r\n", channels{"temperature": {}}, "temperature=21.4"},
		{"a name with -", "", `{"pm2_5": 7}`, channels{"pm2-5": {}}, "pm2-5=7"},
		{"paths", "", `{"emeters": [{"power": 412.5}], "1-0:1.8.0": "12"}`, channels{"a": {Path: "$.emeters[0].power"}, "b": {Path: `["1-0:1.8.0"]`}}, "a=412.5, b=12"},
		{"one missing", "", `{"a": 1}`, channels{"a": {}, "b": {Path: "x.y"}}, `a=1, b: it has no x.y: {"a": 1}`},
		{"null", "", `{"a": null}`, channels{"a": {}}, "a: it has null for a, so there is no value now"},
		{"what may be missing", "", `{"a": null, "c": 1}`, channels{"a": {Optional: true}, "b": {Optional: true}, "c": {Optional: true}}, "c=1"},
		{"a group", "", `{"a": [1]}`, channels{"a": {}}, "a: it has something else for a: [1] is not a single value"},
		{"no number", "", `{"a": "x", "b": 1}`, channels{"a": {}, "b": {}}, `a: it has something else for a: "x" is no number, b=1`},
		{"no number that is one", "", `{"a": "NaN", "b": "0x10", "c": 1e999}`, channels{"a": {}, "b": {}, "c": {}},
			`a: it has something else for a: "NaN" is no number, b: it has something else for b: "0x10" is no number, c: it has something else for c: "1e999" is no number`},
		{"true is no number", "", `{"a": true}`, channels{"a": {}}, `a: it has something else for a: "true" is no number`},
		{"forms", "", `{"door": "open", "lamp": false, "n": 1, "text": " hi ", "odd": "maybe"}`,
			channels{"door": {Form: "boolean"}, "lamp": {Form: "boolean"}, "n": {Form: "text"}, "text": {Form: "text"}, "odd": {Form: "boolean"}},
			`door=1, lamp=0, n=1, odd: it has something else for odd: "maybe" is neither on nor off, text=hi`},
		{"nothing but a number", "", " 21.4\n", channels{"temperature": {}}, "temperature=21.4"},
		{"nothing but a text", "", "idle", channels{"mode": {Form: "text"}}, "mode=idle"},
		{"nothing but a JSON text", "", `"21.4"`, channels{"temperature": {}}, "temperature=21.4"},
		{"a list", "", `[3, 4]`, channels{"a": {Path: "[1]"}}, "a=4"},
		{"a number for a path", "", `21.4`, channels{"a": {Path: "x"}}, `a: it has no x: "21.4"`},
		{"a page", "", page, channels{"a": {}, "b": {}}, `it is not JSON: "<!DOCTYPE html><html><head><title>Log in</title></head><body"…`},
		{"a page for a path", "", page, channels{"a": {Path: "x"}}, `it is not JSON: "<!DOCTYPE html><html><head><title>Log in</title></head><body"…`},
		{"a page for a number", "", page, channels{"a": {}}, `a: it has something else for a: "<!DOCTYPE html><html><head><title>Log in</title></head><body"… is no number`},
		{"cut JSON", "", `{"a": 1, "b`, channels{"a": {}, "b": {}}, `it is not JSON: {"a": 1, "b`},
		{"nothing", "", " \n", channels{"a": {}}, "it is empty"},
		{"a pattern", "temp=(?P<temperature>[0-9.]+)'C", "temp=48.3'C\n", channels{"temperature": {}}, "temperature=48.3"},
		{"lines", `^in: +(?P<in>\d+)$|^out: +(?P<out>\d+)$`, "x\nin:  7\nout: 8\nin: 9\n", channels{"in": {}, "out": {}}, "in=7, out=8"},
		{"a pattern that half matches", `in (?P<in>\d+)( out (?P<out>\d+))?`, "in 7", channels{"in": {}, "out": {}}, `in=7, out: it has no out: "in 7"`},
		{"a group of another name", `(?P<raw>\d+)`, "512", channels{"soil": {Path: "raw", Scale: 0.1, Offset: -20}}, "soil=31.2"},
		{"three tenths", "", "3", channels{"a": {Scale: 0.1}}, "a=0.3"},
		{"too large to calculate", "", "1e308", channels{"a": {Scale: 1e9}}, `a: it has something else for a: "1e308" is no number`},
		{"no UTF-8", "", "k\xFChl", channels{"a": {Form: "text"}}, `a: it has something else for a: "k\xfchl" is not UTF-8`},
		{"a long text", "", strings.Repeat("x", Longest+1), channels{"a": {Form: "text"}},
			`a: it has something else for a: "` + strings.Repeat("x", 60) + `"… has 4097 bytes, more than 4096`},
	} {
		r, err := New(c.match, c.channels)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.Whole([]byte(c.text), Source{What: "it", Look: "look"})
		got := told(s)
		if err != nil {
			var f *device.Fault
			if !errors.As(err, &f) || f.Remedy != "look" || s != nil {
				t.Errorf("%s: %v with %v has no remedy", c.name, err, s)
			}
			got = f.Text
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	const match = `^T=(?P<temperature>-?[0-9.]+)( H=(?P<humidity>[0-9.]+))?$`
	both := channels{"temperature": {}, "humidity": {}}
	for _, c := range []struct {
		match, line, want string
	}{
		{"", `{"temperature": 21.4, "humidity": null}`, "temperature=21.4"},
		{"", `I (512) app: {"temperature": 21.4, "humidity": 45}*5A`, "humidity=45, temperature=21.4"},
		{"", `{"temperature": 21.4, "humidi`, ""},
		{"", `booting`, ""},
		{"", `21.4`, ""},
		{match, `T=21.4`, "temperature=21.4"},
		{match, `x T=21.4`, ""},
	} {
		r, err := New(c.match, both)
		if err != nil {
			t.Fatal(err)
		}
		if got := told(r.Sample(r.Line([]byte(c.line)))); got != c.want {
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
}

func TestChannels(t *testing.T) {
	r, err := New("", channels{"b": {Unit: "Cel", Min: -40, Max: 85}, "a": {}, "c": {Form: "boolean"}, "d": {Form: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []device.Channel{{Name: "a", Unit: "1"}, {Name: "b", Unit: "Cel", Min: -40, Max: 85}, {Name: "c", Form: device.Boolean}, {Name: "d", Form: device.Text}}
	if got := r.Channels(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCheck(t *testing.T) {
	var got []string
	note := func(key, problem, remedy string) {
		got = append(got, key)
		if problem == "" || remedy == "" {
			t.Errorf("%s: %q, %q", key, problem, remedy)
		}
	}
	Check("(", channels{"Air": {}, "b": {Form: "x"}, "c": {Min: 2}, "d": {Form: "text", Unit: "W"}, "status": {}}, note)
	Check("", channels{"a": {Path: "x..y"}, "b": {Path: "x.y"}}, note)
	Check(`(?P<a>.)`, channels{"a": {}, "b": {}, "c": {Path: "a"}}, note)
	if want := "[match channel.Air channel.b channel.c channel.d channel.status channel.a.path match]"; fmt.Sprint(got) != want {
		t.Errorf("faults at %v, want %s", got, want)
	}
}

func FuzzWhole(f *testing.F) {
	f.Add([]byte("{\"temperature\": 21.4, \"air\": {\"x\": [1, \"on\"]}}\r\n"), "")
	f.Add([]byte("T=21.4 H=45\r\n"), `T=(?P<temperature>-?[0-9.e]+)|(?P<air>H)`)
	f.Add([]byte("\xEF\xBB\xBF[1, {\"temperature\": 1e999}]"), "")
	f.Add([]byte("21.5"), "(?s).*")
	f.Fuzz(func(t *testing.T, text []byte, match string) {
		for _, form := range []string{"number", "boolean", "text"} {
			c := channels{"temperature": {Form: form, Scale: 3}, "air": {Form: form}, "deep": {Path: "air.x[1]", Form: form}}
			if match != "" {
				delete(c, "deep")
			}
			ok := true
			Check(match, c, func(string, string, string) { ok = false })
			if match != "" && (!ok || len(match) > 200) {
				return
			}
			delete(c, map[bool]string{true: "air", false: ""}[len(text)%2 == 0])
			r, err := New(match, c)
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.Whole(text, Source{What: "it", Look: "look"})
			if (err == nil) != (len(s) == len(c)) {
				t.Errorf("%d channels of %d with error %v", len(s), len(c), err)
			}
			for _, m := range append(s, r.Sample(r.Line(text))...) {
				if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) || len(m.Text) > Longest || m.Err != nil && len(m.Err.Error()) > 1000 {
					t.Errorf("%q: %+v", text, m)
				}
			}
		}
	})
}

package mqtt

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"selvage/edge/clock"
	"selvage/edge/recon"
	"selvage/edge/route"
)

func TestPayloadOf(t *testing.T) {
	at := clock.Stamp{Wall: 1_700_000_000_123_456_789, Trusted: true}
	for _, c := range []struct{ lane, json, value, text string }{
		{`{value:21.5,unit:Cel,at:1700000000123,quality:good}`,
			`{"value":21.5,"unit":"°C","time":"2023-11-14T22:13:20.123Z","quality":"good"}`, `21.5`, `21.5`},
		{`{value:false,at:1700000000123,quality:uncertain,reason:"kept"}`,
			`{"value":false,"time":"2023-11-14T22:13:20.123Z","quality":"uncertain","reason":"kept"}`, `false`, `OFF`},
		{`{value:"a\"b",at:5,quality:good,trusted:false}`, `{"value":"a\"b","quality":"good"}`, `"a\"b"`, `a"b`},
		{`{quality:bad,reason:"no reading yet"}`, `{"value":null,"quality":"bad","reason":"no reading yet"}`, ``, ``},
		{`{quality:bad,reason:broken,at:1700000000123}`, `{"value":null,"time":"2023-11-14T22:13:20.123Z","quality":"bad","reason":"broken"}`, ``, ``},
		{`{value:0,unit:"%",quality:good}`, `{"value":0,"unit":"%","quality":"good"}`, `0`, `0`},
		{`7`, `{"value":7,"time":"2023-11-14T22:13:20.123Z"}`, `7`, `7`},
		{`true`, `{"value":true,"time":"2023-11-14T22:13:20.123Z"}`, `true`, `ON`},
		{`on`, `{"value":"on","time":"2023-11-14T22:13:20.123Z"}`, `"on"`, `on`},
		{`{1,2}`, `[1,2]`, `[1,2]`, `[1,2]`},
		{`{state:ok,since:5}`, `{"state":"ok","since":5}`, `{"state":"ok","since":5}`, `{"state":"ok","since":5}`},
		{`{quality:soso,value:3}`, `{"quality":"soso","value":3}`, `{"quality":"soso","value":3}`, `{"quality":"soso","value":3}`},
		{``, ``, ``, ``},
	} {
		v, err := recon.ParseString(c.lane)
		if err != nil {
			t.Fatal(err)
		}
		for form, want := range map[string]string{asJSON: c.json, asValue: c.value, asText: c.text} {
			if got := string(payloadOf(form, v, at)); got != want {
				t.Errorf("%s as %s: %s, want %s", c.lane, form, got, want)
			}
		}
	}
}

func TestEntriesOf(t *testing.T) {
	all := []entry{
		{recon.String("a\"b"), recon.Int(1)},
		{recon.Int(7), recon.Record(recon.Field("value", recon.Float(2.5)), recon.Field("quality", recon.String("good")))},
		{recon.Bool(true), recon.Extant()},
	}
	for form, want := range map[string]string{
		asJSON:  `{"a\"b":{"value":1},"7":{"value":2.5,"quality":"good"},"true":null}`,
		asValue: `{"a\"b":1,"7":2.5,"true":null}`,
		asText:  `{"a\"b":1,"7":2.5,"true":null}`,
	} {
		if got := string(entriesOf(form, all)); got != want {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
	}
}

func TestCommandBody(t *testing.T) {
	for _, c := range []struct{ form, payload, want string }{
		{"", "ON", "true"}, {"", "OFF", "false"}, {"", "on", "on"}, {"", "true", "true"}, {"", "21.5", "21.5"}, {"", `"21.5"`, `"21.5"`},
		{"", `{"a":[1,2]}`, "{a:{1,2}}"}, {"", "warm white", `"warm white"`}, {"", "{", `"{"`}, {"", "null", ""},
		{asText, "ON", "ON"}, {asText, "21.5", `"21.5"`}, {asText, `{"a":1}`, `"{\"a\":1}"`},
		{asJSON, "true", "true"}, {asJSON, `"ON"`, "ON"},
	} {
		got, err := commandBody(c.form, []byte(c.payload))
		if err != nil || string(got) != c.want {
			t.Errorf("%q as %q: %s %v, want %s", c.payload, c.form, got, err, c.want)
		}
	}
	if got, err := commandBody(asJSON, []byte("ON")); err == nil {
		t.Errorf("ON as JSON is %s", got)
	}
}

// Whatever a lane holds, what is published of it is JSON, but as text.
func FuzzPayloadOf(f *testing.F) {
	for _, s := range []string{`{value:1,quality:good}`, `{value:1e999,quality:bad}`, `@a(b){1,x:2}`, `{quality:good}`, `{value:nan,quality:good}`, `%AAAA`, `{value:"\u0000",quality:uncertain,at:9223372036854775807}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := recon.ParseString(text)
		if err != nil {
			return
		}
		for _, form := range []string{asJSON, asValue} {
			if got := payloadOf(form, v, clock.Stamp{}); got != nil && !json.Valid(got) {
				t.Errorf("%s as %s: %s", text, form, got)
			}
		}
		payloadOf(asText, v, clock.Stamp{})
	})
}

// Whatever somebody publishes, a command is Recon that says the same again.
func FuzzCommandBody(f *testing.F) {
	for _, s := range []string{"ON", "{}", `{"$recon":"a"}`, "\xff", "1e400", `{"@a":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, form := range []string{"", asJSON, asText} {
			body, err := commandBody(form, []byte(text))
			if err != nil {
				continue
			}
			v, err := recon.Parse(body)
			if err != nil {
				t.Fatalf("%q as %q: %q: %v", text, form, body, err)
			}
			if form == asText && utf8.ValidString(text) && keyName(v) != text {
				t.Errorf("%q as text is %q", text, keyName(v))
			}
		}
	})
}

// A part is a level of a topic, and its text can be read back.
func FuzzTopicPart(f *testing.F) {
	for _, s := range []string{"", "air", "a/b", "+", "#", "%", "$SYS", "a$b", "kühl % 1", "\x00", "\xff", "a\u0085b", "\u009f\u00a0", "\ufdd0\ufdef", "\ufffe\ufffd", "\U0010ffff", "\xc2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		part := topicPart(text)
		if strings.ContainsAny(part, "/+#\x00") || strings.HasPrefix(part, "$") || !utf8.ValidString(part) {
			t.Errorf("%q is %q in a topic", text, part)
		}
		for _, r := range part {
			if r < ' ' || r >= 0x7f && r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
				t.Errorf("%q is %q in a topic, which has %U", text, part, r)
			}
		}
		if got := unescaped(part); got != text {
			t.Errorf("%q is %q in a topic, which is read as %q", text, part, got)
		}
	})
}

func TestTopicOf(t *testing.T) {
	o, err := newOutlet("x-{host}/{node}/{name}/{lane}/of_{key}", Publish{Lanes: []string{"/a/*/*"}})
	if err != nil {
		t.Fatal(err)
	}
	at := laneAt{"/a/k%c3%bchl%2f1", "l%m"}
	if got, want := o.topicOf("h#", at, "+"), "x-h%23/a/kühl%2f1/kühl%2f1/l%25m/of_%2b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := topicOfNode(route.NodeURI("/a")), "a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

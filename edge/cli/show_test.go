package cli

import (
	"bytes"
	"context"
	"testing"

	"selvage/edge/recon"
)

func TestContentForPeople(t *testing.T) {
	tests := []struct {
		name   string
		events []string
		want   string
	}{
		{name: "number", events: []string{"21.5"}, want: "21.5\n"},
		{name: "text", events: []string{`"two words"`}, want: "two words\n"},
		{name: "nothing yet", events: []string{""}, want: "(nothing)\n"},
		{name: "no event", want: "(empty)\n"},
		{name: "reading", events: []string{"{value:21.5,unit:Cel,at:1732300000123,quality:good}"}, want: "21.5 °C\n"},
		{name: "switch", events: []string{"{value:true,quality:good}"}, want: "on\n"},
		{name: "bytes", events: []string{"{value:82819650000,unit:By,quality:good}"}, want: "82.8 GB\n"},
		{name: "few bytes", events: []string{"{value:999,unit:By,quality:good}"}, want: "999 B\n"},
		{name: "rate", events: []string{`{value:123456,unit:"By/s",quality:good}`}, want: "123 kB/s\n"},
		{name: "doubtful reading", events: []string{`{value:130,unit:Cel,quality:uncertain,reason:"outside -40 to 125 °C"}`}, want: "130 °C (uncertain: outside -40 to 125 °C)\n"},
		{name: "no reading", events: []string{`{quality:bad,reason:"no reading yet"}`}, want: "no reading yet\n"},
		{name: "record", events: []string{`{state:ok,n:{1,2}}`}, want: "state  ok\nn      {1,2}\n"},
		{name: "list", events: []string{`{1,2}`}, want: "{1,2}\n"},
		{name: "tagged", events: []string{`@pos(x:1)`}, want: "@pos(x:1)\n"},
		{name: "map", events: []string{"@update(key:é) 1", `@update(key:"long key"){a:1,b:x}`}, want: "é         1\nlong key  a: 1, b: x\n"},
		{name: "map changed meanwhile", events: []string{"@update(key:a) 1", "@update(key:b) 2", "@update(key:a) 3", "@remove(key:b)"}, want: "a  3\n"},
		{name: "map cleared meanwhile", events: []string{"@update(key:a) 1", "@clear", "@update(key:b) 2"}, want: "b  2\n"},
		{name: "list lane", events: []string{"@update(index:0,key:%AAAA) milk", "@update(index:1,key:%AAAB){n:2,of:eggs}", "@update(index:2,key:%AAAC)", "@update(index:0,key:%AAAD){value:21.5,unit:Cel,quality:good}"}, want: "0  21.5 °C\n1  milk\n2  n: 2, of: eggs\n3  (nothing)\n"},
		{name: "list lane emptied meanwhile", events: []string{"@update(index:0,key:%AAAA) milk", "@clear"}, want: "(empty)\n"},
		{name: "value that looks like an operation", events: []string{"@update(to:5)"}, want: "@update(to:5)\n"},
		{name: "terminal codes", events: []string{`"\u001b[2Jgone\u0007"`}, want: "\uFFFD[2Jgone\uFFFD\n"},
	}
	for _, tt := range tests {
		var bodies [][]byte
		for _, e := range tt.events {
			bodies = append(bodies, []byte(e))
		}
		c, err := gather(context.Background(), bodies)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got bytes.Buffer
		if err := c.print(&got); err != nil || got.String() != tt.want {
			t.Errorf("%s: printed %q, %v; want %q", tt.name, got.String(), err, tt.want)
		}
	}
}

func TestContentAsJSON(t *testing.T) {
	one := []recon.Item{recon.Of(recon.Value{})}
	tests := []struct {
		name string
		c    content
		want string
	}{
		{"empty map", content{empty: true}, "{}"},
		{"empty list", content{empty: true, list: true}, "[]"},
		{"list of nothing", content{list: true, entries: one}, "[null]"},
		{"value", content{value: recon.Int(5)}, "5"},
	}
	for _, tt := range tests {
		var got bytes.Buffer
		want := `{"lane":"l","value":` + tt.want + "}\n"
		if err := tt.c.printJSON(&got, recon.Field("lane", recon.String("l"))); err != nil || got.String() != want {
			t.Errorf("%s: printed %q, %v; want %q", tt.name, got.String(), err, want)
		}
	}
}

func TestBrief(t *testing.T) {
	long := recon.String("a text that is much too long to be shown on what is left of one line of a terminal")
	tests := []struct {
		c    content
		want string
	}{
		{content{value: recon.Int(5)}, "5"},
		{content{value: recon.String("two\nlines")}, "two lines"},
		{content{value: long}, "a text that is much too long to be shown on what is left of …"},
		{content{empty: true}, "(empty)"},
		{content{entries: make([]recon.Item, 2)}, "2 entries"},
	}
	for _, tt := range tests {
		if got := tt.c.brief(true); got != tt.want {
			t.Errorf("brief = %q, want %q", got, tt.want)
		}
	}
	if got := (content{empty: true}).brief(false); got != "" {
		t.Errorf("brief of a lane that holds nothing = %q, want nothing", got)
	}
}

func TestCommandBody(t *testing.T) {
	tests := []struct{ text, want string }{ // "" for an error
		{"21.5", "21.5"},
		{" -5", "-5"},
		{"warm", "warm"},
		{"two words", `"two words"`},
		{"wärmer als 20", `"wärmer als 20"`},
		{`"a, b"`, `"a, b"`},
		{"{a: 1, b: 2}", "{a:1,b:2}"},
		{"@update(key: a) 1", "@update(key:a) 1"},
		{"{a: 1", ""},
		{"@update(key: a", ""},
	}
	for _, tt := range tests {
		got, err := commandBody(tt.text)
		if string(got) != tt.want || err == nil != (tt.want != "") {
			t.Errorf("commandBody(%q) = %s, %v; want %s", tt.text, got, err, tt.want)
		}
	}
}

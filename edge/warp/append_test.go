package warp

import (
	"fmt"
	"math"
	"testing"
)

func TestAppendBody(t *testing.T) {
	const head = "@event(node:n,lane:l)"
	for _, c := range []struct{ body, want string }{
		{"", ""},
		{"5", " 5"},
		{"-5", " -5"},
		{"1.0E-6", " 1.0E-6"},
		{"on", " on"},
		{"été", " été"},
		{"0x000000ff", " 0x000000ff"},
		{`"a b"`, `"a b"`},
		{"%AA==", "%AA=="},
		{"@a 1", "@a 1"},
		{"x@y", " x@y"},
		{"1 + 2", "1 + 2"},
		{"f(1)", "f(1)"},
		{"[x@y]", "[x@y]"},
		{"{a:1}", "{a:1}"},
		{"{1,2}", "{1,2}"},
		{"{}", ""},
		{"{ }", ""},
		{"{5}", " 5"},
		{"{ 5 }", " 5"},
		{`{"a }b"}`, `"a }b"`},
		{"{%AA==}", "%AA=="},
		{"{1 + 2}", "{1 + 2}"},
		{"a == b", "{a == b}"},
		{"$a && 1", "{$a && 1}"},
		{"(1)", "(1)"},
		{"{", "{"},
		{`{"`, `{"`},
		{"{{1}}", "{{1}}"},
		{"{{}}", "{{}}"},
		{"{@a}", "{@a}"},
		{"{1@a}", "{1@a}"},
		{"{1}@a", "{1}@a"},
		{"{[x]}", "{[x]}"},
		{`{"a":1}`, `{"a":1}`},
	} {
		if got := string(AppendBody([]byte(head), []byte(c.body))); got != head+c.want {
			t.Errorf("AppendBody(%s) = %s, want %s", c.body, got, head+c.want)
		}
	}
	for _, c := range []struct{ body, want string }{
		{"5", "@auth 5"}, {"1 + 2", "@auth 1 + 2"}, {"(1)", "@auth (1)"}, {"a | b", "@auth{a | b}"}, {"@x(y)", "@auth@x(y)"}, {"{token:x}", "@auth{token:x}"}, {`"x"`, `@auth"x"`},
	} {
		e := Envelope{Tag: Auth, Node: []byte("n"), Lane: []byte("l"), Body: []byte(c.body)}
		if got := string(Append(nil, &e)); got != c.want {
			t.Errorf("Append of an auth with body %s = %s, want %s", c.body, got, c.want)
		}
	}
}

func TestAppendHead(t *testing.T) {
	for _, c := range []struct {
		tag        Tag
		node, lane string
		prio, rate float64
		want       string
	}{
		{Event, "/unit/1", "info", 1, 1, `@event(node:"/unit/1",lane:info)`},
		{Sync, "t-1", "l?q", 0.1, 2, `@sync(node:t-1,lane:"l?q",prio:0.1,rate:2)`},
		{Linked, "", "", math.NaN(), math.Inf(1), `@linked(node:"",lane:"",rate:Infinity)`},
		{Link, "5", "-a", math.Copysign(0, -1), 1e-60, `@link(node:"5",lane:"-a")`},
		{Link, "true", "false", 0, 0, `@link(node:"true",lane:"false")`},
		{Link, "/%2f#f", `a"b`, 0, 0, `@link(node:"/%2f#f",lane:"a\"b")`},
		{Deauthed, "/n", "l", 1, 1, `@deauthed`},
		{0, "n", "l", 1, 1, `@none(node:n,lane:l)`},
	} {
		if got := string(AppendHead(nil, c.tag, c.node, c.lane, c.prio, c.rate)); got != c.want {
			t.Errorf("AppendHead(%v, %q, %q, %v, %v) = %s, want %s", c.tag, c.node, c.lane, c.prio, c.rate, got, c.want)
		}
	}
}

func TestTags(t *testing.T) {
	for tag := Link; tag <= Deauthed; tag++ {
		if got := tagOf([]byte(tag.String())); got != tag {
			t.Errorf("tag %q reads back as %q", tag, got)
		}
	}
	if Tag(0).String() != "none" || Tag(200).String() != "none" || tagOf([]byte("none")) != 0 {
		t.Error("a tag that is none has a name")
	}
}

func ExampleScan() {
	var e Envelope
	if err := Scan([]byte(`@event(node:"/unit/1",lane:info)@update(key:a) 5`), &e); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s %s %s\n", e.Tag, e.Node, e.Lane, e.Body)
	// Output: event /unit/1 info @update(key:a) 5
}

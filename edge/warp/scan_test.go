package warp

import (
	"errors"
	"math"
	"strings"
	"testing"

	"selvage/edge/recon"
)

// scanWhole is Scan and the check of the body that its reader does.
func scanWhole(frame []byte, e *Envelope) error {
	if err := Scan(frame, e); err != nil {
		return err
	}
	_, err := recon.Parse(e.Body)
	return err
}

const head = `@event(node:"/n",lane:l)`

// TestPath pins which frames are read without parsing: those that peers print
// every day must be, those that mean something else as a whole must not.
func TestPath(t *testing.T) {
	for _, c := range []struct {
		frame string
		plain bool
		body  string
	}{
		{head, true, ""},
		{head + " 5", true, "5"},
		{head + "5", true, "5"},
		{head + " -5.5e-3", true, "-5.5e-3"},
		{head + " on", true, "on"},
		{head + " true", true, "true"},
		{head + " été", true, "été"},
		{head + `"two \" words"`, true, `"two \" words"`},
		{head + `%AAE=`, true, `%AAE=`},
		{head + `{value:21.5,unit:Cel,at:1732300000123,quality:good}`, true, `{value:21.5,unit:Cel,at:1732300000123,quality:good}`},
		{head + `{"a b":1}`, true, `{"a b":1}`},
		{head + `{1,2,3}`, true, `{1,2,3}`},
		{head + `{{1},{2}}`, true, `{{1},{2}}`},
		{head + `{@a 1;@b}`, true, `{@a 1;@b}`},
		{head + "{\n\tname: \"}\"\n}", true, "{\n\tname: \"}\"\n}"},
		{head + `{}`, true, ""},
		{head + ` { } `, true, ""},
		{head + `@clear`, true, `@clear`},
		{head + `@update(key:"a)") 5`, true, `@update(key:"a)") 5`},
		{head + `@update(key:{x:(1)}){v:1}`, true, `@update(key:{x:(1)}){v:1}`},
		{head + `@remove(key:a)` + "\r\n", true, `@remove(key:a)`},
		{head + `@a@b(c){1}`, true, `@a@b(c){1}`},
		{`@link(rate:1.5,lane:"l",prio:-0.5,node:n)`, true, ""},
		{`@command(node:"/n",lane:l,prio:1)`, true, ""},
		{`@event(node:"/n",lane:l,node:"/m")`, true, ""},

		// One plain item in braces is that item; nothing but separators is not nothing.
		{head + `{5}`, false, "5"},
		{head + `{{5}}`, false, "{5}"},
		{head + `{"a:b"}`, false, `"a:b"`},
		{head + `{@a 1}`, false, "@a 1"},
		{head + `{5,}`, false, "5"},
		{head + `{,}`, false, ""},
		{head + `{$a ? b : c}`, false, "$a ? b : c"},
		// The frame goes on, or would, behind the body.
		{head + ` 5,`, false, "5"},
		{head + ` 5;`, false, "5"},
		{head + ` 5 # five`, false, "5"},
		{head + `# none`, false, ""},
		{`(` + head + ` 5)`, false, "5"},
		{"# hello\n" + head, false, ""},
		{` ` + head, false, ""},
		// Forms that may hide brackets, or are rare.
		{head + ` 1 + 2`, false, "1 + 2"},
		{head + `(5)`, false, "5"},
		{head + `-5`, false, "-5"},
		{head + `@a(1)-5`, false, "@a(1) -5"},
		{head + `{a == b}`, false, "a == b"},
		{head + `{{1} == 2}`, false, "({1} == 2)"},
		{head + ` x@y`, false, "x@y"},
		{head + `'a'`, false, "a"},
		{head + "{a:`}`}", false, "{a:\"}\"}"},
		{head + "{a:1 # }\n}", false, "{a:1}"},
		{head + `[a{1}]`, false, "[a{1}]"},
		{`@event( node:"/n",lane:l)`, false, ""},
		{`@event(node:"/n",lane:l,x:1)`, false, ""},
		{`@event("/n",l)`, false, ""},
		{`@event(node:"/n",lane:true)`, false, ""},
		{`@event(node:"/\u006e",lane:l)`, false, ""},
		{`@event(node:"swim:meta:host",lane:l)`, false, ""},
		{`@link(node:"/n",lane:l,prio:1e2)`, false, ""},
		{`@auth{token:x}`, false, "{token:x}"},
	} {
		var e Envelope
		if got := scanPlain([]byte(c.frame), &e); got != c.plain {
			t.Errorf("%s read without parsing: %v, want %v", c.frame, got, c.plain)
		}
		if err := scanWhole([]byte(c.frame), &e); err != nil {
			t.Errorf("Scan(%s): %v", c.frame, err)
		} else if string(e.Body) != c.body {
			t.Errorf("Scan(%s) has body %s, want %s", c.frame, e.Body, c.body)
		}
	}
}

// None of these is one envelope; what follows some of their heads is fine Recon
// when taken alone.
func TestNotEnvelopes(t *testing.T) {
	for _, frame := range []string{
		head + " 5,6", head + "\n5", head + "{a:1}\n" + head, head + " a:1", head + ":1", head + "@a(1):2",
		head + " 5 < 6", head + " a == b", head + " a ? b : c", head + " x && y", head + " 1 | 2",
		head + "{a:1}{b:2}", head + `"a""b"`, head + " 5 6", head + "@a)", head + "{a:1}}", head + "{)", head + "@a(}", head + "{a:(1})", head + "{a:(1}",
		head + "@", head + "@5", head + "%A", head + " \"x", head + " 1.", head + " 01", head + "{a:1",
		"@event(node:\"/n\",lane:l,)", "@event(node:\"/n\"lane:l)", "@event(node:\"/n\",lane:l",
		"@event(node:\"/a b\",lane:l)", "@event(node:\"//h:x/\",lane:l)", "@event(node:\":a\",lane:l)", "@event(node:\"/n\",lane:é)",
		"@link(node:\"/n\",lane:l,prio:true)", "@link(node:\"/n\",lane:l,rate:01)", "@link(node:\"/n\",lane:l,rate:1.)",
		"@link(node:\"/n\",lane:l,prio:\"0x1\")", "@link(node:\"/n\",lane:l,prio:x,prio:1)",
		"@events(node:\"/n\",lane:l)", "@Event(node:\"/n\",lane:l)", "@none(node:\"/n\",lane:l)", "@event{node:\"/n\",lane:l}",
		"\ufeff" + head, head + "\x00", head + " \xff",
	} {
		var e Envelope
		if err := scanWhole([]byte(frame), &e); err == nil {
			t.Errorf("Scan(%s) = %+v with body %s, want an error", frame, e, e.Body)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		frame      string
		node, lane string
		prio, rate float64
	}{
		{`@sync(lane:l,node:n,rate:2,prio:0.1)`, "n", "l", float64(float32(0.1)), 2},
		{`@sync("/n",l,0.5,1)`, "/n", "l", 0, 0},
		{`@sync("/n",lane:l,prio:"1e2",rate:"-.5")`, "/n", "l", 100, -0.5},
		{`@sync(node:1e3,lane:0xff)`, "1000", "255", 0, 0},
		{`@sync(node:1.5,lane:-3)`, "1.5", "-3", 0, 0},
		{`@sync(node:true,lane:%AA==)`, "", "", 0, 0},
		{`@sync(node:,lane:{a:1})`, "", "", 0, 0},
		{`@sync({node:"/n",lane:l})`, "/n", "l", 0, 0},
		{`@sync(@lane(l)@node("/n"))`, "/n", "l", 0, 0},
		{`@sync(node:"/a%20b",lane:"l?q")`, "/a%20b", "l?q", 0, 0},
		{`@sync(node:n,lane:l,prio:Infinity,rate:"-Infinity")`, "n", "l", math.Inf(1), math.Inf(-1)},
		{`@sync(node:n,lane:l,prio:"1e99")`, "n", "l", math.Inf(1), 0},
		{`@unlink(node:n,lane:l,prio:high)`, "n", "l", 0, 0},
	} {
		var e Envelope
		if err := Scan([]byte(c.frame), &e); err != nil {
			t.Errorf("Scan(%s): %v", c.frame, err)
			continue
		}
		if string(e.Node) != c.node || string(e.Lane) != c.lane || e.Prio != c.prio || e.Rate != c.rate {
			t.Errorf("Scan(%s) = node %q lane %q prio %v rate %v, want %q %q %v %v",
				c.frame, e.Node, e.Lane, e.Prio, e.Rate, c.node, c.lane, c.prio, c.rate)
		}
	}
	var e Envelope
	if err := Scan([]byte(`@sync(node:n,lane:l,prio:"NaN")`), &e); err != nil || !math.IsNaN(e.Prio) {
		t.Errorf("prio NaN is read as %v, %v", e.Prio, err)
	}
}

// Errors are read by whoever looks after the peer.
func TestErrorTexts(t *testing.T) {
	for _, c := range []struct{ frame, want string }{
		{`hello`, `not a WARP envelope: it does not begin with a tag, as @event(node:"/unit/1",lane:info) does (frame "hello")`},
		{`@ping`, `not a WARP envelope: @ping is none of the tags link, linked, sync, synced, unlink, unlinked, event, command, auth, authed, deauth, deauthed (frame "@ping")`},
		{`@link(lane:l)`, `not a WARP envelope: it has no node; write @link(node:"/unit/1",lane:info) (frame "@link(lane:l)")`},
		{`@link(node:l)`, `not a WARP envelope: it has no lane; write @link(node:"/unit/1",lane:info) (frame "@link(node:l)")`},
		{`@link`, `not a WARP envelope: it has no node and no lane; write @link(node:"/unit/1",lane:info) (frame "@link")`},
		{`@link(node:n,lane:l,prio:high)`, `not a WARP envelope: its prio is wrong: want a number such as 0.5, read text high (frame "@link(node:n,lane:l,prio:high)")`},
		{`@link(node:n,lane:l,rate:)`, `not a WARP envelope: its rate is wrong: want a number such as 0.5, read nothing (frame "@link(node:n,lane:l,rate:)")`},
		{`@link(node:n,lane:"a b")`, `not a WARP envelope: its lane is wrong: "a b" is not a URI: at character 2: a space is written %20 (frame "@link(node:n,lane:\"a b\")")`},
	} {
		err := Scan([]byte(c.frame), new(Envelope))
		if err == nil || err.Error() != c.want {
			t.Errorf("Scan(%s):\n got %v\nwant %s", c.frame, err, c.want)
		}
	}
	var frame *FrameError
	err := Scan([]byte(`@link(`+strings.Repeat("x", 1000)), new(Envelope))
	var syntax *recon.SyntaxError
	if !errors.As(err, &frame) || !errors.As(err, &syntax) || len(err.Error()) > 400 {
		t.Errorf("a long frame that is no Recon gives %v", err)
	}
}

func TestScanAliases(t *testing.T) {
	frame := []byte(head + " 5")
	var e Envelope
	if err := Scan(frame, &e); err != nil {
		t.Fatal(err)
	}
	copy(frame[len(head)-2:], "m")
	frame[len(frame)-1] = '6'
	if string(e.Lane) != "m" || string(e.Body) != "6" {
		t.Errorf("lane %q and body %q are copies of the frame", e.Lane, e.Body)
	}
}

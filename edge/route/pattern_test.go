package route

import (
	"fmt"
	"testing"
)

func pattern(t testing.TB, s string) Pattern {
	t.Helper()
	p, err := ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, node string
		match         bool
		params        map[string]string
	}{
		{"/unit/:id", "/unit/1", true, map[string]string{"id": "1", "other": ""}},
		{"/unit/:id", "/unit/a%20b", true, map[string]string{"id": "a b"}},
		{"/unit/:id", "/unit/a%2fb", true, map[string]string{"id": "a/b"}},
		{"/unit/:id", "/unit", false, nil},
		{"/unit/:id", "/unit/", false, nil},
		{"/unit/:id", "/unit/a/b", false, nil},
		{"/unit/:id", "/unit/a/", false, nil},
		{"/unit/:id", "/Unit/a", false, nil},
		{"/:a/:b", "/x/y", true, map[string]string{"a": "x", "b": "y"}},
		{"/:a/:b", "//y", false, nil},
		{"/a%41", "/aA", true, nil},
		{"/%3aid", "/:id", true, nil},
		{"/%3aid", "/x", false, nil},
		{"/", "/", true, nil},
		{"/a/", "/a/", true, nil},
		{"swim:meta:host", "swim:meta:host", true, nil},
		{"swim:meta:node/:n/lane/:l", "swim:meta:node/%2fa/lane/b", true, map[string]string{"n": "/a", "l": "b"}},
	} {
		params, ok := pattern(t, c.pattern).Match(NodeURI(c.node))
		if ok != c.match {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.node, ok, c.match)
		}
		for name, want := range c.params {
			if got := params.Get(name); got != want {
				t.Errorf("%q on %q: %s = %q, want %q", c.pattern, c.node, name, got, want)
			}
		}
	}
	if _, ok := (Pattern{}).Match(""); ok {
		t.Error("the zero pattern matches")
	}
	for _, s := range []string{"/unit/:id", "/", "/%3aid/:id", "swim:meta:node/:n"} {
		if got := pattern(t, s).String(); got != s {
			t.Errorf("ParsePattern(%q).String() = %q", s, got)
		}
	}
}

func TestPatternErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"unit/:id", `"unit/:id" is not a route pattern: at character 1: it must start with "/", as node URIs do`},
		{"", `"" is not a route pattern: at character 1: it must start with "/", as node URIs do`},
		{"//h/a", `"//h/a" is not a route pattern: at character 2: two slashes at the start name a host; write one`},
		{"/a/:", `"/a/:" is not a route pattern: at character 4: after ":" comes a name of letters, digits and "_", such as ":id"; a segment that really starts with a colon is written "%3a"`},
		{"/:a/:a", `"/:a/:a" is not a route pattern: at character 5: ":a" is there twice; each segment needs its own name`},
		{"/a?b", `"/a?b" is not a route pattern: at character 3: "?" has no place here: only the path of a node URI is matched`},
		{"/a/../b", `"/a/../b" is not a route pattern: at character 4: no node URI has a segment ".." once it is resolved`},
		{"/a/{id}", `"/a/{id}" is not a route pattern: at character 4: "{" is written %7b`},
	} {
		if _, err := ParsePattern(c.in); err == nil || err.Error() != c.want {
			t.Errorf("ParsePattern(%q):\n got %v\nwant %s", c.in, err, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	var table Table[string]
	if _, _, ok := table.Find("/a"); ok {
		t.Error("an empty table finds something")
	}
	for _, s := range []string{"/a/:x/c", "/a/b/:y", "/:z/b/c", "/a/b", "/:only", "/", "swim:meta:host"} {
		if err := table.Add(pattern(t, s), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ node, want string }{
		{"/a/b/c", "/a/b/:y"}, // leftmost difference decides, not the count of literals
		{"/a/q/c", "/a/:x/c"},
		{"/q/b/c", "/:z/b/c"},
		{"/a/b", "/a/b"},
		{"/a/q", ""},
		{"/a//c", ""},
		{"/q", "/:only"},
		{"/a", "/:only"}, // "/a/…" has a literal branch but ends nowhere
		{"/", "/"},
		{"/q/b/d", ""},
		{"swim:meta:host", "swim:meta:host"},
		{"swim:meta:part", ""},
	} {
		got, params, ok := table.Find(NodeURI(c.node))
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Find(%q) = %q, %v, want %q", c.node, got, ok, c.want)
		}
		if c.want == "/a/:x/c" && params.Get("x") != "q" {
			t.Errorf("Find(%q): x = %q", c.node, params.Get("x"))
		}
	}
	err := table.Add(pattern(t, "/a/:name/c"), "twin")
	want := `route pattern "/a/:name/c" matches the same nodes as "/a/:x/c", which is already there; remove one of them`
	if err == nil || err.Error() != want {
		t.Errorf("Add of a twin: %v, want %s", err, want)
	}
	if err := table.Add(Pattern{}, ""); err == nil {
		t.Error("Add takes the zero pattern")
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, node, lane string
		match            bool
	}{
		{"/device/*/*", "/device/air", "temperature", true},
		{"/device/*/*", "/device/air", "", false},
		{"/device/*/*", "/device/", "temperature", false},
		{"/device/*/*", "/device/a/b", "temperature", false},
		{"/device/air/info", "/device/air", "info", true},
		{"/device/air/info", "/device/air", "infos", false},
		{"/device/*", "/device", "x", true},
		{"/*", "/", "x", false},
		{"/*/x", "/", "x", false},
		{"swim:meta:host/*", "swim:meta:host", "nodes", true},
	} {
		g, err := ParseGlob(c.glob)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.MatchLane(NodeURI(c.node), LaneName(c.lane)); got != c.match {
			t.Errorf("%q matches lane %q of %q: %v, want %v", c.glob, c.lane, c.node, got, c.match)
		}
		if g.String() != c.glob {
			t.Errorf("ParseGlob(%q).String() = %q", c.glob, g)
		}
	}
	g, _ := ParseGlob("/device/*/%2A")
	for node, want := range map[NodeURI]bool{"/device/a/*": true, "/device/a/b": false, "/device//*": false, "/device/a": false} {
		if got := g.Match(node); got != want {
			t.Errorf("%q matches %q: %v, want %v", g, node, got, want)
		}
	}
	if (Glob{}).Match("") || (Glob{}).MatchLane("", "x") {
		t.Error("the zero glob matches")
	}
	for in, want := range map[string]string{
		"/dev*": `"/dev*" is not a glob: at character 2: "*" stands for a whole segment, so it stands alone between slashes; a literal star is written "%2a"`,
		"*":     `"*" is not a glob: at character 1: it must start with "/", as node URIs do`,
	} {
		if _, err := ParseGlob(in); err == nil || err.Error() != want {
			t.Errorf("ParseGlob(%q):\n got %v\nwant %s", in, err, want)
		}
	}
}

func TestAllocs(t *testing.T) {
	var table Table[int]
	for i, s := range []string{"/unit/:id", "/room/:id", "/device/:name"} {
		if err := table.Add(pattern(t, s), i); err != nil {
			t.Fatal(err)
		}
	}
	g, _ := ParseGlob("/device/*/*")
	if n := testing.AllocsPerRun(100, func() {
		node, _, _ := Node("/", "/device/air")
		_, params, ok := table.Find(node)
		if !ok || params.Get("name") != "air" || !g.MatchLane(node, "info") {
			t.Error("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations to find a plain node, want none", n)
	}
}

func BenchmarkFind(b *testing.B) {
	var table Table[int]
	for i := range 100 {
		if err := table.Add(pattern(b, fmt.Sprintf("/unit%d/:id", i)), i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := table.Find("/unit50/1"); !ok {
			b.Fatal("not found")
		}
	}
}

func ExamplePattern() {
	p, _ := ParsePattern("/room/:id")
	params, ok := p.Match("/room/kitchen")
	fmt.Println(ok, params.Get("id"))
	// Output: true kitchen
}

func ExampleNode() {
	node, spelling, _ := Node("/", "warp://HUB.example/unit/%31?x")
	fmt.Println(node, spelling)
	// Output: /unit/1 warp://hub.example/unit/1?x
}

package route

import "testing"

func TestParsePrints(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`/a\b`, "/a/b"},
		{"/%C3%A9", "/%c3%a9"},
		{"/a%2Eb%7E", "/a.b~"},
		{"/%25", "/%25"},
		{"/%00", "/%00"},
		{"//u%40v:p:q@H%2D:080/x", "//u%40v:p:q@h-:80/x"},
		{"//h:0/x", "//h/x"},
		{"//[FE80::1]:/x", "//[fe80::1]/x"},
		{"//h?q", "//h?q"},
		{`//h\a`, "//h/a"},
		{"?a%26b=c%26d&e%3Df", "?a%26b=c&d&e=f"},
		{"?a=b=c", "?a=b=c"},
		{"#", "#"},
		{"#a?b/c", "#a?b/c"},
		{"/a?#", "/a?#"},
		// Printed bare, these would read back as a scheme and as an authority.
		{"a%3Ab/c:d", "a%3ab/c:d"},
		{`\\h`, "/.//h"},
	} {
		u, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if got := u.String(); got != c.want {
			t.Errorf("Parse(%q).String() = %q, want %q", c.in, got, c.want)
		}
	}
}

// The words are part of the contract: people see them under a line of their config.
func TestErrorTexts(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/a b", `"/a b" is not a URI: at character 3: a space is written %20`},
		{"/é", `"/é" is not a URI: at character 2: "é" is written %c3%a9`},
		{"/é\n", `"/é\n" is not a URI: at character 2: "é" is written %c3%a9`},
		{"/a\n", `"/a\n" is not a URI: at character 3: the control character U+000A is written %0a`},
		{"/{id}", `"/{id}" is not a URI: at character 2: "{" is written %7b`},
		{"/\xff", `"/\xff" is not a URI: at character 2: the text is not UTF-8`},
		{"/a%2", `"/a%2" is not a URI: at character 3: "%2" is no escape: "%" is followed by two hex digits, and "%" itself is written %25`},
		{"/%zz9", `"/%zz9" is not a URI: at character 2: "%zz" is no escape: "%" is followed by two hex digits, and "%" itself is written %25`},
		{"/%c3x", `"/%c3x" is not a URI: at character 2: the escapes "%c3" do not form a character; they must spell its UTF-8 bytes`},
		{"1:x", `"1:x" is not a URI: at character 1: the ":" makes "1" a scheme, and a scheme starts with a letter; if a path is meant, write "./1:…"`},
		{":x", `":x" is not a URI: at character 1: nothing stands before the ":"; a path that starts so is written "./:…"`},
		{"//h:8x/", `"//h:8x/" is not a URI: at character 6: a port is a number, not "8x"`},
		{"//[::1", `"//[::1" is not a URI: at character 3: the "[" of an IPv6 address has no "]"`},
		{"//[::1]x", `"//[::1]x" is not a URI: at character 8: after the "]" of an IPv6 address comes ":" and a port, or the path`},
		{`/a?b\c`, `"/a?b\\c" is not a URI: at character 5: a backslash may stand only in a path, where it is read as "/"; write %5c`},
		{"/a#b#c", `"/a#b#c" is not a URI: at character 5: "#" is written %23`},
	} {
		_, err := Parse(c.in)
		if err == nil {
			t.Errorf("Parse(%q) succeeds, want %s", c.in, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("Parse(%q):\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

// The examples of RFC 3986, sections 5.4.1 and 5.4.2.
func TestResolve(t *testing.T) {
	base, err := Parse("http://a/b/c/d;p?q")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ref, want string }{
		{"g:h", "g:h"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"}, {"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q#s"}, {"g#s", "http://a/b/c/g#s"}, {"g?y#s", "http://a/b/c/g?y#s"},
		{";x", "http://a/b/c/;x"}, {"g;x", "http://a/b/c/g;x"}, {"g;x?y#s", "http://a/b/c/g;x?y#s"},
		{"", "http://a/b/c/d;p?q"}, {".", "http://a/b/c/"}, {"./", "http://a/b/c/"}, {"..", "http://a/b/"},
		{"../", "http://a/b/"}, {"../g", "http://a/b/g"}, {"../..", "http://a/"}, {"../../", "http://a/"},
		{"../../g", "http://a/g"},
		{"../../../g", "http://a/g"}, {"../../../../g", "http://a/g"}, {"/./g", "http://a/g"}, {"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."}, {".g", "http://a/b/c/.g"}, {"g..", "http://a/b/c/g.."}, {"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"}, {"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"}, {"g;x=1/./y", "http://a/b/c/g;x=1/y"}, {"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"}, {"g#s/../x", "http://a/b/c/g#s/../x"}, {"http:g", "http:g"},
	} {
		ref, err := Parse(c.ref)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.ref, err)
			continue
		}
		if got := base.Resolve(ref).String(); got != c.want {
			t.Errorf("Resolve(%q) = %q, want %q", c.ref, got, c.want)
		}
	}
}

func TestNode(t *testing.T) {
	for _, c := range []struct{ base, ref, node, spelling string }{
		{"/", "/unit/1", "/unit/1", "/unit/1"},
		{"", "unit/1", "/unit/1", "unit/1"},
		{"/", "unit/1", "/unit/1", "unit/1"},
		{"/unit/base", "1x", "/unit/1x", "1x"},
		{"/unit/base", "unit/1", "/unit/unit/1", "unit/1"},
		{"/unit/base", "../unit/4", "/unit/4", "../unit/4"},
		{"/unit/base", "", "/unit/base", ""},
		{"/unit/base", "?q", "/unit/base", "?q"},
		{"warp://10.0.0.2:9001/unit/base", "1x", "/unit/1x", "1x"},
		{"/", "/unit/./1", "/unit/1", "/unit/./1"},
		{"/", "/unit/x/../1", "/unit/1", "/unit/x/../1"},
		{"/", "/unit/x/%2e%2E/1", "/unit/1", "/unit/x/../1"},
		{"/", "/unit/t%2Duri", "/unit/t-uri", "/unit/t-uri"},
		{"/", "/unit/a%2Fb", "/unit/a%2fb", "/unit/a%2fb"},
		{"/", "/unit/1?q=1", "/unit/1", "/unit/1?q=1"},
		{"/", "/unit/1#f", "/unit/1", "/unit/1#f"},
		{"/", "warp://127.0.0.1:9401/unit/1", "/unit/1", "warp://127.0.0.1:9401/unit/1"},
		{"/", "HTTP://Example.com/unit/1", "/unit/1", "http://example.com/unit/1"},
		{"/", "//127.0.0.1:9401/unit/1", "/unit/1", "//127.0.0.1:9401/unit/1"},
		{"/", "swim:/unit/1", "/unit/1", "swim:/unit/1"},
		{"/", "/unit//1", "/unit//1", "/unit//1"},
		{"/", "/unit/1/", "/unit/1/", "/unit/1/"},
		{"/", "/unit/a:b", "/unit/a:b", "/unit/a:b"},
		{"/", "swim:meta:host", "swim:meta:host", "swim:meta:host"},
		{"/", "foo:meta:host", "swim:meta:host", "foo:meta:host"},
		{"/", "swim:meta:node/%2Funit%2F1", "swim:meta:node/%2funit%2f1", "swim:meta:node/%2funit%2f1"},
		{"/", "swim:a/../b", "/b", "swim:a/../b"},
		{"/", "swim:./b", "swim:b", "swim:./b"},
		{"/", "warp://h", "/", "warp://h"},
		{"/", "swim:", "/", "swim:"},
		{"/x/y", "..//h", "/.//h", "..//h"},
	} {
		node, spelling, err := Node(c.base, c.ref)
		if err != nil {
			t.Errorf("Node(%q, %q): %v", c.base, c.ref, err)
			continue
		}
		if string(node) != c.node || spelling != c.spelling {
			t.Errorf("Node(%q, %q) = %q, %q, want %q, %q", c.base, c.ref, node, spelling, c.node, c.spelling)
		}
	}
	for _, bad := range [][2]string{{"/", "/a b"}, {"/ ", "a"}} {
		if node, _, err := Node(bad[0], bad[1]); err == nil {
			t.Errorf("Node(%q, %q) = %q, want an error", bad[0], bad[1], node)
		}
	}
}

func TestLane(t *testing.T) {
	for _, c := range []struct{ ref, lane, spelling string }{
		{"info", "info", "info"},
		{"pre%73et", "preset", "preset"},
		{"preset?x=1", "preset", "preset?x=1"},
		{"preset#f", "preset", "preset#f"},
		{"/preset", "/preset", "/preset"},
		{"./preset", "./preset", "./preset"},
		{"preset/", "preset/", "preset/"},
		{"warp:preset", "warp:preset", "warp:preset"},
		{"", "", ""},
	} {
		lane, spelling, err := Lane(c.ref)
		if err != nil || string(lane) != c.lane || spelling != c.spelling {
			t.Errorf("Lane(%q) = %q, %q, %v, want %q, %q", c.ref, lane, spelling, err, c.lane, c.spelling)
		}
	}
	if _, _, err := Lane("é"); err == nil {
		t.Error(`Lane("é") succeeds`)
	}
}

func TestIsPlain(t *testing.T) {
	for _, c := range []struct {
		ref  string
		want bool
	}{
		{"/", true}, {"/a", true}, {"/a/", true}, {"/a//b", true}, {"/a:b@c!$&'()*+,;=-._~", true},
		{"/.a", true}, {"/a.", true}, {"/...", true}, {"/a/..b", true},
		{"", false}, {"a", false}, {"//h", false}, {"/.", false}, {"/./a", false}, {"/a/..", false}, {"/a/../b", false},
		{"/%41", false}, {"/a?q", false}, {"/a#f", false}, {"/a b", false}, {`/a\b`, false}, {"/é", false}, {"swim:a", false},
	} {
		if got := IsPlain([]byte(c.ref)); got != c.want {
			t.Errorf("IsPlain(%q) = %v, want %v", c.ref, got, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, text := range []string{"/unit/1", "é %", "plain"} {
		p, err := ParsePattern("swim:meta:node/:node")
		if err != nil {
			t.Fatal(err)
		}
		node, _, err := Node("/", "swim:meta:node/"+Escape(text))
		if err != nil {
			t.Fatal(err)
		}
		if params, ok := p.Match(node); !ok || params.Get("node") != text {
			t.Errorf("Escape(%q) = %q comes back as %q (match: %v)", text, Escape(text), params.Get("node"), ok)
		}
	}
}

// FuzzNode: what is accepted prints a spelling that means the same and is stable,
// and a key that names itself.
func FuzzNode(f *testing.F) {
	for _, s := range []string{"/unit/1", "a%3Ab", `\\h`, "..//h", "swim:a/../b", "//u:p@[::1]:80/a?q=%26#f", "warp:", "/%2e%2e/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		node, spelling, err := Node("/b/c", s)
		if err != nil {
			_ = err.Error()
			return
		}
		again, same, err := Node("/b/c", spelling)
		if err != nil || again != node || same != spelling {
			t.Fatalf("Node(%q) = %q, %q; of that spelling: %q, %q, %v", s, node, spelling, again, same, err)
		}
		if self, _, err := Node("/", string(node)); err != nil || self != node {
			t.Fatalf("Node(%q) = %q, whose own key is %q, %v", s, node, self, err)
		}
		if IsPlain(s) {
			u, err := Parse(s)
			if err != nil || u.String() != s || string(key(URI{Path: "/x"}.Resolve(u))) != s {
				t.Fatalf("IsPlain(%q), but it parses to %q, %v", s, u, err)
			}
		}
	})
}

func BenchmarkNode(b *testing.B) {
	for _, ref := range []string{"/unit/1", "swim:meta:node/%2Funit%2F1"} {
		b.Run(ref, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Node("/", ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

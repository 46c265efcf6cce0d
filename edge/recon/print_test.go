package recon

import "testing"

// TestEmptyItems: arguments with an empty item in them come back. SwimOS prints them in a form that it does not read, or
// reads as something else.
func TestEmptyItems(t *testing.T) {
	for text, want := range map[string]string{
		"@remove(index90,ke?: )": "@remove({index90,,})", // what the fuzzer found
		"@a({t,,})":              "@a({t,,})",
		"@a({1,,2})":             "@a({1,,2})",
		"@a({,})":                "@a({,})",
		"@a({,,})":               "@a({,,})",
		"@a({,x:1})":             "@a({,x:1})",
		"@a({t,,{}})":            "@a({t,,{}})",
		"{k:@a({t,,})}":          "{k:@a({t,,})}",
		"[x@a({t,,})y]":          "[x@a({t,,})y]",
		"f({1,,})":               "f({1,,})",
		"@a(k:)":                 "@a(k:)",
		"@a(1,2)":                "@a(1,2)",
		"@a()":                   "@a",
	} {
		v, err := ParseString(text)
		if err != nil || v.String() != want {
			t.Errorf("%s is printed as %s, %v, want %s", text, v, err, want)
		}
		if again, err := ParseString(want); err != nil || !same(v, again) {
			t.Errorf("%s is %s and comes back as %s, %v", text, dump(v), dump(again), err)
		}
	}
}

// TestNotUTF8: what is not UTF-8 is printed as U+FFFD, in quotes, also where it looks like the beginning of one.
func TestNotUTF8(t *testing.T) {
	for text, want := range map[string]string{
		"a\xef": "\"a\uFFFD\"", "\xef": "\"\uFFFD\"", "a\xffb": "\"a\uFFFDb\"", "a\uFFFD": "a\uFFFD", "é\xef\xbf": "\"é\uFFFD\"",
	} {
		if got := String(text).String(); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}

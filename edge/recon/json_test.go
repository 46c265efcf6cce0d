package recon

import (
	"errors"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	for _, test := range []struct{ name, text, json string }{
		{"absent", "", "null"},
		{"text", `"a\n\"é"`, `"a\n\"é"`},
		{"numbers", "{1,-2.5,1e300,9007199254740993,0xff}", "[1,-2.5,1e+300,9007199254740993,255]"},
		{"booleans", "{true,false}", "[true,false]"},
		{"slots", "{a:1,b:{c:d}}", `{"a":1,"b":{"c":"d"}}`},
		{"empty record", "{}", "{}"},
		{"attributes", "@t(x:1)@u{a:2}", `{"@t":{"x":1},"@u":null,"a":2}`},
		{"mixed", "@t 5", `{"@t":null,"$1":5}`},
		{"other keys", "{1:2,%AA==:3}", `{"$0":{"$key":1,"$value":2},"$1":{"$key":{"$data":"AA=="},"$value":3}}`},
		{"repeated key", "{a:1,a:2}", `{"a":1,"$1":{"$key":"a","$value":2}}`},
		{"repeated attribute", "@a(1)@a(2)", `{"@a":1,"$1":{"$attr":"a","$value":2}}`},
		{"data", "{d:%AQI=}", `{"d":{"$data":"AQI="}}`},
		{"expression", "$a + 1", `{"$recon":"$a + 1"}`},
		{"key like ours", `{"$data":x}`, `{"$0":{"$key":"$data","$value":"x"}}`},
		{"key like an attribute's", `{"@a":1}@a(2)`, `{"$0":{"$key":"@a","$value":1},"@a":2}`},
		{"a repeated key like an attribute's", `@a(0){"@a":1,"@a":2}@a(3)`,
			`{"@a":0,"$1":{"$key":"@a","$value":1},"$2":{"$key":"@a","$value":2},"$3":{"$attr":"a","$value":3}}`},
		{"a record like a slot of ours", `{{"$key":a,"$value":2},b:3}`,
			`{"$0":{"$0":{"$key":"$key","$value":"a"},"$1":{"$key":"$value","$value":2}},"b":3}`},
		{"a record like an attribute of ours", `{{"$attr":a,"$value":2},b:3}`,
			`{"$0":{"$0":{"$key":"$attr","$value":"a"},"$1":{"$key":"$value","$value":2}},"b":3}`},
		{"an attribute with our name", `@"$key"(1)`, `{"@$key":1}`},
	} {
		v, err := ParseString(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendJSON(nil, v)); got != test.json {
			t.Errorf("%s: %s in JSON = %s, want %s", test.name, test.text, got, test.json)
		}
		again, err := ParseJSON([]byte(test.json))
		if want := v; err != nil || !Equal(again, want) && !(want.IsAbsent() && again.Kind() == KindExtant) {
			t.Errorf("%s: ParseJSON(%s) = %s, %v, want %s", test.name, test.json, again, err, want)
		}
	}
	for _, test := range []struct{ json, text string }{
		{`{"$0":{"$value":2,"$key":"@a"}}`, `{"@a":2}`},
		{`{"$key":1,"$value":2}`, `{"$key":1,"$value":2}`},
		{`{"$0":{"$key":1}}`, `{{"$key":1}}`},
		{`{"$0":{"$attr":1,"$value":2}}`, `{{"$attr":1,"$value":2}}`},
	} {
		want, _ := ParseString(test.text)
		if v, err := ParseJSON([]byte(test.json)); err != nil || !same(v, want) {
			t.Errorf("ParseJSON(%s) = %s, %v, want %s", test.json, v, err, test.text)
		}
	}
}

func TestJSONErrors(t *testing.T) {
	for _, test := range []struct {
		name, json, want string
		limit            bool
	}{
		{"nothing", "", "JSON 1:1: unexpected end of JSON input", false},
		{"an open object", "\n{", "JSON 2:2: unexpected end of JSON input", false},
		{"a comma", "[1,]", "JSON 1:4: invalid character ']' looking for beginning of value", false},
		{"two values", "{}\r\n {}", "JSON 2:2: invalid character '{' after top-level value", false},
		{"no value", `{"é"}`, "JSON 1:5: invalid character '}' after object key", false},
		{"a word", "nope", "JSON 1:2: invalid character 'o' in literal null (expecting 'u')", false},
		{"not UTF-8", "{\"a\":\n\"é\xffb\"}", "JSON 2:3: read the byte 0xff, want UTF-8", false},
		{"half a character", "\"\xc3", "JSON 1:2: read the byte 0xc3, want UTF-8", false},
		{"base64", "[\n {\"$data\":\"?\"}]", "JSON 2:2: in $data: illegal base64 data at input byte 0", false},
		{"Recon", "[\n {\"$recon\":\"é b\"}]", "JSON 2:2: in $recon, at character 3: read b, want a comma, a line break or the end", false},
		{"digits", "[1,\n\n " + strings.Repeat("9", maxDigits+1) + "]", "JSON 3:2: read 4097 digits, want at most 4096", true},
		{"levels", "\n" + strings.Repeat("[", 257), "JSON 2:257: read 257 levels, want at most 256", true},
		{"bytes", strings.Repeat(" ", DefaultLimits.Bytes) + "1", "JSON 1:1: read 16777217 bytes, want at most 16777216", true},
	} {
		v, err := ParseJSON([]byte(test.json))
		if err == nil || err.Error() != test.want || errors.Is(err, ErrLimit) != test.limit {
			t.Errorf("%s: ParseJSON gives %.40v, %v, want %s", test.name, v, err, test.want)
		}
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			t.Errorf("%s: the error is also %v, whose place is none in the JSON", test.name, syntax)
		}
	}
}

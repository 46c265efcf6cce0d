package form

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"selvage/edge/jsonpath"
)

func TestCBOR(t *testing.T) {
	deep := strings.Repeat("81", maxDepth)
	for _, c := range []struct{ in, want string }{ // most are of RFC 8949, Appendix A
		{"00", "0"}, {"17", "23"}, {"1818", "24"}, {"1903e8", "1000"}, {"1a000f4240", "1000000"},
		{"1bffffffffffffffff", "18446744073709551615"}, {"3bffffffffffffffff", "-18446744073709551616"}, {"20", "-1"}, {"3903e7", "-1000"},
		{"f90000", "0"}, {"f98000", "-0"}, {"f93c00", "1"}, {"fb3ff199999999999a", "1.1"}, {"f93e00", "1.5"}, {"f97bff", "65504"},
		{"fa47c35000", "100000"}, {"fa7f7fffff", "3.4028235e+38"}, {"fb7e37e43c8800759c", "1e+300"}, {"f90001", "5.9604645e-08"},
		{"f90400", "6.1035156e-05"}, {"f9c400", "-4"}, {"fa41ac0000", "21.5"}, {"fa41a9999a", "21.2"},
		{"f97c00", `"+Inf"`}, {"f97e00", `"NaN"`}, {"fbfff0000000000000", `"-Inf"`},
		{"f4", "false"}, {"f5", "true"}, {"f6", "null"}, {"f7", "null"},
		{"c11a514b67b0", "1363896240"}, {"c074323031332d30332d32315432303a30343a30305a", `"2013-03-21T20:04:00Z"`},
		{"4401020304", `"AQIDBA=="`}, {"60", `""`}, {"62225c", `"\"\\"`}, {"63e6b0b4", `"水"`},
		{"83010203", "[1,2,3]"}, {"8301820203820405", "[1,[2,3],[4,5]]"}, {"a0", "{}"}, {"80", "[]"},
		{"a201020304", `{"1":2,"3":4}`}, {"a26161016162820203", `{"a":1,"b":[2,3]}`}, {"a12001", `{"-1":1}`},
		{"5f42010243030405ff", `"AQIDBAU="`}, {"7f657374726561646d696e67ff", `"streaming"`}, {"9fff", "[]"},
		{"9f018202039f0405ffff", "[1,[2,3],[4,5]]"}, {"bf61610161629f0203ffff", `{"a":1,"b":[2,3]}`}, {"d9d9f7a1617401", `{"t":1}`},
		{deep + "00", strings.Repeat("[", maxDepth) + "0" + strings.Repeat("]", maxDepth)},

		{"", "at byte 0: it is cut off"}, {"18", "at byte 1: it is cut off"}, {"6261", "at byte 1: it is cut off"}, {"8201", "at byte 2: it is cut off"},
		{"9bffffffffffffffff00", "at byte 10: it is cut off"}, {"0000", "1 bytes follow its end"}, {"ff", "at byte 1: it is not CBOR"},
		{"61ff", "at byte 1: a text is not UTF-8"}, {"a1f401", "at byte 2: a name in an object is neither text nor a whole number"},
		{"7f4101ff", "at byte 2: it is not CBOR"}, {"1c", "at byte 1: it is not CBOR"}, {"1f", "at byte 1: it is not CBOR"}, {"f8ff", "at byte 2: it is not CBOR"},
		{"81" + deep + "00", "at byte 33: it lies more than 32 deep"},
	} {
		raw, err := hex.DecodeString(c.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := CBOR(raw)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestInflux(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // the lines, and what is wrong behind a !
	}{
		{"weather,location=us-midwest temperature=82 1465839830100400200", `{"measurement":"weather","location":"us-midwest","temperature":82,"timestamp":1465839830100}`},
		{"m a=1i,b=2u,c=t,d=FALSE,e=-1.5e3,f=.5", `{"measurement":"m","a":1,"b":2,"c":true,"d":false,"e":-1500,"f":0.5}`},
		{`wea\,th\ er,loc\,a\=t=us\ mid temp\ e="too \"hot\" \\ \n",x="a,b c" 1`, `{"measurement":"wea,th er","loc,a=t":"us mid","temp e":"too \"hot\" \\ \\n","x":"a,b c","timestamp":1000}`},
		{"a v=1 1465839830\nb v=2 1465839830100\r\n\n# no\nc v=3 1465839830100400\n", `{"measurement":"a","v":1,"timestamp":1465839830000} {"measurement":"b","v":2,"timestamp":1465839830100} {"measurement":"c","v":3,"timestamp":1465839830100}`},
		{"a,v=x v=1,v=2", `{"measurement":"a","v":"x","v":1,"v":2}`},
		{"a  v=\"two\nlines\"  7 ", `{"measurement":"a","v":"two\nlines","timestamp":7000}`},
		{"a v=1\nb\nc v=x\nd v=4", `{"measurement":"a","v":1} {"measurement":"d","v":4}!line 2: a field has no =`},
		{"", "!there is no line in it"}, {"\n # x", "!there is no line in it"}, {",a=1 v=1", "!line 1: it has no measurement"},
		{"a,t v=1", "!line 1: a tag has no ="}, {"a v", "!line 1: a field has no ="}, {"a v=", `!line 1: the field "v": it has no value`},
		{"a v=1x", `!line 1: the field "v": "1x" is no value; a text stands in quotes`}, {"a v=NaN", `!line 1: the field "v": "NaN" is no value; a text stands in quotes`},
		{`a v="x`, `!line 1: the field "v": a quote has no end`}, {"a v=1 now", `!line 1: "now" is no timestamp`}, {"a v=1 1 2", "!line 1: something follows its timestamp"},
		{"a v=9223372036854775808i", `!line 1: the field "v": "9223372036854775808i" is no value; a text stands in quotes`},
	} {
		lines, err := Influx([]byte(c.in))
		got := string(bytes.Join(lines, []byte(" ")))
		if err != nil {
			got += "!" + err.Error()
		}
		if got != c.want {
			t.Errorf("%q:\n%s\nwant\n%s", c.in, got, c.want)
		}
	}
	lines, err := Influx([]byte(strings.Repeat("a v=1\n", maxLines+1)))
	if len(lines) != maxLines || err == nil || err.Error() != "it has more than 1000 lines" {
		t.Errorf("of too many lines %d were read, %v", len(lines), err)
	}
}

func TestRecon(t *testing.T) {
	for in, want := range map[string]string{
		`@event(node:"/device/air",lane:temperature){value:21.5,unit:Cel}`: `{"@event":{"node":"/device/air","lane":"temperature"},"value":21.5,"unit":"Cel"}`,
		"{21,22}": "[21,22]", "21.5": "21.5", "true": "true",
	} {
		if got, err := Recon([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
	if got, err := Recon([]byte("}")); err == nil {
		t.Errorf("a } is %s", got)
	}
}

func TestMatch(t *testing.T) {
	by := regexp.MustCompile(`T=(?P<t>-?[0-9.]+)(;H=(?P<h>[0-9]+))?(?P<rest>.*)`)
	for in, want := range map[string]string{
		"T=21.5;H=40": `{"t":"21.5","h":"40","rest":""}`, "x T=-3 \"": `{"t":"-3","rest":" \""}`, "no": "it does not match",
	} {
		got, err := Match(by, []byte(in))
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// What a JSON text says is said by the CBOR of it.
func FuzzSame(f *testing.F) {
	f.Add(`{"a":[1,-2.5,"x\u00e4\"",null,true,{"":{}}],"b":1e300,"c":18446744073709551615}`)
	f.Fuzz(func(t *testing.T, text string) {
		var want, got any
		if json.Unmarshal([]byte(text), &want) != nil {
			return
		}
		read, err := CBOR(encode(nil, want))
		if err != nil {
			if err.Error()[len(err.Error())-4:] == "deep" {
				return
			}
			t.Fatalf("%s: %v", text, err)
		}
		if err := json.Unmarshal(read, &got); err != nil || !reflect.DeepEqual(got, want) || !jsonpath.Valid(read) {
			t.Errorf("%s: read %s, %v", text, read, err)
		}
	})
}

// encode is the CBOR of what encoding/json decoded.
func encode(dst []byte, v any) []byte {
	head := func(major byte, n int) { dst = binary.BigEndian.AppendUint32(append(dst, major<<5|26), uint32(n)) }
	switch v := v.(type) {
	case nil:
		return append(dst, 0xf6)
	case bool:
		if v {
			return append(dst, 0xf5)
		}
		return append(dst, 0xf4)
	case float64:
		if n := int64(v); float64(n) == v && n >= 0 && n <= math.MaxUint32 && !math.Signbit(v) {
			head(unsigned, int(n))
			return dst
		}
		return binary.BigEndian.AppendUint64(append(dst, 0xfb), math.Float64bits(v))
	case string:
		head(textString, len(v))
		return append(dst, v...)
	case []any:
		head(array, len(v))
		for _, e := range v {
			dst = encode(dst, e)
		}
		return dst
	}
	m := v.(map[string]any)
	head(mapping, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		dst = encode(encode(dst, name), m[name])
	}
	return dst
}

// FuzzCBOR has nothing do harm: what comes out is JSON, and not much more than what came in.
func FuzzCBOR(f *testing.F) {
	for _, in := range []string{"a26161016162820203", "9f018202039f0405ffff", "5f42010243030405ff", "fb3ff199999999999a", "c11a514b67b0"} {
		raw, _ := hex.DecodeString(in)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := CBOR(raw)
		if err == nil && (!jsonpath.Valid(got) || len(got) > 8*len(raw)+2) {
			t.Errorf("%x: %s", raw, got)
		}
	})
}

// FuzzInflux has nothing do harm: what comes out is JSON, and not much more than what came in.
func FuzzInflux(f *testing.F) {
	f.Add([]byte("weather,location=us-midwest temperature=82 1465839830100400200\nb v=\"x\\\"\",w=1i"))
	f.Add([]byte(`wea\,th\ er,loc\,a\=t=us\ mid temp\ e="too \"hot\"" 1`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, err := Influx(raw)
		size := 0
		for _, l := range lines {
			size += len(l)
			if !jsonpath.Valid(l) {
				t.Errorf("%q: %s", raw, l)
			}
		}
		if size > 40*len(raw) || lines == nil && err == nil {
			t.Errorf("%q: %d bytes, %v", raw, size, err)
		}
	})
}

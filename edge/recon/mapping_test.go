package recon

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type figure interface{ area() float64 }

type circle struct {
	_ struct{} `recon:"@circle"`
	R float64
}

type square struct {
	_    struct{} `recon:"@square"`
	Side int
	In   figure `recon:",omitempty"`
}

type dot struct {
	_ struct{} `recon:"@dot"`
}

type triangle struct{ circle }

func (c circle) area() float64  { return math.Pi * c.R * c.R }
func (s *square) area() float64 { return float64(s.Side * s.Side) }
func (dot) area() float64       { return 0 }

func init() { RegisterUnion[figure](circle{}, (*square)(nil), dot{}) }

type open struct {
	A    int
	B    string `recon:",omitempty"`
	Rest Value  `recon:",rest"`
}

type tagOpen struct {
	_    struct{} `recon:"@t"`
	A    int      `recon:",omitempty"`
	Rest Value    `recon:",rest"`
}

type slotsOpen struct {
	A    int              `recon:",omitempty"`
	Rest map[string]Value `recon:",rest"`
}

type booleansOpen struct {
	booleans
	Rest Value `recon:",rest"`
}

// all has a field of every kind.
type all struct {
	Names  map[string]int
	Ports  map[uint16]string
	Places map[point][]point
	Flags  map[bool]float32
	Times  map[time.Duration]*int
	Nested map[string]map[int8]Value
	Pair   [2]int
	MAC    [3]byte
	Bytes  []byte
	Pieces []figure
	Shape  figure
	Next   []*int
	At     time.Time
	Rest   Value `recon:",rest"`
}

func TestMaps(t *testing.T) {
	one := 1
	checkCodec(t, map[string]int{"b": 2, "a c": 1, "true": 3, "é": 4, "\uffee": 6, "\U00010000": 5},
		"{\"a c\":1,b:2,true:3,é:4,\U00010000:5,\uffee:6}")
	checkCodec(t, map[string]int{}, "{}")
	checkCodec(t, map[int]bool{10: true, 9: false, -1: true}, "{-1:true,9:false,10:true}")
	checkCodec(t, map[float64]string{1.5: "a", -2: "b"}, "{-2:b,1.5:a}")
	checkCodec(t, map[uint64]int{math.MaxUint64: 1, 0: 2}, "{0:2,18446744073709551615:1}")
	checkCodec(t, map[bool]int{false: 0, true: 1}, "{true:1,false:0}")
	checkCodec(t, map[point]int{{2, 1}: 1, {1, 2}: 2}, "{{x:1,y:2}:2,{x:2,y:1}:1}")
	checkCodec(t, map[[2]string]int{{"b", "c"}: 1, {"a", "d"}: 2}, "{{a,d}:2,{b,c}:1}")
	checkCodec(t, map[[2]byte]int{{0x80, 0}: 1, {0, 0}: 2}, "{%gAA=:1,%AAA=:2}") // bytes order as Java's, signed
	checkCodec(t, map[time.Duration]*int{time.Second: &one, time.Hour: nil}, `{"1h0m0s":,"1s":1}`)
	checkCodec(t, map[string]map[string][]int{"a": {"b": {1, 2}}, "c": {}}, "{a:{b:{1,2}},c:{}}")
	checkCodec(t, [3]int{1, 2, 3}, "{1,2,3}")
	checkCodec(t, [0]int{}, "{}")
	checkCodec(t, [3]byte{1, 2, 3}, "%AQID")
	checkCodec(t, [2][2]int8{{1, 2}, {3, 4}}, "{{1,2},{3,4}}")

	var none map[string]int
	if text, err := Marshal(none); err != nil || string(text) != "{}" {
		t.Errorf("a nil map is printed as %s, %v", text, err)
	}
	c, _ := CodecOf[map[string]int]()
	if m, err := c.Decode(nil); err != nil || m == nil || len(m) != 0 {
		t.Errorf("an empty body is the map %v, %v", m, err)
	}
	for _, list := range [][]*int{{nil}, {&one, nil}, {nil, &one}, {nil, nil}} {
		text, err := Marshal(list)
		var again []*int
		if err2 := Unmarshal(text, &again); err != nil || err2 != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("a slice of %d pointers is printed as %s, %v, and read as %d, %v", len(list), text, err, len(again), err2)
		}
	}
}

func TestUnions(t *testing.T) {
	checkCodec[figure](t, circle{R: 1.5}, "@circle{r:1.5}")
	checkCodec[figure](t, &square{Side: 2}, "@square{side:2}")
	checkCodec[figure](t, &square{Side: 2, In: &square{In: circle{R: 1}}}, "@square{side:2,in:@square{side:0,in:@circle{r:1}}}")
	checkCodec[figure](t, dot{}, "@dot")
	checkCodec(t, []figure{dot{}, circle{}}, "{@dot,@circle{r:0}}")
	checkCodec(t, map[string]figure{"a": dot{}, "b": nil}, "{a:@dot,b:}")
	checkCodec(t, struct{ F figure }{}, "{f:}")

	c, err := CodecOf[figure]()
	if err != nil {
		t.Fatal(err)
	}
	if f, err := c.Decode(nil); f != nil || err != nil {
		t.Errorf("an empty body is the figure %v, %v", f, err)
	}
	if _, err := c.Append(nil, triangle{}); err == nil || !strings.Contains(err.Error(), "recon.triangle") {
		t.Errorf("Append of a type that was not registered: %v", err)
	}
	if _, err := c.Append(nil, (*square)(nil)); err == nil || err.Error() != "recon: recon.figure holds a nil *recon.square" {
		t.Errorf("Append of a nil variant: %v", err)
	}
	if _, err := c.Append(nil, &square{In: &square{In: triangle{}}}); err == nil || !strings.HasPrefix(err.Error(), "in: in: recon: recon.figure holds a recon.triangle") {
		t.Errorf("Append of a type within that was not registered: %v", err)
	}
	misread[figure](t, "@line{r:1}", "want a record that begins with @circle or @square or @dot, read record @line{r:1}")
	misread[figure](t, "5", "want a record that begins with @circle or @square or @dot, read 5")
	misread[figure](t, "@circle{side:1}", `want only the keys r, read "side:1"`)
	misread[figure](t, "@square{in:@square{in:@circle{r:x}}}", `in.in.r: want a number, read text "x"`)
	misread[figure](t, "@dot(1)", "@dot: want an attribute without a value, read 1")
	if _, err := CodecOf[error](); err == nil || err.Error() != "recon: error has no Recon form; name the types it may hold with recon.RegisterUnion" {
		t.Errorf("CodecOf an interface that was not registered: %v", err)
	}
}

func TestRegisterUnionPanics(t *testing.T) {
	type untagged struct{ X int }
	type first interface{}
	type second interface{}
	type third interface{}
	for want, f := range map[string]func(){
		"twice for recon.figure":             func() { RegisterUnion[figure](circle{}) },
		"wants an interface type, not int":   func() { RegisterUnion(5) },
		"recon.untagged needs a blank field": func() { RegisterUnion[first](untagged{}) },
		"recon.circle and *recon.circle are": func() { RegisterUnion[second](circle{}, &circle{}) },
		"a variant is nil":                   func() { RegisterUnion[third](nil) },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("RegisterUnion panics with %q, want %q in it", got, want)
				}
			}()
			f()
		}()
	}
}

func TestRest(t *testing.T) {
	checkRest := func(name, text, want string, into any) {
		t.Helper()
		err := Unmarshal([]byte(text), into)
		got, err2 := Marshal(reflect.ValueOf(into).Elem().Interface())
		if err != nil || err2 != nil || string(got) != want {
			t.Errorf("%s: %s comes back as %s, %v, %v, want %s", name, text, got, err, err2, want)
		}
		if v, err := Parse(got); err != nil || v.String() != want {
			t.Errorf("%s: %s is not canonical, it would be %s", name, got, v)
		}
	}
	checkRest("nothing", "{a:1}", "{a:1}", &open{})
	checkRest("slots", "{x:1,a:2,y:{z:3},7:8}", "{a:2,x:1,y:{z:3},7:8}", &open{})
	checkRest("a value", "{a:2,5}", "{a:2,5}", &open{})
	checkRest("texts", "{p,a:2,b:c,q}", "{a:2,b:c,p,q}", &open{})
	checkRest("attributes", "@x(1)@y{a:2,z:3}@w", "@x(1)@y{a:2,z:3}@w", &open{})
	checkRest("a key twice", "{x:1,a:0,x:2}", "{a:0,x:1,x:2}", &open{})
	checkRest("behind a tag", "@t{x:1}", "@t{x:1}", &tagOpen{})
	checkRest("a value behind a tag", "@t 5", "@t 5", &tagOpen{})
	checkRest("attributes behind a tag", "@t@u(1){a:1,x:2}", "@t@u(1){a:1,x:2}", &tagOpen{})
	checkRest("nothing behind a tag", "@t", "@t", &tagOpen{})
	checkRest("slots in a map", "{z:1,a:2,\"b c\":@d}", "{a:2,\"b c\":@d,z:1}", &slotsOpen{})
	checkRest("only slots in a map", "{z:1}", "{z:1}", &slotsOpen{})
	checkRest("nothing in a map", "{}", "{}", &slotsOpen{})
	checkRest("words in a map", "{true:1,a:2,false:3}", "{a:2,false:3,true:1}", &slotsOpen{})

	misread[slotsOpen](t, "{5}", `want only values with keys that are text, read "5"`)
	misread[slotsOpen](t, "{1:5}", `want only values with keys that are text, read "1:5"`)
	misread[slotsOpen](t, "{x:5,x:6}", "x: want it once, read it again")
	misread[slotsOpen](t, "{true:5,\"true\":6}", "true: want it once, read it again")
	misread[open](t, "{a:1,a:2}", "a: want it once, read it again")
	misread[tagOpen](t, "@u{a:1}", "want a record that begins with @t, read record @u{a:1}")
	for _, v := range []any{open{Rest: Int(1)}, open{Rest: Record(Field("a", Int(1)))}, slotsOpen{Rest: map[string]Value{"a": {}}},
		booleansOpen{Rest: Record(Field("true", Int(1)))}, booleansOpen{Rest: Record(Slot(Bool(true), Int(1)))}} {
		if text, err := Marshal(v); err == nil {
			t.Errorf("Marshal(%+v) = %s, want an error", v, text)
		}
	}
	type wrong struct {
		Rest map[string]int `recon:",rest"`
	}
	if _, err := CodecOf[wrong](); err == nil || !strings.Contains(err.Error(), "kept in a recon.Value or a map[string]recon.Value") {
		t.Errorf("CodecOf a struct with a wrong field for the rest: %v", err)
	}
	type two struct {
		open
		More Value `recon:",rest"`
	}
	if _, err := CodecOf[two](); err == nil || !strings.Contains(err.Error(), "two fields for the rest") {
		t.Errorf("CodecOf a struct with two fields for the rest: %v", err)
	}
}

// TestRestEmptyItems: the rest keeps its empty items, which the canonical form may lose.
func TestRestEmptyItems(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		into             any
	}{
		{"alone", "{,}", "{a:0,,}", &open{}},
		{"behind a tag", "@t{,}", "@t{,}", &tagOpen{}},
		{"two behind a tag", "@t{,,}", "@t{,,}", &tagOpen{}},
		{"behind a field", "@t{,a:1}", "@t{a:1,,}", &tagOpen{}},
		{"behind text", "@t{x,,}@u", "@t{x,,}@u", &tagOpen{}},
		{"before text", "@t{,x}", "@t{,x}", &tagOpen{}},
		{"before an attribute", "@t{,}@u", "@t{,}@u", &tagOpen{}},
		{"between attributes", "@t@u{,}@v{,x:1}", "@t@u{,}@v{,x:1}", &tagOpen{}},
		{"within", "@t{x:@u{,},{,}}", "@t{x:@u{,},{,}}", &tagOpen{}},
		{"in a field", "{next:{,},7}", "", &all{}},
	} {
		err := Unmarshal([]byte(test.text), test.into)
		printed, err2 := Marshal(reflect.ValueOf(test.into).Elem().Interface())
		if err != nil || err2 != nil || test.want != "" && string(printed) != test.want {
			t.Errorf("%s: %s comes back as %s, %v, %v, want %s", test.name, test.text, printed, err, err2, test.want)
		}
		again := reflect.New(reflect.TypeOf(test.into).Elem())
		err = Unmarshal(printed, again.Interface())
		twice, err2 := Marshal(again.Elem().Interface())
		if err != nil || err2 != nil || string(twice) != string(printed) {
			t.Errorf("%s: %s comes back as %s, %v, %v", test.name, printed, twice, err, err2)
		}
	}
	for _, items := range []Value{Record(Of(Extant())), Record(Of(Int(1)), Of(Extant())), Record(Of(Extant()), Of(Extant()), Of(String("x")), Of(Int(1)))} {
		var list, again []Value
		if err := FromValue(items, &list); err != nil {
			t.Fatal(err)
		}
		printed, err := Marshal(list)
		if err2 := Unmarshal(printed, &again); err != nil || err2 != nil || len(again) != len(list) {
			t.Errorf("a slice of %d values is printed as %s, %v, and read as %d, %v", len(list), printed, err, len(again), err2)
		}
	}
}

func TestMappingErrors(t *testing.T) {
	misread[map[string]int64](t, "{a:1,b:x}", `b: want a whole number from -9223372036854775808 to 9223372036854775807, read text "x"`)
	misread[map[string][]point](t, "{a:{{x:1},{y:z}}}", `a.1.y: want a whole number from -128 to 127, read text "z"`)
	misread[map[int]int](t, "{1:1,1.0:2}", "1: want it once, read it again")
	misread[map[int8]int](t, "{300:1}", "300: want a whole number from -128 to 127, read 300")
	misread[map[string]int](t, "{a:1,2}", `want only values with keys, read "2"`)
	misread[map[string]int](t, "@a", `want only values with keys, read "@a"`)
	misread[map[string]int](t, "5", "want a record, read 5")
	misread[[2]int](t, "{1}", "want a record of 2 values, read record {1}")
	misread[[2]int](t, "", "want a record of 2 values, read nothing")
	misread[[2]int64](t, "{1,x}", `1: want a whole number from -9223372036854775808 to 9223372036854775807, read text "x"`)
	misread[[2]byte](t, "%AQID", "want data of 2 bytes, read data")
	for _, err := range []error{errorOf(CodecOf[map[*int]int]()), errorOf(CodecOf[map[figure]int]())} {
		if err == nil || !strings.Contains(err.Error(), "keys that are equal without being the same") {
			t.Errorf("CodecOf a map with such keys: %v", err)
		}
	}
	if _, err := CodecOf[map[string]chan int](); err == nil {
		t.Error("CodecOf a map of channels")
	}
	type named string
	if text, err := Marshal(map[any]int{}); err == nil {
		t.Errorf("Marshal of a map with any key = %s", text)
	}
	if text, err := Marshal(map[float64]int{math.NaN(): 1, math.Inf(1): 2}); err != nil || string(text) != "{Infinity:2,NaN:1}" {
		t.Errorf("Marshal of a map with NaN = %s, %v", text, err)
	}
	if text, err := Marshal(map[float64]int{math.NaN(): 1, -math.NaN(): 2}); err == nil || !strings.Contains(err.Error(), "two keys of map[float64]int are both NaN") {
		t.Errorf("Marshal of a map with NaN twice = %s, %v", text, err)
	}
	if text, err := Marshal(map[named]celsius{"a": {math.NaN()}}); err == nil || err.Error() != "a: no temperature" {
		t.Errorf("Marshal of a map with a failing value = %s, %v", text, err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

// FuzzUnmarshal: reading into Go types never panics and gives one of three kinds of errors; what was read, printed and
// read again, is the same; and it prints the same bytes again.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		"{names:{b:1,a:2},ports:{80:http},places:{{x:1,y:2}:{{x:3,y:4}}},flags:{true:1.5}}",
		"{times:{\"1s\":1,\"2m\":},nested:{a:{1:@b(c)},d:{}},pair:{1,2},mAC:%AQID,bytes:%AQI=}",
		"{pieces:{@circle{r:1},@dot,@square{side:2,in:@dot}},shape:@circle{r:2.5},next:{1,,2,,},at:12,x:1,5,@y}",
		"@a(1){names:{}}", "{mac:%AQID,{z:1},t,[u{1}]}", "", "{,}", "{a:1}@b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkUnmarshal[all](t, text)
		checkUnmarshal[figure](t, text)
		checkUnmarshal[map[float64]figure](t, text)
		checkUnmarshal[tagOpen](t, text)
		checkUnmarshal[slotsOpen](t, text)
	})
}

func checkUnmarshal[T any](t *testing.T, text string) {
	t.Helper()
	var v, again T
	if err := Unmarshal([]byte(text), &v); err != nil {
		var fit *FitError
		var syntax *SyntaxError
		if !errors.As(err, &fit) && !errors.As(err, &syntax) {
			t.Errorf("Unmarshal(%q) into %T: %v", text, v, err)
		}
		return
	}
	printed, err := Marshal(v)
	if err != nil {
		t.Errorf("%q is read as %+v, which cannot be printed: %v", text, v, err)
		return
	}
	if read, err := ParseString(text); err != nil || !isTame(read) {
		return // the notation or SwimOS's printer loses something
	}
	if err := Unmarshal(printed, &again); err != nil {
		t.Errorf("%q is printed as %q, which does not fit: %v", text, printed, err)
		return
	}
	if second, err := Marshal(again); err != nil || string(second) != string(printed) {
		t.Errorf("%q is printed as %q and then as %q, %v", text, printed, second, err)
	}
}

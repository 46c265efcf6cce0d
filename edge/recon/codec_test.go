package recon

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

type unit string

type reading struct {
	Value  float64
	Unit   unit `recon:",omitempty"`
	NodeID string
	At     time.Time
	Every  time.Duration `recon:"period"`
	Secret int           `recon:"-"`
}

type tagged struct {
	_     struct{} `recon:"@reading"`
	Value int
	Next  *point
	List  []point
	Raw   Value `recon:",omitempty"`
}

type point struct{ X, Y int8 }

type embedded struct {
	point
	Z int
}

// embeddedForms embeds two types of one kind, since it would print itself as one.
type embeddedForms struct {
	time.Time
	Value `recon:",omitempty"`
	Inside
	Outside
	Z int
}

type Inside struct{ celsius }

type Outside struct{ celsius }

type booleans struct {
	Yes int            `recon:"true"`
	No  map[string]int `recon:"false,omitempty"`
}

// celsius prints and reads itself.
type celsius struct{ degrees float64 }

func (c celsius) AppendRecon(dst []byte) ([]byte, error) {
	if math.IsNaN(c.degrees) {
		return dst, errors.New("no temperature")
	}
	return append(appendFloat(append(dst, "@celsius("...), c.degrees), ')'), nil
}

func (c *celsius) LoadRecon(v Value) error {
	f, err := loadFloat(v.Header("celsius").Index(0))
	c.degrees = f
	return err
}

// checkCodec checks that v prints as text and comes back from it.
func checkCodec[T any](t *testing.T, v T, text string) {
	t.Helper()
	c, err := CodecOf[T]()
	if err != nil {
		t.Errorf("CodecOf %T: %v", v, err)
		return
	}
	got, err := c.Append([]byte("x"), v)
	if err != nil || string(got) != "x"+text {
		t.Errorf("Append(%+v) = %q, %v, want %q", v, got[1:], err, text)
	}
	if got, err := Marshal(v); err != nil || string(got) != text {
		t.Errorf("Marshal(%+v) = %q, %v, want %q", v, got, err, text)
	}
	back, err := c.Decode([]byte(text))
	if err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("Decode(%q) = %+v, %v, want %+v", text, back, err, v)
	}
	if parsed, err := Parse([]byte(text)); err != nil || string(Append(nil, parsed)) != text {
		t.Errorf("%q is not canonical, it would be %q, %v", text, Append(nil, parsed), err)
	}
	var into T
	if err := Unmarshal([]byte(text), &into); err != nil || !reflect.DeepEqual(into, v) {
		t.Errorf("Unmarshal(%q) = %+v, %v, want %+v", text, into, err, v)
	}
}

func TestCodec(t *testing.T) {
	at := time.UnixMilli(1732300000123).UTC()
	checkCodec(t, 21.5, "21.5")
	checkCodec(t, -0.25, "-0.25")
	checkCodec(t, 1e-7, "1.0E-7")
	checkCodec(t, math.Inf(1), "Infinity")
	checkCodec(t, math.Inf(-1), "-Infinity")
	checkCodec(t, float32(0.1), "0.1")
	checkCodec(t, 42, "42")
	checkCodec(t, int64(math.MinInt64), "-9223372036854775808")
	checkCodec(t, uint64(math.MaxUint64), "18446744073709551615")
	checkCodec(t, uint8(255), "255")
	checkCodec(t, true, "true")
	checkCodec(t, "hello", "hello")
	checkCodec(t, "two words", `"two words"`)
	checkCodec(t, "", `""`)
	checkCodec(t, "true", "true")
	checkCodec(t, unit("Cel"), "Cel")
	checkCodec(t, []byte{1, 2}, "%AQI=")
	checkCodec(t, at, "1732300000123")
	checkCodec(t, 90*time.Second, `"1m30s"`)
	checkCodec(t, []string{"a", "b"}, "{a,b}")
	checkCodec(t, []point{{1, 2}, {3, 4}}, "{{x:1,y:2},{x:3,y:4}}")
	checkCodec(t, reading{Value: 1.5, NodeID: "/a", At: at, Every: time.Second}, `{value:1.5,nodeID:"/a",at:1732300000123,period:"1s"}`)
	checkCodec(t, reading{Unit: "Cel", NodeID: "a", At: at}, `{value:0,unit:Cel,nodeID:a,at:1732300000123,period:"0s"}`)
	checkCodec(t, tagged{Value: 1, List: []point{}}, "@reading{value:1,next:,list:{}}")
	checkCodec(t, tagged{Next: &point{1, 2}, List: []point{{}}}, "@reading{value:0,next:{x:1,y:2},list:{{x:0,y:0}}}")
	checkCodec(t, embedded{point{1, 2}, 3}, "{x:1,y:2,z:3}")
	checkCodec(t, embeddedForms{at, Int(5), Inside{celsius{1}}, Outside{celsius{2}}, 3},
		"{time:1732300000123,value:5,inside:@celsius(1),outside:@celsius(2),z:3}")
	checkCodec(t, embeddedForms{Time: at}, "{time:1732300000123,inside:@celsius(0),outside:@celsius(0),z:0}")
	checkCodec(t, booleans{1, map[string]int{"false": 2}}, "{true:1,false:{false:2}}")
	checkCodec(t, struct{}{}, "{}")
	checkCodec(t, &point{1, 2}, "{x:1,y:2}")
	checkCodec(t, celsius{21.5}, "@celsius(21.5)")
	checkCodec(t, struct{ Temp *celsius }{&celsius{3}}, "{temp:@celsius(3)}")

	v, err := ParseString("@a{b:1,@c}")
	c, err2 := CodecOf[Value]()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	text, _ := c.Append(nil, v)
	if back, err := c.Decode(text); err != nil || !Equal(back, v) || string(text) != "@a{b:1,@c}" {
		t.Errorf("a Value comes back as %v, %v from %q", back, err, text)
	}
	if same, _ := CodecOf[Value](); same != c {
		t.Error("CodecOf makes a second codec for one type")
	}
	if v, err := ToValue(point{1, 2}); err != nil || v.Get("y").String() != "2" {
		t.Errorf("ToValue = %v, %v", v, err)
	}
}

func misread[T any](t *testing.T, text, want string) {
	t.Helper()
	c, err := CodecOf[T]()
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Decode([]byte(text))
	if err == nil || err.Error() != want {
		t.Errorf("Decode(%q) into %T = %v, %v, want %s", text, v, v, err, want)
	}
	if !reflect.ValueOf(&v).Elem().IsZero() {
		t.Errorf("Decode(%q) returns %v with its error", text, v)
	}
}

func TestCodecErrors(t *testing.T) {
	misread[float64](t, "abc", `want a number, read text "abc"`)
	misread[float64](t, "", `want a number, read nothing`)
	misread[float64](t, "@a", `want a number, read record @a`)
	misread[float64](t, "1.5.", `recon 1:4: read '.', want a comma, a line break or the end`)
	misread[float64](t, strings.Repeat("9", maxDigits+1), `recon 1:4098: read 4097 digits, want at most 4096`)
	misread[float64](t, "01", `recon 1:2: read '1', want a comma, a line break or the end`)
	misread[int64](t, "1.5", `want a whole number from -9223372036854775808 to 9223372036854775807, read 1.5`)
	misread[int8](t, "300", `want a whole number from -128 to 127, read 300`)
	misread[uint8](t, "-1", `want a whole number from 0 to 255, read -1`)
	misread[uint64](t, "18446744073709551616", `want a whole number from 0 to 18446744073709551615, read 18446744073709551616`)
	misread[bool](t, "1", `want true or false, read 1`)
	misread[bool](t, "yes", `want true or false, read text "yes"`)
	misread[string](t, "5", `want text, read 5`)
	misread[string](t, `{"`+strings.Repeat("long ", 20)+`"}`, `want text, read record {"long long long long long long long lon…`)
	misread[[]byte](t, "a", `want data, read text "a"`)
	misread[time.Time](t, "now", `want a time in milliseconds since 1970, read text "now"`)
	misread[time.Duration](t, "10", `want a duration such as 1.5s or 10m, read 10`)
	misread[point](t, "", `want a record, read nothing`)
	misread[point](t, "{x:1,y:a}", `y: want a whole number from -128 to 127, read text "a"`)
	misread[point](t, "{x:1,x:2}", `x: want it once, read it again`)
	misread[point](t, "{x:1,w:2}", `want only the keys x, y, read "w:2"`)
	misread[booleans](t, "{true:1,\"true\":2}", `true: want it once, read it again`)
	misread[point](t, "{x:1,2}", `want only the keys x, y, read "2"`)
	misread[[]point](t, "{{x:1},{x:a}}", `1.x: want a whole number from -128 to 127, read text "a"`)
	misread[[]int](t, "{a:1}", `0: want a value without a key, read a:1`)
	misread[tagged](t, "{value:1}", `want a record that begins with @reading, read record {value:1}`)
	misread[tagged](t, "@reading{next:{x:1,y:700}}", `next.y: want a whole number from -128 to 127, read 700`)

	if _, err := CodecOf[chan int](); err == nil || err.Error() != "recon: chan int has no Recon form; use recon.Value, a struct, a map or a slice" {
		t.Errorf("CodecOf a channel: %v", err)
	}
	type loop struct{ Next *loop }
	if _, err := CodecOf[loop](); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Errorf("CodecOf a type that contains itself: %v", err)
	}
	type twice struct {
		A int `recon:"x"`
		B int `recon:"x"`
	}
	if _, err := CodecOf[twice](); err == nil || !strings.Contains(err.Error(), "two fields named x") {
		t.Errorf("CodecOf a struct with a name twice: %v", err)
	}
	type inside struct{ celsius }
	if _, err := CodecOf[struct {
		inside
		Outside
	}](); err == nil || !strings.Contains(err.Error(), "give the field a name") {
		t.Errorf("CodecOf a type that embeds one with a form, not exported: %v", err)
	}
	c, _ := CodecOf[celsius]()
	if _, err := c.Append(nil, celsius{math.NaN()}); err == nil || err.Error() != "no temperature" {
		t.Errorf("Append of a failing Appender: %v", err)
	}
	if err := FromValue(Int(1), 5); err == nil {
		t.Error("FromValue takes something that is no pointer")
	}
}

// TestEmptyBody: SwimOS sends {} as nothing at all, so what prints as {} can be read from nothing.
func TestEmptyBody(t *testing.T) {
	if c, _ := CodecOf[[]int](); true {
		if v, err := c.Decode(nil); err != nil || len(v) != 0 {
			t.Errorf("an empty body is the slice %v, %v", v, err)
		}
	}
	if c, _ := CodecOf[struct{}](); true {
		if _, err := c.Decode(nil); err != nil {
			t.Errorf("an empty body as struct{}: %v", err)
		}
	}
	if c, _ := CodecOf[*int](); true {
		if v, err := c.Decode(nil); err != nil || v != nil {
			t.Errorf("an empty body is the pointer %v, %v", v, err)
		}
	}
}

func TestLowerCamel(t *testing.T) {
	for name, want := range map[string]string{"Value": "value", "NodeURI": "nodeURI", "ID": "id", "HTTPPort": "httpPort", "X": "x", "at": "at", "ÄrgerX": "ärgerX"} {
		if got := lowerCamel(name); got != want {
			t.Errorf("lowerCamel(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	dst := make([]byte, 0, 256)
	measure := func(name string, most float64, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, f); got > most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, most)
		}
	}
	floats, _ := CodecOf[float64]()
	ints, _ := CodecOf[int]()
	points, _ := CodecOf[point]()
	own, _ := CodecOf[celsius]()
	values, _ := CodecOf[Value]()
	text, float, whole := []byte(event), []byte("21.5"), []byte("42")
	v, _ := Parse(text)
	if testing.CoverMode() == "" && !raceEnabled {
		measure("append float64", 0, func() { dst, _ = floats.Append(dst[:0], 21.5) })
		measure("append int", 0, func() { dst, _ = ints.Append(dst[:0], 42) })
		measure("append struct", 0, func() { dst, _ = points.Append(dst[:0], point{1, 2}) })
		measure("append Appender", 0, func() { dst, _ = own.Append(dst[:0], celsius{21.5}) })
		measure("append Value", 0, func() { dst, _ = values.Append(dst[:0], v) })
		measure("decode float64", 0, func() { _, _ = floats.Decode(float) })
		measure("decode int", 0, func() { _, _ = ints.Decode(whole) })
		measure("parse an event", 5, func() { _, _ = Parse(text) })
	}
}

// picky is true only where it cannot be printed.
type picky bool

func (p picky) AppendRecon(dst []byte) ([]byte, error) {
	if p {
		return dst, errors.New("no")
	}
	return append(dst, '1'), nil
}

func (p *picky) LoadRecon(Value) error { return nil }

// A list is printed by many at a time: what one of them cannot print is no error of another's.
func TestListsAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for _, bad := range []picky{false, true, false, true} {
		all.Go(func() {
			for range 10_000 {
				if _, err := Marshal([]picky{false, bad}); (err != nil) != bool(bad) {
					t.Errorf("with %v: %v", bad, err)
					return
				}
			}
		})
	}
	all.Wait()
}

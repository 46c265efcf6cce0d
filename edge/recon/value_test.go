package recon

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tame := 0
	for range 20000 {
		v := randomValue(random, 4)
		if isTame(v) {
			tame++
		}
		checkValue(t, v)
	}
	if tame < 5000 {
		t.Errorf("only %d of 20000 random values were fit for the test", tame)
	}
}

func randomValue(r *rand.Rand, depth int) Value {
	kinds := 12
	if depth == 0 {
		kinds = 9
	}
	switch r.IntN(kinds) {
	case 0:
		return Extant()
	case 1:
		return String(randomText(r))
	case 2:
		return Int(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		return Float(float64(r.Int64()) * math.Pow10(r.IntN(60)-40))
	case 4:
		return Uint32(r.Uint32())
	case 5:
		return Uint64(r.Uint64())
	case 6:
		return Big(new(big.Int).Lsh(big.NewInt(r.Int64()), uint(r.IntN(200))))
	case 7:
		return Bool(r.IntN(2) == 0)
	case 8:
		return Data([]byte(randomText(r)))
	}
	items := make([]Item, r.IntN(4))
	for i := range items {
		switch v := randomValue(r, depth-1); r.IntN(3) {
		case 0:
			items[i] = Of(v)
		case 1:
			items[i] = Slot(randomValue(r, depth-1), v)
		case 2:
			items[i] = Attr(randomText(r), v)
		}
	}
	return Record(items...)
}

func randomText(r *rand.Rand) string {
	alphabet := []rune("abcXYZ_-019 \"'\\\n\t\x01@[]{}$#:,é日😀\u2028\u007f")
	text := make([]rune, r.IntN(6))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}

func TestLookups(t *testing.T) {
	parse := func(text string) Value {
		v, err := ParseString(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct{ name, text, tag, header, body, key string }{
		{"update", "@update(key:a) 5", "update", "{key:a}", "5", ""},
		{"clear", "@clear", "clear", "{}", "", ""},
		{"one argument", "@drop(2)", "drop", "{2}", "", ""},
		{"attributed body", "@event(node:a)@update(key:b){x:1}", "event", "{node:a}", "@update(key:b){x:1}", ""},
		{"slot body", "@a{key:1}", "a", "{}", "{key:1}", "1"},
		{"first of two keys", "@a{key:1,key:2}", "a", "{}", "{key:1,key:2}", "1"},
		{"attribute as key", "@a@key(3)", "a", "{}", "@key(3)", "3"},
		{"no attribute first", "1@a", "", "", "@a", ""},
		{"no record", "5", "", "", "", ""},
	} {
		v := parse(test.text)
		tag, header, body, key := v.Tag(), v.Header(v.Tag()).String(), v.Body().String(), v.Get("key").String()
		if tag != test.tag || header != test.header || body != test.body || key != test.key {
			t.Errorf("%s: %s has tag %q, header %q, body %q, key %q, want %q, %q, %q, %q",
				test.name, test.text, tag, header, body, key, test.tag, test.header, test.body, test.key)
		}
	}
	if v := parse("{1,a:2}"); v.Index(1).String() != "2" || !v.Index(2).IsAbsent() || !v.Index(-1).IsAbsent() {
		t.Errorf("Index finds %v, %v, %v", v.Index(1), v.Index(2), v.Index(-1))
	}
	if v := parse("@a 1"); !v.Header("b").IsAbsent() {
		t.Errorf("Header of another tag is %v", v.Header("b"))
	}
}

func TestNumberAccess(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, test := range []struct {
		name    string
		v       Value
		i       int64
		isInt   bool
		f       float64
		isFloat bool
	}{
		{"int", Int(-5), -5, true, -5, true},
		{"whole float", Float(3), 3, true, 3, true},
		{"float", Float(1.5), 0, false, 1.5, true},
		{"hexadecimal", Uint32(255), 255, true, 255, true},
		{"large hexadecimal", Uint64(math.MaxUint64), 0, false, 1 << 64, true},
		{"2^63", Float(1 << 63), 0, false, 1 << 63, true},
		{"-2^63", Float(-1 << 63), math.MinInt64, true, -1 << 63, true},
		{"big", Big(huge), 0, false, 123456789012345678901234567890, true},
		{"small big", Big(big.NewInt(7)), 7, true, 7, true},
		{"text", String("5"), 0, false, 0, false},
	} {
		i, isInt := test.v.Int()
		f, isFloat := test.v.Float()
		if isInt != test.isInt || isInt && i != test.i || f != test.f || isFloat != test.isFloat {
			t.Errorf("%s: Int = %d, %v, Float = %g, %v, want %d, %v, %g, %v",
				test.name, i, isInt, f, isFloat, test.i, test.isInt, test.f, test.isFloat)
		}
	}
}

// TestOrderChain lists values in their order; each must come before all that follow.
func TestOrderChain(t *testing.T) {
	big1, _ := new(big.Int).SetString("9223372036854775808", 10)
	huge := new(big.Int).Lsh(big.NewInt(1), 2000)
	chain := []Value{
		Record(), Record(Attr("a", Extant())), Record(Field("a", Int(1))), Record(Of(Int(1))), Record(Of(Int(1)), Of(Int(0))),
		Data([]byte{}), Data([]byte{0x80}), Data([]byte{0}), Data([]byte{0, 0}), Data([]byte{0x7f}),
		String(""), String("a"), String("a\U0001F600"), String("a\ue000"), String("a\uffff"), String("b"),
		Big(new(big.Int).Neg(huge)), Float(math.Inf(-1)), Int(-1),
	}
	chain[16], chain[17] = chain[17], chain[16] // the infinity is below every number
	chain = append(chain, Float(-0.5), Int(0), Float(0.5), Uint32(1), Int(1<<53), Int(1<<53+1), Int(math.MaxInt64), Big(big1),
		Uint64(math.MaxUint64), Float(1e300), Big(huge), Float(math.Inf(1)), Float(math.NaN()),
		Bool(true), Bool(false), Extant(), Value{})
	for i, a := range chain {
		for j, b := range chain {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Compare(a, b); got != want {
				t.Errorf("Compare(%s, %s) = %d, want %d", dump(a), dump(b), got, want)
			}
		}
	}
	for _, pair := range [][2]Value{
		{Int(1), Float(1)}, {Int(0), Float(math.Copysign(0, -1))}, {Big(big1), Float(1 << 63)}, {Big(big1), Uint64(1 << 63)},
		{Float(math.NaN()), Float(math.NaN())}, {Float32(0.1), Float(float64(float32(0.1)))},
	} {
		if !Equal(pair[0], pair[1]) || pair[0].Hash() != pair[1].Hash() {
			t.Errorf("%s and %s are not equal, or hash differently", dump(pair[0]), dump(pair[1]))
		}
	}
}

func TestShortDecimals(t *testing.T) {
	for n := -1_000_100; n <= 1_000_100; n += 7 {
		for _, f := range []float64{float64(n) / 10, float64(n) / 100, float64(n) / 1000, float64(float32(n) / 100), float64(n) / 1024} {
			if f == math.Trunc(f) || math.Abs(f) < 1e-3 {
				continue
			}
			bits := 64
			if float64(float32(f)) == f {
				bits = 32
			}
			if got, want := string(appendFloat(nil, f)), strconv.FormatFloat(f, 'f', -1, bits); got != want {
				t.Fatalf("%g prints %s, want %s", f, got, want)
			}
		}
	}
}

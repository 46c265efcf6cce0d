package recon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"unsafe"

	"selvage/edge/conformance"
)

func readVectors[T any](t testing.TB, file string) []T {
	t.Helper()
	return conformance.Read[T](t, file)
}

type vector struct {
	ID, Kind, In     string
	OK               bool
	Canonical, Block string
	Value            *shape
	Roundtrip        bool
	LoneSurrogate    bool `json:"lone_surrogate"`
}

// shape is the vectors' description of a value.
type shape struct {
	T, S, Op, K, Base64                               string
	V                                                 any
	Items                                             []shape
	Key                                               any
	Value, Lhs, Rhs, Operand, Func, Args, Bindings    *shape
	Template, If, Then, Else, Index, Predicate, Item_ *shape
	Item                                              *shape
}

func TestParseVectors(t *testing.T) {
	check := conformance.Check(t, "recon.json")
	for _, v := range readVectors[vector](t, "recon.json") {
		if v.LoneSurrogate {
			continue
		}
		got, err := ParseString(v.In)
		text, want := "refused", "refused"
		if err == nil {
			text = got.String()
		}
		if v.OK {
			want = v.Canonical
		}
		check.Same(v.ID, want, text)
		if err != nil || !v.OK {
			continue
		}
		if text := string(AppendBlock(nil, got)); text != v.Block {
			t.Errorf("%s: Parse(%q) prints as block %q, want %q", v.ID, v.In, text, v.Block)
		}
		if want := v.Value.value(t); !same(got, want) {
			t.Errorf("%s: Parse(%q) = %s, want %s", v.ID, v.In, dump(got), dump(want))
		}
		again, err := ParseString(v.Canonical)
		if roundtrip := err == nil && Equal(got, again); roundtrip != v.Roundtrip {
			t.Errorf("%s: Parse(%q) comes back as %v (%v) from %q, want round trip %v", v.ID, v.In, again, err, v.Canonical, v.Roundtrip)
		}
	}
}

func TestPrintVectors(t *testing.T) {
	check := conformance.Check(t, "recon-print.json")
	for _, v := range readVectors[vector](t, "recon-print.json") {
		if v.LoneSurrogate {
			continue
		}
		it := v.Value.item(t)
		text, block := string(appendItem(nil, it)), ""
		if it.Kind == ValueItem {
			block = string(AppendBlock(nil, it.Value))
		} else {
			block = text
		}
		check.Same(v.ID, v.Canonical+"\nas a block "+v.Block, text+"\nas a block "+block)
	}
}

func TestOrderVectors(t *testing.T) {
	type row struct {
		ID, A, B  string
		Equals    bool
		Compare   int
		HashEqual bool `json:"hash_equal"`
	}
	check := conformance.Check(t, "recon-order.json")
	for _, v := range readVectors[row](t, "recon-order.json") {
		a, err := ParseString(v.A)
		b, err2 := ParseString(v.B)
		if err != nil || err2 != nil {
			t.Errorf("%s: %v, %v", v.ID, err, err2)
			continue
		}
		check.Same(v.ID, fmt.Sprintf("compare %d, equal %v", v.Compare, v.Equals), fmt.Sprintf("compare %d, equal %v", Compare(a, b), Equal(a, b)))
		if got := Compare(b, a); got != -v.Compare {
			t.Errorf("%s: Compare(%s, %s) = %d, want %d", v.ID, v.B, v.A, got, -v.Compare)
		}
		if v.Equals != (a.Hash() == b.Hash()) { // where SwimOS hashes collide, ours need not
			t.Errorf("%s: hashes of %s and %s: equal %v, want %v", v.ID, v.A, v.B, !v.Equals, v.Equals)
		}
	}
}

func (s *shape) value(t *testing.T) Value {
	if s == nil {
		return Value{}
	}
	return s.item(t).Value
}

func (s *shape) item(t *testing.T) Item {
	expr := func(o op, args ...*shape) Item {
		n := &node{op: o}
		for i, a := range args {
			n.args[i] = a.value(t)
		}
		return Of(exprOf(n))
	}
	switch s.T {
	case "absent":
		return Item{}
	case "extant":
		return Of(Extant())
	case "text":
		return Of(String(s.V.(string)))
	case "bool":
		return Of(Bool(s.V.(bool)))
	case "num":
		return Of(number(t, s.K, s.V.(string)))
	case "data":
		b, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return Of(Data(b))
	case "record":
		items := make([]Item, len(s.Items))
		for i := range items {
			items[i] = s.Items[i].item(t)
		}
		return Of(Record(items...))
	case "attr":
		return Attr(s.Key.(string), s.Value.value(t))
	case "slot":
		return Slot(s.key(t), s.Value.value(t))
	case "binary":
		for o := opOr; o <= opModulo; o++ {
			if o.symbol() == s.Op {
				return expr(o, s.Lhs, s.Rhs)
			}
		}
	case "unary":
		for o := opNot; o <= opPositive; o++ {
			if o.symbol() == s.Op {
				return expr(o, s.Operand)
			}
		}
	case "invoke":
		return expr(opCall, s.Func, s.Args)
	case "conditional":
		return expr(opConditional, s.If, s.Then, s.Else)
	case "lambda":
		return expr(opLambda, s.Bindings, s.Template)
	case "sel":
		return s.selector(t)
	}
	t.Fatalf("unknown shape %+v", s)
	return Item{}
}

// key decodes a slot's key, which is a shape where an attribute's is a string.
func (s *shape) key(t *testing.T) Value {
	text, _ := json.Marshal(s.Key)
	var k shape
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k.value(t)
}

func (s *shape) selector(t *testing.T) Item {
	if s.S == "literal" {
		return s.Item.item(t)
	}
	n := &node{op: opSelect}
	for ; s.S != "identity"; s = s.Then {
		next := step{}
		switch s.S {
		case "get":
			next = step{selKey, s.key(t)}
		case "getAttr":
			next = step{selAttr, s.key(t)}
		case "getItem":
			next = step{selItem, s.Index.value(t)}
		case "keys":
			next = step{kind: selKeys}
		case "values":
			next = step{kind: selValues}
		case "children":
			next = step{kind: selChildren}
		case "descendants":
			next = step{kind: selDescendants}
		case "filter":
			next = step{selFilter, s.Predicate.value(t)}
		default:
			t.Fatalf("unknown selector %+v", s)
		}
		n.path = append(n.path, next)
	}
	return Of(exprOf(n))
}

func number(t *testing.T, kind, text string) Value {
	switch kind {
	case "int32", "int64":
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		v := Int(i)
		if kind == "int64" {
			v.kind = KindInt64
		}
		return v
	case "uint32", "uint64":
		u, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "uint32" {
			return Uint32(uint32(u))
		}
		return Uint64(u)
	case "float32":
		f, err := strconv.ParseFloat(text, 32)
		if err != nil {
			t.Fatal(err)
		}
		return Float32(float32(f))
	case "float64":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return Float(f)
	}
	i, _ := new(big.Int).SetString(text, 10)
	return Big(i)
}

// same is Equal that also minds the kinds of numbers.
func same(a, b Value) bool {
	return dump(a) == dump(b)
}

// dump shows the structure of a value.
func dump(v Value) string {
	text := strconv.Itoa(int(v.kind)) + ":"
	switch v.kind {
	case KindRecord:
		for _, it := range v.Items() {
			text += strconv.Itoa(int(it.Kind)) + "(" + dump(it.Key) + "=" + dump(it.Value) + ")"
		}
		return "{" + text + "}"
	case KindExpr:
		n := v.node()
		text += strconv.Itoa(int(n.op))
		for _, a := range n.args {
			text += "(" + dump(a) + ")"
		}
		for _, s := range n.path {
			text += "." + strconv.Itoa(int(s.kind)) + dump(s.arg)
		}
		return text
	}
	return text + v.String()
}

func TestValueSize(t *testing.T) {
	if size := unsafe.Sizeof(Value{}); size > 24 {
		t.Errorf("a Value has %d bytes, want at most 24", size)
	}
	if reflect.TypeFor[Value]().Comparable() {
		t.Error("Values can be compared with ==, which would compare pointers")
	}
}

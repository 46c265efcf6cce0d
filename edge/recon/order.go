package recon

import (
	"cmp"
	"hash/maphash"
	"math"
	"math/big"
)

// ranks orders values of different kinds; items with keys come before all values, attributes before slots.
var ranks = [...]int8{
	KindRecord: 0, KindData: 1, KindText: 2,
	KindInt32: 3, KindInt64: 3, KindUint32: 3, KindUint64: 3, KindFloat32: 3, KindFloat64: 3, KindBigInt: 3,
	KindBool: 4, KindExpr: 5, KindExtant: 6, KindAbsent: 7,
}

// Compare orders all values as SwimOS does, which is the order of entries in a map lane: by kind (records, data, text,
// numbers, booleans, expressions, Extant, Absent), then by content. Numbers compare by value, whatever their kind.
func Compare(a, b Value) int {
	if c := cmp.Compare(ranks[a.kind], ranks[b.kind]); c != 0 {
		return c
	}
	switch a.kind {
	case KindText:
		return compareText(a.str(), b.str())
	case KindRecord:
		x, y := a.records(), b.records()
		for i := range min(len(x), len(y)) {
			if c := compareItems(&x[i], &y[i]); c != 0 {
				return c
			}
		}
		return cmp.Compare(len(x), len(y))
	case KindData:
		x, y := a.bytes(), b.bytes()
		for i := range min(len(x), len(y)) {
			if c := cmp.Compare(int8(x[i]), int8(y[i])); c != 0 { // Java's bytes are signed
				return c
			}
		}
		return cmp.Compare(len(x), len(y))
	case KindBool:
		return cmp.Compare(b.num, a.num) // true first
	case KindExpr:
		return cmp.Compare(compareNodes(a.node(), b.node()), 0)
	case KindExtant, KindAbsent:
		return 0
	}
	return compareNumbers(a, b)
}

func compareItems(a, b *Item) int {
	if a.Kind != b.Kind {
		return cmp.Compare(b.Kind, a.Kind) // AttrItem is the largest kind and comes first
	}
	if a.Kind != ValueItem {
		if c := Compare(a.Key, b.Key); c != 0 {
			return c
		}
	}
	return Compare(a.Value, b.Value)
}

// compareText orders by UTF-16 code units, as Java does: a character beyond U+FFFF, being two surrogates, comes before
// U+E000. In UTF-8 such characters begin with F0 to F4, and those from U+E000 on with EE and EF.
func compareText(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			if x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0) {
				x, y = y, x
			}
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareNumbers orders exactly, without rounding one operand to the other's kind. NaN equals itself and comes last.
func compareNumbers(a, b Value) int {
	x, xIsInt := a.Int()
	y, yIsInt := b.Int()
	if xIsInt && yIsInt {
		return cmp.Compare(x, y)
	}
	f, _ := a.Float()
	g, _ := b.Float()
	switch {
	case math.IsNaN(f) || math.IsNaN(g):
		return -cmp.Compare(f, g) // cmp has NaN first
	case f != g:
		return cmp.Compare(f, g)
	case math.IsInf(f, 0):
		return compareInfinite(a, b, f)
	}
	return exact(a).Cmp(exact(b)) // they round to the same float64
}

// compareInfinite orders two numbers that are the same infinity as a float64: an integer may be that large and is
// still smaller.
func compareInfinite(a, b Value, f float64) int {
	sign := 1
	if f < 0 {
		sign = -1
	}
	switch aIsInt, bIsInt := a.kind == KindBigInt, b.kind == KindBigInt; {
	case aIsInt && bIsInt:
		return a.bigInt().Cmp(b.bigInt())
	case aIsInt:
		return -sign
	case bIsInt:
		return sign
	}
	return 0
}

func exact(v Value) *big.Float {
	if i, ok := v.Big(); ok {
		return new(big.Float).SetInt(i)
	}
	return big.NewFloat(v.float())
}

// Equal reports whether a and b are the same value. Numbers of different kinds can be, records with their items in
// another order cannot.
func Equal(a, b Value) bool { return Compare(a, b) == 0 }

var hashSeed = maphash.MakeSeed()

// Hash returns a hash that equal values share. It differs from one run of the program to the next.
func (v Value) Hash() uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	v.hashInto(&h)
	return h.Sum64()
}

func (v Value) hashInto(h *maphash.Hash) {
	h.WriteByte(byte(ranks[v.kind]))
	switch v.kind {
	case KindText:
		maphash.WriteComparable(h, v.str())
	case KindData:
		maphash.WriteComparable(h, v.num)
		h.Write(v.bytes())
	case KindBool:
		maphash.WriteComparable(h, v.num)
	case KindRecord:
		maphash.WriteComparable(h, v.num)
		for _, it := range v.records() {
			h.WriteByte(byte(it.Kind))
			if it.Kind != ValueItem {
				it.Key.hashInto(h)
			}
			it.Value.hashInto(h)
		}
	case KindExpr:
		n := v.node()
		h.WriteByte(byte(n.op))
		for _, s := range n.path {
			h.WriteByte(byte(s.kind))
			s.arg.hashInto(h)
		}
		for _, arg := range n.args {
			arg.hashInto(h)
		}
	default:
		if !v.IsNumber() {
			return
		}
		// Whole numbers within int64 hash as such; what is equal beyond that is so as a float64 too.
		if i, ok := v.Int(); ok {
			maphash.WriteComparable(h, i)
		} else if f, _ := v.Float(); f == f {
			maphash.WriteComparable(h, f)
		}
	}
}

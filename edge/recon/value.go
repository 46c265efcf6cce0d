// Package recon reads, holds, compares and prints Recon, the text notation of WARP messages, and maps it to Go types.
//
// Parse turns text into a Value, Append prints a Value in the one canonical form that every Swim peer prints, and
// CodecOf gives a fast two-way mapping for a Go type. A Value is immutable by convention: nothing in this package
// changes one, and slices handed out by Items and Data must not be written to.
package recon

import (
	"math"
	"math/big"
	"unsafe"
)

// Kind says what a Value is.
type Kind uint8

// The kinds. KindAbsent is that of the zero Value, no value at all. KindExtant is a value that is there but empty, such
// as the one of the attribute in "@clear". KindExpr is an operator or selector expression, kept as read and never
// evaluated.
const (
	KindAbsent Kind = iota
	KindExtant
	KindText
	KindInt32
	KindInt64
	KindUint32
	KindUint64
	KindFloat32
	KindFloat64
	KindBigInt
	KindBool
	KindData
	KindRecord
	KindExpr
)

var kindNames = [...]string{"nothing", "an empty value", "text", "number", "number", "number", "number", "number",
	"number", "number", "boolean", "data", "record", "expression"}

// String names the kind as error texts do.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// IsNumber reports whether k is one of the numeric kinds. The kind of a number shows in printing (0x1f keeps its form)
// but not in comparing: 1, 1.0 and 0x1 are equal.
func (k Kind) IsNumber() bool { return KindInt32 <= k && k <= KindBigInt }

// bareText is added to the length of a Text that was read as an identifier, and so is printed without another look. A
// field of its own would be the fifth, and the compiler keeps only structs of up to four in registers.
const bareText = 1 << 63

// A Value is one Recon value. The zero Value is Absent. Values are small (24 bytes) and passed by value; compare them
// with Equal or Compare.
type Value struct {
	_    [0]func()      // keeps == from compiling, which would compare pointers
	ptr  unsafe.Pointer // bytes of Text and Data, first item of a Record, *big.Int, *node of an Expr
	num  uint64         // the number or boolean itself, or the length of what ptr points to
	kind Kind
}

// String, despite its kinship to fmt.Stringer's method, is the constructor of a Text value.
func String(s string) Value {
	return Value{kind: KindText, num: uint64(len(s)), ptr: unsafe.Pointer(unsafe.StringData(s))}
}

// Extant returns the value that is there but empty.
func Extant() Value { return Value{kind: KindExtant} }

// Int returns an integer: Int32 if it fits, KindInt64 otherwise, as a parser would.
func Int(i int64) Value {
	if i == int64(int32(i)) {
		return Value{kind: KindInt32, num: uint64(i)}
	}
	return Value{kind: KindInt64, num: uint64(i)}
}

// Uint32 returns a number that prints as 0x and 8 hexadecimal digits.
func Uint32(u uint32) Value { return Value{kind: KindUint32, num: uint64(u)} }

// Uint64 returns a number that prints as 0x and 16 hexadecimal digits.
func Uint64(u uint64) Value { return Value{kind: KindUint64, num: u} }

// Float returns a number of kind Float64.
func Float(f float64) Value { return Value{kind: KindFloat64, num: math.Float64bits(f)} }

// Float32 returns a number of kind Float32.
func Float32(f float32) Value {
	return Value{kind: KindFloat32, num: math.Float64bits(float64(f))}
}

// Big returns an integer of any size. The caller must not change i afterwards.
func Big(i *big.Int) Value { return Value{kind: KindBigInt, ptr: unsafe.Pointer(i)} }

// Bool returns true or false.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Data returns a Data value. The caller must not change b afterwards.
func Data(b []byte) Value {
	return Value{kind: KindData, num: uint64(len(b)), ptr: unsafe.Pointer(unsafe.SliceData(b))}
}

// Record returns a Record of items. The caller must not change items afterwards.
func Record(items ...Item) Value {
	return Value{kind: KindRecord, num: uint64(len(items)), ptr: unsafe.Pointer(unsafe.SliceData(items))}
}

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.kind }

// IsAbsent reports whether v is no value at all.
func (v Value) IsAbsent() bool { return v.kind == KindAbsent }

// IsNumber reports whether v is a number of any kind.
func (v Value) IsNumber() bool { return v.kind.IsNumber() }

func (v Value) str() string      { return unsafe.String((*byte)(v.ptr), int(v.num&^bareText)) }
func (v Value) bytes() []byte    { return unsafe.Slice((*byte)(v.ptr), int(v.num)) }
func (v Value) records() []Item  { return unsafe.Slice((*Item)(v.ptr), int(v.num)) }
func (v Value) float() float64   { return math.Float64frombits(v.num) }
func (v Value) bigInt() *big.Int { return (*big.Int)(v.ptr) }

// Text returns the string of a Text value.
func (v Value) Text() (string, bool) {
	if v.kind != KindText {
		return "", false
	}
	return v.str(), true
}

// Int returns the number v if it is a whole number that fits int64, whatever its kind.
func (v Value) Int() (int64, bool) {
	switch v.kind {
	case KindInt32, KindInt64, KindUint32:
		return int64(v.num), true
	case KindUint64:
		return int64(v.num), v.num <= math.MaxInt64
	case KindFloat32, KindFloat64:
		return wholeInt64(v.float())
	case KindBigInt:
		if b := v.bigInt(); b.IsInt64() {
			return b.Int64(), true
		}
	}
	return 0, false
}

// Float returns the number v as the nearest float64.
func (v Value) Float() (float64, bool) {
	switch v.kind {
	case KindFloat32, KindFloat64:
		return v.float(), true
	case KindInt32, KindInt64, KindUint32:
		return float64(int64(v.num)), true
	case KindUint64:
		return float64(v.num), true
	case KindBigInt:
		f, _ := new(big.Float).SetInt(v.bigInt()).Float64()
		return f, true
	}
	return 0, false
}

// Big returns the number v if it is whole, at any size.
func (v Value) Big() (*big.Int, bool) {
	switch v.kind {
	case KindBigInt:
		return new(big.Int).Set(v.bigInt()), true
	case KindUint64:
		return new(big.Int).SetUint64(v.num), true
	case KindFloat32, KindFloat64:
		if f := v.float(); f == math.Trunc(f) && !math.IsInf(f, 0) {
			i, _ := big.NewFloat(f).Int(nil)
			return i, true
		}
		return nil, false
	}
	if i, ok := v.Int(); ok {
		return big.NewInt(i), true
	}
	return nil, false
}

// Bool returns the truth value of a Bool.
func (v Value) Bool() (value, ok bool) {
	return v.num != 0 && v.kind == KindBool, v.kind == KindBool
}

// Data returns the bytes of a Data value, which must not be written to.
func (v Value) Data() ([]byte, bool) {
	if v.kind != KindData {
		return nil, false
	}
	return v.bytes(), true
}

package modbus

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"selvage/edge/device"
)

// kind is how a number is put into registers.
type kind struct {
	registers uint16
	signed    bool
	float     bool
}

var kinds = map[string]kind{
	"uint16": {registers: 1}, "int16": {registers: 1, signed: true},
	"uint32": {registers: 2}, "int32": {registers: 2, signed: true}, "float32": {registers: 2, float: true},
	"uint64": {registers: 4}, "int64": {registers: 4, signed: true}, "float64": {registers: 4, float: true},
	"bool": {registers: 1},
}

// value is a number in registers, or one bit of a table of bits.
type value struct {
	kind
	isBit   bool   // of coils or discrete inputs
	isBool  bool   //
	mask    uint64 // of a bool in a register
	order   string // of the bytes of 32 bits, from the one that comes first: "abcd" has the highest first
	invalid *int64 // what stands for no value
	scale   float64
	offset  float64
}

// width is how many registers, or bits, it takes.
func (v value) width() uint16 {
	if v.isBit {
		return 1
	}
	return v.registers
}

// bits puts the bytes of registers in order.
func (v value) bits(b []byte) (n uint64) {
	last := int(v.registers) - 1
	for i := range int(v.registers) {
		at := i
		if v.order == "cdab" || v.order == "dcba" {
			at = last - i
		}
		w := binary.BigEndian.Uint16(b[2*at:])
		if v.order == "badc" || v.order == "dcba" {
			w = w>>8 | w<<8
		}
		n = n<<16 | uint64(w)
	}
	return n
}

// words is the reverse of bits.
func (v value) words(n uint64) []byte {
	b := make([]byte, 2*v.registers)
	last := int(v.registers) - 1
	for i := last; i >= 0; i-- {
		at := i
		if v.order == "cdab" || v.order == "dcba" {
			at = last - i
		}
		w := uint16(n)
		if v.order == "badc" || v.order == "dcba" {
			w = w>>8 | w<<8
		}
		binary.BigEndian.PutUint16(b[2*at:], w)
		n >>= 16
	}
	return b
}

var (
	errInvalid = errors.New("the unit says that it has no value")
	errNumber  = errors.New("the unit's answer is no number")
)

// decode turns bits into a value in the channel's unit.
func (v value) decode(n uint64) (float64, error) {
	size := 16 * uint(v.registers)
	signed := int64(n<<(64-size)) >> (64 - size)
	if v.invalid != nil && (uint64(*v.invalid)<<(64-size) == n<<(64-size)) {
		return 0, errInvalid
	}
	var f float64
	switch {
	case v.isBool:
		return device.Flag(n&v.mask != 0), nil
	case v.float && v.registers == 2:
		single := math.Float32frombits(uint32(n))
		if single != single || math.IsInf(float64(single), 0) {
			return 0, errNumber
		}
		// The decimal number that the unit meant: 230.2, not 230.1999969482422.
		f, _ = strconv.ParseFloat(strconv.FormatFloat(float64(single), 'g', -1, 32), 64)
	case v.float:
		f = math.Float64frombits(n)
	case v.signed:
		f = float64(signed)
	default:
		f = float64(n)
	}
	if f = f*v.scale + v.offset; math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errNumber
	}
	return f, nil
}

var errTooLarge = errors.New("this number does not fit into the unit's register")

// encode turns a value in the output's unit into bits.
func (v value) encode(f float64) (uint64, error) {
	f = (f - v.offset) / v.scale
	size := 16 * uint(v.registers)
	switch {
	case v.float && v.registers == 2:
		return uint64(math.Float32bits(float32(f))), nil
	case v.float:
		return math.Float64bits(f), nil
	}
	f = math.Round(f)
	low, high := 0.0, math.Ldexp(1, int(size))
	if v.signed {
		low, high = -high/2, high/2
	}
	switch {
	case !(f >= low && f < high):
		return 0, errTooLarge
	case f < 0:
		return uint64(int64(f)) & (1<<size - 1), nil
	}
	return uint64(f), nil
}

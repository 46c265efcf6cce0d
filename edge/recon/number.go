package recon

import (
	"math"
	"math/big"
	"strconv"
)

// number reads an unsigned number, or a signed one where the sign is no operator: behind "$".
func (p *parser) number() Value {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	n := uint64(0)
	if p.peek() == '0' {
		p.pos++
		if p.peek() == 'x' && p.pos == start+1 {
			return p.hex()
		}
	} else {
		text, i := p.text, p.pos
		for i < len(text) && class[text[i]]&digit != 0 {
			n = n*10 + uint64(text[i]-'0')
			i++
		}
		p.pos = i
	}
	if p.pos == start || p.text[p.pos-1] == '-' {
		p.fail("a digit")
		return Value{}
	}
	switch p.peek() {
	case '.':
		if f, ok := p.shortFraction(start, n); ok {
			return Float(f)
		}
		return p.fraction(start)
	case 'e', 'E':
		return p.fraction(start)
	}
	switch size := p.pos - start; {
	case size > maxDigits:
		p.exceed(strconv.Itoa(size)+" digits", maxDigits)
		return Value{}
	case size > 18:
		return bigNumber(p.text[start:p.pos])
	}
	if p.text[start] == '-' {
		return Int(-int64(n))
	}
	return Int(int64(n))
}

// maxDigits bounds whole numbers, since the time to convert one grows with the square of its length.
const maxDigits = 4096

// bigNumber returns an integer that needs a closer look: it may not fit int64.
func bigNumber(digits string) Value {
	if i, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return Int(i)
	}
	i, _ := new(big.Int).SetString(digits, 10)
	return Big(i)
}

// shortFraction reads the digits behind the point of a number that began at start and has the whole part n, if they are
// few: then mantissa and power of ten are exact as float64, and so their quotient is the nearest one.
func (p *parser) shortFraction(start int, n uint64) (float64, bool) {
	text, i := p.text, p.pos+1
	for i < len(text) && class[text[i]]&digit != 0 {
		n = n*10 + uint64(text[i]-'0')
		i++
	}
	places := i - p.pos - 1
	if places == 0 || i-start > 16 || i < len(text) && text[i]|0x20 == 'e' {
		return 0, false
	}
	p.pos = i
	f := float64(n) / tens[places]
	if p.text[start] == '-' {
		f = -f
	}
	return f, true
}

var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// fraction reads what follows the whole part of the number that begins at start.
func (p *parser) fraction(start int) Value {
	if p.peek() == '.' {
		p.pos++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c = p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		p.digits()
	}
	if p.err != nil {
		return Value{}
	}
	f, _ := strconv.ParseFloat(p.text[start:p.pos], 64) // out of range is ±Inf or 0, as everywhere else
	return Float(f)
}

func (p *parser) digits() {
	if class[p.peek()]&digit == 0 {
		p.fail("a digit")
	}
	p.skip(digit)
}

// hex reads the x of 0x and digits: up to 8 make a Uint32, more a Uint64, whose excess high digits are lost.
func (p *parser) hex() Value {
	p.pos++
	start, n := p.pos, uint64(0)
	for class[p.peek()]&hexDigit != 0 {
		n = n<<4 | uint64(hexValue(p.text[p.pos]))
		p.pos++
	}
	switch size := p.pos - start; {
	case size == 0:
		p.fail("a hexadecimal digit")
		return Value{}
	case size <= 8 && n <= math.MaxUint32:
		return Uint32(uint32(n))
	}
	return Uint64(n)
}

// negate returns -v, in the kind of v where it has one with a sign.
func (v Value) negate() Value {
	switch v.kind {
	case KindInt32:
		return Int(-int64(v.num))
	case KindInt64:
		if int64(v.num) != math.MinInt64 {
			v.num = -v.num
			return v
		}
	case KindFloat32, KindFloat64:
		v.num = math.Float64bits(-v.float())
		return v
	}
	i, _ := v.Big()
	if i.Neg(i); v.kind != KindBigInt && i.IsInt64() {
		return Int(i.Int64())
	}
	return Big(i)
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, n uint64, digits int) []byte {
	dst = append(dst, "0x"...)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// appendFloat prints f as Java does: whole numbers within the range of int64 as integers, whatever their kind, others
// with the fewest digits that tell them apart, as a float32 if they are one exactly. From 1e7 and below 1e-3 there is an
// exponent.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case f >= -1<<63 && f < 1<<63 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	case f == 1<<63: // Java converts to the nearest int64 before it compares
		return strconv.AppendInt(dst, math.MaxInt64, 10)
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	for places := 1; places <= 3; places++ {
		if n := math.Round(f * tens[places]); n/tens[places] == f && math.Abs(n) < 1e6 {
			return appendDecimal(dst, int64(n), places)
		}
	}
	bits := 64
	if float64(float32(f)) == f {
		bits = 32
	}
	if size := math.Abs(f); size >= 1e-3 && size < 1e7 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return appendExponent(dst, f, bits)
}

// appendDecimal prints n divided by 10 to the power of places. Numbers of up to 6 digits, such as sensors read, are told
// apart by float32 even, so these digits are the fewest, and found in half the time.
func appendDecimal(dst []byte, n int64, places int) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	unit := int64(tens[places])
	dst = append(strconv.AppendInt(dst, n/unit, 10), '.')
	for n %= unit; unit > 1; n %= unit {
		unit /= 10
		dst = append(dst, '0'+byte(n/unit))
	}
	return dst
}

// appendExponent turns Go's "1e-06" and "1.5e+20" into Java's "1.0E-6" and "1.5E20". Java prints two digits at least,
// and chooses the second one where the first alone would do: 4.9E-324, not 5.0E-324.
func appendExponent(dst []byte, f float64, bits int) []byte {
	var space [32]byte
	digits, exp := splitExponent(strconv.AppendFloat(space[:0], f, 'e', -1, bits))
	if len(digits) < 3 {
		var space2 [32]byte
		two, exp2 := splitExponent(strconv.AppendFloat(space2[:0], f, 'e', 1, bits))
		if exp2 == exp {
			digits = two
		} else {
			digits = append(digits, ".0"...)
		}
	}
	dst = append(append(dst, digits...), 'E')
	return strconv.AppendInt(dst, int64(exp), 10)
}

func splitExponent(text []byte) (digits []byte, exp int) {
	e := len(text) - 3
	for text[e] != 'e' {
		e--
	}
	exp, _ = strconv.Atoi(string(text[e+1:]))
	return text[:e:e], exp
}

// wholeInt64 returns f as an integer if it is one and fits. 2^63 itself is the first float64 that does not fit.
func wholeInt64(f float64) (int64, bool) {
	if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
		return int64(f), true
	}
	return 0, false
}

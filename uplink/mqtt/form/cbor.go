package form

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// CBOR reads CBOR (RFC 8949). Text and whole numbers are names in an object; a string of bytes is in base64, and of a
// number that JSON has not, such as NaN, it is the name. What a tag says about a value is left out.
func CBOR(raw []byte) ([]byte, error) {
	c := cbor{rest: raw}
	if err := c.value(0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", len(raw)-len(c.rest), err)
	}
	if len(c.rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow its end", len(c.rest))
	}
	return c.out, nil
}

type cbor struct {
	rest []byte
	out  []byte // JSON
}

// Major types (RFC 8949, 3.1).
const (
	unsigned = iota
	negative
	byteString
	textString
	array
	mapping
	tag
	simple
)

// The additional information of a head (RFC 8949, 3).
const (
	oneByte    = 24 // its argument is in the next byte, in 2 with 25, 4 with 26, 8 with 27
	indefinite = 31
)

// stop ends what has no length.
const stop = simple<<5 | indefinite

var (
	errCut  = errors.New("it is cut off")
	errHead = errors.New("it is not CBOR")
)

// head reads what a value begins with: its type, how its argument was given, and the argument.
func (c *cbor) head() (major, info byte, arg uint64, err error) {
	if len(c.rest) == 0 {
		return 0, 0, 0, errCut
	}
	major, info = c.rest[0]>>5, c.rest[0]&31
	c.rest = c.rest[1:]
	switch {
	case info < oneByte:
		return major, info, uint64(info), nil
	case info == indefinite && major != unsigned && major != negative && major != tag:
		return major, info, 0, nil
	case info > oneByte+3:
		return 0, 0, 0, errHead
	}
	n := 1 << (info - oneByte)
	if len(c.rest) < n {
		return 0, 0, 0, errCut
	}
	var wide [8]byte
	copy(wide[8-n:], c.rest[:n])
	c.rest = c.rest[n:]
	return major, info, binary.BigEndian.Uint64(wide[:]), nil
}

// value writes the next value.
func (c *cbor) value(depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	major, info, arg, err := c.head()
	if err != nil {
		return err
	}
	switch major {
	case unsigned, negative:
		c.out = appendInt(c.out, major, arg)
	case byteString, textString:
		text, err := c.text(major, info, arg)
		if err != nil {
			return err
		}
		c.out = append(c.out, quote(text)...)
	case array:
		c.out = append(c.out, '[')
		return c.items(info, arg, ']', func() error { return c.value(depth + 1) })
	case mapping:
		c.out = append(c.out, '{')
		return c.items(info, arg, '}', func() error { return c.member(depth) })
	case tag:
		return c.value(depth + 1)
	default:
		return c.simple(info, arg)
	}
	return nil
}

// items writes what is in a list or an object.
func (c *cbor) items(info byte, n uint64, end byte, item func() error) error {
	for i := uint64(0); ; i++ {
		if info != indefinite && i == n {
			break
		}
		if info == indefinite && len(c.rest) > 0 && c.rest[0] == stop {
			c.rest = c.rest[1:]
			break
		}
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := item(); err != nil {
			return err
		}
	}
	c.out = append(c.out, end)
	return nil
}

func (c *cbor) member(depth int) error {
	major, info, arg, err := c.head()
	if err != nil {
		return err
	}
	switch major {
	case unsigned, negative:
		c.out = append(appendInt(append(c.out, '"'), major, arg), '"')
	case textString:
		name, err := c.text(major, info, arg)
		if err != nil {
			return err
		}
		c.out = append(c.out, quote(name)...)
	default:
		return errors.New("a name in an object is neither text nor a whole number")
	}
	c.out = append(c.out, ':')
	return c.value(depth + 1)
}

func appendInt(dst []byte, major byte, arg uint64) []byte {
	switch {
	case major == unsigned:
		return strconv.AppendUint(dst, arg, 10)
	case arg == math.MaxUint64:
		return append(dst, "-18446744073709551616"...)
	}
	return strconv.AppendUint(append(dst, '-'), arg+1, 10)
}

// text returns a string, which may come in parts.
func (c *cbor) text(major, info byte, n uint64) ([]byte, error) {
	var all []byte
	if info != indefinite {
		part, err := c.part(major, n)
		if err != nil {
			return nil, err
		}
		all = part
	} else {
		for len(c.rest) == 0 || c.rest[0] != stop {
			m, info, n, err := c.head()
			if err != nil {
				return nil, err
			}
			if m != major || info == indefinite {
				return nil, errHead
			}
			part, err := c.part(major, n)
			if err != nil {
				return nil, err
			}
			all = append(all, part...)
		}
		c.rest = c.rest[1:]
	}
	if major == byteString {
		return base64.StdEncoding.AppendEncode(nil, all), nil
	}
	return all, nil
}

func (c *cbor) part(major byte, n uint64) ([]byte, error) {
	if n > uint64(len(c.rest)) {
		return nil, errCut
	}
	part := c.rest[:n:n]
	if major == textString && !utf8.Valid(part) {
		return nil, errors.New("a text is not UTF-8")
	}
	c.rest = c.rest[n:]
	return part, nil
}

// Simple values (RFC 8949, 3.3).
const (
	isFalse     = 20
	isTrue      = 21
	isNull      = 22
	isUndefined = 23
	float16     = 25
	float32bits = 26
	float64bits = 27
)

func (c *cbor) simple(info byte, arg uint64) error {
	switch info {
	case isFalse, isTrue:
		c.out = strconv.AppendBool(c.out, info == isTrue)
	case isNull, isUndefined:
		c.out = append(c.out, "null"...)
	case float16:
		c.out = appendFloat(c.out, half(uint16(arg)), 32)
	case float32bits:
		c.out = appendFloat(c.out, float64(math.Float32frombits(uint32(arg))), 32)
	case float64bits:
		c.out = appendFloat(c.out, math.Float64frombits(arg), 64)
	default:
		return errHead
	}
	return nil
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(strconv.AppendFloat(append(dst, '"'), f, 'g', -1, bits), '"')
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// half is a number of half precision (IEEE 754, binary16).
func half(bits uint16) float64 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction == 0:
		return math.Inf(int(sign))
	case exponent == 31:
		return math.NaN()
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(fraction+1024, exponent-25)
}

package series

import (
	"math/bits"
	"slices"
	"strconv"
)

// A number of a body is mantissa / 10^decimals and the way it is printed.
type number struct {
	mantissa int64
	layout   layout
}

// layout is the number of decimals times 2, plus 1 if there is an exponent: 1.25E-4 has 6 decimals.
type layout uint8

const (
	exponent    = 1  // bit of a layout
	maxDecimals = 40 // a number with more is text
)

func plain(decimals int) layout    { return layout(decimals << 1) }
func (l layout) decimals() int     { return int(l >> 1) }
func (l layout) hasExponent() bool { return l&exponent != 0 }

func isDigit(c byte) bool      { return c-'0' < 10 }
func magnitude(v int64) uint64 { return uint64((v ^ v>>63) - v>>63) }

// canonical tells whether the layout follows from the value: no zeros at the end, printed as Recon does.
func (n number) canonical() bool {
	return n.layout == 0 || n.mantissa%10 != 0 && n.layout == n.inRecon()
}

// inRecon returns the layout in which Recon prints a fraction: from 1e7 and below 1e-3 with an exponent.
func (n number) inRecon() layout {
	d, size := n.layout.decimals(), magnitude(n.mantissa)
	if d > 3 && (d-3 >= len(tens) || size < uint64(tens[d-3])) || d+7 < len(tens) && size >= uint64(tens[d+7]) {
		return plain(d) | exponent
	}
	return plain(d)
}

// tens are the powers of ten that an int64 holds.
var tens = func() (t [19]int64) {
	t[0] = 1
	for i := range t[1:] {
		t[i+1] = 10 * t[i]
	}
	return t
}()

// scanNumber reads a number at the start of b and returns its length, 0 if none is there that would
// be printed the same again: no sign or zero too many, and no more digits than an int64 has.
func scanNumber(b []byte) (n number, size int) {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i = 1
	}
	start, u := i, uint64(0)
	for i < len(b) && isDigit(b[i]) {
		u = u*10 + uint64(b[i]-'0')
		i++
	}
	whole := i - start
	if whole == 0 || whole > 1 && b[start] == '0' {
		return n, 0
	}
	decimals := 0
	if i+1 < len(b) && b[i] == '.' && isDigit(b[i+1]) {
		i++
		point := i
		for i < len(b) && isDigit(b[i]) {
			u = u*10 + uint64(b[i]-'0')
			i++
		}
		decimals = i - point
	}
	if whole+decimals >= 19 && significant(b[start:i]) > 19 || int64(u) < 0 || decimals > maxDecimals {
		return n, 0
	}
	if i < len(b) && b[i] == 'E' {
		var ok bool
		if n, i, ok = scanExponent(b, i, u, whole, decimals); !ok {
			return n, 0
		}
	} else {
		n = number{int64(u), plain(decimals)}
	}
	if start == 1 {
		if n.mantissa == 0 {
			return n, 0
		}
		n.mantissa = -n.mantissa
	}
	if n.layout.hasExponent() {
		var space [numberSize]byte
		if string(n.append(space[:0])) != string(b[:i]) {
			return n, 0 // such as 1.5E-06
		}
	}
	return n, i
}

// significant counts the digits from the first that is not 0.
func significant(text []byte) (count int) {
	for _, c := range text {
		if isDigit(c) && (c != '0' || count > 0) {
			count++
		}
	}
	return count
}

// scanExponent reads the exponent at i, behind one digit and at least one decimal, as Recon prints it.
func scanExponent(b []byte, i int, u uint64, whole, decimals int) (n number, end int, ok bool) {
	if whole != 1 || decimals == 0 || u == 0 {
		return n, 0, false
	}
	switch {
	case decimals == 1 && u%10 == 0:
		u, decimals = u/10, 0 // 1.0E-4, since there is always a decimal
	case u%10 == 0:
		return n, 0, false
	}
	start := i + 1
	end = start
	if end < len(b) && b[end] == '-' {
		end++
	}
	for end < len(b) && end < start+4 && isDigit(b[end]) {
		end++
	}
	exp, err := strconv.Atoi(string(b[start:end]))
	if decimals -= exp; err != nil || decimals < 1 || decimals > maxDecimals {
		return n, 0, false
	}
	return number{int64(u), plain(decimals) | exponent}, end, true
}

// numberSize is room for any number: sign, point, a zero before it, an exponent.
const numberSize = maxDecimals + 24

const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// append prints the number.
func (n number) append(dst []byte) []byte {
	if n.mantissa < 0 {
		dst = append(dst, '-')
	}
	u, d := magnitude(n.mantissa), n.layout.decimals()
	if n.layout.hasExponent() {
		return appendExponent(dst, u, d)
	}
	size := digits(u)
	if d > 0 {
		size = max(size, d+1) + 1
	}
	end := len(dst) + size
	dst = slices.Grow(dst, size)[:end]
	if d > 0 {
		for ; d > 1; d -= 2 {
			end -= 2
			put(dst[end:], uint32(u%100))
			u /= 100
		}
		if d > 0 {
			end--
			dst[end] = '0' + byte(u%10)
			u /= 10
		}
		end--
		dst[end] = '.'
	}
	for u >= 1e8 { // times: eight digits at once wait less for each other
		eight := uint32(u % 1e8)
		u /= 1e8
		high, low := eight/1e4, eight%1e4
		end -= 8
		put(dst[end:], high/100)
		put(dst[end+2:], high%100)
		put(dst[end+4:], low/100)
		put(dst[end+6:], low%100)
	}
	small := uint32(u)
	for small >= 100 {
		end -= 2
		put(dst[end:], small%100)
		small /= 100
	}
	if small >= 10 {
		put(dst[end-2:], small)
	} else {
		dst[end-1] = '0' + byte(small)
	}
	return dst
}

func put(dst []byte, two uint32) {
	_ = dst[1]
	dst[0], dst[1] = pairs[two*2], pairs[two*2+1]
}

// appendExponent prints u/10^d with an exponent, one digit before the point and at least one behind it.
func appendExponent(dst []byte, u uint64, d int) []byte {
	size := digits(u)
	start := len(dst)
	dst = strconv.AppendUint(append(dst, 0), u, 10)
	dst[start], dst[start+1] = dst[start+1], '.'
	if size == 1 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(append(dst, 'E'), int64(size-1-d), 10)
}

// digits returns how many decimal digits u has.
func digits(u uint64) int {
	n := bits.Len64(u|1) * 1233 >> 12 // log10(2) is about 1233/4096
	if n < len(tens) && u >= uint64(tens[n]) || n >= len(tens) && u >= 1e19 {
		n++
	}
	return max(n, 1)
}

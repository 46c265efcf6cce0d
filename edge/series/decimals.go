package series

import (
	"encoding/binary"
	"math"
)

// A column of numbers is one of integers, value·10^scale, from which mantissa and layout follow:
// either all have scale decimals, or as many as are left without zeros at the end, as Recon and most
// others print floats. Numbers that break the rule are odd ones out, listed behind. So is what lies
// below the scale: 74.93588199999998 among numbers of 8 decimals is 74.935882, less 2 with 14
// decimals, and costs the others nothing.
type numbers struct {
	mantissas []int64
	layouts   []layout
}

// Bits of the byte that begins a column of numbers; the lower six are the scale.
const (
	fixedDecimals = 1 << 6
	hasOddOnes    = 1 << 7
	scaleMask     = 1<<6 - 1
)

type numbersWriter struct {
	columnWriter
	wholes             []int64
	gaps, kinds, rests []int64 // of the odd ones out
}

func (w *numbersWriter) numbers(dst []byte, n numbers, wall, mono []int64) []byte {
	if l := n.layouts[0]; !l.hasExponent() && n.uniform() {
		return w.timesOrNot(append(dst, byte(l.decimals())|fixedDecimals), n.mantissas, wall, mono)
	}
	scale, fixed := n.scale()
	w.wholes, w.gaps, w.kinds, w.rests = w.wholes[:0], w.gaps[:0], w.kinds[:0], w.rests[:0]
	gap := int64(0)
	for i, m := range n.mantissas {
		is := number{m, n.layouts[i]}
		v, rest := is.scaled(scale)
		w.wholes = append(w.wholes, v)
		if fixed && is.layout == plain(scale) || !fixed && is.layout.decimals() <= scale && is.canonical() {
			gap++
			continue
		}
		w.gaps, w.kinds, w.rests = append(w.gaps, gap), append(w.kinds, int64(is.layout)), append(w.rests, rest)
		gap = 0
	}
	head := byte(scale)
	if fixed {
		head |= fixedDecimals
	}
	if len(w.gaps) == 0 {
		return w.timesOrNot(append(dst, head), w.wholes, wall, mono)
	}
	dst = w.timesOrNot(append(dst, head|hasOddOnes), w.wholes, wall, mono)
	dst = binary.AppendUvarint(dst, uint64(len(w.gaps)))
	dst = w.column(dst, w.gaps)
	dst = w.column(dst, w.kinds)
	return w.column(dst, w.rests)
}

// timesOrNot appends a column of numbers, of which few are times: only those are compared with any.
func (w *numbersWriter) timesOrNot(dst []byte, x, wall, mono []int64) []byte {
	if !near(x, wall) {
		wall = nil
	}
	if !near(x, mono) {
		mono = nil
	}
	return w.columnBy(dst, x, wall, mono)
}

// near tells whether x may be times like the given ones: as large, or going as far.
func near(x, times []int64) bool {
	if len(times) == 0 {
		return false
	}
	end := len(x) - 1
	way := times[end] - times[0]
	return magnitude(x[0]-times[0]) < magnitude(x[0])/2 || magnitude(x[end]-x[0]-way) < magnitude(way)/4
}

func (n numbers) uniform() bool {
	for _, l := range n.layouts {
		if l != n.layouts[0] {
			return false
		}
	}
	return true
}

// scaled returns value·10^scale rounded, and what the mantissa has more than that.
func (n number) scaled(scale int) (v, rest int64) {
	below := n.layout.decimals() - scale
	switch {
	case below <= 0:
		return n.mantissa * tens[-below], 0
	case below >= len(tens):
		return 0, n.mantissa
	}
	unit := tens[below]
	v, rest = n.mantissa/unit, n.mantissa%unit
	switch {
	case rest > unit/2:
		v, rest = v+1, rest-unit
	case rest < -unit/2:
		v, rest = v-1, rest+unit
	}
	return v, rest
}

// follows returns the number that the rule of a column makes of a scaled value.
func follows(v int64, scale int, fixed bool) number {
	if fixed || scale == 0 {
		return number{v, plain(scale)}
	}
	if v == 0 {
		return number{}
	}
	for scale > 0 && v%10 == 0 {
		v, scale = v/10, scale-1
	}
	n := number{v, plain(scale)}
	if scale > 0 {
		n.layout = n.inRecon()
	}
	return n
}

// odd returns the number of the given layout that is v with the given scale, and rest.
func odd(v, rest int64, l layout, scale int) number {
	below := l.decimals() - scale
	switch {
	case below <= 0:
		v /= tens[min(-below, len(tens)-1)]
	case below < len(tens):
		v *= tens[below]
	}
	return number{v + rest, l}
}

// scale chooses the scale and whether all numbers have that many decimals. It takes digits for noise:
// each costs log2(10) bits in all numbers up to the scale, and beyond it in those that have them,
// which are odd ones out.
func (n numbers) scale() (scale int, fixed bool) {
	var counts [maxDecimals + 1]int
	var largest [maxDecimals + 1]uint64
	most, odd := 0, 0
	for i, l := range n.layouts {
		d := l.decimals()
		counts[d]++
		largest[d] = max(largest[d], magnitude(n.mantissas[i]))
		most = max(most, d)
		if !(number{n.mantissas[i], l}).canonical() {
			odd++
		}
	}
	const digit, entry = math.Ln10 / math.Ln2, 6
	least := math.Inf(1)
	for s := 0; s <= most && n.fits(largest[:s+1]); s++ {
		if counts[s] == 0 && s > 0 {
			continue
		}
		cost := float64(s*len(n.layouts)) * digit
		for d := s + 1; d <= most; d++ {
			cost += float64(counts[d]) * (float64(d-s)*digit + entry)
		}
		if cost < least {
			scale, least = s, cost
		}
	}
	return scale, len(n.layouts)-counts[scale] < odd
}

// fits tells whether numbers with so many decimals, each no larger than given, fit int64 at the scale of the last.
func (n numbers) fits(largest []uint64) bool {
	scale := len(largest) - 1
	for d, size := range largest {
		if size > 0 && (scale-d >= len(tens) || size > math.MaxInt64/uint64(tens[scale-d])) {
			return false
		}
	}
	return true
}

// numberColumn reads a column of numbers.
type numberColumn struct {
	column
	scale int
	fixed bool
	odd   *oddColumn
}

type oddColumn struct {
	gaps, kinds, rests column
	gap                int64 // numbers before the next odd one
	left               int   // odd ones not yet met
}

func (c *numberColumn) next(wall, mono int64) number {
	v := c.column.next()
	switch c.reference {
	case toWall:
		v += wall
	case toMono:
		v += mono
	}
	switch {
	case c.odd != nil:
		return c.odd.next(v, c)
	case c.fixed:
		return number{v, plain(c.scale)}
	}
	return follows(v, c.scale, false)
}

func (o *oddColumn) next(v int64, c *numberColumn) number {
	if o.gap > 0 || o.left == 0 {
		o.gap--
		return follows(v, c.scale, c.fixed)
	}
	kind, rest := o.kinds.next(), o.rests.next()
	if o.left--; o.left > 0 {
		o.gap = o.gaps.next()
	}
	l := layout(kind)
	if kind < 0 || int64(l) != kind || l.decimals() > maxDecimals {
		c.fault.set("a number has more than 40 decimals")
		return number{}
	}
	return odd(v, rest, l, c.scale)
}

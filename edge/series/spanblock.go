package series

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// A block of spans is: version, number of spans, the columns start and count, and of each of Min, Max
// and Sum whether it is a column of numbers or one of the bits of float64s; CRC-32C of all before.
const spansVersion = 0x41

const (
	asNumbers = iota
	asBits
)

// AppendSpans packs spans into a block behind dst, bit for bit, best in the order of their starts. More than MaxPoints panic.
func AppendSpans(dst []byte, spans []Span) []byte {
	if len(spans) > MaxPoints {
		panic(fmt.Sprintf("series: %d spans for one block, which holds %d", len(spans), MaxPoints))
	}
	begin := len(dst)
	dst = binary.AppendUvarint(append(dst, spansVersion), uint64(len(spans)))
	if len(spans) > 0 {
		p := packers.Get().(*packer)
		for _, whole := range [...]func(*Span) int64{
			func(s *Span) int64 { return s.Start },
			func(s *Span) int64 { return int64(s.Count) },
		} {
			p.seq = p.seq[:0]
			for i := range spans {
				p.seq = append(p.seq, whole(&spans[i]))
			}
			dst = p.column(dst, p.seq)
		}
		for _, float := range floats {
			dst = p.floats(dst, spans, float)
		}
		packers.Put(p)
	}
	return seal(dst, begin)
}

var floats = [...]func(*Span) *float64{
	func(s *Span) *float64 { return &s.Min },
	func(s *Span) *float64 { return &s.Max },
	func(s *Span) *float64 { return &s.Sum },
}

// floats appends a column of float64s: of decimal numbers if all have few digits, else of their bits.
func (p *packer) floats(dst []byte, spans []Span, float func(*Span) *float64) []byte {
	var n numbers
	var space [numberSize]byte
	for i := range spans {
		v := *float(&spans[i])
		if size := math.Abs(v); v != 0 && (size < 1e-9 || size > 1e15) {
			break
		}
		text := strconv.AppendFloat(space[:0], v, 'f', -1, 64)
		is, size := scanNumber(text)
		if size != len(text) {
			break
		}
		n.mantissas, n.layouts = append(n.mantissas, is.mantissa), append(n.layouts, is.layout)
	}
	if len(n.layouts) == len(spans) {
		return p.numbers(append(dst, asNumbers), n, nil, nil)
	}
	p.seq = p.seq[:0]
	for i := range spans {
		p.seq = append(p.seq, int64(math.Float64bits(*float(&spans[i]))))
	}
	return p.column(append(dst, asBits), p.seq)
}

// ReadSpans appends the spans of a block to dst. It takes memory for those, MaxPoints at most, and 5 kB.
func ReadSpans(dst []Span, block []byte) ([]Span, error) {
	p, err := unseal(block, spansVersion)
	if err != nil {
		return dst, err
	}
	count := p.count("spans", MaxPoints)
	var f fault
	var start, number column
	var numbers [len(floats)]numberColumn
	var bits [len(floats)]column
	if count > 0 {
		p.column(&start, count, &f)
		p.column(&number, count, &f)
		for i := range floats {
			switch how := p.byte("a column of floats"); how {
			case asNumbers:
				p.numbers(&numbers[i], count, &f)
			case asBits:
				p.column(&bits[i], count, &f)
			default:
				p.fail("floats in an unknown form %#x", how)
			}
		}
	}
	if len(p.rest) > 0 {
		p.fail("%d bytes too many", len(p.rest))
	}
	if p.err != nil {
		return dst, p.err
	}
	have := len(dst)
	var space [numberSize]byte
	for range count {
		s := Span{Start: start.next(), Count: uint64(number.next())}
		for i, float := range floats {
			if bits[i].fault != nil {
				*float(&s) = math.Float64frombits(uint64(bits[i].next()))
				continue
			}
			text := numbers[i].next(0, 0).append(space[:0])
			v, err := strconv.ParseFloat(string(text), 64)
			if err != nil {
				f.set("%s is no number", text)
			}
			*float(&s) = v
		}
		if f.err != nil {
			return dst[:have], f.err
		}
		dst = append(dst, s)
	}
	return dst, nil
}

package series

import (
	"encoding/binary"
	"math"
)

// A column of integers is taken less its first value and divided by what all differences have in
// common (times in whole seconds, a sensor that counts in sixteenths of a degree). What comes out is
// foretold from the values before, and what then remains is Rice coded. The kind says how it is
// foretold; two are the fixed predictors of FLAC (RFC 9639, 9.2.5), but that order 1 has a drift, the
// usual step. All arithmetic wraps, so any int64 comes back.
type kind uint8

const (
	arithmetic kind = iota // i·step, nothing remains: constants too, with a step of 0
	order0                 // level
	order1                 // the one before + step
	order2                 // the one before + the step it took, at the start step
	line                   // level + i·step/2^16: for samples at a fixed rate that come with jitter
	runs                   // two more columns: how long each run is, and of what
	kinds
)

// reference is the time of the point, if a column holds its difference to one.
type reference uint8

const (
	noReference reference = iota
	toWall
	toMono
	references
)

// The byte that begins a column: its kind, reference and whether it has a unit other than 1.
const (
	kindMask       = 1<<4 - 1
	referenceShift = 4
	hasUnit        = 1 << 6
)

// columnWriter has what is used again from column to column.
type columnWriter struct {
	scaled  []int64 // see plan
	rests   []uint64
	lengths []int64 // of runs
	values  []int64 // of runs
	moved   []int64 // differences to a reference
	bits    bitWriter
}

// column appends a column.
func (w *columnWriter) column(dst []byte, x []int64) []byte {
	return w.append(dst, x, w.plan(x), noReference)
}

// columnBy appends a column, as differences to times of the same points if that is shorter. There may be none.
func (w *columnWriter) columnBy(dst []byte, x, wall, mono []int64) []byte {
	times := [references][]int64{toWall: wall, toMono: mono}
	to, cost := noReference, math.MaxInt
	for r, t := range times {
		if len(t) == 0 {
			continue
		}
		w.moved = appendDifferences(w.moved[:0], x, t)
		p := w.plan(w.moved)
		if p.kind == arithmetic {
			return w.append(dst, w.moved, p, reference(r))
		}
		if p.cost < cost {
			to, cost = reference(r), p.cost
		}
	}
	best := w.plan(x)
	if best.cost <= cost {
		return w.append(dst, x, best, noReference)
	}
	w.moved = appendDifferences(w.moved[:0], x, times[to])
	return w.append(dst, w.moved, w.plan(w.moved), to)
}

func appendDifferences(dst, x, times []int64) []int64 {
	for i, v := range x {
		dst = append(dst, v-times[i])
	}
	return dst
}

// append writes a column as w.plan has just planned it.
func (w *columnWriter) append(dst []byte, x []int64, p plan, to reference) []byte {
	head := byte(p.kind) | byte(to)<<referenceShift
	if p.kind == runs {
		return w.appendRuns(append(dst, head), x)
	}
	if p.unit != 1 {
		head |= hasUnit
	}
	dst = binary.AppendVarint(append(dst, head), p.first)
	if p.unit != 1 {
		dst = binary.AppendVarint(dst, p.unit)
	}
	if p.kind == order0 || p.kind == line {
		dst = binary.AppendVarint(dst, p.level)
	}
	if p.kind != order0 {
		dst = binary.AppendVarint(dst, p.step)
	}
	if p.kind == arithmetic {
		return dst
	}
	w.rests = w.rests[:0]
	f := p.forecast()
	for _, v := range w.scaled {
		w.rests = append(w.rests, zigzag(v-f.next))
		f.saw(v)
	}
	w.bits = bitWriter{buf: w.bits.buf[:0]}
	k := uint(0)
	for rests := w.rests; len(rests) > 0; {
		part := rests[:min(partition, len(rests))]
		rests = rests[len(part):]
		k = w.bits.partition(part, k)
	}
	coded := w.bits.flush()
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	return append(dst, coded...)
}

func (w *columnWriter) appendRuns(dst []byte, x []int64) []byte {
	w.lengths, w.values = w.lengths[:0], w.values[:0]
	for i, v := range x {
		if i == 0 || v != x[i-1] {
			w.values = append(w.values, v)
			w.lengths = append(w.lengths, -1)
		}
		w.lengths[len(w.lengths)-1]++
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.values)))
	for _, part := range [][]int64{w.lengths, w.values} {
		p := w.plan(part)
		if p.kind == runs { // no runs within runs
			p.kind = order1
		}
		dst = w.append(dst, part, p, noReference)
	}
	return dst
}

// forecast foretells one value after the other, given the ones before.
type forecast struct {
	kind        kind
	next        int64
	level, step int64
	last        int64
	sum         int64 // of a line, in 2^-16
}

func (p plan) forecast() forecast {
	return forecast{kind: p.kind, next: p.level, level: p.level, step: p.step, last: -p.step}
}

// saw takes the value that was foretold. The first of orders 1 and 2 is foretold as the 0 it is.
func (f *forecast) saw(v int64) {
	switch f.kind {
	case order1:
		f.next = v + f.step
	case order2:
		f.last, f.next = v, v+v-f.last
	case line:
		f.sum += f.step
		f.next = f.level + f.sum>>16
	}
}

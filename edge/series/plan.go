package series

import (
	"math"
	"math/bits"
	"slices"
)

// plan says how a column is coded: value = first + unit·(what kind, level and step make of the rest).
type plan struct {
	kind        kind
	first, unit int64
	level, step int64
	cost        int // about so many bits
}

// plan chooses how x needs the fewest bits. Unless the kind is arithmetic or runs, w.scaled is then
// x less first, divided by unit.
func (w *columnWriter) plan(x []int64) plan {
	if len(x) == 0 {
		return plan{}
	}
	step, i := int64(0), 1
	if len(x) > 1 {
		step = x[1] - x[0]
	}
	for i < len(x) && x[i]-x[i-1] == step {
		i++
	}
	best := plan{kind: arithmetic, first: x[0], unit: 1, step: step, cost: 8 + sizeOf(x[0]) + sizeOf(step)}
	if i >= len(x) {
		return best
	}
	best.unit = w.scale(x)
	y := w.scaled
	level, drift := typical(y)
	start, slope := trend(y)
	var costs [kinds]int
	last, lastStep, sum := -drift, drift, int64(0)
	for rest := y; len(rest) > 0; {
		part := rest[:min(partition, len(rest))]
		rest = rest[len(part):]
		var b0, b1, b2, bl int
		for _, v := range part {
			d := v - last
			b0 += bits.Len64(zigzag(v - level))
			b1 += bits.Len64(zigzag(d - drift))
			b2 += bits.Len64(zigzag(d - lastStep))
			bl += bits.Len64(zigzag(v - start - sum>>16))
			if d != 0 {
				costs[runs] += 8 + bits.Len64(zigzag(d))
			}
			last, lastStep, sum = v, d, sum+slope
		}
		costs[order0] += partCost(b0, len(part))
		costs[order1] += partCost(b1, len(part))
		costs[order2] += partCost(b2, len(part))
		costs[line] += partCost(bl, len(part))
	}
	params := [kinds][2]int64{order0: {level, 0}, order1: {0, drift}, order2: {0, y[1]}, line: {start, slope}}
	best.cost = math.MaxInt
	for k := order0; k < kinds; k++ {
		p := params[k]
		if cost := costs[k] + sizeOf(best.first) + sizeOf(p[0]) + sizeOf(p[1]); cost < best.cost {
			best.kind, best.cost, best.level, best.step = k, cost, p[0], p[1]
		}
	}
	return best
}

// scale fills w.scaled with x less its first value, divided by the greatest common divisor, which it
// returns. x is no constant.
func (w *columnWriter) scale(x []int64) (unit int64) {
	w.scaled = append(w.scaled[:0], 0)
	for _, v := range x[1:] {
		d := v - x[0]
		switch {
		case d == 0 || unit == 1:
		case unit == 0:
			unit, d = int64(magnitude(d)), 1|d>>63
		default:
			q := d / unit
			if q*unit != d {
				finer := int64(divisor(magnitude(unit), magnitude(d)))
				for i := range w.scaled {
					w.scaled[i] *= unit / finer
				}
				unit, q = finer, d/finer
			}
			d = q
		}
		w.scaled = append(w.scaled, d)
	}
	return unit
}

// divisor returns the greatest common divisor.
func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// partCost is what the values of a partition take whose lengths in bits come to sum: a Rice code is
// about a bit and a half longer than its value, and nothing is needed where all are 0.
func partCost(sum, values int) int {
	if sum == 0 {
		return 1
	}
	return 1 + sum + values + values/2
}

func sizeOf(v int64) int { return 8 * ((bits.Len64(zigzag(v)|1) + 6) / 7) }

// typical returns the medians of the values and of their steps, of up to 31 samples.
func typical(x []int64) (level, step int64) {
	var values, steps [31]int64
	n := min(len(x)-1, len(values))
	for i := range n {
		at := 1 + i*(len(x)-1)/n
		values[i], steps[i] = x[at], x[at]-x[at-1]
	}
	slices.Sort(values[:n])
	slices.Sort(steps[:n])
	return values[n/2], steps[n/2]
}

// trend lays a line through the means of both halves of x. The slope is in units of 2^-16.
func trend(x []int64) (level, slope int64) {
	half := len(x) / 2
	var early, late float64
	for _, v := range x[:half] {
		early += float64(v - x[0])
	}
	for _, v := range x[half:] {
		late += float64(v - x[0])
	}
	early, late = early/float64(half), late/float64(len(x)-half)
	rise := (late - early) / (float64(len(x)) / 2)
	begin := (early+late)/2 - rise*float64(len(x)-1)/2
	if !(math.Abs(rise) < 1<<40 && math.Abs(begin) < 1<<62) {
		return x[0], 0
	}
	return x[0] + int64(math.Round(begin)), int64(math.Round(rise * (1 << 16)))
}

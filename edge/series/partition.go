package series

import "math/bits"

// partition is how many values share a Rice parameter.
const partition = 32

// The parameter of a partition is that of its Rice codes, or allZero if it has zeros only, which take
// no bits. With zerosApart a bit before each value tells whether it is 0, and others are coded less 1:
// a value that mostly stays as it is and else changes by much is no matter for a Rice code.
const (
	allZero        = 1<<6 - 1
	zerosApart     = 1 << 6
	parameterWidth = 7
)

// partition writes values with the best parameter: a bit tells whether it is that of the partition before.
func (w *bitWriter) partition(values []uint64, before uint) (parameter uint) {
	var space [partition]uint64
	others := space[:0] // those that are not 0, less 1
	for _, v := range values {
		if v != 0 {
			others = append(others, v-1)
		}
	}
	parameter = allZero
	if len(others) > 0 {
		parameter = bestParameter(values, others, before)
	}
	if parameter == before {
		w.write(1, 1)
	} else {
		w.write(uint64(parameter), parameterWidth+1)
	}
	switch k := parameter &^ zerosApart; {
	case parameter == allZero:
	case parameter == k:
		for _, v := range values {
			w.rice(v, k)
		}
	default:
		for _, v := range values {
			if v == 0 {
				w.write(1, 1)
				continue
			}
			w.write(0, 1)
			w.rice(v-1, k)
		}
	}
	return parameter
}

func bestParameter(values, others []uint64, before uint) uint {
	best, least := bestRice(values)
	zeros := len(values) - len(others)
	if zeros > len(values)/8 {
		if k, cost := bestRice(others); cost+uint(len(values)) < least {
			best, least = k|zerosApart, cost+uint(len(values))
		}
	}
	if best == before || before == allZero {
		return best
	}
	cost := uint(0)
	if before&zerosApart == 0 {
		cost = riceCosts(values, before)
	} else {
		cost = riceCosts(others, before&^zerosApart) + uint(len(values))
	}
	if cost <= least+parameterWidth {
		return before
	}
	return best
}

// bestRice returns the best parameter and how many bits the values then take. It tries those near their
// mean length, since of most values the lowest bits but one or two are noise.
func bestRice(values []uint64) (k, least uint) {
	length := 0
	for _, v := range values {
		length += bits.Len64(v)
	}
	to := uint(min(length/len(values), allZero-1))
	k = to - min(to, 2)
	least = riceCosts(values, k)
	for i := k + 1; i <= to; i++ {
		if cost := riceCosts(values, i); cost < least {
			k, least = i, cost
		}
	}
	return k, least
}

func riceCosts(values []uint64, k uint) (sum uint) {
	long := uint64(0)
	for _, v := range values {
		high := v >> (k & 63)
		sum += uint(high)
		long |= high
	}
	if long < longUnary {
		return sum + uint(len(values))*(k+1)
	}
	sum = 0
	for _, v := range values {
		sum += riceCost(v, k)
	}
	return sum
}

// rests reads the next partition of what remains of values.
func (c *column) rests(dst []int64) {
	if c.bits.read(1) == 0 {
		c.parameter = uint(c.bits.read(parameterWidth))
	}
	if c.parameter == allZero {
		clear(dst)
		return
	}
	if k := c.parameter &^ zerosApart; k == c.parameter {
		c.bits.rices(dst, k)
	} else {
		c.bits.apart(dst, k)
	}
}

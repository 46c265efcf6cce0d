package series

// column reads the values of a column one by one, having decoded a partition of them ahead.
type column struct {
	fault     *fault
	bits      bitReader
	left      int // values not decoded yet
	plan      plan
	forecast  forecast
	parameter uint // of the partition before
	reference reference
	at, have  uint8 // in ahead
	constant  bool  // all of ahead is the one value there is
	ahead     [partition]int64
	runs      *runColumn
}

type runColumn struct {
	lengths, values column
	value           int64
	repeats         int64
}

// next returns the next value, 0 and a fault when there is none.
func (c *column) next() int64 {
	if c.at == c.have && !c.decode() {
		return 0
	}
	v := c.ahead[c.at&(partition-1)]
	c.at++
	return v
}

// decode decodes the next partition and tells whether there was one.
func (c *column) decode() bool {
	n := min(c.left, partition)
	if n == 0 {
		c.fault.set("a column ends before its points do")
		return false
	}
	c.left -= n
	c.at, c.have = 0, uint8(n)
	ahead := c.ahead[:n]
	switch {
	case c.runs != nil:
		for i := range ahead {
			ahead[i] = c.runs.next()
		}
		return c.fault.err == nil
	case c.plan.kind == arithmetic:
		v, step := c.plan.first, c.plan.step
		if step == 0 && c.constant {
			return true
		}
		c.constant = step == 0
		if c.constant {
			ahead = c.ahead[:]
		}
		for i := range ahead {
			ahead[i] = v
			v += step
		}
		c.plan.first = v
		return true
	}
	c.rests(ahead)
	if c.bits.overrun() {
		c.fault.set("a column has fewer bits than its values need")
		return false
	}
	c.forecast.restore(ahead)
	for i := range ahead {
		ahead[i] = c.plan.first + c.plan.unit*ahead[i]
	}
	return true
}

// restore turns what remained of values into the values.
func (f *forecast) restore(rests []int64) {
	switch f.kind {
	case order0:
		for i, r := range rests {
			rests[i] = f.next + r
		}
	case order1:
		next := f.next
		for i, r := range rests {
			rests[i] = next + r
			next += r + f.step
		}
		f.next = next
	default:
		for i, r := range rests {
			v := f.next + r
			rests[i] = v
			f.saw(v)
		}
	}
}

func (r *runColumn) next() int64 {
	if r.repeats <= 0 {
		r.repeats, r.value = r.lengths.next()+1, r.values.next()
	}
	r.repeats--
	return r.value
}

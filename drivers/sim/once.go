package sim

import "time"

// once is what Sensirion's chips have in common: an answer is given once, and not while they are busy.
type once struct {
	busyUntil time.Time
	answer    []byte // what the next read gets; nil = nothing was asked
}

// Read gives the answer; false is a NAK of the address, as given while a measurement runs or when nothing was asked.
// Beyond its answer the chip leaves the line alone, which reads as ones.
func (c *once) Read(now time.Time, r []byte) bool {
	if now.Before(c.busyUntil) || c.answer == nil {
		return false
	}
	for i := copy(r, c.answer); i < len(r); i++ {
		r[i] = 0xFF
	}
	c.answer = nil
	return true
}

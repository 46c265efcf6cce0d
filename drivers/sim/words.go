package sim

import "time"

// words are the registers of 16 bits of a chip with a pointer register: a write of one byte points, of three writes.
type words struct {
	at   byte
	regs map[byte]uint16
	// little is the order of the bytes; most chips send the high one first.
	little bool
	// set takes what is written; nil writes anything anywhere.
	set func(now time.Time, reg byte, v uint16)
}

func (c *words) write(now time.Time, w []byte) bool {
	if len(w) > 0 {
		c.at = w[0]
	}
	if len(w) < 3 {
		return true // half a register is not written
	}
	v := uint16(w[1])<<8 | uint16(w[2])
	if c.little {
		v = uint16(w[2])<<8 | uint16(w[1])
	}
	if c.set != nil {
		c.set(now, w[0], v)
	} else {
		c.regs[w[0]] = v
	}
	return true
}

func (c *words) read(r []byte) {
	v := c.regs[c.at]
	for i := range r {
		high := i%2 == 0
		if c.little {
			high = !high
		}
		r[i] = byte(v)
		if high {
			r[i] = byte(v >> 8)
		}
	}
}

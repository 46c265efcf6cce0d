package sim

import "encoding/binary"

// wordChip is a chip of 16-bit registers, high byte first, behind a pointer that the first byte of a write sets, as
// those of Texas Instruments are.
type wordChip struct {
	pointer byte
	regs    map[byte]uint16
}

// taken splits a write: a pointer alone, or a register and its new word.
func (c *wordChip) taken(w []byte) (reg byte, word uint16, set, ok bool) {
	switch len(w) {
	case 1:
		c.pointer = w[0]
		return w[0], 0, false, true
	case 3:
		c.pointer = w[0]
		return w[0], binary.BigEndian.Uint16(w[1:]), true, true
	}
	return 0, 0, false, false
}

// give fills r with the word at the pointer, again and again.
func give(r []byte, word uint16) {
	for i := range r {
		r[i] = byte(word >> (8 - i%2*8))
	}
}

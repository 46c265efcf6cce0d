package sim

import "time"

func init() {
	for _, name := range []string{"mcp23017", "mcp23017-in", "mcp23017-out"} { // the chip, and its drivers
		register(name, []uint16{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27}, func(uint16) Chip {
			return &MCP23017{Outside: func(now time.Time) (driven, level uint16) {
				if now.Unix()/10%2 == 0 { // a contact from A0 to ground, closed every other ten seconds
					return 1, 0
				}
				return 0, 0
			}}
		})
	}
}

// MCP23017 is a chip of sixteen pins as its datasheet describes it (Microchip, DS20001952, section 3.5), A0 in bit 0 and B7
// in bit 15.
type MCP23017 struct {
	// Outside is which pins are driven from outside and to which level; the others float, here to 0, or are pulled up.
	Outside func(now time.Time) (driven, level uint16)

	on      bool
	pointer byte
	pairs   [11]uint16 // registers from 0x00 to 0x15, the pins B in the high byte
}

func (c *MCP23017) PowerOff() { c.on = false }

func (c *MCP23017) powerOn() {
	if !c.on {
		*c = MCP23017{Outside: c.Outside, on: true}
		c.pairs[0] = 0xFFFF
	}
}

// Levels are those of all pins.
func (c *MCP23017) Levels(now time.Time) uint16 {
	c.powerOn()
	in, latch, pull := c.pairs[0], c.pairs[10], c.pairs[6]
	driven, level := c.Outside(now)
	return latch&^in | in&driven&level | in&^driven&pull
}

func (c *MCP23017) Write(_ time.Time, w []byte) bool {
	c.powerOn()
	c.pointer = w[0]
	for _, v := range w[1:] {
		pair, high := c.pointer/2, c.pointer%2 == 1
		if c.pointer == 0x12 || c.pointer == 0x13 { // a level written goes to the latch
			pair = 10
		}
		switch {
		case pair == 5: // one register in both places; bit 0 does not exist
			c.pairs[5] = uint16(v&0xFE) * 0x101
		case pair == 7 || pair == 8 || int(pair) >= len(c.pairs): // interrupts cannot be written
		case high:
			c.pairs[pair] = c.pairs[pair]&0xFF | uint16(v)<<8
		default:
			c.pairs[pair] = c.pairs[pair]&0xFF00 | uint16(v)
		}
		c.next()
	}
	return true
}

// next counts up and around.
func (c *MCP23017) next() { c.pointer = (c.pointer + 1) % 0x16 }

func (c *MCP23017) Read(now time.Time, r []byte) bool {
	c.powerOn()
	c.pairs[9] = c.Levels(now) ^ c.pairs[1]
	for i := range r {
		r[i] = byte(c.pairs[c.pointer/2] >> (c.pointer % 2 * 8))
		c.next()
	}
	return true
}

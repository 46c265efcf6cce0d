package sim

import (
	"math"
	"time"
)

func init() {
	register("mcp9808", []uint16{0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F}, func(uint16) Chip { return NewMCP9808(Swing(21, 3)) })
}

// MCP9808 is a Microchip MCP9808 as its data sheet describes it (DS25095A), seen from the bus. After a start
// its temperature is 0 °C until the first conversion is done.
type MCP9808 struct {
	Temperature Signal // °C

	words
	next time.Time // when the running conversion is done
}

// NewMCP9808 makes one.
func NewMCP9808(temperature Signal) *MCP9808 {
	c := &MCP9808{Temperature: temperature}
	c.PowerOff()
	return c
}

// PowerOff sets the registers to what they are after a start.
func (c *MCP9808) PowerOff() {
	c.next = time.Time{}
	c.words = words{set: c.set, regs: map[byte]uint16{6: 0x0054, 7: 0x0400, 8: 0x0300}} // resolution has eight bits
}

func (c *MCP9808) set(_ time.Time, reg byte, v uint16) {
	switch reg {
	case 1:
		c.regs[reg] = v & 0x07FF
	case 2, 3, 4:
		c.regs[reg] = v & 0x1FFC
	}
}

// conversion is how long one takes with the resolution of 0.0625 °C.
const mcp9808Conversion = 250 * time.Millisecond

func (c *MCP9808) catchUp(now time.Time) {
	if c.next.IsZero() {
		c.next = now.Add(mcp9808Conversion)
	}
	if now.Before(c.next) || c.regs[1]&0x0100 != 0 { // shut down
		return
	}
	c.next = now.Add(mcp9808Conversion)
	c.regs[5] = uint16(int16(math.Round(16*c.Temperature(now)))) & 0x1FFF
}

// Write takes a pointer, and a value.
func (c *MCP9808) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	if len(w) == 2 && w[0] == 8 {
		c.at, c.regs[8] = 8, uint16(w[1]&3)<<8
		return true
	}
	return c.write(now, w)
}

// Read gives the register that was pointed to.
func (c *MCP9808) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	c.read(r)
	return true
}

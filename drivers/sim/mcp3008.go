package sim

import (
	"math"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

func init() {
	registerSPI("mcp3008", func() SPIChip {
		return &MCP3008{Reference: 3.3, Volts: func(now time.Time) [8]float64 {
			return [8]float64{wave(now, 1.65, 1.5), 3, wave(now, 0.5, 0.1), 0, 1, 1.5, 2, 2.5}
		}}
	})
}

// MCP3008 is a converter as its datasheet describes it (Microchip, DS21295D, section 5).
type MCP3008 struct {
	Reference float64                        // V
	Volts     func(now time.Time) [8]float64 // on its inputs, against ground
}

func (c *MCP3008) PowerOff() {}

func (c *MCP3008) Speaks() (physic.Frequency, []spi.Mode) {
	return 1350 * physic.KiloHertz, []spi.Mode{spi.Mode0, spi.Mode3}
}

// Transfer follows the clock bit by bit: a start bit, single or differential, three bits of input; the sample ends with
// the next clock, then come a null bit and ten bits, high ones first. DOUT floats, here to 1, until then, and gives the
// bits in reverse after them, which nobody reads.
func (c *MCP3008) Transfer(now time.Time, w, r []byte) {
	bits := len(w) * 8
	in := func(i int) bool { return w[i/8]>>(7-i%8)&1 == 1 }
	start := 0
	for start < bits && !in(start) {
		start++
	}
	for i := range bits {
		r[i/8] |= 1 << (7 - i%8)
	}
	if start+16 > bits {
		return
	}
	number := 0
	for i := range 3 {
		number <<= 1
		if in(start + 2 + i) {
			number |= 1
		}
	}
	volts := c.Volts(now)
	v := volts[number]
	if !in(start + 1) {
		v -= volts[number^1]
	}
	code := int(math.Floor(min(max(v/c.Reference, 0), 1) * 1024))
	code = min(code, 1023)
	put := func(i int, one bool) {
		if !one {
			r[i/8] &^= 1 << (7 - i%8)
		}
	}
	put(start+6, false)
	for i := range 10 {
		put(start+7+i, code>>(9-i)&1 == 1)
	}
}

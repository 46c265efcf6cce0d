package sim

import (
	"math"
	"time"
)

func init() {
	register("ads1115", []uint16{0x48, 0x49, 0x4A, 0x4B}, func(uint16) Chip {
		return &ADS1115{Volts: func(now time.Time) [4]float64 {
			return [4]float64{wave(now, 1.65, 1.5), 3.3, wave(now, 0.5, 0.1), 0}
		}}
	})
}

// ADS1115 is a converter as its datasheet describes it (Texas Instruments, SBAS444D, section 9.6).
type ADS1115 struct {
	Volts func(now time.Time) [4]float64 // on its inputs, against ground

	words
	done   time.Time // when the conversion that goes on is
	next   uint16    // and what it will have given
	result uint16
}

func (c *ADS1115) PowerOff() { c.words = words{} }

func (c *ADS1115) powerOn() {
	if c.regs == nil {
		c.done, c.result = time.Time{}, 0
		c.words = words{set: c.set, regs: map[byte]uint16{1: 0x0583, 2: 0x8000, 3: 0x7FFF}}
	}
}

// Write sets the pointer, or a register.
func (c *ADS1115) Write(now time.Time, w []byte) bool {
	c.powerOn()
	c.settle(now)
	return c.write(now, w)
}

// set writes a register; bit 15 of the configuration starts a conversion if none goes on.
func (c *ADS1115) set(now time.Time, reg byte, word uint16) {
	switch reg {
	case 1:
		if word&0x8000 != 0 && c.done.IsZero() {
			perSecond := []float64{8, 16, 32, 64, 128, 250, 475, 860}[word>>5&7]
			c.done = now.Add(time.Duration(1.1 / perSecond * 1e9)) // as slow as it may be
			c.next = c.code(now, word)
		}
		c.regs[1] = word & 0x7FFF
	case 2, 3:
		c.regs[reg] = word
	}
}

// settle ends a conversion whose time has come.
func (c *ADS1115) settle(now time.Time) {
	if !c.done.IsZero() && !now.Before(c.done) {
		c.result, c.done = c.next, time.Time{}
	}
}

// code is what the inputs give with a configuration.
func (c *ADS1115) code(now time.Time, word uint16) uint16 {
	in := c.Volts(now)
	var v float64
	switch mux := word >> 12 & 7; mux {
	case 0:
		v = in[0] - in[1]
	case 1, 2, 3:
		v = in[mux-1] - in[3]
	default:
		v = in[mux-4]
	}
	scale := []float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256}[word>>9&7]
	n := math.Round(v * 32768 / scale)
	return uint16(int16(min(max(n, -32768), 32767)))
}

func (c *ADS1115) Read(now time.Time, r []byte) bool {
	c.powerOn()
	c.settle(now)
	c.regs[0] = c.result
	if c.regs[1] &^= 0x8000; c.done.IsZero() {
		c.regs[1] |= 0x8000
	}
	c.read(r)
	return true
}

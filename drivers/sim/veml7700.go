package sim

import (
	"math"
	"time"
)

func init() {
	register("veml7700", []uint16{0x10}, func(uint16) Chip { return NewVEML7700(Swing(400, 300)) })
}

// VEML7700 is a Vishay VEML7700 as its data sheet describes it (document 84286), seen from the bus. In bright
// light it shows less than there is, as the application note (document 84323) says.
type VEML7700 struct {
	Illuminance Signal // lx

	words
	begun time.Time // when it was told to measure
}

// NewVEML7700 makes one.
func NewVEML7700(illuminance Signal) *VEML7700 {
	c := &VEML7700{Illuminance: illuminance}
	c.PowerOff()
	return c
}

// PowerOff sets the registers to what they are after a start: shut down, no data.
func (c *VEML7700) PowerOff() {
	c.begun = time.Time{}
	c.words = words{little: true, set: c.set, regs: map[byte]uint16{0: 0x0001, 7: 0xC481}}
}

func (c *VEML7700) set(now time.Time, reg byte, v uint16) {
	if reg > 3 {
		return // results and identity
	}
	if reg == 0 && c.regs[0]&1 != 0 && v&1 == 0 {
		c.begun = now
	}
	c.regs[reg] = v
}

// The codes of gain and of integration time (table of command code 0).
var (
	veml7700Gain = map[uint16]float64{0: 1, 1: 2, 2: 1. / 8, 3: 1. / 4}
	veml7700Time = map[uint16]float64{0b1100: 25, 0b1000: 50, 0: 100, 1: 200, 2: 400, 3: 800}
)

func (c *VEML7700) catchUp(now time.Time) {
	conf := c.regs[0]
	gain, ms := veml7700Gain[conf>>11&3], veml7700Time[conf>>6&15]
	// 2.5 ms to wake up, and a slow oscillator.
	if conf&1 != 0 || now.Sub(c.begun) < time.Duration((2.5+ms*1.05)*float64(time.Millisecond)) {
		return
	}
	seen := c.Illuminance(now)
	if seen > 1000 {
		seen = veml7700Seen(seen)
	}
	c.regs[4] = uint16(min(math.Round(seen/(0.0042*(800/ms)*(2/gain))), 65535))
}

// veml7700Seen is what the chip shows of real lx: between 0 and them, as its curve is below the straight line.
func veml7700Seen(lx float64) float64 {
	lo, hi := 0.0, lx
	for range 60 {
		x := (lo + hi) / 2
		if 1.0023*x+8.1488e-5*math.Pow(x, 2)-9.3924e-9*math.Pow(x, 3)+6.0135e-13*math.Pow(x, 4) < lx {
			lo = x
		} else {
			hi = x
		}
	}
	return lo
}

// Write takes a command code, and a value.
func (c *VEML7700) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	return c.write(now, w)
}

// Read gives the register that was pointed to.
func (c *VEML7700) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	c.read(r)
	return true
}

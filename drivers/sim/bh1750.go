package sim

import (
	"math"
	"time"
)

func init() {
	register("bh1750", []uint16{0x23, 0x5C}, func(uint16) Chip { return NewBH1750(Swing(400, 300)) })
}

// BH1750 is a ROHM BH1750FVI as its technical note describes it (2011.11, Rev. D), seen from the bus. It is as slow as it
// may be.
type BH1750 struct {
	Illuminance Signal // lx

	on    bool
	mtreg byte
	data  uint16
	next  uint16
	done  time.Time // when next becomes data
}

// NewBH1750 makes one.
func NewBH1750(illuminance Signal) *BH1750 {
	c := &BH1750{Illuminance: illuminance}
	c.PowerOff()
	return c
}

// PowerOff sets it to what it is after a start: powered down, no data.
func (c *BH1750) PowerOff() { *c = BH1750{Illuminance: c.Illuminance, mtreg: 69} }

func (c *BH1750) catchUp(now time.Time) {
	if !c.done.IsZero() && !now.Before(c.done) {
		c.data, c.done, c.on = c.next, time.Time{}, false
	}
}

// Write takes one instruction.
func (c *BH1750) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	if len(w) != 1 {
		return len(w) == 0
	}
	op := w[0]
	switch {
	case op == 0x00:
		c.on = false
	case op == 0x01:
		c.on = true
	case op == 0x07:
		if c.on {
			c.data = 0
		}
	case op&0xF8 == 0x40:
		c.mtreg = c.mtreg&0x1F | op<<5
	case op&0xE0 == 0x60:
		c.mtreg = c.mtreg&0xE0 | op&0x1F
	case op == 0x20 || op == 0x21 || op == 0x23:
		counts, typical := 1.2, 180.0
		switch op {
		case 0x21:
			counts = 2.4
		case 0x23:
			typical = 24
		}
		sensitivity := float64(c.mtreg) / 69
		c.on = true
		c.next = uint16(min(math.Round(c.Illuminance(now)*counts*sensitivity), 65535))
		c.done = now.Add(time.Duration(typical * sensitivity * float64(time.Millisecond)))
	default:
		return false
	}
	return true
}

// Read gives the data register.
func (c *BH1750) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	for i := range r {
		r[i] = byte(c.data >> (8 * (1 - i%2)))
	}
	return true
}

package sim

import (
	"math"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

func init() {
	registerSPI("max31865", func() SPIChip {
		// About 55 to 66 °C of a Pt100.
		return &MAX31865{Reference: 430, Ohms: func(now time.Time) float64 { return wave(now, 123, 2) }}
	})
}

// MAX31865 is a converter for platinum resistors as its datasheet describes it (Maxim, 19-6478, tables 1 to 7).
type MAX31865 struct {
	Reference float64                     // Ω on its board
	Ohms      func(now time.Time) float64 // between its inputs; infinite = open
	Broken    byte                        // what a detection of faults finds, as bits 5 to 3 of its register

	on     bool
	regs   [8]byte
	biased time.Time // since when current flows
	done   time.Time // when a conversion is
}

func (c *MAX31865) PowerOff() { c.on = false }

func (c *MAX31865) Speaks() (physic.Frequency, []spi.Mode) {
	return 5 * physic.MegaHertz, []spi.Mode{spi.Mode1, spi.Mode3}
}

// Transfer takes a register's number and its bytes, going on with the next register.
func (c *MAX31865) Transfer(now time.Time, w, r []byte) {
	if !c.on {
		*c = MAX31865{Reference: c.Reference, Ohms: c.Ohms, Broken: c.Broken, on: true, regs: [8]byte{3: 0xFF, 4: 0xFF}}
	}
	c.settle(now)
	at := w[0] & 0x7F
	for i := 1; i < len(w); i++ {
		switch {
		case int(at) >= len(c.regs):
			r[i] = 0xFF
		case w[0]&0x80 == 0:
			r[i] = c.regs[at]
		case at == 0:
			c.configure(now, w[i])
		case at >= 3 && at <= 6:
			c.regs[at] = w[i]
		}
		at++
	}
}

func (c *MAX31865) configure(now time.Time, v byte) {
	if v&0x80 == 0 {
		c.biased = time.Time{}
	} else if c.biased.IsZero() {
		c.biased = now
	}
	if v&0x02 != 0 {
		c.regs[7] = 0
		c.regs[2] &^= 1
	}
	if v&0x0C == 0x04 { // automatic detection of faults, done by the next transfer
		c.regs[7] |= c.Broken & 0x38
	}
	if v&0x20 != 0 {
		c.done = now.Add(55 * time.Millisecond)
		if v&0x01 != 0 {
			c.done = now.Add(66 * time.Millisecond)
		}
	}
	c.regs[0] = v &^ 0x2E
}

// settle ends a conversion whose time has come.
func (c *MAX31865) settle(now time.Time) {
	if c.done.IsZero() {
		return
	}
	if now.Before(c.done) {
		c.regs[0] |= 0x20
		return
	}
	c.regs[0] &^= 0x20
	code := 0.0
	if began := c.done.Add(-67 * time.Millisecond); !c.biased.IsZero() && began.Sub(c.biased) > 5*time.Millisecond {
		code = math.Round(c.Ohms(now) / c.Reference * 32768)
	}
	c.done = time.Time{}
	n := uint16(min(max(code, 0), 32767)) << 1
	if high := uint16(c.regs[3])<<8 | uint16(c.regs[4]); n >= high&^1 {
		c.regs[7] |= 0x80
	}
	if low := uint16(c.regs[5])<<8 | uint16(c.regs[6]); n <= low&^1 {
		c.regs[7] |= 0x40
	}
	if c.regs[7] != 0 {
		n |= 1
	}
	c.regs[1], c.regs[2] = byte(n>>8), byte(n)
}

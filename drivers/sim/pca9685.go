package sim

import "time"

func init() {
	var all []uint16
	for a := uint16(0x40); a < 0x78; a++ {
		if a != 0x70 { // at which all of them answer
			all = append(all, a)
		}
	}
	register("pca9685", all, func(uint16) Chip { return new(PCA9685) })
}

// PCA9685 is a chip for pulses as its datasheet describes it (NXP, revision 4, table 4).
type PCA9685 struct {
	on      bool
	pointer byte
	regs    [256]byte
	woke    time.Time
	halted  bool // pulses stopped with sleep, and were not restarted
}

func (c *PCA9685) PowerOff() { c.on = false }

func (c *PCA9685) powerOn() {
	if c.on {
		return
	}
	*c = PCA9685{on: true}
	copy(c.regs[:], []byte{0x11, 0x04, 0xE2, 0xE4, 0xE8, 0xE0})
	for i := range 16 {
		c.regs[0x09+4*i] = 0x10
	}
	c.regs[0xFE] = 0x1E
}

// Duty is how much of the time an output is on, 0 to 1, and Frequency the pulses a second.
func (c *PCA9685) Duty(output int) float64 {
	c.powerOn()
	r := c.regs[0x06+4*output:]
	on, off := int(r[0])|int(r[1])<<8, int(r[2])|int(r[3])<<8
	switch {
	case off&0x1000 != 0, c.regs[0]&0x10 != 0 || c.halted:
		return 0
	case on&0x1000 != 0:
		return 1
	}
	return float64((off-on+4096)%4096) / 4096
}

// Frequency is how many pulses a second there are.
func (c *PCA9685) Frequency() float64 { return 25e6 / 4096 / (float64(c.regs[0xFE]) + 1) }

func (c *PCA9685) Write(now time.Time, w []byte) bool {
	c.powerOn()
	c.pointer = w[0]
	for _, v := range w[1:] {
		c.set(now, v)
		c.next()
	}
	return true
}

// next counts up if the mode says so.
func (c *PCA9685) next() {
	if c.regs[0]&0x20 != 0 {
		c.pointer++
	}
}

func (c *PCA9685) set(now time.Time, v byte) {
	was := c.regs[0]
	switch reg := c.pointer; {
	case reg == 0:
		keep := was & 0x80
		switch {
		case v&0x10 != 0 && was&0x10 == 0: // goes to sleep with pulses on
			keep, c.halted = 0x80, true
		case v&0x10 == 0 && was&0x10 != 0:
			c.woke = now
		case v&0x80 != 0 && was&0x80 != 0 && now.Sub(c.woke) >= 500*time.Microsecond:
			keep, c.halted = 0, false
		}
		c.regs[0] = v&0x7F | keep
	case reg == 0xFE:
		if was&0x10 != 0 {
			c.regs[0xFE] = max(v, 3)
		}
	case reg >= 0x06 && reg <= 0x45:
		c.regs[reg] = v
		if reg%4 == 1 { // the last register of an output: a write of it begins with it anew
			c.halted = false
		}
	case reg < 0x06:
		c.regs[reg] = v
	}
}

func (c *PCA9685) Read(_ time.Time, r []byte) bool {
	c.powerOn()
	for i := range r {
		r[i] = c.regs[c.pointer]
		c.next()
	}
	return true
}

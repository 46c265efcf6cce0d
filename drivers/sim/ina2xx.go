package sim

import (
	"math"
	"time"
)

func init() {
	var all []uint16
	for a := uint16(0x40); a <= 0x4F; a++ {
		all = append(all, a)
	}
	load := func(now time.Time) (volts, amps float64) { return wave(now, 12.4, 0.6), wave(now, 0.3, 0.25) }
	register("ina219", all, func(uint16) Chip { return &INA219{Ohms: 0.1, Load: load} })
	register("ina226", all, func(uint16) Chip { return &INA226{Ohms: 0.1, Load: load} })
}

// INA219 is a power monitor as its datasheet describes it (Texas Instruments, SBOS448G, section 8.6).
type INA219 struct {
	Ohms float64                                   // its shunt
	Load func(now time.Time) (volts, amps float64) // what it sees

	words
	done time.Time // when the measurement that goes on is
}

func (c *INA219) PowerOff() { c.words, c.done = words{}, time.Time{} }

func (c *INA219) powerOn() {
	if c.regs == nil {
		c.words = words{set: c.set, regs: map[byte]uint16{0: 0x399F}}
	}
}

// Write sets the pointer or a register.
func (c *INA219) Write(now time.Time, w []byte) bool {
	c.powerOn()
	return c.write(now, w)
}

// set writes a register. A write of the configuration starts a measurement.
func (c *INA219) set(now time.Time, reg byte, word uint16) {
	switch {
	case reg == 0 && word&0x8000 != 0:
		c.PowerOff()
		c.powerOn()
	case reg == 0:
		c.regs[0] = word
		c.regs[2] &^= 2
		long := 0.0
		if word&1 != 0 {
			long += ina219Time(word >> 3)
		}
		if word&2 != 0 {
			long += ina219Time(word >> 7)
		}
		c.done = now.Add(time.Duration(long * 1.1e6))
	case reg == 5:
		c.regs[5] = word &^ 1
	}
}

// ina219Time is how long a conversion takes in ms (table 5).
func ina219Time(setting uint16) float64 {
	if setting&8 == 0 {
		return []float64{0.084, 0.148, 0.276, 0.532}[setting&3]
	}
	return 0.532 * float64(uint(1)<<(setting&7))
}

// settle ends a measurement whose time has come. In continuous mode there always is a fresh one.
func (c *INA219) settle(now time.Time) {
	config := c.regs[0]
	if config&7 == 0 || config&7 == 4 || now.Before(c.done) || c.done.IsZero() && config&4 == 0 {
		return
	}
	c.done = time.Time{}
	volts, amps := c.Load(now)
	limit := float64(int(4000) << (config >> 11 & 3)) // steps of 10 µV
	shunt := min(max(math.Round(amps*c.Ohms/10e-6), -limit), limit)
	c.regs[1] = uint16(int16(shunt))
	bus := uint16(min(max(math.Round(volts/4e-3), 0), 8191))
	flags := uint16(2)
	current := shunt * float64(c.regs[5]) / 4096
	if math.Abs(current) > 32767 {
		flags |= 1
	}
	c.regs[2] = bus<<3 | flags
	c.regs[3] = uint16(math.Abs(current) * float64(bus) / 5000)
	c.regs[4] = uint16(int16(min(max(current, -32768), 32767)))
}

func (c *INA219) Read(now time.Time, r []byte) bool {
	c.powerOn()
	c.settle(now)
	c.read(r)
	return true
}

// INA226 is a power monitor as its datasheet describes it (Texas Instruments, SBOS547A, section 7.6).
type INA226 struct {
	Ohms float64                                   // its shunt
	Load func(now time.Time) (volts, amps float64) // what it sees

	words
	done time.Time // when the measurement that goes on is
}

func (c *INA226) PowerOff() { c.words, c.done = words{}, time.Time{} }

func (c *INA226) powerOn() {
	if c.regs == nil {
		c.words = words{set: c.set, regs: map[byte]uint16{0: 0x4127, 0xFE: 0x5449, 0xFF: 0x2260}}
	}
}

// Write sets the pointer or a register.
func (c *INA226) Write(now time.Time, w []byte) bool {
	c.powerOn()
	return c.write(now, w)
}

// set writes a register. A write of the configuration starts a measurement.
func (c *INA226) set(now time.Time, reg byte, word uint16) {
	switch {
	case reg == 0 && word&0x8000 != 0:
		c.PowerOff()
		c.powerOn()
	case reg == 0:
		c.regs[0] = word&0x7FFF | 0x4000
		c.regs[6] &^= 8
		mean := []float64{1, 4, 16, 64, 128, 256, 512, 1024}[word>>9&7]
		long := 0.0
		for i, on := range []uint16{word & 1, word >> 1 & 1} {
			if on == 1 { // the longest times of the electrical characteristics, in ms
				long += mean * []float64{0.154, 0.224, 0.365, 0.646, 1.21, 2.328, 4.572, 9.068}[word>>(3+3*i)&7]
			}
		}
		c.done = now.Add(time.Duration(long * 1e6))
	case reg == 5 || reg == 7:
		c.regs[reg] = word
	}
}

// settle ends a measurement whose time has come.
func (c *INA226) settle(now time.Time) {
	config := c.regs[0]
	if config&3 == 0 || now.Before(c.done) || c.done.IsZero() && config&4 == 0 {
		return
	}
	c.done = time.Time{}
	volts, amps := c.Load(now)
	shunt := min(max(math.Round(amps*c.Ohms/2.5e-6), -32768), 32767)
	c.regs[1] = uint16(int16(shunt))
	c.regs[2] = uint16(min(max(math.Round(volts/1.25e-3), 0), 32767))
	flags := uint16(8)
	current := shunt * float64(c.regs[5]) / 2048
	if math.Abs(current) > 32767 {
		flags |= 4
	}
	c.regs[4] = uint16(int16(min(max(current, -32768), 32767)))
	c.regs[3] = uint16(math.Abs(current) * float64(c.regs[2]) / 20000)
	c.regs[6] = c.regs[6]&^0xC | flags
}

// Read gives the register at the pointer; reading the flags takes the one for a finished measurement back.
func (c *INA226) Read(now time.Time, r []byte) bool {
	c.powerOn()
	c.settle(now)
	c.read(r)
	if c.at == 6 {
		c.regs[6] &^= 8
	}
	return true
}

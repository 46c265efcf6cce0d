package sim

import (
	"math"
	"time"
)

func init() {
	register("tmp102", []uint16{0x48, 0x49, 0x4A, 0x4B}, func(uint16) Chip { return NewTMP102(Swing(21, 3)) })
	register("lm75", []uint16{0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}, func(uint16) Chip { return NewLM75(Swing(21, 3), 9) })
}

// TMP102 is a Texas Instruments TMP102 as its data sheet describes it (SBOS397), seen from the bus. After a
// start its temperature is 0 °C until the first conversion is done.
type TMP102 struct {
	Temperature Signal // °C

	words
	busy bool
	done time.Time // of the running conversion
}

// NewTMP102 makes one.
func NewTMP102(temperature Signal) *TMP102 {
	c := &TMP102{Temperature: temperature}
	c.PowerOff()
	return c
}

// tmp102Conversion is the longest time of a conversion.
const tmp102Conversion = 35 * time.Millisecond

// PowerOff sets the registers to what they are after a start: continuous conversion, four a second.
func (c *TMP102) PowerOff() {
	c.busy, c.done = true, time.Time{}
	c.words = words{set: c.set, regs: map[byte]uint16{1: 0x60A0, 2: 0x4B00, 3: 0x5000}}
}

func (c *TMP102) set(now time.Time, reg byte, v uint16) {
	switch reg {
	case 1:
		c.regs[1] = v&0x1FD0 | 0x6000 | c.regs[1]&0x0020
		if once := v&0x8000 != 0 && v&0x0100 != 0; once || v&0x0100 == 0 {
			c.busy, c.done = true, now.Add(tmp102Conversion)
		}
	case 2, 3:
		c.regs[reg] = v & 0xFFF0
	}
}

func (c *TMP102) catchUp(now time.Time) {
	if c.done.IsZero() {
		c.done = now.Add(tmp102Conversion)
	}
	down := c.regs[1]&0x0100 != 0
	if c.busy && !now.Before(c.done) {
		c.regs[0] = uint16(int16(math.Round(16*c.Temperature(now)))) << 4
		c.busy = !down
		if !down {
			c.done = now.Add(250 * time.Millisecond)
		}
	}
	if c.regs[1] &^= 0x8000; down && !c.busy {
		c.regs[1] |= 0x8000 // a one-shot conversion is done
	}
}

// Write takes a pointer, and a value.
func (c *TMP102) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	return c.write(now, w)
}

// Read gives the register that was pointed to.
func (c *TMP102) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	c.read(r)
	return true
}

// LM75 is an LM75 or one of its kin, seen from the bus: those with 9 and 11 bits as the data sheets of the LM75 and the
// LM75B have them, that with 12 bits as a TMP75, which starts with 9 and is set. After a start its temperature is 0 °C
// until the first conversion is done.
type LM75 struct {
	Temperature Signal // °C
	Bits        int    // the most it has

	at     byte
	config byte
	limits [2]uint16
	value  uint16
	done   time.Time // of the running conversion
}

// NewLM75 makes one.
func NewLM75(temperature Signal, bits int) *LM75 {
	c := &LM75{Temperature: temperature, Bits: bits}
	c.PowerOff()
	return c
}

// PowerOff sets the registers to what they are after a start.
func (c *LM75) PowerOff() {
	c.at, c.config, c.limits, c.value, c.done = 0, 0, [2]uint16{0x4B00, 0x5000}, 0, time.Time{}
}

// lm75Conversion is the longest time of a conversion of the LM75; a TMP75 with 12 bits has the same.
const lm75Conversion = 300 * time.Millisecond

func (c *LM75) catchUp(now time.Time) {
	if c.done.IsZero() {
		c.done = now.Add(lm75Conversion)
	}
	if now.Before(c.done) || c.config&1 != 0 {
		return
	}
	bits := c.Bits
	if bits == 12 {
		bits = 9 + int(c.config>>5&3)
	}
	step := math.Exp2(float64(9-bits)) / 2
	c.value = uint16(int16(math.Floor(c.Temperature(now)/step) * step * 256))
	c.done = now.Add(lm75Conversion)
}

// Write takes a pointer, and a value.
func (c *LM75) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	if len(w) == 0 {
		return true
	}
	switch c.at = w[0] & 3; {
	case c.at == 1 && len(w) > 1:
		if c.config = w[1] & 0x7F; c.Bits < 12 {
			c.config &= 0x1F
		}
	case c.at > 1 && len(w) > 2:
		c.limits[c.at-2] = uint16(w[1])<<8 | uint16(w[2])
	}
	return true
}

// Read gives the register that was pointed to.
func (c *LM75) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	for i := range r {
		v := c.value
		switch {
		case c.at == 1:
			r[i] = c.config
			continue
		case c.at > 1:
			v = c.limits[c.at-2]
		}
		r[i] = byte(v >> (8 * (1 - i%2)))
	}
	return true
}

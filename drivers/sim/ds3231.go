package sim

import (
	"math"
	"time"
)

func init() {
	register("ds3231", []uint16{0x68}, func(uint16) Chip {
		return &DS3231{Celsius: func(now time.Time) float64 { return wave(now, 24, 3) }}
	})
}

// DS3231 is a clock as its datasheet describes it (Maxim, 19-5170, figure 1). It is set to the time of the machine and
// has a battery.
type DS3231 struct {
	Celsius func(now time.Time) float64 // of the chip
	Behind  time.Duration               // how far it is behind the machine's time
	Twelve  bool                        // it counts hours to twelve
	Stopped bool                        // its battery was empty

	pointer int
	regs    [0x13]byte
}

func (c *DS3231) PowerOff() {}

// Write sets the pointer and the registers from there on.
func (c *DS3231) Write(now time.Time, w []byte) bool {
	if int(w[0]) >= len(c.regs) {
		return false
	}
	c.pointer = int(w[0])
	c.show(now)
	for _, b := range w[1:] {
		if c.pointer == 0x0F && b&0x80 == 0 {
			c.Stopped = false
		}
		c.regs[c.pointer] = b
		c.pointer = (c.pointer + 1) % len(c.regs)
	}
	return true
}

// show copies time and temperature into the registers.
func (c *DS3231) show(now time.Time) {
	bcd := func(n int) byte { return byte(n + n/10*6) }
	t := now.Add(-c.Behind).UTC()
	c.regs[0], c.regs[1], c.regs[2] = bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour())
	if c.Twelve {
		c.regs[2] = 0x40 | bcd((t.Hour()+11)%12+1)
		if t.Hour() >= 12 {
			c.regs[2] |= 0x20
		}
	}
	c.regs[3], c.regs[4], c.regs[5], c.regs[6] = byte(t.Weekday())+1, bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year()%100)
	if t.Year() >= 2100 {
		c.regs[5] |= 0x80
	}
	c.regs[0x0F] = c.regs[0x0F]&^0x80 | map[bool]byte{true: 0x80}[c.Stopped]
	quarters := int16(math.Round(c.Celsius(now) * 4))
	c.regs[0x11], c.regs[0x12] = byte(quarters>>2), byte(quarters<<6)
}

func (c *DS3231) Read(now time.Time, r []byte) bool {
	c.show(now)
	for i := range r {
		r[i] = c.regs[c.pointer]
		c.pointer = (c.pointer + 1) % len(c.regs)
	}
	return true
}

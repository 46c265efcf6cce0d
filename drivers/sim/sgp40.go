package sim

import (
	"math"
	"time"
)

func init() {
	register("sgp40", []uint16{0x59}, func(uint16) Chip { return NewSGP40(Swing(30_000, 1500)) })
}

// SGP40 is a Sensirion SGP40 as its data sheet describes it (section 4), seen from the bus.
type SGP40 struct {
	VOC    Signal // ticks, at 25 °C and 50 %
	Broken bool   // its self test fails

	once
}

// NewSGP40 makes one.
func NewSGP40(voc Signal) *SGP40 { return &SGP40{VOC: voc} }

// PowerOff has it forget what it was asked.
func (c *SGP40) PowerOff() { c.once = once{} }

// Write takes a command, that of a measurement with humidity and temperature behind it.
func (c *SGP40) Write(now time.Time, w []byte) bool {
	if now.Before(c.busyUntil) || len(w) < 2 {
		return false
	}
	c.answer = nil
	switch cmd := uint16(w[0])<<8 | uint16(w[1]); {
	case cmd == 0x260F && len(w) == 8: // sgp40_measure_raw_signal
		rh, t := uint16(w[2])<<8|uint16(w[3]), uint16(w[5])<<8|uint16(w[6])
		if checksum(rh) != w[4] || checksum(t) != w[7] {
			return false
		}
		// In wetter air the raw signal is less; told of it, the chip puts that right. How much is of no matter here, and
		// by the words for 25 °C and 50 % nothing.
		v := c.VOC(now) + 0.02*(float64(rh)-0x8000) + 0.01*(float64(t)-0x6666)
		c.answer = word(uint16(math.Round(v)))
		c.busyUntil = now.Add(30 * time.Millisecond)
	case cmd == 0x260F:
		return true // not all of it came
	case cmd == 0x280E: // sgp40_execute_self_test
		c.answer = word(0xD400)
		if c.Broken {
			c.answer = word(0x4B00)
		}
		c.busyUntil = now.Add(320 * time.Millisecond)
	case cmd == 0x3682: // sgp4x_get_serial_number
		c.answer = append(append(word(0x0000), word(0x0123)...), word(0x4567)...)
		c.busyUntil = now.Add(time.Millisecond)
	case cmd == 0x3615: // sgp4x_turn_heater_off
		c.busyUntil = now.Add(time.Millisecond)
	default:
		return false
	}
	return true
}

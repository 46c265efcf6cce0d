package sim

import "time"

func init() {
	register("sht3x", []uint16{0x44, 0x45}, func(uint16) Chip { return NewSHT3x(Swing(21, 3), Swing(45, 10)) })
}

// SHT3x is a Sensirion SHT30, SHT31 or SHT35 as its data sheet describes it (SHT3x-DIS, version 7), seen from the bus.
type SHT3x struct {
	Temperature, Humidity Signal // °C, %

	status uint16
	once
}

// NewSHT3x makes one.
func NewSHT3x(temperature, humidity Signal) *SHT3x {
	c := &SHT3x{Temperature: temperature, Humidity: humidity}
	c.PowerOff()
	return c
}

// PowerOff resets it. The status tells of that, and that an alert is pending.
func (c *SHT3x) PowerOff() { c.status, c.once = 0x8010, once{} }

// sht3xMeasure are the single shots without clock stretching and the longest times they take.
var sht3xMeasure = map[uint16]time.Duration{
	0x2400: 15500 * time.Microsecond,
	0x240B: 6500 * time.Microsecond,
	0x2416: 4500 * time.Microsecond,
}

// Write takes a command.
func (c *SHT3x) Write(now time.Time, w []byte) bool {
	if now.Before(c.busyUntil) || len(w) != 2 {
		return false
	}
	c.answer = nil
	cmd := uint16(w[0])<<8 | uint16(w[1])
	if wait, ok := sht3xMeasure[cmd]; ok {
		c.busyUntil = now.Add(wait)
		c.answer = append(word(ticks((c.Temperature(now)+45)/175)), word(ticks(c.Humidity(now)/100))...)
		return true
	}
	switch cmd {
	case 0x3093: // break
		c.busyUntil = now.Add(time.Millisecond)
	case 0x30A2: // soft reset
		c.PowerOff()
		c.busyUntil = now.Add(1500 * time.Microsecond)
	case 0x306D: // heater on
		c.status |= 1 << 13
	case 0x3066: // heater off
		c.status &^= 1 << 13
	case 0x3041: // clear status
		c.status &^= 0x8C13
	case 0xF32D:
		c.answer = word(c.status)
	default:
		return false
	}
	return true
}

package sim

import (
	"math"
	"time"
)

func init() {
	register("aht20", []uint16{0x38}, func(uint16) Chip { return NewAHT20(Swing(21, 3), Swing(45, 10)) })
}

// AHT20 is an ASAIR AHT20 as its data sheet describes it (section 5.4), seen from the bus. It comes up without its
// calibration, as the data sheet asks drivers to expect.
type AHT20 struct {
	Temperature, Humidity Signal // °C, %

	calibrated bool
	busyUntil  time.Time
	data       [5]byte
}

// NewAHT20 makes one.
func NewAHT20(temperature, humidity Signal) *AHT20 {
	return &AHT20{Temperature: temperature, Humidity: humidity}
}

// PowerOff has it forget its calibration and what it measured.
func (c *AHT20) PowerOff() { c.calibrated, c.busyUntil, c.data = false, time.Time{}, [5]byte{} }

// Write takes a command of three bytes, or a reset.
func (c *AHT20) Write(now time.Time, w []byte) bool {
	switch {
	case len(w) == 1 && w[0] == 0xBA:
		c.PowerOff()
	case len(w) == 3 && w[0] == 0xBE:
		c.calibrated = true
	case len(w) == 3 && w[0] == 0xAC && w[1] == 0x33 && w[2] == 0:
		c.busyUntil = now.Add(80 * time.Millisecond)
		rh := uint64(math.Round(c.Humidity(now) / 100 * (1 << 20)))
		t := uint64(math.Round((c.Temperature(now) + 50) / 200 * (1 << 20)))
		all := min(rh, 1<<20-1)<<20 | min(t, 1<<20-1)
		for i := range c.data {
			c.data[i] = byte(all >> (32 - 8*i))
		}
	default:
		return len(w) < 3
	}
	return true
}

// Read gives status, data and checksum.
func (c *AHT20) Read(now time.Time, r []byte) bool {
	a := append([]byte{0x10}, c.data[:]...)
	if c.calibrated {
		a[0] |= 1 << 3
	}
	if now.Before(c.busyUntil) {
		a[0] |= 1 << 7
	}
	a = append(a, aht20Sum(a))
	for i := copy(r, a); i < len(r); i++ {
		r[i] = 0xFF
	}
	return true
}

// aht20Sum is the remainder of the division of the bytes, the first eight bits inverted and eight zero bits behind, by
// x⁸+x⁵+x⁴+1.
func aht20Sum(p []byte) byte {
	rest := uint16(0)
	for i := range 8 * (len(p) + 1) {
		bit := uint16(0)
		if i/8 < len(p) {
			bit = uint16(p[i/8]>>(7-i%8)) & 1
		}
		if i < 8 {
			bit ^= 1
		}
		if rest = rest<<1 | bit; rest&0x100 != 0 {
			rest ^= 0x131
		}
	}
	return byte(rest)
}

package sim

import (
	"math"
	"time"
)

func init() {
	register("sht4x", []uint16{0x44, 0x45, 0x46}, func(addr uint16) Chip {
		return &sht4x{serial: uint32(addr), measure: func() (t, rh float64) {
			now := time.Now()
			return wave(now, 21, 3), wave(now, 45, 10)
		}}
	})
}

// sht4x is the chip as its datasheet describes it (Sensirion SHT4x, version 6, 2023), seen from the
// bus.
type sht4x struct {
	serial  uint32
	measure func() (t, rh float64)

	once
}

// Table 8, and the longest times of table 5: a chip as slow as it may be.
var measureTimes = map[byte]time.Duration{
	0xFD: 8300 * time.Microsecond, // high repeatability
	0xF6: 4500 * time.Microsecond, // medium
	0xE0: 1600 * time.Microsecond, // low
}

const (
	readSerial = 0x89
	softReset  = 0x94
	resetTime  = time.Millisecond
)

func (c *sht4x) PowerOff() { c.once = once{} }

// Write takes a command.
func (c *sht4x) Write(now time.Time, w []byte) bool {
	if now.Before(c.busyUntil) || len(w) != 1 {
		return false
	}
	if wait, ok := measureTimes[w[0]]; ok {
		t, rh := c.measure()
		c.busyUntil = now.Add(wait)
		c.answer = append(word(ticks((t+45)/175)), word(ticks((rh+6)/125))...)
		return true
	}
	switch w[0] {
	case readSerial:
		c.answer = append(word(uint16(c.serial>>16)), word(uint16(c.serial))...)
	case softReset:
		c.answer, c.busyUntil = nil, now.Add(resetTime)
	default:
		return false
	}
	return true
}

// ticks scales 0…1 to a word.
func ticks(part float64) uint16 {
	return uint16(math.Round(65535 * min(max(part, 0), 1)))
}

// word is a big-endian word with its checksum behind it.
func word(v uint16) []byte { return []byte{byte(v >> 8), byte(v), checksum(v)} }

// checksum is the remainder of a polynomial division: the word, its first eight bits inverted (the
// start value 0xFF), with eight zero bits behind, by x⁸+x⁵+x⁴+1.
func checksum(v uint16) byte {
	rest := uint32(v^0xFF00) << 8
	for bit := 23; bit >= 8; bit-- {
		if rest>>bit&1 == 1 {
			rest ^= 0x131 << (bit - 8)
		}
	}
	return byte(rest)
}

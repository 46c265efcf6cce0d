package sim

import (
	"encoding/binary"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

func init() {
	registerSPI("max31855", func() SPIChip {
		return &MAX31855{
			Tip:  func(now time.Time) float64 { return wave(now, 200, 50) },
			Chip: func(now time.Time) float64 { return wave(now, 28, 2) },
		}
	})
}

// MAX31855 is a thermocouple's converter as its datasheet describes it (Maxim, 19-5793, table 2).
type MAX31855 struct {
	Tip   func(now time.Time) float64 // °C as the chip reckons it
	Chip  func(now time.Time) float64 // °C
	Fault uint32                      // 1 = open, 2 = to ground, 4 = to the supply
}

func (c *MAX31855) PowerOff() {}

func (c *MAX31855) Speaks() (physic.Frequency, []spi.Mode) {
	return 5 * physic.MegaHertz, []spi.Mode{spi.Mode0}
}

func (c *MAX31855) Transfer(now time.Time, _, r []byte) {
	tip := int32(math.Round(c.Tip(now)*4)) & 0x3FFF
	chip := int32(math.Round(c.Chip(now)*16)) & 0xFFF
	word := uint32(tip)<<18 | uint32(chip)<<4 | c.Fault
	if c.Fault != 0 {
		word |= 1 << 16
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], word)
	copy(r, b[:])
}

// Package sensirion is for what Sensirion's sensors on an I²C bus have in common: commands of two bytes (of one in the
// SHT4x), and words of which each is followed by its checksum.
//
// Source: Sensirion, Datasheet SHT3x-DIS, version 7, sections 4.1 and 4.12; Datasheet SHT4x, version 6, section 4.4;
// Datasheet SCD4x, section 3; Datasheet SGP40, section 4.
package sensirion

import (
	"context"
	"encoding/binary"
	"time"

	"selvage/edge/device"
)

// Chip is one such sensor.
type Chip struct{ device.Chip }

// Command sends a command with its arguments.
func (c Chip) Command(ctx context.Context, cmd uint16, args ...uint16) error {
	w := binary.BigEndian.AppendUint16(nil, cmd)
	for _, a := range args {
		hi, lo := byte(a>>8), byte(a)
		w = append(w, hi, lo, CRC(hi, lo))
	}
	return c.Tx(ctx, w, nil)
}

// Words reads one word for each name. A name is what people are told came with a wrong checksum.
func (c Chip) Words(ctx context.Context, names ...string) ([]uint16, error) {
	r := make([]byte, 3*len(names))
	if err := c.Read(ctx, nil, r); err != nil {
		return nil, err
	}
	words, bad := Decode(r)
	if bad >= 0 {
		return nil, c.Garbled(names[bad])
	}
	return words, nil
}

// Ask sends a command without arguments, gives the chip time and reads the words it answers with.
func (c Chip) Ask(ctx context.Context, cmd uint16, pause time.Duration, names ...string) ([]uint16, error) {
	if err := c.Command(ctx, cmd); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, pause); err != nil {
		return nil, err
	}
	return c.Words(ctx, names...)
}

// Decode takes the words out of groups of three bytes. bad is the first word whose checksum is wrong, -1 for none.
func Decode(b []byte) (words []uint16, bad int) {
	for i := 0; i+3 <= len(b); i += 3 {
		if CRC(b[i], b[i+1]) != b[i+2] {
			return nil, i / 3
		}
		words = append(words, binary.BigEndian.Uint16(b[i:]))
	}
	return words, -1
}

// CRC is the checksum of a word: polynomial 0x31, start 0xFF, not reflected.
func CRC(hi, lo byte) byte {
	c := byte(0xFF)
	for _, b := range [2]byte{hi, lo} {
		c ^= b
		for range 8 {
			if c&0x80 != 0 {
				c = c<<1 ^ 0x31
			} else {
				c <<= 1
			}
		}
	}
	return c
}

// Celsius is what a word of temperature stands for in the SHT3x, the SCD4x and the SGP40.
func Celsius(ticks uint16) float64 { return -45 + 175*float64(ticks)/65535 }

// Percent is what a word of relative humidity stands for in the same.
func Percent(ticks uint16) float64 { return 100 * float64(ticks) / 65535 }

package sensirion

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// Words with their checksums as data sheets print them: SHT3x section 4.12 and SHT4x section 4.4; SGP40, table of the ticks of temperature and
// humidity; SCD4x, examples of read_measurement and get_serial_number.
var published = [][3]byte{
	{0xBE, 0xEF, 0x92},
	{0x80, 0x00, 0xA2}, {0x66, 0x66, 0x93}, {0x00, 0x00, 0x81}, {0xFF, 0xFF, 0xAC},
	{0x01, 0xF4, 0x33}, {0x66, 0x67, 0xA2}, {0x5E, 0xB9, 0x3C},
	{0xF8, 0x96, 0x31}, {0x9F, 0x07, 0xC2}, {0x3B, 0xBE, 0x89},
}

func TestCRC(t *testing.T) {
	for _, w := range published {
		if got := CRC(w[0], w[1]); got != w[2] {
			t.Errorf("CRC(0x%02X, 0x%02X) = 0x%02X, want 0x%02X", w[0], w[1], got, w[2])
		}
	}
}

// The same tables say what the words stand for.
func TestConversion(t *testing.T) {
	for _, c := range []struct {
		ticks            uint16
		celsius, percent float64
	}{
		{0x6666, 25, math.NaN()}, {0x8000, math.NaN(), 50}, {0, -45, 0}, {0xFFFF, 130, 100},
		{0x6667, 25, math.NaN()}, {0x5EB9, math.NaN(), 37},
	} {
		if got := Celsius(c.ticks); math.Abs(got-c.celsius) > 0.005 {
			t.Errorf("Celsius(0x%04X) = %v, want %v", c.ticks, got, c.celsius)
		}
		if got := Percent(c.ticks); math.Abs(got-c.percent) > 0.005 {
			t.Errorf("Percent(0x%04X) = %v, want %v", c.ticks, got, c.percent)
		}
	}
}

func TestDecode(t *testing.T) {
	words, bad := Decode([]byte{0xBE, 0xEF, 0x92, 0x80, 0x00, 0xA2})
	if fmt.Sprint(words, bad) != fmt.Sprint([]uint16{0xBEEF, 0x8000}, -1) {
		t.Errorf("two words: %x, %d", words, bad)
	}
	if words, bad = Decode([]byte{0xBE, 0xEF, 0x92, 0x80, 0x01, 0xA2}); words != nil || bad != 1 {
		t.Errorf("a wrong second word: %x, %d", words, bad)
	}
}

func FuzzDecode(f *testing.F) {
	for _, w := range published {
		f.Add(w[:])
	}
	f.Add([]byte{0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C})
	f.Fuzz(func(t *testing.T, b []byte) {
		words, bad := Decode(b)
		if bad >= 0 {
			if words != nil || bad >= len(b)/3 {
				t.Errorf("% x: word %d of %d is bad, and %x came", b, bad, len(b)/3, words)
			}
			return
		}
		var again []byte
		for _, w := range words {
			again = binary.BigEndian.AppendUint16(again, w)
			again = append(again, CRC(byte(w>>8), byte(w)))
		}
		if !bytes.Equal(again, b[:len(b)/3*3]) {
			t.Errorf("% x became % x", b, again)
		}
	})
}

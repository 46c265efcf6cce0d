// Package size reads and writes sizes of data as people do: 64kB, 2GB.
package size

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes, written as "64kB", "1.5 MB" or "2GB": thousands, as on a disk's label.
type Bytes int64

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := string(text), float64(1)
	for _, u := range []struct {
		name string
		size float64
	}{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}} { // last, as the others end with it
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0 && f*unit < math.MaxInt64) {
		return fmt.Errorf(`want a size such as "64kB", "1MB" or "2GB", got %q`, text)
	}
	*b = Bytes(f * unit)
	return nil
}

// String writes a size for people: with two digits or three, so that a rate does not read differently each minute.
func (b Bytes) String() string {
	f := float64(b)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if f < 999.5 {
			return short(f) + " " + unit
		}
		f /= 1e3
	}
	return short(f) + " TB"
}

func short(f float64) string {
	digits := 0
	if f < 9.95 {
		digits = 1
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', digits, 64), ".0")
}

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as "64kB", "1MB" or "2GB": thousands, as on a disk's label.
type Size int64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), float64(1)
	for _, u := range []struct {
		name string
		size float64
	}{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}} {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0 && f*unit < math.MaxInt64) {
		return fmt.Errorf(`want a size such as "64kB", "1MB" or "2GB", got %q`, text)
	}
	*s = Size(f * unit)
	return nil
}

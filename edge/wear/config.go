package wear

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Config is the table [wear].
type Config struct {
	_             struct{} `doc:"How long the card lasts at the rate this host writes, shown at /host/wear, and when that rate is too high."`
	Card          Size     `doc:"size of the card, as on its label" unset:"the size of the disk that holds the data folder" example:"32GB"`
	Rewrites      int      `doc:"how often each cell may be rewritten; an assumption, set it from the card's data sheet: 500 to 3000 is typical of consumer cards (TLC)"`
	Amplification float64  `doc:"bytes that the card writes to its cells for each byte this process writes; an assumption, 1 at best"`
	Budget        *Size    `doc:"bytes a day beyond which the condition wear.budget warns; \"0\" for never" unset:"what lets the card last 10 years" example:"2GB"`
}

// Defaults are what a table leaves out.
var Defaults = Config{Rewrites: 3000, Amplification: 4}

// Check finds what is wrong with the table's values.
func (c *Config) Check(fault func(key, problem, remedy string)) {
	if c.Card != 0 && c.Card < 1e6 {
		fault("card", fmt.Sprintf("card is the size of the whole card, got %d bytes", c.Card), `write what its label says, such as "32GB", or leave it out`)
	}
	if c.Rewrites < 1 {
		fault("rewrites", fmt.Sprintf("rewrites is at least 1, got %d", c.Rewrites), "write what the card's data sheet says, or leave it out for 3000")
	}
	if !(c.Amplification >= 1) {
		fault("amplification", fmt.Sprintf("amplification is at least 1, got %v", c.Amplification), "write 4, or leave it out")
	}
}

// Size is a number of bytes, written as "64kB", "1.5 MB" or "32GB", or with KiB, MiB, GiB and TiB for powers of 1,024.
type Size int64

var units = []struct {
	name string
	size float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, // last, as the others end with it
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), float64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0 && f*unit < math.MaxInt64) {
		return fmt.Errorf(`want a size such as "64kB", "512MiB" or "32GB", got %q`, text)
	}
	*s = Size(f * unit)
	return nil
}

// String writes a size for people: with two digits or three, so that a rate does not read differently each minute.
func (s Size) String() string {
	f := float64(s)
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

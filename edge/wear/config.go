package wear

import (
	"fmt"

	"selvage/edge/size"
)

// Config is the table [wear].
type Config struct {
	_             struct{}    `doc:"How long the card lasts at the rate this host writes, shown at /host/wear, and when that rate is too high."`
	Card          size.Bytes  `doc:"size of the card, as on its label" unset:"the size of the disk that holds the data folder" example:"32GB"`
	Rewrites      int         `doc:"how often each cell may be rewritten; an assumption, set it from the card's data sheet: 500 to 3000 is typical of consumer cards (TLC)"`
	Amplification float64     `doc:"bytes that the card writes to its cells for each byte it is given; an assumption, 1 at best"`
	Budget        *size.Bytes `doc:"bytes a day beyond which the condition wear.budget warns; \"0\" for never" unset:"what lets the card last 10 years" example:"2GB"`
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

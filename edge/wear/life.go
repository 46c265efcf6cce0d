package wear

import (
	"fmt"
	"math"
	"strconv"

	"selvage/edge/size"
)

// Days are a time to come.
type Days float64

const (
	year    = 365.25 // days
	longest = 100 * year
)

func (d Days) String() string {
	switch {
	case d < 1:
		return "less than a day"
	case d < 1.5:
		return "1 day"
	case d < 2*year:
		return strconv.FormatFloat(float64(d), 'f', 0, 64) + " days"
	case d < 10*year:
		return strconv.FormatFloat(float64(d)/year, 'f', 1, 64) + " years"
	case d < longest:
		return strconv.FormatFloat(math.Floor(float64(d)/year), 'f', 0, 64) + " years"
	}
	return "more than 100 years"
}

// Life is the value of the lane life: how long the card lasts, and what that rests on.
type Life struct {
	Text          string  `recon:"text"`
	By            string  `recon:"by"`             // whose count this goes by: "disk mmcblk0" or "process"
	Days          int64   `recon:"days,omitempty"` // rounded up, 100 years at most; 0 when it is not known, or over
	Used          float64 `recon:"used,omitempty"` // share of what the card bears that is in the lane total
	Card          int64   `recon:"card,omitempty"` // bytes
	Rewrites      int     `recon:"rewrites"`
	Amplification float64 `recon:"amplification"`
	Budget        int64   `recon:"budget,omitempty"` // bytes a day
}

// disk is what holds the data folder.
type disk struct {
	name string     // of its block device, "" if it has none
	size size.Bytes // 0 if it is not known
	why  string     // it is not
}

// terms are what a projection rests on.
type terms struct {
	Config
	by     string     // as in Life
	card   size.Bytes // 0 when it is not known
	why    string     // it is not
	budget size.Bytes // bytes a day, 0 for none
}

// process is the source of figures where the disk's own are not to be had.
const process = "process"

// wanted is the life, in days, that the budget allows for where the config gives none.
const wanted = 10 * year

func (c Config) terms(d disk, by string) terms {
	t := terms{Config: c, by: by, card: c.Card}
	if t.card == 0 {
		t.card, t.why = d.size, d.why
	}
	if c.Budget != nil {
		t.budget = *c.Budget
	} else {
		t.budget = size.Bytes(min(t.bears()/wanted, math.MaxInt64/2))
	}
	return t
}

// bears returns how many bytes can be written to the card before its cells are worn out.
func (t terms) bears() float64 {
	return float64(t.card) * float64(t.Rewrites) / t.Amplification
}

// days projects how long the card lasts, after total bytes, with so many more each day. It is not known
// without the card's size.
func (t terms) days(total, perDay int64) (d Days, known bool) {
	if t.card == 0 {
		return 0, false
	}
	left := max(0, t.bears()-float64(total))
	if left >= longest*float64(perDay) { // also when nothing is written
		return longest, true
	}
	return Days(left / float64(perDay)), true
}

// unknown is a life that cannot be projected.
func (t terms) unknown(why string) Life {
	return Life{Text: "not known: " + why, By: t.by, Card: int64(t.card), Rewrites: t.Rewrites, Amplification: t.Amplification, Budget: int64(t.budget)}
}

// life projects the card's life at the rate of the last day.
func (t terms) life(s Stats) Life {
	if t.card == 0 {
		return t.unknown(t.why)
	}
	l := t.unknown("it takes an hour of measuring")
	l.Used = max(0, float64(s.Total)) / t.bears()
	switch {
	case l.Used >= 1:
		l.Text = fmt.Sprintf("over, by these figures: %v were written, a card of %v bears %v; %s", size.Bytes(s.Total), t.card, size.Bytes(t.bears()), t.assumed())
	case s.Rate.counts():
		d, _ := t.days(s.Total, s.Rate.Day)
		l.Days = int64(math.Ceil(float64(d)))
		l.Text = fmt.Sprintf("%v, at %v a day %s to a card of %v; %s", d, size.Bytes(s.Rate.Day), t.writers(), t.card, t.assumed())
	}
	return l
}

// writers says whose bytes are counted.
func (t terms) writers() string {
	if t.by == process {
		return "from this process"
	}
	return "from all that writes"
}

// assumed says which of the figures are not measured.
func (t terms) assumed() string {
	return fmt.Sprintf("assumed: cells bear %d rewrites, and %v bytes of them are written for each", t.Rewrites, t.Amplification)
}

package wear

import (
	"fmt"
	"math"
	"strconv"
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
	Days          int64   `recon:"days,omitempty"` // rounded up, 100 years at most; 0 when it is not known, or over
	Used          float64 `recon:"used,omitempty"` // share of what the card bears that this host has written
	Card          int64   `recon:"card,omitempty"` // bytes
	Rewrites      int     `recon:"rewrites"`
	Amplification float64 `recon:"amplification"`
	Budget        int64   `recon:"budget,omitempty"` // bytes a day
}

// disk is what holds the data folder.
type disk struct {
	name string // of its block device, "" if it has none
	size Size   // 0 if it is not known
	why  string // it is not
}

// terms are what a projection rests on.
type terms struct {
	Config
	card   Size   // 0 when it is not known
	why    string // it is not
	budget Size   // bytes a day, 0 for none
}

// wanted is the life, in days, that the budget allows for where the config gives none.
const wanted = 10 * year

func (c Config) terms(d disk) terms {
	t := terms{Config: c, card: c.Card}
	if t.card == 0 {
		t.card, t.why = d.size, d.why
	}
	if c.Budget != nil {
		t.budget = *c.Budget
	} else {
		t.budget = Size(min(t.bears()/wanted, math.MaxInt64/2))
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
	return Life{Text: "not known: " + why, Card: int64(t.card), Rewrites: t.Rewrites, Amplification: t.Amplification, Budget: int64(t.budget)}
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
		l.Text = fmt.Sprintf("over, by these figures: %v were written, a card of %v bears %v", Size(s.Total), t.card, Size(t.bears()))
	case s.Rate.counts():
		d, _ := t.days(s.Total, s.Rate.Day)
		l.Days = int64(math.Ceil(float64(d)))
		l.Text = fmt.Sprintf("%v, at %v a day from this process to a card of %v", d, Size(s.Rate.Day), t.card)
		if s.Disk != nil {
			all, _ := t.days(s.Total, s.Disk.Day)
			l.Text += fmt.Sprintf("; %v, at %v a day from all that writes to it", all, Size(s.Disk.Day))
		}
	}
	return l
}

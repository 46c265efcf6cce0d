package device

import (
	"fmt"
	"math"
	"time"

	"selvage/edge/clock"
)

// Adjust is what people know better than a device about one of its channels: a table [device.NAME.adjust.CHANNEL].
type Adjust struct {
	Scale  *float64      `toml:"scale" doc:"what the device's number is multiplied by" unset:"1" example:"1.02"`
	Offset float64       `toml:"offset" doc:"what is added then, in the channel's unit" unset:"0" example:"-0.4"`
	Min    *float64      `toml:"min" doc:"the least that can be true where the device is, in the channel's unit; less is uncertain" example:"-30"`
	Max    *float64      `toml:"max" doc:"the greatest, in the channel's unit; more is uncertain" example:"60"`
	Rate   float64       `toml:"rate" doc:"the fastest change that can be true, in the channel's unit per second; what changed faster is uncertain" unset:"any" example:"0.5"`
	Stuck  time.Duration `toml:"stuck" doc:"how long exactly the same value can be true; after that it is uncertain" unset:"for ever" example:"6h"`
}

// Check names what cannot be meant.
func (a Adjust) Check(fault func(key, problem, remedy string)) {
	if a.Min != nil && a.Max != nil && *a.Min >= *a.Max {
		fault("max", fmt.Sprintf("no value is between a min of %s and a max of %s", formatNumber(*a.Min), formatNumber(*a.Max)), "write a max that is greater than min")
	}
	if a.Scale != nil && *a.Scale == 0 {
		fault("scale", "a scale of 0 makes every reading the same", "write 1, or leave it out")
	}
	if a.Rate < 0 {
		fault("rate", "a rate counts up and down alike, so it is not below 0", "write it without its sign, or leave it out for any")
	}
	if a.Stuck < 0 {
		fault("stuck", fmt.Sprintf("nothing lasts %v", a.Stuck), `write a duration such as "6h", or leave it out for ever`)
	}
}

// Calibration is what was found out about a channel by comparing it with something better: its value is multiplied by
// Scale, then Offset is added. The zero Calibration changes nothing, for a Scale of 0 stands for 1.
type Calibration struct{ Scale, Offset float64 }

func (c Calibration) scale() float64 {
	if c.Scale == 0 {
		return 1
	}
	return c.Scale
}

// Of returns the calibrated value.
func (c Calibration) Of(v float64) float64 { return v*c.scale() + c.Offset }

// Raw returns the value that Of makes v of.
func (c Calibration) Raw(v float64) float64 { return (v - c.Offset) / c.scale() }

// Judge makes the readings of one channel what is known to be better, and doubts what cannot be true. What the device
// or its driver doubts stays so, and what is bad stays bad.
type Judge struct {
	Adjust
	Calibration Calibration // on top of Adjust
	Channel     Channel     // as the device has it, once that is known

	good Reading // the last that was not doubted
	last spell   // of what the device gave
	same spell   // the last of it that was not doubted
}

// spell is a time in which a device gives the same.
type spell struct {
	reading Reading
	since   time.Time // by this process's clock
}

func (s spell) goesOn(r Reading) bool {
	return !s.since.IsZero() && r.Value == s.reading.Value && r.Text == s.reading.Text && r.Form == s.reading.Form
}

// Base is what Adjust makes of a value before it is calibrated.
func (j *Judge) Base() Calibration {
	c := Calibration{Offset: j.Offset}
	if j.Scale != nil {
		c.Scale = *j.Scale
	}
	return c
}

// Recall tells what the channel's last reading was before there was this Judge.
func (j *Judge) Recall(r Reading) {
	if r.Quality == Good && !r.IsZero() {
		j.good = r
	}
}

// Recalibrate takes another calibration. A change by it is none of the thing that is measured.
func (j *Judge) Recalibrate(c Calibration) {
	if j.good.Form == Number && !j.good.IsZero() {
		j.good.Value = c.Of(j.Calibration.Raw(j.good.Value))
	}
	j.Calibration = c
}

// Value returns what a number of the device's is.
func (j *Judge) Value(v float64) float64 {
	if is := j.Calibration.Of(j.Base().Of(v)); is != v {
		return j.Channel.round(is)
	}
	return v
}

// Of returns the reading that r, as the device gave it now, is.
func (j *Judge) Of(r Reading, now time.Time) Reading {
	if r.Bad() {
		return r
	}
	raw := r
	if r.Form == Number {
		r.Value = j.Value(r.Value)
	}
	if r.Quality == Good {
		r.Reason = j.doubt(r)
		if j.isStuck(raw, now, r.Reason != "") {
			r.Reason = "exactly the same for more than " + j.Stuck.String()
		}
		if r.Reason != "" {
			r.Quality = Uncertain
		}
	}
	if math.IsInf(r.Value, 0) || math.IsNaN(r.Value) { // of a driver's number at the end of what a float64 holds
		r.Value, r.Quality, r.Reason = 0, Bad, "not a number"
	}
	if r.Quality == Good {
		j.good = r
	}
	return r
}

// isStuck tells whether the device has been giving the same for too long. What is doubted anyway is not asked about, and
// a spike in between does not make what is the same before and after it any newer.
func (j *Judge) isStuck(r Reading, now time.Time, doubted bool) bool {
	if j.Stuck <= 0 {
		return false
	}
	if !j.last.goesOn(r) {
		j.last = spell{r, now}
	}
	if doubted {
		return false
	}
	if !j.same.goesOn(r) {
		j.same = j.last
	}
	return now.Sub(j.same.since) > j.Stuck
}

// doubt says why a number cannot be true, "" if it can.
func (j *Judge) doubt(r Reading) string {
	switch {
	case r.Form != Number:
	case j.Min != nil && r.Value < *j.Min:
		return "below " + formatValue(*j.Min, r.Unit) + ", the least that can be true here"
	case j.Max != nil && r.Value > *j.Max:
		return "above " + formatValue(*j.Max, r.Unit) + ", the greatest that can be true here"
	case j.Rate > 0 && !j.good.IsZero() && j.good.Unit == r.Unit:
		passed, ok := between(j.good.At, r.At)
		change := math.Abs(r.Value - j.good.Value)
		// The least step that the device can show is no change too fast, however soon it comes; a half more is for
		// what binary fractions make of it.
		if ok && change > math.Max(j.Rate*passed.Seconds(), 1.5*j.Channel.Resolution) {
			return fmt.Sprintf("changed by %s in %v, faster than can be true here", formatValue(change, r.Unit), passed.Round(time.Millisecond))
		}
	}
	return ""
}

// between returns the time from one stamp to a later one, if that is known.
func between(from, to clock.Stamp) (time.Duration, bool) {
	d := time.Duration(to.Wall - from.Wall)
	ok := from.Trusted && to.Trusted
	if from.Boot != "" && from.Boot == to.Boot {
		d, ok = to.Mono-from.Mono, true
	}
	return d, ok && d >= 0
}

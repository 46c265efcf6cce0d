// Package filter shows a lane of readings in another unit, smoother, or less often.
//
//	[agent."/room/air/calm"]
//	kind     = "filter"
//	from     = "/device/air"
//	lane     = "temperature"
//	unit     = "[degF]"      # 1. converted
//	smooth   = "30s"         # 2. smoothed, with this time constant
//	deadband = 0.2           # 3. shown only if it differs by that much from what is shown
//	every    = "10s"         # 4. and no more often than that; the newest is what is shown then
//	repeat   = "10m"         # shown after that long even if it does not differ
//
// It has one lane, named as the one it follows unless the key as says otherwise, and its readings are like
// those of a twin: whatever follows a twin may follow a filter. A reading that turns bad, or good again, is shown at once.
package filter

import (
	"fmt"
	"math"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
)

func init() { agent.Register("filter", Config{}, setup) }

// Config is one [agent."/…"] table of kind filter.
type Config struct {
	_        struct{}      `doc:"Shows a lane of readings in another unit, smoother, or less often." example:"/room/air/calm"`
	From     string        `toml:"from" doc:"node URI of the agent to follow" example:"/device/air"`
	Lane     string        `toml:"lane" doc:"its lane, of readings" example:"temperature"`
	As       string        `toml:"as" doc:"how the filter's own lane is named" default:"as the lane it follows"`
	Unit     string        `toml:"unit" doc:"UCUM unit to convert to" default:"the unit of the readings" example:"[degF]"`
	Smooth   time.Duration `toml:"smooth" doc:"time constant of smoothing: after that long, 63 % of a step is shown"`
	Deadband float64       `toml:"deadband" doc:"the least difference that is shown, in the unit that is shown"`
	Every    time.Duration `toml:"every" doc:"the least time between two readings that are shown"`
	Repeat   time.Duration `toml:"repeat" doc:"a reading is shown after that long, even if it does not differ; 0s for never"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	agent.CheckNodeAt(fault, "from", c.From, "to follow", "/device/air")
	if c.Lane == "" {
		fault("lane", "it is not said which lane to follow", `add one, such as lane = "temperature"`)
	}
	if c.Unit != "" && units[device.Unit(c.Unit)].of == "" {
		fault("unit", fmt.Sprintf("nothing is converted to %q", c.Unit), "there are "+knownUnits())
	}
	if !(c.Deadband >= 0 && c.Deadband < math.MaxFloat32) {
		fault("deadband", "a deadband is 0 or more", "0.2 is a common one for °C")
	}
	for key, d := range map[string]time.Duration{"smooth": c.Smooth, "every": c.Every, "repeat": c.Repeat} {
		if d < 0 {
			fault(key, key+" is a time of 0 or more", `such as "10s"`)
		}
	}
}

// filter is the state of one agent.
type filter struct {
	Config
	agent *agent.Agent
	out   *agent.ValueLane[device.Reading]

	smoothed float64
	last     device.Reading // smoothed from this one
	shown    clock.Stamp    // when something was shown, zero before the first since the start
	due      bool           // newest waits for the end of Every
	newest   device.Reading
}

func setup(a *agent.Agent, c Config) error {
	if c.As == "" {
		c.As = c.Lane
	}
	f := &filter{Config: c, agent: a, out: agent.Value(a, c.As, device.Reading{}).ReadOnly()}
	agent.Link(a, c.From, c.Lane, f.take)
	return nil
}

// take lets one reading through all stages.
func (f *filter) take(r device.Reading) {
	if r.IsZero() {
		return
	}
	if r.At.IsZero() {
		r.At = f.agent.Now()
	}
	r = f.smooth(convert(r, device.Unit(f.Unit)))
	f.newest = r
	if !f.due || f.turns() { // what is due is shown at the end of Every
		f.offer()
	}
}

// smooth is a first-order low pass whose steps are as long as the time between two readings.
func (f *filter) smooth(r device.Reading) device.Reading {
	if f.Smooth == 0 || r.Form != device.Number {
		return r
	}
	if r.Bad() || f.last.Bad() || f.last.Unit != r.Unit {
		f.smoothed = r.Value
	} else {
		f.smoothed += (r.Value - f.smoothed) * -math.Expm1(-float64(f.last.At.Age(r.At))/float64(f.Smooth))
	}
	f.last = r
	r.Value = f.smoothed
	return r
}

// offer shows the newest reading, now or when its time has come, unless it does not differ.
func (f *filter) offer() {
	first := f.shown.IsZero()
	age := f.shown.Age(f.agent.Now())
	switch {
	case first, f.turns(), f.Repeat > 0 && age >= f.Repeat:
	case !f.differs():
		return
	case age < f.Every:
		f.due = true
		f.agent.After(f.Every-age, func() {
			if f.due = false; f.newest != f.out.Get() {
				f.offer()
			}
		})
		return
	}
	f.out.Set(f.newest)
	f.shown = f.agent.Now()
}

// turns reports whether readings have turned bad, or good again.
func (f *filter) turns() bool { return f.newest.Bad() != f.out.Get().Bad() }

func (f *filter) differs() bool {
	was, now := f.out.Get(), f.newest
	if was.Form != device.Number || now.Form != device.Number || was.Unit != now.Unit || was.Quality != now.Quality || was.Bad() {
		return was.Value != now.Value || was.Text != now.Text || was.Unit != now.Unit || was.Quality != now.Quality || was.Reason != now.Reason
	}
	return f.Deadband == 0 || math.Abs(now.Value-was.Value) >= f.Deadband
}

// Package window shows statistics of a lane's readings over time.
//
//	[agent."/room/air/hour"]
//	kind  = "window"
//	from  = "/device/air"
//	lane  = "temperature"
//	over  = "1h"             # a tumbling window: each hour on its own
//	every = "5m"             # or a sliding one: every five minutes the hour before
//
// Its lanes mean, min, max, sum, deviation (the standard deviation of the population), and count are readings like
// those of a twin. They change at the end of each window, and each reading counts once, when it comes. Windows
// begin with the host, not with the clock's hours: a step of the clock stretches none.
//
// A window without readings shows bad ones. A sliding window that is not full yet, and one with an uncertain
// reading in it, shows uncertain ones. After a restart a window begins anew.
package window

import (
	"fmt"
	"math"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
)

func init() { agent.Register("window", Config{Over: time.Hour}, setup) }

// maxPanes bounds the memory of a sliding window: 64 bytes each.
const maxPanes = 10_000

// Config is one [agent."/…"] table of kind window.
type Config struct {
	_     struct{}      `doc:"Shows the mean, least, greatest and more of a lane's readings over time." example:"/room/air/hour"`
	From  string        `toml:"from" doc:"node URI of the agent to follow" example:"/device/air"`
	Lane  string        `toml:"lane" doc:"its lane, of readings" example:"temperature"`
	Over  time.Duration `toml:"over" doc:"the length of the window"`
	Every time.Duration `toml:"every" doc:"how often it is shown, a whole part of its length" default:"at its end"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	agent.CheckNodeAt(fault, "from", c.From, "to follow", "/device/air")
	if c.Lane == "" {
		fault("lane", "it is not said which lane to follow", `add one, such as lane = "temperature"`)
	}
	switch {
	case c.Over < time.Second:
		fault("over", "a window is a second or longer", `"1h" is a common one`)
	case c.Every == 0: // at the end
	case c.Every < time.Second || c.Over%c.Every != 0:
		fault("every", fmt.Sprintf("%v is no whole part of %v, or less than a second", c.Every, c.Over), fmt.Sprintf("%q would be", c.Over/10))
	case c.Over/c.Every > maxPanes:
		fault("every", fmt.Sprintf("a window of %d parts takes too much memory", c.Over/c.Every), fmt.Sprintf("%d are the most", maxPanes))
	}
}

// pane is the readings of a part of a window, in what is to be known of them.
type pane struct {
	count, min, max, mean float64
	m2                    float64 // the sum of squares of the differences from the mean
	doubt                 bool    // one of them is uncertain
}

// add takes in another pane, exactly as if its readings had come here (Chan, Golub and LeVeque 1979): sums of
// squares as such would lose the variance of large values.
func (p *pane) add(q pane) {
	switch {
	case q.count == 0:
		return
	case p.count == 0:
		*p = q
		return
	}
	n, d := p.count+q.count, q.mean-p.mean
	p.mean += d * q.count / n
	p.m2 += q.m2 + d*d*p.count*q.count/n
	p.count, p.min, p.max = n, math.Min(p.min, q.min), math.Max(p.max, q.max)
	p.doubt = p.doubt || q.doubt
}

func setup(a *agent.Agent, c Config) error {
	if c.Every == 0 {
		c.Every = c.Over
	}
	names := []string{"mean", "min", "max", "sum", "deviation", "count"}
	lanes := map[string]*agent.ValueLane[device.Reading]{}
	for _, name := range names {
		lanes[name] = agent.Value(a, name, device.Reading{}).ReadOnly()
	}
	var (
		now   pane   // since the last show
		panes []pane // those before it that are still in the window, the oldest first
		unit  device.Unit
	)
	agent.Link(a, c.From, c.Lane, func(r device.Reading) {
		if r.Bad() || r.Form != device.Number {
			return
		}
		if r.Unit != unit {
			now, panes, unit = pane{}, nil, r.Unit
		}
		now.add(pane{count: 1, min: r.Value, max: r.Value, mean: r.Value, doubt: r.Quality != device.Good})
	})
	full := int(c.Over / c.Every)
	a.Every(c.Every, func() {
		panes = append(panes, now)
		if len(panes) > full {
			panes = panes[1:]
		}
		var all pane
		for _, p := range panes {
			all.add(p)
		}
		now = pane{}
		r := device.Reading{Unit: unit, At: a.Now()}
		switch covered := time.Duration(len(panes)) * c.Every; {
		case all.count == 0:
			r.Quality, r.Reason = device.Bad, fmt.Sprintf("no reading in %v", covered)
		case len(panes) < full:
			r.Quality, r.Reason = device.Uncertain, fmt.Sprintf("%v of %v so far", covered, c.Over)
		case all.doubt:
			r.Quality, r.Reason = device.Uncertain, "a reading in it is uncertain"
		}
		values := []float64{all.mean, all.min, all.max, all.mean * all.count, math.Sqrt(all.m2 / max(all.count, 1)), all.count}
		for i, name := range names {
			if r.Value = values[i]; name == "count" {
				r.Unit = "1"
				if r.Bad() {
					r.Quality, r.Reason = device.Good, ""
				}
			}
			lanes[name].Set(r)
		}
	})
	return nil
}

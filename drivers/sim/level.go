package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
)

func init() {
	device.Register("sim", Config{
		Room:    "sim:room",
		Channel: map[string]Quantity{"wave": {Unit: "1", Swing: 1, Period: time.Minute}},
	}, Open)
}

// Config is one [device.NAME] table with driver = "sim".
type Config struct {
	_       struct{}            `doc:"Quantities of a simulated room, such as soil that dries and is watered by an output." example:"bed"`
	Room    string              `toml:"room" doc:"the simulated room that they are in, and whose pins act on them"`
	Channel map[string]Quantity `toml:"channel" doc:"One quantity; its name is that of its lane." example:"soil" default:"a wave of one minute"`
}

// Quantity is one table [device.NAME.channel.NAME]: a level that drifts, and what is put on top of it.
type Quantity struct {
	Unit   string             `toml:"unit" doc:"its unit, as a UCUM code" example:"%"`
	Start  float64            `toml:"start" doc:"its level at first, in its unit" example:"60.0"`
	Min    float64            `toml:"min" doc:"the least that it can be, in its unit"`
	Max    float64            `toml:"max" doc:"the most that it can be, in its unit; without min and max it has no limits" example:"100.0"`
	Rate   float64            `toml:"rate" doc:"by how much its level changes, in its unit a second" example:"-0.5"`
	Pins   map[string]float64 `toml:"pins" doc:"by how much more while a pin of the room is high, in its unit a second" example:"{ GPIO27 = 10.0 }"`
	Swing  float64            `toml:"swing" doc:"how far it swings about its level to either side, in its unit"`
	Period time.Duration      `toml:"period" doc:"the time of one swing" default:"1m"`
	Noise  float64            `toml:"noise" doc:"the standard deviation of its sensor's noise, in its unit"`
}

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if name, ok := strings.CutPrefix(c.Room, "sim:"); !ok || name == "" || strings.Contains(name, "/") {
		fault("room", fmt.Sprintf("%q is no simulated room", c.Room), `it is called like its bus: "sim:room"`)
	}
	if len(c.Channel) == 0 {
		fault("channel", "there is nothing to measure", `add a table such as [device.bed.channel.soil]`)
	}
	for name := range c.Channel {
		if !laneName.MatchString(name) {
			fault("channel."+name, fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter")
		}
	}
}

// Check names what is wrong with a table.
func (q Quantity) Check(fault func(key, problem, remedy string)) {
	if q.Min > q.Max {
		fault("min", fmt.Sprintf("min is %g, above max, which is %g", q.Min, q.Max), "give both, or neither")
	}
	for name := range q.Pins {
		if _, ok := pinNumber(name); !ok {
			fault("pins", fmt.Sprintf("a simulated room has no pin %q", name), fmt.Sprintf("its pins are GPIO0 to GPIO%d", pins-1))
		}
	}
	if q.Period < 0 {
		fault("period", "period is a time above zero", `"2m" makes a short day`)
	}
	if q.Noise < 0 {
		fault("noise", "a standard deviation is 0 or more", "0.1 is a common one")
	}
}

// level is a quantity and how it is by now.
type level struct {
	Quantity
	now float64
}

// drift moves the level by some seconds in which pins were as they are.
func (l *level) drift(seconds float64, high *[pins]bool) {
	rate := l.Rate
	for name, more := range l.Pins {
		if n, ok := pinNumber(name); ok && high[n] {
			rate += more
		}
	}
	l.now = l.within(l.now + rate*seconds)
}

func (l *level) within(v float64) float64 {
	if l.Min == 0 && l.Max == 0 {
		return v
	}
	return min(max(v, l.Min), l.Max)
}

// Dev is the sensor of some quantities of a room.
type Dev struct {
	room   *Room
	names  []string
	c      Config
	closed bool
}

// Open finds the room. A quantity that is known there goes on from where it is.
func Open(_ context.Context, c Config) (*Dev, error) { return Find(c.Room).sensor(c), nil }

func (r *Room) sensor(c Config) *Dev {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	for name, q := range c.Channel {
		l := r.levels[name]
		if l == nil {
			l = &level{now: q.Start}
			r.levels[name] = l
		}
		l.Quantity = q
	}
	return &Dev{room: r, names: slices.Sorted(maps.Keys(c.Channel)), c: c}
}

// Channels lists the quantities by name.
func (d *Dev) Channels() []device.Channel {
	all := make([]device.Channel, len(d.names))
	for i, name := range d.names {
		q := d.c.Channel[name]
		all[i] = device.Channel{Name: name, Unit: device.Unit(q.Unit), Min: q.Min, Max: q.Max, Resolution: 0.1}
	}
	return all
}

// Read measures all of them.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.closed {
		return nil, errors.New("the simulated sensor is closed")
	}
	r := d.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	var s device.Sample
	for _, name := range d.names {
		l := r.levels[name]
		v := l.now
		if l.Swing != 0 {
			period := l.Period
			if period == 0 {
				period = time.Minute
			}
			v += l.Swing * math.Sin(2*math.Pi*r.at.Sub(r.began).Seconds()/period.Seconds())
		}
		s = append(s, device.Measure{Channel: name, Value: l.within(v + l.Noise*r.noise.NormFloat64())})
	}
	return s, nil
}

// Info tells in which room it is.
func (d *Dev) Info() device.Info { return device.Info{Driver: "sim", Wire: d.room.name} }

// Close makes it unreadable; the room goes on.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

var _ device.Sensor = (*Dev)(nil)

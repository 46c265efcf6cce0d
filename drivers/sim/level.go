package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	Seed    uint64              `toml:"seed" doc:"what all chance is made of: the same seed gives the same again" unset:"made of the room's name"`
	Channel map[string]Quantity `toml:"channel" doc:"One quantity; its name is that of its lane." example:"soil" default:"a wave of one minute"`
	Fault   []Fault             `toml:"fault" doc:"What goes wrong by a timetable, which begins with the host."`
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
	Shape  string             `toml:"shape" doc:"how it swings: sine, triangle, sawtooth or square" unset:"sine"`
	Period time.Duration      `toml:"period" doc:"the time of one swing" unset:"1m"`
	Walk   float64            `toml:"walk" doc:"by how much its level wanders: the standard deviation of what it does in a second, in its unit"`
	Noise  float64            `toml:"noise" doc:"the standard deviation of its sensor's noise, in its unit"`

	Resolution float64 `toml:"resolution" doc:"the smallest step that its sensor shows, in its unit" unset:"0.1"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if name, ok := strings.CutPrefix(c.Room, "sim:"); !ok || name == "" || strings.Contains(name, "/") {
		fault("room", fmt.Sprintf("%q is no simulated room", c.Room), `it is called like its bus: "sim:room"`)
	}
	if len(c.Channel) == 0 {
		fault("channel", "there is nothing to measure", `add a table such as [device.bed.channel.soil]`)
	}
	for name := range c.Channel {
		if problem, remedy := device.CheckChannel(name); problem != "" {
			fault("channel."+name, problem, remedy)
		}
	}
	for _, f := range c.Fault {
		if _, ok := c.Channel[f.Channel]; !ok && f.Channel != "" {
			fault("fault", fmt.Sprintf("a fault is about the channel %q, which is not there", f.Channel), "name one of its channels, or leave it out for all")
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
	for key, v := range map[string]float64{"noise": q.Noise, "walk": q.Walk} {
		if v < 0 {
			fault(key, "a standard deviation is 0 or more", "0.1 is a common one")
		}
	}
	if shapes[q.Shape] == nil {
		fault("shape", fmt.Sprintf("nothing swings as %q", q.Shape), "use sine, triangle, sawtooth or square")
	}
	if q.Resolution < 0 {
		fault("resolution", "a step is above 0", "0.1 is a common one")
	}
}

// shapes are what swings do: of the part of a period that is over, where it is from -1 to 1.
var shapes = map[string]func(part float64) float64{
	"":         func(part float64) float64 { return math.Sin(2 * math.Pi * part) },
	"sine":     func(part float64) float64 { return math.Sin(2 * math.Pi * part) },
	"triangle": func(part float64) float64 { return 1 - 4*math.Abs(math.Mod(part+0.25, 1)-0.5) },
	"sawtooth": func(part float64) float64 { return 2*part - 1 },
	"square":   func(part float64) float64 { return math.Copysign(1, 0.5-part) },
}

// level is a quantity and how it is by now.
type level struct {
	Quantity
	now    float64
	seed   uint64
	chance *rand.Rand
	walked int64 // seconds of the room's time up to which it has wandered
}

// signal is what the quantity truly is at a time of the room.
func (l *level) signal(at time.Duration) float64 {
	if l.Swing == 0 {
		return l.now
	}
	period := l.Period
	if period == 0 {
		period = time.Minute
	}
	return l.within(l.now + l.Swing*shapes[l.Shape](float64(at%period)/float64(period)))
}

// wander moves the level once for each second up to a time of the room, so that it goes the same way however often it is
// looked at.
func (l *level) wander(to time.Duration) {
	for end := int64(to / time.Second); l.walked < end; l.walked++ {
		if l.Walk != 0 {
			l.now = l.within(l.now + l.Walk*l.chance.NormFloat64())
		}
	}
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

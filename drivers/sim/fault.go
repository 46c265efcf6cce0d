package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"selvage/edge/device"
)

// Fault is one table [[device.NAME.fault]].
type Fault struct {
	Kind    string        `toml:"kind" doc:"dead or slow: it does not answer, or late; drop-out: a channel has no value; stuck, spike, drift or noise: a wrong one. With wire: unplugged, noisy, held or ones" example:"stuck"`
	Channel string        `toml:"channel" doc:"the channel that it is about" unset:"all" example:"soil"`
	Wire    string        `toml:"wire" doc:"the simulated bus or port of other devices to which it happens instead, such as sim:bme280" example:"-"`
	After   time.Duration `toml:"after" doc:"when it begins" unset:"at once" example:"10m"`
	For     time.Duration `toml:"for" doc:"how long it lasts" unset:"for ever; a spike for one reading" example:"2m"`
	Every   time.Duration `toml:"every" doc:"the time until it begins again" unset:"it does not" example:"1h"`
	Spread  time.Duration `toml:"spread" doc:"up to how much later it begins, each time another, by chance" example:"-"`
	Size    float64       `toml:"size" doc:"how far a spike goes, the standard deviation of noise, how far drift goes in a second; in the channel's unit" example:"-"`
	Late    time.Duration `toml:"late" doc:"how late a slow device answers" example:"-"`
}

// Kinds of what goes wrong with a sensor.
const (
	dead    = "dead"
	slow    = "slow"
	dropOut = "drop-out"
	stuck   = "stuck"
	spike   = "spike"
	drift   = "drift"
	noise   = "noise"
)

// wireTroubles are the kinds of what goes wrong with a wire.
var wireTroubles = map[string]Trouble{"unplugged": Unplugged, "noisy": Noisy, "held": Stuck, "ones": Ones}

// Check names what is wrong with a table.
func (f Fault) Check(fault func(key, problem, remedy string)) {
	switch _, onWire := wireTroubles[f.Kind]; {
	case f.Wire != "":
		if _, err := findWire(f.Wire); err != nil || !strings.HasPrefix(f.Wire, "sim:") {
			fault("wire", fmt.Sprintf("%q is no simulated bus or port", f.Wire), `use the bus or port of another device, such as "sim:bme280"`)
		}
		if !onWire {
			fault("kind", fmt.Sprintf("a wire is not %q", f.Kind), "use unplugged, noisy, held or ones")
		}
		if f.Channel != "" {
			fault("channel", "a wire has no channels", "leave out wire, or channel")
		}
	case onWire:
		fault("kind", fmt.Sprintf("only a wire is %q", f.Kind), `add wire = "sim:room", or the bus that it happens to`)
	case f.Kind == dead || f.Kind == slow:
		if f.Channel != "" {
			fault("channel", fmt.Sprintf("a sensor as a whole is %s", f.Kind), `leave channel out, or use "drop-out"`)
		}
	case f.Kind == spike || f.Kind == drift || f.Kind == noise:
		if f.Size == 0 {
			fault("size", fmt.Sprintf("a %s has a size", f.Kind), "add size = 10.0, in the channel's unit")
		}
	case f.Kind != stuck && f.Kind != dropOut:
		fault("kind", fmt.Sprintf("nothing goes wrong as %q", f.Kind), "use dead, slow, drop-out, stuck, spike, drift or noise")
	}
	if f.Kind == slow && f.Late <= 0 {
		fault("late", "how slow is it?", `add late = "3s"`)
	}
	f.checkTimes(fault)
}

func (f Fault) checkTimes(fault func(key, problem, remedy string)) {
	for key, d := range map[string]time.Duration{"after": f.After, "for": f.For, "every": f.Every, "spread": f.Spread} {
		if d < 0 {
			fault(key, fmt.Sprintf("nothing lasts %v", d), `write a duration such as "10m"`)
			return
		}
	}
	switch {
	case f.Every > 0 && f.For == 0 && f.Kind != spike:
		fault("for", "what lasts for ever does not begin again", `say how long it lasts: for = "2m"`)
	case f.Every > 0 && f.For+f.Spread > f.Every:
		fault("every", "it would begin again before it is over", "make every longer than for and spread together")
	}
}

// fault is a Fault at work.
type fault struct {
	Fault
	table timetable
	wire  wire     // nil for one of the sensor itself
	plan  *planned // of wire
	noise *rand.Rand
	times map[string]int     // by channel, the last time that it was seen
	value map[string]float64 // and what it was stuck at then
}

// make makes a fault ready in a room.
func (f Fault) make(r *Room, chance *rand.Rand) (*fault, error) {
	made := &fault{
		Fault: f, table: timetable{after: f.After, lasts: f.For, every: f.Every, spread: f.Spread, seed: chance.Uint64()},
		noise: chance, times: map[string]int{}, value: map[string]float64{},
	}
	if f.Wire == "" {
		return made, nil
	}
	var err error
	made.wire, err = findWire(f.Wire)
	made.plan = &planned{table: made.table, from: r.began, what: wireTroubles[f.Kind]}
	return made, err
}

// turn puts what happens to a wire into force, or takes it back.
func (f *fault) turn(on bool) {
	if f.wire != nil {
		f.wire.plan(f.plan, on)
	}
}

// spoil does to a measurement what the fault does at a time of the room.
func (f *fault) spoil(m *device.Measure, at time.Duration) {
	times, began, on := f.table.at(at)
	news := f.times[m.Channel] != times
	if f.Kind == spike && f.For == 0 {
		on = times > 0 && news // one reading, whenever it comes
	}
	if !on || m.Err != nil {
		return
	}
	f.times[m.Channel] = times
	switch f.Kind {
	case dropOut:
		m.Value, m.Err = 0, &device.Fault{
			Text:   fmt.Sprintf("the simulated sensor has no %s", m.Channel),
			Remedy: "so it is meant to be: a table [[device.NAME.fault]] says for how long",
		}
	case stuck:
		if news {
			f.value[m.Channel] = m.Value
		}
		m.Value = f.value[m.Channel]
	case spike:
		m.Value += f.Size
	case drift:
		m.Value += f.Size * (at - began).Seconds()
	case noise:
		m.Value += f.Size * f.noise.NormFloat64()
	}
}

package gpio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// PulseConfig is one [device.…] table with driver = "pulse".
type PulseConfig struct {
	_        struct{}      `doc:"A meter that gives pulses: S0 of an electricity meter, a reed contact of a water meter, a flow sensor. Its total survives a restart." example:"meter"`
	Counts   string        `toml:"counts" doc:"what it counts: energy (kWh, with power in W), volume (litres, with flow in l/min) or pulses"`
	Per      float64       `toml:"per" doc:"how many pulses are one kWh, one litre, or one of what is counted"`
	Pull     string        `toml:"pull" doc:"the resistor inside the chip: up, down or off"`
	Active   string        `toml:"active" doc:"the level of a pulse, high or low; an S0 output to ground wants low"`
	Debounce time.Duration `toml:"debounce" doc:"how long a level must last; 0s for a flow sensor, whose pulses are short"`
}

// meters are the total and the rate of each thing that is counted, and the rate of one in a second.
var meters = map[string]struct {
	total, rate device.Channel
	factor      float64
}{
	"energy": {device.Channel{Name: "energy", Unit: "kW.h"}, device.Channel{Name: "power", Unit: "W", Resolution: 0.1}, 3.6e6},
	"volume": {device.Channel{Name: "volume", Unit: "L"}, device.Channel{Name: "flow", Unit: "L/min", Resolution: 0.001}, 60},
	"pulses": {device.Channel{Name: "count", Unit: "1"}, device.Channel{Name: "rate", Unit: "Hz", Resolution: 0.001}, 1},
}

// standing is how long no pulse comes before a meter that was just opened is said to stand still.
const standing = 5 * time.Minute

// Check names what cannot work.
func (c PulseConfig) Check(fault func(key, problem, remedy string)) {
	if _, ok := meters[c.Counts]; !ok {
		fault("counts", fmt.Sprintf("%q is not counted", c.Counts), `use "energy", "volume" or "pulses"`)
	}
	if !(c.Per > 0 && c.Per < 1e9) {
		fault("per", fmt.Sprintf("a meter has not %v pulses for one", c.Per), "use what is printed on it, such as 1000 (imp/kWh)")
	}
	if _, ok := pulls[c.Pull]; !ok {
		fault("pull", fmt.Sprintf("a pin has no pull %q", c.Pull), `use "up", "down" or "off"`)
	}
	if c.Debounce < 0 || c.Debounce > 100*time.Millisecond {
		fault("debounce", fmt.Sprintf("a contact does not bounce for %v", c.Debounce), `use "0s" to "100ms"`)
	}
	checkActive(c.Active, fault)
}

// Pulse counts the pulses of one pin. It counts from 0 when it is opened: its channel is a Total, to
// which the twin adds what it has stored. So there is one place where the total is kept, written with all
// other lanes and no more often; a file of the driver's own would be a second one, with its own wear of
// the card and its own moment of loss. What a killed host may lose is what came since the last reading.
type Pulse struct {
	pin    device.EdgePin
	c      PulseConfig
	opened time.Time
	closed bool

	mu    sync.Mutex // the pin's goroutine has these, too
	level gpio.Level // after the last edge
	n     float64    // pulses so far
	last  pulse      // the newest
	gone  error

	from  pulse // the newest at the last reading; of the reading goroutine
	rate  float64
	rated bool // rate is one: two pulses came, or none for long
}

// pulse is one of them, by its number and its time.
type pulse struct {
	n    float64
	at   time.Duration // by the kernel's clock, for the rate
	came time.Time     // by ours
}

// OpenPulse begins to count.
func OpenPulse(_ context.Context, pin gpio.PinIO, c PulseConfig) (*Pulse, error) {
	p := &Pulse{c: c, opened: time.Now()}
	edges, ok := pin.(device.EdgePin)
	if !ok {
		return nil, noEdges(pin, "pulses", nil)
	}
	p.pin = edges
	p.level = level(c.Active, false)
	if err := edges.Watch(pulls[c.Pull], c.Debounce, p.edge); err != nil {
		if pin.In(pulls[c.Pull], gpio.NoEdge) == nil {
			return nil, noEdges(pin, "pulses", err)
		}
		return nil, refused(pin, "an input", err)
	}
	return p, nil
}

// noEdges is the error of a pin that can be an input but does not tell when it changes.
func noEdges(pin gpio.PinIO, what string, err error) error {
	return &device.Fault{
		Text:   fmt.Sprintf("the pin %s does not tell its edges, so %s would be missed", pin.Name(), what),
		Remedy: "use a pin of the processor, or of an expander whose interrupt wire is connected and known to the kernel",
		Err:    err,
	}
}

// edge counts, in the goroutine of the pin. Levels alternate, so it is known how many of the edges that
// were lost began a pulse.
func (p *Pulse) edge(e device.Edge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Err != nil {
		p.gone = e.Err
		return
	}
	on := level(p.c.Active, true)
	began := 0
	for range e.Lost {
		if p.level = !p.level; p.level == on {
			began++
		}
	}
	if e.Level == on {
		began++
	}
	p.level = e.Level
	if began > 0 {
		p.n += float64(began)
		p.last = pulse{n: p.n, at: e.At, came: time.Now()}
	}
}

// Channels are the total since the device was opened, in kWh, litres or plain, and its rate in W, l/min
// or Hz.
func (p *Pulse) Channels() []device.Channel {
	m := meters[p.c.Counts]
	m.total.Total, m.total.Resolution = true, min(0.1/p.c.Per, 1)
	return []device.Channel{m.total, m.rate}
}

// Read tells the total, and the rate by the times of the first and the last pulse since the last reading.
// When none came it is at most what would not have brought one by now. Before two came nothing is said.
func (p *Pulse) Read(ctx context.Context) (device.Sample, error) {
	if err := done(ctx, p.closed); err != nil {
		return nil, err
	}
	_, err := p.pin.Level()
	p.mu.Lock()
	n, last, gone := p.n, p.last, p.gone
	p.mu.Unlock()
	if err == nil {
		err = gone
	}
	if err != nil {
		return nil, refused(p.pin, "an input", err)
	}
	m := meters[p.c.Counts]
	s := device.Sample{{Channel: m.total.Name, Value: n / p.c.Per}}
	quiet := time.Since(p.opened)
	if last.n > 0 {
		quiet = time.Since(last.came)
	}
	if p.from.n > 0 && last.n > p.from.n && last.at > p.from.at {
		p.rate, p.rated = (last.n-p.from.n)/(last.at-p.from.at).Seconds(), true
	}
	p.from = last
	if p.rated = p.rated || quiet >= standing; !p.rated {
		return s, nil
	}
	if quiet > 0 {
		p.rate = min(p.rate, 1/quiet.Seconds())
	}
	return append(s, device.Measure{Channel: m.rate.Name, Value: p.rate / p.c.Per * m.factor}), nil
}

// Info tells which pin it is and how it counts.
func (p *Pulse) Info() device.Info {
	return info("pulse", p.pin, fmt.Sprintf("%s, %v pulses for one, active %s, pull %s", p.c.Counts, p.c.Per, p.c.Active, p.c.Pull))
}

// Close lets go of the pin.
func (p *Pulse) Close() error {
	p.closed = true
	return p.pin.Halt()
}

var _ device.Sensor = (*Pulse)(nil)

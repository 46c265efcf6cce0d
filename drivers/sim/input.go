package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// change is one of a level, at a part of a cycle.
type change struct {
	at time.Duration
	to gpio.Level
}

// cycle is what a thing does to a pin, again and again: changes in order, each to the other level.
type cycle struct {
	period  time.Duration
	changes []change
}

// Things that a pin in a room called like its driver has: "sim:gpio-in/GPIO4", "sim:pulse/GPIO4".
var things = map[string]cycle{"gpio-in": button(), "pulse": meter()}

// button is pressed to ground for 0.4 s every ten seconds. It bounces for 3 ms, as good ones do.
func button() cycle {
	const ms = time.Millisecond
	c := cycle{period: 10 * time.Second}
	for i, at := range []time.Duration{5000 * ms, 5001 * ms, 5002 * ms, 5002*ms + ms/2, 5003 * ms, 5400 * ms, 5400*ms + ms/2, 5402 * ms} {
		c.changes = append(c.changes, change{at, gpio.Level(i%2 == 1)})
	}
	return c
}

// meter has pulses of 30 ms to ground, the shortest that IEC 62053-31 allows: one each 3 s for five minutes, and one each
// 1.5 s for another five. With 1000 for a kWh that is 1200 W and 2400 W.
func meter() cycle {
	const half = 5 * time.Minute
	c := cycle{period: 2 * half}
	for at := time.Second; at < c.period; {
		c.changes = append(c.changes, change{at, gpio.Low}, change{at + 30*time.Millisecond, gpio.High})
		if at < half {
			at += 3 * time.Second
		} else {
			at += 3 * time.Second / 2
		}
	}
	return c
}

// settled is the cycle as it is seen by who takes a level only when it has lasted for some time. Nothing happens so close
// to its end that it would reach into the next.
func (c cycle) settled(lasts time.Duration) cycle {
	s := cycle{period: c.period}
	level := c.changes[len(c.changes)-1].to
	for i, ch := range c.changes {
		end := c.period + c.changes[0].at
		if i+1 < len(c.changes) {
			end = c.changes[i+1].at
		}
		if end-ch.at >= lasts && ch.to != level {
			s.changes = append(s.changes, change{ch.at + lasts, ch.to})
			level = ch.to
		}
	}
	if len(s.changes) == 0 { // nothing lasts
		s.changes = []change{{0, level}}
	}
	return s
}

// at is the level at a time.
func (c cycle) at(now time.Time) gpio.Level {
	part := c.part(now)
	i, there := slices.BinarySearchFunc(c.changes, part, func(ch change, part time.Duration) int { return cmp.Compare(ch.at, part) })
	if !there {
		i--
	}
	return c.changes[(i+len(c.changes))%len(c.changes)].to
}

func (c cycle) part(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() % int64(c.period))
}

// next is the first change after a time.
func (c cycle) next(now time.Time) (at time.Time, to gpio.Level) {
	part := c.part(now)
	i, there := slices.BinarySearchFunc(c.changes, part, func(ch change, part time.Duration) int { return cmp.Compare(ch.at, part) })
	if there {
		i++
	}
	wait := -part
	if i == len(c.changes) {
		i, wait = 0, c.period-part
	}
	return now.Add(wait + c.changes[i].at), c.changes[i].to
}

// input is a pin to which a thing does what its cycle says. It tells its edges as the kernel does, from a goroutine of a
// timer, and has none while nobody watches.
type input struct {
	passive
	raw cycle

	telling sync.Mutex // held while edges are told, and before mu
	mu      sync.Mutex
	seen    cycle // raw, settled
	watch   int   // how often it has been watched: a timer of before has nothing to say
	edge    func(device.Edge)
	told    time.Time // up to when
	timer   *time.Timer
}

func newInput(name string, number int, c cycle) *input {
	return &input{passive: passive{name, number}, raw: c, seen: c}
}

// Watch has edges told until In or Halt return.
func (p *input) Watch(_ gpio.Pull, settle time.Duration, edge func(device.Edge)) error {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.edge, p.told = p.raw.settled(settle), edge, time.Now()
	p.wait()
	return nil
}

// wait sets the timer for the next edge. p.mu is held.
func (p *input) wait() {
	watch := p.watch
	at, _ := p.seen.next(p.told)
	p.timer = time.AfterFunc(time.Until(at), func() { p.tell(watch) })
}

// mostLate is how far a machine may be behind, such as after it slept. What was missed then has not happened.
const mostLate = time.Minute

// tell tells the edges that have been since it last did.
func (p *input) tell(watch int) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	if p.watch != watch || p.edge == nil {
		p.mu.Unlock()
		return
	}
	now, edge := time.Now(), p.edge
	if now.Sub(p.told) > p.seen.period+mostLate {
		p.told = now
	}
	var edges []device.Edge
	for at, to := p.seen.next(p.told); !at.After(now); at, to = p.seen.next(p.told) {
		edges = append(edges, device.Edge{Level: to, At: time.Duration(at.UnixNano())})
		p.told = at
	}
	p.wait()
	p.mu.Unlock()
	for _, e := range edges {
		edge(e)
	}
}

// stop ends the watch and waits until nobody is told any more.
func (p *input) stop() {
	p.mu.Lock()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.watch++
	p.timer, p.edge, p.seen = nil, nil, p.raw
	p.mu.Unlock()
	p.telling.Lock()
	defer p.telling.Unlock()
}

// Level is what the thing has it at; with a settling time, once that has lasted.
func (p *input) Level() (gpio.Level, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.at(time.Now()), nil
}

func (p *input) Read() gpio.Level {
	l, _ := p.Level() // has no error
	return l
}

func (p *input) In(_ gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return errOldEdges
	}
	p.stop()
	return nil
}

func (p *input) Out(gpio.Level) error {
	return fmt.Errorf("%s is an input: what hangs on it drives it", p.name)
}

func (p *input) Halt() error {
	p.stop()
	return nil
}

var errOldEdges = errors.New("edges are had by Watch")

// passive is what pins have in common that do nothing of their own.
type passive struct {
	name   string
	number int
}

func (p passive) String() string               { return p.name }
func (p passive) Name() string                 { return p.name }
func (p passive) Number() int                  { return p.number }
func (passive) Function() string               { return "" }
func (passive) Pull() gpio.Pull                { return gpio.PullNoChange }
func (passive) DefaultPull() gpio.Pull         { return gpio.PullNoChange }
func (passive) WaitForEdge(time.Duration) bool { return false }
func (passive) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("a simulated pin has no PWM")
}

var _ device.EdgePin = (*input)(nil)

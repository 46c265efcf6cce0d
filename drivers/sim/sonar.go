package sim

import (
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// Sonar is a simulated HC-SR04 (ElecFreaks, Ultrasonic Ranging Module HC-SR04): a trigger of 10 µs has it send eight
// periods of 40 kHz, and its echo is high for as long as the sound is on its way. What is before it comes and goes.
type Sonar struct {
	Distance Signal // in m

	telling sync.Mutex // held while an edge is told, and before mu
	mu      sync.Mutex
	trigger gpio.Level
	rose    time.Time // when the trigger did
	echo    gpio.Level
	edge    func(device.Edge)
	watch   int // how often its echo has been watched
	timer   *time.Timer
}

const (
	leastTrigger = 10 * time.Microsecond
	burst        = 450 * time.Microsecond // until the echo rises: the module's own time and 200 µs of sound
	sound        = 343.2                  // m/s in dry air of 20 °C
	deafAfter    = 38 * time.Millisecond  // the echo's length when nothing comes back
)

var sonars = struct {
	sync.Mutex
	m map[string]*Sonar
}{m: map[string]*Sonar{}}

// FindSonar returns the module in the room of that name, "sim:hc-sr04"; all its pins are the module's: one that is set is
// its trigger, one that is watched its echo.
func FindSonar(room string) *Sonar {
	sonars.Lock()
	defer sonars.Unlock()
	s := sonars.m[room]
	if s == nil {
		s = &Sonar{Distance: Swing(1.2, 0.8)}
		sonars.m[room] = s
	}
	return s
}

// pull sets the trigger.
func (s *Sonar) pull(to gpio.Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	long := s.trigger == gpio.High && now.Sub(s.rose) >= leastTrigger
	if s.trigger = to; to == gpio.High {
		s.rose = now
	}
	if to == gpio.High || !long || s.echo == gpio.High || s.timer != nil {
		return
	}
	way := time.Duration(2 * s.Distance(now) / sound * float64(time.Second))
	rise := now.Add(burst)
	s.at(rise, gpio.High, func() { s.at(rise.Add(min(way, deafAfter)), gpio.Low, nil) })
}

// at has the echo change at a time, and then is called with s.mu held. So is it.
func (s *Sonar) at(at time.Time, to gpio.Level, then func()) {
	watch := s.watch
	s.timer = time.AfterFunc(time.Until(at), func() {
		s.telling.Lock()
		defer s.telling.Unlock()
		s.mu.Lock()
		if s.watch != watch {
			s.mu.Unlock()
			return
		}
		edge := s.edge
		s.echo, s.timer = to, nil
		if then != nil {
			then()
		}
		s.mu.Unlock()
		if edge != nil {
			edge(device.Edge{Level: to, At: time.Duration(at.UnixNano())})
		}
	})
}

// stop ends the watch and what the module is doing, and waits until nobody is told any more.
func (s *Sonar) stop() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.watch++
	s.timer, s.edge, s.echo = nil, nil, gpio.Low
	s.mu.Unlock()
	s.telling.Lock()
	defer s.telling.Unlock()
}

// sonarPin is one of its pins.
type sonarPin struct {
	passive
	of *Sonar
}

func (p *sonarPin) Out(l gpio.Level) error {
	p.of.pull(l)
	return nil
}

func (p *sonarPin) Watch(_ gpio.Pull, _ time.Duration, edge func(device.Edge)) error {
	p.of.stop()
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.edge = edge
	return nil
}

func (p *sonarPin) Level() (gpio.Level, error) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return p.of.echo, nil
}

func (p *sonarPin) Read() gpio.Level {
	l, _ := p.Level() // has no error
	return l
}

func (p *sonarPin) In(_ gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return errOldEdges
	}
	p.of.stop()
	return nil
}

func (p *sonarPin) Halt() error {
	p.of.stop()
	return nil
}

var _ device.EdgePin = (*sonarPin)(nil)

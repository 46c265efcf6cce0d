package device

import (
	"sync"
	"sync/atomic"
	"time"
)

// Call is a call of a driver's method by its owner.
type Call struct {
	At   time.Time
	Name string // "open", "read", "out" or "close"
	To   *Value // of "out"
}

// Heard is one thing that a listener hears of a device, one of these.
type Heard struct {
	Call     *Call
	Transfer *Transfer // its slices are not the listener's to keep
	Report   *Report
}

// ears are those who listen to a device.
type ears struct {
	mu sync.Mutex
	of map[string][]*ear // by the device's name
	n  atomic.Int32      // of all of them
}

type ear struct {
	hear func(Heard)
	open bool
}

// Listen has hear called with all that is done with a device from now on: what its driver is asked, what that puts on
// its wire and what its owner reports. So that what is heard is complete, it begins with an attempt that is made at once,
// for which a device on a bus or a serial port is closed and opened again; nothing is heard of one that is under way.
// hear is called by the owner's goroutine, which waits for it; stop, which may be called twice, returns when it is
// called no more, so hear must not call it.
//
// What goes over pins is not heard, and what a driver without a wire does.
func (m *Manager) Listen(name string, hear func(Heard)) (stop func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.devices[name]
	switch {
	case m.stopped:
		return nil, errStopped
	case d == nil:
		return nil, unknown(name)
	}
	e := &ear{hear, d.owner == nil}
	m.ears.add(name, e)
	if d.owner != nil {
		d.owner.tellAnew(d)
	}
	return func() { m.ears.remove(name, e) }, nil
}

func (s *ears) add(name string, e *ear) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string][]*ear{}
	}
	s.of[name] = append(s.of[name], e)
	s.n.Add(1)
}

func (s *ears) remove(name string, e *ear) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.of[name] {
		if o == e {
			s.of[name] = append(s.of[name][:i:i], s.of[name][i+1:]...)
			s.n.Add(-1)
			return
		}
	}
}

// listened tells whether anybody listens to anything, which costs next to nothing to ask.
func (s *ears) listened() bool { return s.n.Load() > 0 }

func (s *ears) tell(name string, h Heard) {
	if !s.listened() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.of[name] {
		if e.open {
			e.hear(h)
		}
	}
}

// begin lets those who listen to a device hear it from now on.
func (s *ears) begin(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.of[name] {
		e.open = true
	}
}

// Spec returns how a device is run.
func (m *Manager) Spec(name string) (Spec, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.devices[name]
	if d == nil {
		return Spec{}, false
	}
	return d.spec, true
}

// tellAnew has the owner make an attempt that tells all there is to tell of a device.
func (o *owner) tellAnew(d *managed) {
	o.mu.Lock()
	o.anew = append(o.anew, d)
	o.mu.Unlock()
	o.nudge()
}

// beginAnew makes that attempt due. What is on no wire that can be heard stays open: it may count, or listen itself.
func (o *owner) beginAnew(d *managed, now time.Time) {
	o.m.ears.begin(d.spec.Name)
	switch d.driver.Wire {
	case I2C, SPI, Serial:
		o.drop(d)
	}
	d.due, d.whole = now, true
}

// tap is that of the owner's bus: what goes over it is of the device whose driver is at work.
func (o *owner) tap() *tap {
	return &tap{
		hears: o.m.ears.listened,
		hear: func(t Transfer) {
			o.callMu.Lock()
			d := o.calling
			o.callMu.Unlock()
			if d != nil {
				o.m.ears.tell(d.spec.Name, Heard{Transfer: &t})
			}
		},
	}
}

// tells tells those who listen what a driver is asked next.
func (o *owner) tells(d *managed, name string, to *Value) {
	if o.m.ears.listened() {
		o.m.ears.tell(d.spec.Name, Heard{Call: &Call{At: time.Now(), Name: name, To: to}})
	}
}

package gpio

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// edgy is a pin that tells its edges, as the kernel's do.
type edgy struct {
	fake
	mu     sync.Mutex
	edge   func(device.Edge)
	settle time.Duration
	fail   error // of all that can fail
	halted int
}

func (p *edgy) Watch(pull gpio.Pull, settle time.Duration, edge func(device.Edge)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.pull, p.settle, p.edge = pull, settle, edge
	return nil
}

func (p *edgy) Level() (gpio.Level, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.level, p.fail
}

func (p *edgy) In(pull gpio.Pull, e gpio.Edge) error {
	if p.fail != nil {
		return p.fail
	}
	return p.fake.In(pull, e)
}

func (p *edgy) Halt() error {
	p.halted++
	p.edge = nil
	return nil
}

// to changes the level at a time.
func (p *edgy) to(l gpio.Level, at time.Duration) {
	p.mu.Lock()
	p.level = l
	edge := p.edge
	p.mu.Unlock()
	edge(device.Edge{Level: l, At: at})
}

func TestEdges(t *testing.T) {
	pin := &edgy{}
	in, err := OpenIn(t.Context(), pin, InConfig{Pull: "up", Active: "low", Debounce: 7 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if pin.pull != gpio.PullUp || pin.settle != 7*time.Millisecond {
		t.Errorf("watched with pull %v, settling for %v", pin.pull, pin.settle)
	}
	pin.to(gpio.High, 1) // before anybody was told that the device is there
	asked := 0
	if !in.Wake(func() { asked++ }) || asked != 1 {
		t.Errorf("asked %d times to be read, want 1", asked)
	}
	read := func(want bool) {
		t.Helper()
		s, err := in.Read(t.Context())
		if err != nil || (s[0].Value == 1) != want {
			t.Errorf("read %v, %v, want %v", s, err, want)
		}
	}
	read(false)
	// A press that is over before it is read is read all the same.
	asked = 0
	pin.to(gpio.Low, 2)
	pin.to(gpio.High, 3)
	if asked != 2 {
		t.Errorf("asked %d times for two edges", asked)
	}
	asked = 0
	read(true)
	if asked != 1 {
		t.Error("it does not ask to be read again for the second edge")
	}
	read(false)
	read(false)
	// Of very many the last counts.
	for range 50 {
		pin.to(gpio.High, 4)
		pin.to(gpio.Low, 5)
	}
	for asked = 1; asked > 0; {
		asked = 0
		if _, err := in.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	read(true)

	broken := errors.New("its chip was unplugged")
	pin.edge(device.Edge{Err: broken})
	for range 2 {
		_, err := in.Read(t.Context())
		var f *device.Fault
		if !errors.Is(err, broken) || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("of a pin that is gone: %v", err)
		}
	}
	for range 2 {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	if pin.edge != nil {
		t.Error("closing leaves the pin watched")
	}
}

// A pin that has no edges is looked at; one that cannot be had at all says so.
func TestNoEdges(t *testing.T) {
	if in, err := OpenIn(t.Context(), &deaf{}, InConfig{Pull: "up", Active: "high"}); err != nil || in.Wake(func() {}) {
		t.Errorf("a pin without edges: %v", err)
	}
	busy := errors.New("busy")
	if _, err := OpenIn(t.Context(), &edgy{fail: busy}, InConfig{Pull: "up", Active: "high"}); !errors.Is(err, busy) {
		t.Errorf("a busy pin: %v", err)
	}
}

type deaf struct{ edgy }

func (*deaf) Watch(gpio.Pull, time.Duration, func(device.Edge)) error {
	return errors.New("no interrupt")
}
func (*deaf) In(gpio.Pull, gpio.Edge) error { return nil }

func TestDriverWithEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := device.Lookup("gpio-in")
		dev, err := d.Open(t.Context(), gpio.PinIO(&edgy{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := dev.(device.Waker); !ok {
			t.Error("the manager does not find that it wakes")
		}
	})
}

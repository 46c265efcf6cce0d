package gpio

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

// fake is a pin with a level that can be set and seen.
type fake struct {
	level gpio.Level
	pull  gpio.Pull
}

func (p *fake) String() string                        { return p.Name() }
func (p *fake) Name() string                          { return "GPIO17" }
func (p *fake) Number() int                           { return 17 }
func (p *fake) Function() string                      { return "" }
func (p *fake) Halt() error                           { return nil }
func (p *fake) Read() gpio.Level                      { return p.level }
func (p *fake) WaitForEdge(time.Duration) bool        { return false }
func (p *fake) Pull() gpio.Pull                       { return p.pull }
func (p *fake) DefaultPull() gpio.Pull                { return gpio.Float }
func (p *fake) PWM(gpio.Duty, physic.Frequency) error { return nil }

func (p *fake) In(pull gpio.Pull, _ gpio.Edge) error {
	p.pull = pull
	return nil
}

func (p *fake) Out(l gpio.Level) error {
	p.level = l
	return nil
}

func TestDrivers(t *testing.T) {
	for _, driver := range []string{"gpio-in", "gpio-out"} {
		t.Run(driver, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: driver,
				Pin:    func() gpio.PinIO { return new(fake) },
			})
		})
	}
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		active string
		on     bool
		want   gpio.Level
	}{
		{"high", true, gpio.High}, {"high", false, gpio.Low},
		{"low", true, gpio.Low}, {"low", false, gpio.High},
	} {
		pin := &fake{level: !c.want}
		out, err := OpenOut(t.Context(), pin, OutConfig{Safe: "off", Active: c.active})
		if err != nil {
			t.Fatal(err)
		}
		if pin.level == c.want {
			t.Errorf("active %s: opening drove the pin", c.active)
		}
		if err := out.Out(t.Context(), device.On(c.on)); err != nil || pin.level != c.want {
			t.Errorf("active %s, Out(%v): pin %v, error %v, want %v", c.active, c.on, pin.level, err, c.want)
		}
		in, err := OpenIn(t.Context(), pin, InConfig{Pull: "up", Active: c.active})
		if err != nil {
			t.Fatal(err)
		}
		s, err := in.Read(t.Context())
		if err != nil || (s[0].Value == 1) != c.on {
			t.Errorf("active %s, pin %v: read %v, error %v, want %v", c.active, pin.level, s[0].Value, err, c.on)
		}
		if pin.pull != gpio.PullUp {
			t.Errorf("pull is %v, want PullUp", pin.pull)
		}
	}
}

func TestSafe(t *testing.T) {
	for safe, want := range map[string]bool{"off": false, "on": true} {
		out, _ := OpenOut(t.Context(), new(fake), OutConfig{Safe: safe, Active: "low"})
		if out.Safe() != device.On(want) {
			t.Errorf("safe = %q: Safe() = %v, want %v", safe, out.Safe(), want)
		}
	}
}

// scripted is a pin that shows given levels one after the other.
type scripted struct {
	fake
	levels []gpio.Level
}

func (s *scripted) Read() gpio.Level {
	l := s.levels[0]
	if len(s.levels) > 1 {
		s.levels = s.levels[1:]
	}
	return l
}

func TestDebounce(t *testing.T) {
	const h, l = gpio.High, gpio.Low
	for _, c := range []struct {
		name   string
		levels []gpio.Level // after a first read of high
		want   float64
		took   time.Duration
	}{
		{"unchanged needs no wait", []gpio.Level{h}, 1, 0},
		{"changed and at rest", []gpio.Level{l, l}, 0, 10 * time.Millisecond},
		{"bouncing, then at rest", []gpio.Level{l, h, l, l}, 0, 30 * time.Millisecond},
		{"a spike", []gpio.Level{l, h, h}, 1, 20 * time.Millisecond},
		{"never at rest keeps the last", []gpio.Level{l, h, l, h, l, h, l}, 1, 50 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pin := &scripted{levels: []gpio.Level{h}}
				in, err := OpenIn(t.Context(), pin, InConfig{Pull: "up", Active: "high", Debounce: defaultDebounce})
				if err != nil {
					t.Fatal(err)
				}
				if s, err := in.Read(t.Context()); err != nil || s[0].Value != 1 {
					t.Fatalf("first read: %v, %v", s, err)
				}
				pin.levels = c.levels
				start := time.Now()
				s, err := in.Read(t.Context())
				if err != nil || s[0].Value != c.want || time.Since(start) != c.took {
					t.Errorf("read %v after %v, error %v, want %v after %v", s[0].Value, time.Since(start), err, c.want, c.took)
				}
			})
		})
	}
}

func TestCheck(t *testing.T) {
	var keys []string
	note := func(key, problem, remedy string) {
		keys = append(keys, key)
		if problem == "" || !strings.HasPrefix(remedy, "use ") {
			t.Errorf("%s: problem %q, remedy %q", key, problem, remedy)
		}
	}
	InConfig{Pull: "sideways", Active: "yes", Debounce: time.Minute}.Check(note)
	OutConfig{Safe: "maybe", Active: "yes"}.Check(note)
	if want := []string{"pull", "debounce", "active", "safe", "active"}; !slices.Equal(keys, want) {
		t.Errorf("faults at %v, want %v", keys, want)
	}
}

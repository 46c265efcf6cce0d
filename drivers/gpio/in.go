package gpio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

const (
	// defaultDebounce outlasts the bouncing of nearly all switches, which is 1 to 6 ms.
	defaultDebounce = 10 * time.Millisecond
	// settleTries bounds the wait for a contact that does not come to rest. It is odd, see settled.
	settleTries = 5
)

// InConfig is one [device.…] table with driver = "gpio-in".
type InConfig struct {
	_        struct{}      `doc:"A contact, button or motion detector on one pin, on or off." example:"door"`
	Pull     string        `toml:"pull" doc:"the resistor inside the chip: up, down or off"`
	Active   string        `toml:"active" doc:"the level that counts as on, high or low; a contact to ground wants low"`
	Debounce time.Duration `toml:"debounce" doc:"how long a new level must last, up to 100 ms; 0s is not at all"`
}

var pulls = map[string]gpio.Pull{"up": gpio.PullUp, "down": gpio.PullDown, "off": gpio.Float}

// Check names what cannot work.
func (c InConfig) Check(fault func(key, problem, remedy string)) {
	if _, ok := pulls[c.Pull]; !ok {
		fault("pull", fmt.Sprintf("a pin has no pull %q", c.Pull), `use "up", "down" or "off"`)
	}
	if c.Debounce < 0 || c.Debounce > 100*time.Millisecond {
		fault("debounce", fmt.Sprintf("a contact does not bounce for %v", c.Debounce), `use "0s" to "100ms"`)
	}
	checkActive(c.Active, fault)
}

// most bounds the changes that wait to be read; of more the oldest are forgotten.
const most = 16

// In is a pin that is read: when its level changes, if the pin tells its edges, and else by looking at it
// all the time.
type In struct {
	pin     gpio.PinIO
	edges   device.EdgePin // pin, if it tells its edges, settled by the kernel; nil if it has to be looked at
	c       InConfig
	last    gpio.Level
	started bool
	closed  bool

	mu      sync.Mutex // the pin's goroutine has these, too
	changes []gpio.Level
	gone    error // why edges are told no more
	ask     func()
}

// OpenIn makes the pin an input.
func OpenIn(_ context.Context, pin gpio.PinIO, c InConfig) (*In, error) {
	i := &In{pin: pin, c: c, ask: func() {}}
	if p, ok := pin.(device.EdgePin); ok && p.Watch(pulls[c.Pull], c.Debounce, i.changed) == nil {
		i.edges = p
		return i, nil
	}
	if err := pin.In(pulls[c.Pull], gpio.NoEdge); err != nil {
		return nil, refused(pin, "an input", err)
	}
	return i, nil
}

// Channels is one, "active".
func (i *In) Channels() []device.Channel {
	return []device.Channel{{Name: "active", Form: device.Boolean}}
}

// Wake takes the function by which a pin that tells its edges has itself read.
func (i *In) Wake(ask func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ask = ask
	if len(i.changes) > 0 || i.gone != nil {
		ask()
	}
	return i.edges != nil
}

// changed notes an edge, in the goroutine of the pin.
func (i *In) changed(e device.Edge) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e.Err != nil {
		i.gone = e.Err
	} else {
		if len(i.changes) == most {
			i.changes = i.changes[1:]
		}
		i.changes = append(i.changes, e.Level)
	}
	i.ask()
}

// Read tells whether the pin is at its active level. Of a pin that tells its edges every change is read,
// one after the other, though it may be over already. Of another a level that differs from the last is
// taken only when it has lasted for the debounce time.
func (i *In) Read(ctx context.Context) (device.Sample, error) {
	if err := done(ctx, i.closed); err != nil {
		return nil, err
	}
	now, err := i.level(ctx)
	if err != nil {
		return nil, err
	}
	i.last, i.started = now, true
	return device.Sample{{Channel: "active", Value: device.Flag(now == level(i.c.Active, true))}}, nil
}

func (i *In) level(ctx context.Context) (gpio.Level, error) {
	if i.edges != nil {
		return i.told()
	}
	// periph's Read has no error: it returns low when the line is gone. Asking for the input again has
	// one, and costs a system call.
	if err := i.pin.In(pulls[i.c.Pull], gpio.NoEdge); err != nil {
		return false, refused(i.pin, "an input", err)
	}
	return i.settled(ctx)
}

// told returns the oldest change that was not read, or the level when there is none.
func (i *In) told() (gpio.Level, error) {
	now, err := i.edges.Level()
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		err = i.gone
	}
	if err != nil {
		return false, refused(i.pin, "an input", err)
	}
	if len(i.changes) == 0 {
		return now, nil
	}
	was := i.changes[0]
	i.changes = i.changes[1:]
	if len(i.changes) > 0 || was != now {
		i.ask()
	}
	return was, nil
}

// settled waits until two looks one debounce time apart agree. A contact that never rests keeps its
// last level.
func (i *In) settled(ctx context.Context) (gpio.Level, error) {
	now := i.pin.Read()
	if i.c.Debounce <= 0 || i.started && now == i.last {
		return now, nil
	}
	for range settleTries {
		if err := device.Wait(ctx, i.c.Debounce); err != nil {
			return now, err
		}
		before := now
		if now = i.pin.Read(); now == before {
			return now, nil
		}
	}
	return now, nil // after an odd number of changes from a new level: the last one
}

// Info tells which pin it is.
func (i *In) Info() device.Info {
	return info("gpio-in", i.pin, fmt.Sprintf("input, active %s, pull %s", i.c.Active, i.c.Pull))
}

// Close lets go of the pin.
func (i *In) Close() error {
	i.closed = true
	return i.pin.Halt()
}

var _ device.Waker = (*In)(nil)

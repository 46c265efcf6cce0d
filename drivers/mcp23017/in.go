package mcp23017

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

// debounce outlasts the bouncing of nearly all switches, which is 1 to 6 ms.
const debounce = 10 * time.Millisecond

// InConfig is one [device.…] table with driver = "mcp23017-in".
type InConfig struct {
	_        struct{}      `doc:"A contact or button on one pin of a Microchip MCP23017, on or off." example:"door"`
	Address  uint16        `toml:"address" doc:"the chip's address on the bus, 0x20 to 0x27 as A0 to A2 say"`
	Input    string        `toml:"input" doc:"which pin of the chip: A0 to A7 or B0 to B7"`
	Pull     string        `toml:"pull" doc:"the resistor inside the chip: up or off"`
	Active   string        `toml:"active" doc:"the level that counts as on, high or low; a contact to ground wants low"`
	Debounce time.Duration `toml:"debounce" doc:"how long a new level must last, up to 100 ms; 0s is not at all"`
}

// Addresses are those that A0 to A2 can give the chip.
func (InConfig) Addresses() []uint16 { return addresses() }

// Check names what cannot work.
func (c InConfig) Check(fault func(key, problem, remedy string)) {
	checkPlace(c.Address, "input", c.Input, fault)
	checkActive(c.Active, fault)
	if c.Pull != "up" && c.Pull != "off" {
		fault("pull", fmt.Sprintf("a pin has no pull %q", c.Pull), `use "up" or "off"`)
	}
	if c.Debounce < 0 || c.Debounce > 100*time.Millisecond {
		fault("debounce", fmt.Sprintf("a contact does not bounce for %v", c.Debounce), `use "0s" to "100ms"`)
	}
}

// In is a pin that is read.
type In struct {
	pin
	c     InConfig
	last  bool // its level
	known bool
}

// OpenIn makes the pin an input.
func OpenIn(ctx context.Context, bus i2c.Bus, c InConfig) (*In, error) {
	i := &In{pin: newPin(bus, c.Address, c.Input), c: c}
	s, err := i.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := i.put(ctx, &s, regDirection, true); err != nil {
		return nil, err
	}
	return i, i.settings(ctx, &s)
}

// settings sets what the pin has beside its direction, which a chip loses with its power.
func (i *In) settings(ctx context.Context, s *state) error {
	if err := i.put(ctx, s, regPolarity, false); err != nil {
		return err
	}
	return i.put(ctx, s, regPull, i.c.Pull == "up")
}

// Info tells the chip's address and the pin.
func (i *In) Info() device.Info { return i.info("mcp23017-in") }

// Channels is one, "active".
func (i *In) Channels() []device.Channel {
	return []device.Channel{{Name: "active", Form: device.Boolean}}
}

// Read tells whether the pin is at its active level. A level that differs from the last is taken if it still is there
// after the debounce time.
func (i *In) Read(ctx context.Context) (device.Sample, error) {
	now, err := i.level(ctx)
	if err != nil {
		return nil, err
	}
	if i.known && now != i.last && i.c.Debounce > 0 {
		if err := device.Wait(ctx, i.c.Debounce); err != nil {
			return nil, err
		}
		if now, err = i.level(ctx); err != nil {
			return nil, err
		}
	}
	i.last, i.known = now, true
	return device.Sample{{Channel: "active", Value: device.Flag(now == (i.c.Active == "high"))}}, nil
}

// level reads the pin, after a loss of power with its settings given again.
func (i *In) level(ctx context.Context) (bool, error) {
	s, err := i.read(ctx)
	if err != nil {
		return false, err
	}
	if !i.has(s, regDirection) {
		return false, &device.Fault{
			Text:   fmt.Sprintf("the pin %s of 0x%02x on %s is an output", i.name, i.chip.Addr, i.chip.Bus),
			Remedy: "another device or program uses it so: give one of them another pin",
		}
	}
	if i.has(s, regPull) != (i.c.Pull == "up") || i.has(s, regPolarity) {
		if err := i.settings(ctx, &s); err != nil {
			return false, err
		}
		if s, err = i.read(ctx); err != nil {
			return false, err
		}
	}
	return i.has(s, regLevel), nil
}

// Close leaves the pin an input.
func (i *In) Close() error { return nil }

var _ device.Sensor = (*In)(nil)

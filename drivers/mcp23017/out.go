package mcp23017

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

// OutConfig is one [device.…] table with driver = "mcp23017-out".
type OutConfig struct {
	_       struct{} `doc:"A relay or lamp on one pin of a Microchip MCP23017, switched on and off." example:"pump"`
	Address uint16   `toml:"address" doc:"the chip's address on the bus, 0x20 to 0x27 as A0 to A2 say"`
	Output  string   `toml:"output" doc:"which pin of the chip: A0 to A7 or B0 to B7; some of the newest chips can only use A7 and B7 as outputs"`
	Safe    string   `toml:"safe" doc:"its state on start, on stop and when nobody commands it: off or on"`
	Active  string   `toml:"active" doc:"the level at which it is on, high or low; many relay boards want low"`
}

// Addresses are those that A0 to A2 can give the chip.
func (OutConfig) Addresses() []uint16 { return addresses() }

// Check names what cannot work.
func (c OutConfig) Check(fault func(key, problem, remedy string)) {
	checkPlace(c.Address, "output", c.Output, fault)
	checkActive(c.Active, fault)
	if c.Safe != "off" && c.Safe != "on" {
		fault("safe", fmt.Sprintf("%q is not a safe state", c.Safe), `use "off" or "on"`)
	}
}

// Out is a pin that switches something.
type Out struct {
	pin
	c OutConfig
}

// OpenOut looks whether the chip is there. It does not drive the pin yet: the manager writes the first state.
func OpenOut(ctx context.Context, bus i2c.Bus, c OutConfig) (*Out, error) {
	o := &Out{pin: newPin(bus, c.Address, c.Output), c: c}
	if _, err := o.read(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

// Info tells the chip's address and the pin.
func (o *Out) Info() device.Info { return o.info("mcp23017-out") }

// Takes is on or off.
func (o *Out) Takes() device.Channel { return device.Channel{Form: device.Boolean} }

// Safe is the configured safe state.
func (o *Out) Safe() device.Value { return device.On(o.c.Safe == "on") }

// Out switches the pin, first the level that it is to give and then, after power-on, its direction, and reads both back.
func (o *Out) Out(ctx context.Context, v device.Value) error {
	s, err := o.read(ctx)
	if err != nil {
		return err
	}
	level := v.Bool() == (o.c.Active == "high")
	if err := o.put(ctx, &s, regLatch, level); err != nil {
		return err
	}
	if err := o.put(ctx, &s, regDirection, false); err != nil {
		return err
	}
	if s, err = o.read(ctx); err != nil {
		return err
	}
	if o.has(s, regLatch) != level || o.has(s, regDirection) {
		return o.chip.Lost()
	}
	return nil
}

// Close leaves the pin as it is driven: the safe state was written before.
func (o *Out) Close() error { return nil }

var _ device.Output = (*Out)(nil)

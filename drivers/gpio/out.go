package gpio

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// OutConfig is one [device.…] table with driver = "gpio-out".
type OutConfig struct {
	_      struct{} `doc:"A relay or lamp on one pin, switched on and off." example:"heater"`
	Safe   string   `toml:"safe" doc:"its state on start, on stop and when nobody commands it: off or on"`
	Active string   `toml:"active" doc:"the level at which it is on, high or low; many relay boards want low"`
}

// Check names what cannot work.
func (c OutConfig) Check(fault func(key, problem, remedy string)) {
	if c.Safe != "off" && c.Safe != "on" {
		fault("safe", fmt.Sprintf("%q is not a safe state", c.Safe), `use "off" or "on"`)
	}
	checkActive(c.Active, fault)
}

// Out is a pin that switches something. The kernel lets go of the pins of a process that is killed,
// and most then become inputs; a load that must be off then needs a resistor that pulls it there.
type Out struct {
	pin    gpio.PinIO
	c      OutConfig
	closed bool
}

// OpenOut takes the pin. It does not drive it yet: the manager writes the first state.
func OpenOut(_ context.Context, pin gpio.PinIO, c OutConfig) (*Out, error) {
	return &Out{pin: pin, c: c}, nil
}

// Out drives the pin. It is not read back: reading makes it an input on the kernel's pin interface,
// and would say what the register holds, not what the wire does.
func (o *Out) Out(ctx context.Context, v device.Value) error {
	if err := done(ctx, o.closed); err != nil {
		return err
	}
	if err := o.pin.Out(level(o.c.Active, v.Bool())); err != nil {
		return refused(o.pin, "an output", err)
	}
	return nil
}

// Safe is the configured safe state.
func (o *Out) Safe() device.Value { return device.On(o.c.Safe == "on") }

// Takes is on or off.
func (o *Out) Takes() device.Channel { return device.Channel{Form: device.Boolean} }

// Info tells which pin it is.
func (o *Out) Info() device.Info {
	return info("gpio-out", o.pin, "output, active "+o.c.Active)
}

// Close leaves the pin as it is driven: the safe state was written before.
func (o *Out) Close() error {
	o.closed = true
	return nil
}

var _ device.Output = (*Out)(nil)

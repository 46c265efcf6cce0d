package modbus

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/goburrow/modbus"

	"selvage/edge/device"
)

// OutConfig is one [device.…] table of the host file.
type OutConfig struct {
	_ struct{} `doc:"A coil or holding register of a unit on Modbus RTU or TCP: a relay, a setpoint, the speed of a drive." example:"pump"`
	Wire
	Output string  `toml:"output" doc:"which coil or holding register, counted from 0" example:"coil 0"`
	On     *uint16 `toml:"on" doc:"what a register has when switched on, which makes it a switch" example:"-"`
	Off    uint16  `toml:"off" doc:"what such a register has when switched off"`
	Type   string  `toml:"type" doc:"of a register: uint16, int16, uint32, int32, uint64, int64, float32 or float64"`
	Order  string  `toml:"order" doc:"the order of the bytes of two registers: abcd has the highest first, cdab the lower register, badc and dcba have bytes turned in each" unset:"abcd"`
	Scale  float64 `toml:"scale" doc:"by how much the register's number is multiplied to give the value"`
	Unit   string  `toml:"unit" doc:"the value's unit, as a UCUM code" unset:"1"`
	Min    float64 `toml:"min" doc:"the least it takes, in its unit"`
	Max    float64 `toml:"max" doc:"the most it takes, in its unit; without min and max it takes any number"`
	Safe   float64 `toml:"safe" doc:"its safe value, in its unit; of a switch 0 for off or 1 for on"`
}

// place reads "coil 5" and "register 0x10".
func (c OutConfig) place() (coil bool, number uint16, ok bool) {
	table, text, _ := strings.Cut(c.Output, " ")
	n, err := strconv.ParseUint(text, 0, 16)
	return table == "coil", uint16(n), err == nil && (table == "coil" || table == "register")
}

// Place is what of its port the output has to itself, "coil 0 of the unit 1"; "" if that is not said.
func (c OutConfig) Place() string {
	coil, number, ok := c.place()
	switch {
	case !ok:
		return ""
	case coil:
		return fmt.Sprintf("coil %d of the unit %d", number, c.Address)
	}
	return fmt.Sprintf("register %#04x of the unit %d", number, c.Address)
}

func (c OutConfig) isSwitch() bool {
	coil, _, _ := c.place()
	return coil || c.On != nil
}

// Check names what cannot work.
func (c OutConfig) Check(fault func(key, problem, remedy string)) {
	c.Wire.check(fault)
	_, _, ok := c.place()
	k, known := kinds[c.Type]
	switch {
	case c.Output == "":
		fault("output", "it is not said what is to be switched", `add output = "coil 0" or output = "register 0x0010"`)
	case !ok:
		fault("output", fmt.Sprintf("%q is neither a coil nor a register", c.Output), `write "coil 0" or "register 0x0010"`)
	case !known || c.Type == "bool":
		fault("type", fmt.Sprintf("a register cannot be written as %q", c.Type), "use uint16, int16, uint32, int32 or float32")
	case c.On != nil && k.registers != 1:
		fault("on", "a switch has one register", `leave type out`)
	case c.Order != "" && c.Order != "abcd" && c.Order != "cdab" && c.Order != "badc" && c.Order != "dcba":
		fault("order", fmt.Sprintf("there is no order %q", c.Order), `use "abcd", "cdab", "badc" or "dcba"`)
	case c.Scale == 0:
		fault("scale", "a scale of 0 loses every value", "leave it out, or write such as 0.1")
	case c.Min > c.Max:
		fault("min", fmt.Sprintf("min is %g, above max, which is %g", c.Min, c.Max), "give both, or neither")
	case c.isSwitch() && c.Safe != 0 && c.Safe != 1:
		fault("safe", fmt.Sprintf("a switch is not safe at %g", c.Safe), "use 0 for off or 1 for on")
	case !c.isSwitch() && (c.Min != 0 || c.Max != 0) && (c.Safe < c.Min || c.Safe > c.Max):
		fault("safe", fmt.Sprintf("the safe value %g is outside %g to %g", c.Safe, c.Min, c.Max), "use one that it takes")
	}
}

// Out is one coil or holding register.
type Out struct {
	unit
	c      OutConfig
	coil   bool
	number uint16
	value  value
}

// OpenOut asks for the coil or register, which proves that the unit has it. It writes nothing.
func OpenOut(ctx context.Context, port device.Port, c OutConfig) (*Out, error) {
	o := &Out{c: c}
	var ok bool
	if o.coil, o.number, ok = c.place(); !ok {
		return nil, &device.Fault{Text: "a Modbus output without a coil or register", Remedy: `add output = "coil 0" or output = "register 0x0010"`}
	}
	table := "holding"
	if o.coil {
		table = "coil"
	}
	o.value = value{kind: kinds[c.Type], isBit: o.coil, order: c.Order, scale: c.Scale}
	if err := o.unit.open(port, c.Wire); err != nil {
		return nil, err
	}
	if _, err := o.read(ctx, request{table: table, start: o.number, count: o.value.width()}); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// Info tells the unit and the place in it.
func (o *Out) Info() device.Info {
	return device.Info{Driver: "modbus-out", Wire: o.port.String(), Address: o.unit.name() + " " + o.c.Output, Model: "Modbus unit"}
}

// Takes is a switch for a coil and a register with on and off, else a number.
func (o *Out) Takes() device.Channel {
	if o.c.isSwitch() {
		return device.Channel{Form: device.Boolean}
	}
	unit := device.Unit(o.c.Unit)
	if unit == "" {
		unit = "1"
	}
	return device.Channel{Unit: unit, Min: o.c.Min, Max: o.c.Max, Resolution: max(o.c.Scale, 0)}
}

// Safe is what the config says.
func (o *Out) Safe() device.Value {
	if o.c.isSwitch() {
		return device.Value{Form: device.Boolean, Number: o.c.Safe}
	}
	return device.Value{Form: device.Number, Number: o.c.Safe}
}

// Out writes, and returns when the unit has said that it took it.
func (o *Out) Out(ctx context.Context, v device.Value) error {
	_, err := o.do(ctx, func(c modbus.Client) ([]byte, error) {
		on := v.Number != 0
		switch {
		case o.coil && on:
			return c.WriteSingleCoil(o.number, 0xFF00)
		case o.coil:
			return c.WriteSingleCoil(o.number, 0)
		case o.c.On != nil && on:
			return c.WriteSingleRegister(o.number, *o.c.On)
		case o.c.On != nil:
			return c.WriteSingleRegister(o.number, o.c.Off)
		}
		bits, err := o.value.encode(v.Number)
		if err != nil {
			return nil, err
		}
		b := o.value.words(bits)
		if len(b) == 2 {
			return c.WriteSingleRegister(o.number, binary.BigEndian.Uint16(b))
		}
		return c.WriteMultipleRegisters(o.number, o.value.registers, b)
	})
	return err
}

var _ device.Output = (*Out)(nil)

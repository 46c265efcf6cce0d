// Package mcp23017 is for the Microchip MCP23017, which has sixteen pins to read or to switch with, on an I²C bus. Each pin
// is a device of its own, by the driver mcp23017-in or mcp23017-out.
//
// Wiring: VDD 1.8 to 5.5 V, RESET to VDD; A0 to A2 give the addresses 0x20 to 0x27. A pin gives or takes 25 mA, all of them
// together 125 mA. A contact to ground needs no resistor: the chip has one of 100 kΩ.
//
// Source: Microchip, MCP23017/MCP23S17, DS20001952: registers in table 3-3 and section 3.5, in the order after power-on
// (IOCON.BANK = 0).
package mcp23017

import (
	"context"
	"fmt"
	"slices"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("mcp23017-in", InConfig{Address: 0x20, Input: "A0", Pull: "up", Active: "low", Debounce: debounce}, OpenIn)
	device.RegisterI2C("mcp23017-out", OutConfig{Address: 0x20, Output: "A0", Safe: "off", Active: "high"}, OpenOut)
}

// Registers. Each has one for the pins A and one, the next, for the pins B.
const (
	regDirection = 0x00 // 1 = input
	regPolarity  = 0x02
	regControl   = 0x0A // the same register twice
	regPull      = 0x0C
	regLevel     = 0x12
	regLatch     = 0x14 // what outputs give

	registers = 0x16
)

// names are the pins, in the order of the bits.
var names = []string{"A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"}

const model = "Microchip MCP23017"

// addresses are those that A0 to A2 can give it.
func addresses() []uint16 { return []uint16{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27} }

func checkPlace(addr uint16, key, name string, fault func(key, problem, remedy string)) {
	if !slices.Contains(addresses(), addr) {
		fault("address", fmt.Sprintf("an MCP23017 does not answer at 0x%02x", addr), "use 0x20 to 0x27")
	}
	if !slices.Contains(names, name) {
		fault(key, fmt.Sprintf("it has no pin %q", name), `use "A0" to "A7" or "B0" to "B7"`)
	}
}

func checkActive(active string, fault func(key, problem, remedy string)) {
	if active != "high" && active != "low" {
		fault("active", fmt.Sprintf("a pin is not active at %q", active), `use "high" or "low"`)
	}
}

// pin is one pin of a chip.
type pin struct {
	chip device.Chip
	name string
	at   byte // of the two registers of a pair
	bit  byte
}

func newPin(bus i2c.Bus, addr uint16, name string) pin {
	n := slices.Index(names, name)
	return pin{chip: device.Chip{Bus: bus, Addr: addr}, name: name, at: byte(n / 8), bit: 1 << (n % 8)}
}

// state is all registers of a chip at one moment.
type state [registers]byte

// read reads them in one transfer, so that what says that a chip answered stands beside what it answered.
func (p pin) read(ctx context.Context) (s state, err error) {
	if err = p.chip.Tx(ctx, []byte{0}, s[:]); err != nil {
		return s, err
	}
	switch control := s[regControl]; {
	case control == 0xFF: // its bit 0 is always 0
		return s, p.chip.Idle()
	case control&1 != 0 || s[regControl+1] != control || s == state(slices.Repeat([]byte{s[0]}, registers)) && s[0] != 0:
		return s, p.chip.Other(fmt.Sprintf("something else, such as a PCF8574 (registers 0a and 0b are %02x and %02x)", control, s[regControl+1]),
			"an MCP23017", "")
	}
	return s, nil
}

// has tells whether the pin's bit is set in a register.
func (p pin) has(s state, reg byte) bool { return s[reg+p.at]&p.bit != 0 }

// put sets or clears the pin's bit in a register and leaves those of other pins.
func (p pin) put(ctx context.Context, s *state, reg byte, on bool) error {
	if p.has(*s, reg) == on {
		return nil
	}
	v := s[reg+p.at] ^ p.bit
	if err := p.chip.Tx(ctx, []byte{reg + p.at, v}, nil); err != nil {
		return err
	}
	s[reg+p.at] = v
	return nil
}

func (p pin) info(driver string) device.Info {
	return p.chip.Info(driver, fmt.Sprintf("%s, pin %s", model, p.name), "")
}

package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// Addressed is what the Config of a chip on an I²C bus has: the addresses that such a chip may have, that of the
// defaults first.
type Addressed interface{ Addresses() []uint16 }

// Prober is the Config of a chip that can be told apart from others.
type Prober interface {
	// Probe returns nil if what is at addr surely is this chip, and which model. It only reads: where it has to write
	// the number of a register, or a command that asks for an identity, no more than that.
	Probe(ctx context.Context, bus i2c.Bus, addr uint16) (model string, err error)
}

// Detector is an I²C bus that can ask whether somebody is at an address without writing a byte to whoever is.
type Detector interface {
	// Detect returns nil if somebody acknowledges the address, else an error that wraps one of ErrNoAnswer,
	// ErrTaken, ErrBusStuck and ErrBusGone. byReading tells that a byte was read for it: a chip that only answers
	// after a command does not acknowledge that.
	Detect(addr uint16) (byReading bool, err error)
}

// ErrTaken is the error of an address that a driver of the kernel has.
var ErrTaken = errors.New("a driver of the kernel has it")

// Addresses that chips may have; the others are reserved (I²C-bus specification UM10204, table 4).
const (
	FirstAddress = 0x08
	LastAddress  = 0x77
)

// Found is what was found at an address of an I²C bus.
type Found struct {
	Address    uint16
	Taken      string   // the kernel's driver that has it, in words; then nobody asked it
	Driver     string   // of ours, which surely is right
	Model      string   // as Probe told it
	Candidates []string // drivers of ours whose chips may have the address; not sure
}

// BusScan is what was found on an I²C bus.
type BusScan struct {
	Bus       string
	Found     []Found
	Deaf      bool // the adapter does not report that nobody answers: only what is sure is in Found
	ByReading bool // addresses were asked by reading, to which some chips do not answer
}

// Asking says how far a scan may go.
type Asking struct {
	// All has all chips asked for their identity: also by commands of more than one byte, and also at the addresses
	// of port expanders, where a byte that is meant for another chip switches outputs.
	All bool
	// Skip are addresses that are not asked for an identity, since it is known, or somebody else is at work there.
	Skip []uint16
}

// probeTime bounds one Probe.
const probeTime = 500 * time.Millisecond

// crowded is how many addresses answer at least where nobody reports a missing acknowledge. On a real bus, where
// several chips share the 112, a tenth of it is rare.
const crowded = 100

// ScanI2C looks who is on an I²C bus. Every address is asked as i2cdetect does, without a byte being written. Who
// answers is then asked for its identity by the drivers that know the address, which write one byte at most, the
// number of a register; see Asking for more and for less.
func ScanI2C(ctx context.Context, name string, a Asking) (BusScan, error) {
	opened, err := openBus(ctx, I2C, name)
	if err != nil {
		return BusScan{Bus: name}, err
	}
	defer opened.Close()
	bus, ok := opened.(i2c.BusCloser)
	if !ok {
		return BusScan{Bus: name}, notOpened(I2C, name)
	}
	s := BusScan{Bus: name}
	stuck := 0
	for addr := uint16(FirstAddress); addr <= LastAddress; addr++ {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		byReading, err := detect(bus, addr)
		s.ByReading = s.ByReading || byReading
		switch {
		case err == nil:
			s.Found = append(s.Found, Found{Address: addr})
		case errors.Is(err, ErrTaken):
			s.Found = append(s.Found, Found{Address: addr, Taken: err.Error()})
		case errors.Is(err, ErrBusGone):
			return s, Unanswered(bus, addr, err)
		case errors.Is(err, ErrBusStuck):
			if stuck++; stuck > 1 { // one chip may hold the clock for itself
				return s, Unanswered(bus, addr, err)
			}
			continue
		}
		stuck = 0
	}
	s.Deaf = len(s.Found) >= crowded
	for i := range s.Found {
		if c := &s.Found[i]; c.Taken == "" && !slices.Contains(a.Skip, c.Address) {
			c.identify(ctx, bus, a.All)
		}
	}
	if s.Deaf {
		s.Found = slices.DeleteFunc(s.Found, func(c Found) bool { return c.Driver == "" && c.Taken == "" })
	}
	return s, ctx.Err()
}

// detect asks for an address.
func detect(bus i2c.Bus, addr uint16) (byReading bool, err error) {
	if d, ok := bus.(Detector); ok {
		return d.Detect(addr)
	}
	return true, bus.Tx(addr, nil, make([]byte, 1))
}

// identify has the drivers that know the address look for their chip.
func (c *Found) identify(ctx context.Context, bus i2c.Bus, all bool) {
	shy := shyBus{Bus: bus, most: 1}
	if all {
		shy.most = 2
	}
	for _, name := range Names() {
		d, _ := Lookup(name)
		known, ok := d.Defaults.(Addressed)
		if d.Wire != I2C || !ok || !slices.Contains(known.Addresses(), c.Address) {
			continue
		}
		c.Candidates = append(c.Candidates, name)
		p, ok := d.Defaults.(Prober)
		if !ok || c.Driver != "" || !all && expander(c.Address) {
			continue
		}
		if model, err := probe(ctx, p, &shy, c.Address); err == nil {
			c.Driver, c.Model = name, model
		}
	}
	if c.Driver != "" {
		c.Candidates = nil
	}
}

func probe(ctx context.Context, p Prober, bus i2c.Bus, addr uint16) (model string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the driver failed inside: %v", reason)
		}
	}()
	return p.Probe(ctx, bus, addr)
}

// expander tells whether a port expander may be at the address that puts each byte it gets on its pins: PCF8574 at
// 0x20 to 0x27, PCF8574A at 0x38 to 0x3F (NXP, PCF8574/74A data sheet, section on the device address).
func expander(addr uint16) bool { return addr&^7 == 0x20 || addr&^7 == 0x38 }

// shyBus refuses what could be more than a question.
type shyBus struct {
	i2c.Bus
	most int // bytes written at once
}

var errTooBold = errors.New("not asked: that would write to a chip that may be another")

func (b *shyBus) Tx(addr uint16, w, r []byte) error {
	if len(w) > b.most {
		return errTooBold
	}
	return b.Bus.Tx(addr, w, r)
}

func (b *shyBus) SetSpeed(physic.Frequency) error { return errTooBold }

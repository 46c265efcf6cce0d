package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// Chip is a chip on an I²C bus as its driver sees it: transfers obey a context, and errors are for people.
type Chip struct {
	Bus  i2c.Bus
	Addr uint16
}

// Tx writes w and then reads into r, in one transfer; either may be nil. Nothing goes over the wire once ctx has
// ended.
func (c Chip) Tx(ctx context.Context, w, r []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Bus.Tx(c.Addr, w, r); err != nil {
		return Unanswered(c.Bus, c.Addr, err)
	}
	return nil
}

// Read is Tx for an answer that is never all ones. Those are what an adapter reads on the idle bus if it does not
// report that nobody acknowledged, as QEMU's Raspberry Pi does.
func (c Chip) Read(ctx context.Context, w, r []byte) error {
	if err := c.Tx(ctx, w, r); err != nil {
		return err
	}
	if Ones(r) {
		return c.Idle()
	}
	return nil
}

// Steady is Tx for an answer without a checksum: it reads until two answers in a row are the same, three times at most. A
// bit that flipped on the way is found by that, unless it flips twice, and a register that changes has time to do so.
func (c Chip) Steady(ctx context.Context, what string, w, r []byte) error {
	before := make([]byte, len(r))
	for n := range 3 {
		if err := c.Tx(ctx, w, r); err != nil {
			return err
		}
		if n > 0 && bytes.Equal(before, r) {
			return nil
		}
		copy(before, r)
	}
	return &Fault{
		Text:   fmt.Sprintf("the %s from 0x%02x on %s came differently three times", what, c.Addr, c.Bus),
		Remedy: noiseRemedy,
		Err:    ErrGarbled,
	}
}

// Ones tells whether r has nothing but ones.
func Ones(r []byte) bool {
	for _, b := range r {
		if b != 0xFF {
			return false
		}
	}
	return len(r) > 0
}

// errIdle is the cause where a chip's answer was all ones.
var errIdle = fmt.Errorf("only ones came: %w", ErrNoAnswer)

// Idle is the error of an answer that is what the idle bus looks like.
func (c Chip) Idle() error { return Unanswered(c.Bus, c.Addr, errIdle) }

// Garbled is the error of an answer whose checksum is wrong.
func (c Chip) Garbled(what string) error { return Garbled(c.Bus, c.Addr, what) }

// ErrOtherChip says that what answers is not what the config says.
var ErrOtherChip = errors.New("it is another chip")

// Other is the error of an address at which another chip answers: found says which, "a BMP280 (id 0x58)", want what
// was looked for, "a BME280". An empty remedy stands for the general one.
func (c Chip) Other(found, want, remedy string) error {
	if remedy == "" {
		remedy = "check the address and the driver; what is on the bus: selvage scan"
	}
	return &Fault{
		Text:   fmt.Sprintf("0x%02x on %s is %s, not %s", c.Addr, c.Bus, found, want),
		Remedy: remedy,
		Err:    ErrOtherChip,
	}
}

// ErrNotReady says that a chip acknowledges, but has nothing to tell.
var ErrNotReady = errors.New("it is not ready")

// Unready is the error of a chip that did not get done with what it was asked for.
func (c Chip) Unready(what string, after time.Duration) error {
	return &Fault{
		Text:   fmt.Sprintf("0x%02x on %s has no %s after %v", c.Addr, c.Bus, what, after),
		Remedy: "switch its power off and on; if it comes back, look for a weak supply, or the chip is broken",
		Err:    ErrNotReady,
	}
}

// Lost is the error of a chip that has forgotten what it was told in the middle of a measurement.
func (c Chip) Lost() error {
	return &Fault{
		Text:   fmt.Sprintf("0x%02x on %s lost its power while it measured", c.Addr, c.Bus),
		Remedy: "look for a loose wire or a weak supply",
		Err:    ErrNotReady,
	}
}

// Info is what a driver knows of its chip.
func (c Chip) Info(driver, model, serial string) Info {
	return Info{Driver: driver, Wire: c.Bus.String(), Address: fmt.Sprintf("0x%02x", c.Addr), Model: model, Serial: serial}
}

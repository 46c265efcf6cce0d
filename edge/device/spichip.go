package device

import (
	"context"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// SPIChip is a chip on a chip select of an SPI bus as its driver sees it: transfers obey a context, and errors are for
// people. There is no acknowledge on such a bus: where no chip is, ones or zeros come.
type SPIChip struct {
	port spi.Port
	conn spi.Conn
}

// Connect sets speed and mode for a chip, in words of eight bits. A driver does so each time it opens its chip.
func Connect(port spi.Port, fastest physic.Frequency, mode spi.Mode) (SPIChip, error) {
	c := SPIChip{port: port}
	conn, err := port.Connect(fastest, mode, 8)
	if err != nil {
		return c, c.failed(err)
	}
	c.conn = conn
	return c, nil
}

// Tx selects the chip, writes w while it reads as many bytes into r, and ends the selection. Nothing goes over the
// wire once ctx has ended.
func (c SPIChip) Tx(ctx context.Context, w, r []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.conn.Tx(w, r); err != nil {
		return c.failed(err)
	}
	return nil
}

func (c SPIChip) failed(err error) error {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, ErrBusGone):
		return &Fault{
			Text:   fmt.Sprintf("the bus %s is gone", c.port),
			Remedy: "plug the adapter in again, or check the kernel's log: dmesg | grep spi",
			Err:    err,
		}
	}
	return &Fault{
		Text:   fmt.Sprintf("the bus %s does not transfer", c.port),
		Remedy: "check the kernel's log: dmesg | grep spi",
		Err:    err,
	}
}

// Idle is the error of an answer that no chip gives: what says what came.
func (c SPIChip) Idle(what string) error {
	return &Fault{
		Text:   fmt.Sprintf("no answer on %s: %s", c.port, what),
		Remedy: "check power, ground, SCLK, MISO, MOSI and CS, and that CS is on the chip select that the bus is named after: CE0 for /dev/spidev0.0, CE1 for /dev/spidev0.1",
		Err:    ErrNoAnswer,
	}
}

// Lost is the error of a chip that has forgotten what it was told in the middle of a measurement.
func (c SPIChip) Lost(chip string) error {
	return &Fault{
		Text:   fmt.Sprintf("the %s on %s lost its settings while it measured", chip, c.port),
		Remedy: "look for a loose wire or a weak supply; noise on SCLK does so, too: keep the wires short",
		Err:    ErrNotReady,
	}
}

// Info is what a driver knows of its chip.
func (c SPIChip) Info(driver, model string) Info {
	return Info{Driver: driver, Wire: c.port.String(), Model: model}
}

// Zeros tells whether r has nothing but zeros.
func Zeros(r []byte) bool {
	for _, b := range r {
		if b != 0 {
			return false
		}
	}
	return len(r) > 0
}

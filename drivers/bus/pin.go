package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"
	"periph.io/x/host/v3"

	"selvage/edge/device"
)

// board finds the machine's pins. It looks once per process, as periph does, and only when a pin is
// asked for: it maps the chip's registers, which a host without pins has no use for.
var board = sync.OnceValues(func() (*driverreg.State, error) { return host.Init() })

func openPin(_ context.Context, name string) (gpio.PinIO, error) {
	state, err := board()
	if pin := gpioreg.ByName(name); pin != nil {
		return pin, nil
	}
	if err == nil {
		err = firstFailure(state)
	}
	return nil, noPin(name, err, len(gpioreg.All()), filepath.Glob)
}

// noPin says why a pin is not there.
func noPin(name string, err error, pins int, glob func(string) ([]string, error)) error {
	f := &device.Fault{Text: "there is no pin " + name, Err: err}
	chips, _ := glob("/dev/gpiochip*")
	switch {
	case pins > 0:
		f.Remedy = fmt.Sprintf("the %d pins of this machine have other names: gpioinfo lists them; a Raspberry Pi's are GPIO2 to GPIO27", pins)
		f.Err = nil // what failed is about other pins
	case len(chips) == 0:
		f.Remedy = "this machine shows no pins: ls /dev/gpiochip*"
	case err == nil || errors.Is(err, fs.ErrPermission):
		f.Remedy = "add selvage's user to the group gpio (usermod -aG gpio NAME) and start it again"
	default:
		f.Remedy = "look who may use the pins: ls -l /dev/gpiochip*; then start selvage again"
	}
	return f
}

// firstFailure returns why a pin driver of this board did not load.
func firstFailure(s *driverreg.State) error {
	if s == nil || len(s.Failed) == 0 {
		return nil
	}
	return s.Failed[0].Err
}

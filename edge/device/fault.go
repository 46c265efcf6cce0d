package device

import (
	"errors"
	"fmt"
	"time"
)

// A Fault is an error that tells people what to try. Drivers return one where they know the likely
// physical cause.
type Fault struct {
	Text   string // what failed and where: "no answer at 0x44 on /dev/i2c-1"
	Remedy string // what to try, in the order of likelihood
	Err    error  // the cause as the system told it, if any
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Text
	}
	return f.Text + ": " + f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// What a bus reports about a failed transfer, whatever its kind. Openers wrap their errors in these.
var (
	ErrNoAnswer = errors.New("nobody acknowledged")   // NAK on address or data
	ErrBusStuck = errors.New("the bus does not move") // time-out: SCL or SDA held low
	ErrGarbled  = errors.New("the checksum is wrong") // the bytes that came are not those that were sent
	ErrBusGone  = errors.New("the bus is gone")       // adapter unplugged or driver unloaded
)

// Unanswered turns the error of a failed I²C transfer into one for people. bus is the bus as
// configured.
func Unanswered(bus fmt.Stringer, addr uint16, err error) error {
	switch {
	case errors.Is(err, ErrBusGone):
		return &Fault{
			Text:   fmt.Sprintf("the bus %s is gone", bus),
			Remedy: "plug the adapter in again, or check the kernel's log: dmesg | grep i2c",
			Err:    err,
		}
	case errors.Is(err, ErrBusStuck):
		return &Fault{
			Text:   fmt.Sprintf("the bus %s does not move while asking 0x%02x", bus, addr),
			Remedy: "a chip or a short holds SDA or SCL low: check the wiring and the pull-ups to 3.3 V, then switch the sensors' power off and on",
			Err:    err,
		}
	case errors.Is(err, errors.ErrUnsupported): // EOPNOTSUPP of the kernel
		return &Fault{
			Text:   fmt.Sprintf("the adapter of %s refuses what 0x%02x is to be asked by", bus, addr),
			Remedy: "it cannot do every kind or length of transfer, as adapters that only speak SMBus commands cannot: put the chip on another bus, or on a USB adapter for I²C",
			Err:    err,
		}
	}
	return &Fault{
		Text:   fmt.Sprintf("no answer at 0x%02x on %s", addr, bus),
		Remedy: fmt.Sprintf("check power, SDA, SCL and the address; who is on the bus: selvage scan %s", bus),
		Err:    err,
	}
}

const noiseRemedy = "noise on the wires: make them shorter, keep them away from motors and mains, use pull-ups of 2.2 to 10 kΩ to 3.3 V, or lower the bus speed"

// Garbled is the error of an I²C answer whose checksum is wrong.
func Garbled(bus fmt.Stringer, addr uint16, what string) error {
	return &Fault{
		Text:   fmt.Sprintf("the %s from 0x%02x on %s came with a wrong checksum", what, addr, bus),
		Remedy: noiseRemedy,
		Err:    ErrGarbled,
	}
}

// hungFault names a driver that did not return when its time was up.
func hungFault(driver, where string, after time.Duration) *Fault {
	return &Fault{
		Text:   fmt.Sprintf("the driver %s has not returned for %v; everything else on %s waits for it", driver, after, where),
		Remedy: "switch the device's power off and on; if that does not help, restart selvage and report this driver",
	}
}

// panicFault names a driver that panicked.
func panicFault(driver string, reason any) *Fault {
	return &Fault{
		Text:   fmt.Sprintf("the driver %s failed inside: %v", driver, reason),
		Remedy: "this is a mistake in the driver: the log has the place, please report it; the device is opened again by itself",
	}
}

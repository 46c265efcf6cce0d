// Package gpio is for single pins: contacts, buttons and motion detectors to read, relays and lamps
// to switch.
package gpio

import (
	"context"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

func init() {
	device.RegisterPin("gpio-in", InConfig{Pull: "up", Active: "low", Debounce: defaultDebounce}, OpenIn)
	device.RegisterPin("gpio-out", OutConfig{Safe: "off", Active: "high"}, OpenOut)
}

var errClosed = errors.New("the pin is closed")

func checkActive(active string, fault func(key, problem, remedy string)) {
	if active != "high" && active != "low" {
		fault("active", fmt.Sprintf("a pin is not active at %q", active), `use "high" or "low"`)
	}
}

// level is what the wire has when the thing is on.
func level(active string, on bool) gpio.Level { return gpio.Level(on == (active != "low")) }

// refused says what usually is wrong when a pin that exists cannot be used.
func refused(pin gpio.PinIO, as string, err error) error {
	return &device.Fault{
		Text:   fmt.Sprintf("the pin %s cannot be used as %s", pin.Name(), as),
		Remedy: "another program or a kernel driver may hold it: gpioinfo shows who; or its user is not in the group gpio",
		Err:    err,
	}
}

func info(driver string, pin gpio.PinIO, model string) device.Info {
	return device.Info{Driver: driver, Wire: pin.Name(), Model: model}
}

// done tells why work on a pin must not begin.
func done(ctx context.Context, closed bool) error {
	if closed {
		return errClosed
	}
	return ctx.Err()
}

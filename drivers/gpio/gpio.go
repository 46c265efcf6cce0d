// Package gpio is for pins: contacts, buttons and motion detectors to read, relays and lamps to switch,
// pulses to count, and distances by ultrasound.
//
// Wiring: 3.3 V, never 5 V, on an input; a contact from the pin to ground with pull = "up"; a relay by its
// board, never by its coil. S0 outputs (IEC 62053-31: pulses of 30 ms and more): S0− to ground, S0+ to the
// pin with pull = "up". The HC-SR04's echo has 5 V: by a divider of 1 kΩ and 2 kΩ.
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
	device.RegisterPin("pulse", PulseConfig{Counts: "energy", Per: 1000, Pull: "up", Active: "low", Debounce: defaultDebounce}, OpenPulse)
	device.RegisterPin("hc-sr04", EchoConfig{Echo: "GPIO24", Temperature: 20}, OpenEcho)
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

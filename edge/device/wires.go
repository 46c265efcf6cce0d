package device

import (
	"context"
	"fmt"
	"strings"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
)

// Wires opens the buses and pins of one scheme. A nil function means the scheme has none of them.
// What it opens is used by one goroutine; errors are best a *Fault with a remedy. The String of a bus
// is the name it was opened by.
type Wires struct {
	I2C func(ctx context.Context, name string) (i2c.BusCloser, error)
	Pin func(ctx context.Context, name string) (gpio.PinIO, error)
}

// RegisterBus names who opens buses and pins. The scheme is what stands before the first colon of a
// name: "sim" opens "sim:room". The scheme "" opens the machine's own, "/dev/i2c-1" and "GPIO17", and
// every name whose scheme nobody registered. A scheme that is taken panics.
func RegisterBus(scheme string, w Wires) {
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.buses[scheme]; taken {
		panic(fmt.Sprintf("device: bus scheme %q is taken", scheme))
	}
	registry.buses[scheme] = w
}

// wiresFor returns the scheme of a bus or pin name and who opens it.
func wiresFor(name string) (scheme string, w Wires) {
	registry.RLock()
	defer registry.RUnlock()
	if s, _, ok := strings.Cut(name, ":"); ok {
		if w, ok = registry.buses[s]; ok {
			return s, w
		}
	}
	return "", registry.buses[""]
}

func openBus(ctx context.Context, name string) (i2c.BusCloser, error) {
	_, w := wiresFor(name)
	if w.I2C == nil {
		return nil, &Fault{
			Text:   "nothing in this program opens the bus " + name,
			Remedy: "check the name; a bus of the machine looks like /dev/i2c-1",
		}
	}
	return w.I2C(ctx, name)
}

func openPin(ctx context.Context, name string) (gpio.PinIO, error) {
	_, w := wiresFor(name)
	if w.Pin == nil {
		return nil, &Fault{
			Text:   "nothing in this program opens the pin " + name,
			Remedy: "check the name; a pin of the machine looks like GPIO17",
		}
	}
	return w.Pin(ctx, name)
}

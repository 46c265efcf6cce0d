package device

import (
	"context"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// An EdgePin is a pin on which the kernel sees every edge, so that nobody has to look all the time. Pins
// of the machine are such; what a Pin driver is given may be one.
type EdgePin interface {
	gpio.PinIO
	// Watch makes the pin an input and calls edge for every change of its level, in order and one at a
	// time, from a goroutine of the pin, until In, Out or Halt return. What lasts shorter than settle is
	// no change; 0 takes everything. It fails for a pin that can be an input but has no edges, too.
	Watch(pull gpio.Pull, settle time.Duration, edge func(Edge)) error
	// Level is Read with its error.
	Level() (gpio.Level, error)
}

// Edge is one change of a pin's level.
type Edge struct {
	Level gpio.Level    // after it
	At    time.Duration // when it was, by a clock of the kernel: only differences mean something
	Lost  int           // edges before it that nobody took in time
	Err   error         // the pin is not watched any more; no edge
}

// A Waker is a sensor that may know by itself when there is something new to read, such as a contact
// whose edges the kernel tells.
type Waker interface {
	Sensor
	// Wake gives the device the function by which it asks to be read at once: from any goroutine, without
	// waiting. It is called once, after opening. The result says whether the device will ask; if so it is
	// read only every DefaultEvery besides.
	Wake(ask func()) bool
}

// OpenPin opens a pin as the manager does, for a driver whose device is on more pins than the one it is
// given. Both must be of one scheme, whose owner is the one goroutine that uses them.
func OpenPin(ctx context.Context, name string) (gpio.PinIO, error) { return openPin(ctx, name) }

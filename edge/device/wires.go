package device

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"
)

// Kind is a kind of wire.
type Kind string

const (
	NoWire Kind = ""     // the kernel's files, the network, another program
	I2C    Kind = "i2c"  // an i2c.Bus, shared
	SPI    Kind = "spi"  // an spi.Port, one chip select
	Serial Kind = "port" // a Port, shared if its devices have addresses
	Pin    Kind = "pin"  // a gpio.PinIO
)

// Key is the key of a device's config that names its wire, "" if it has none.
func (k Kind) Key() string {
	switch k {
	case I2C, SPI:
		return "bus"
	}
	return string(k)
}

// Noun is Key with its article.
func (k Kind) Noun() string {
	if k == Radio {
		return "an " + k.Key()
	}
	return "a " + k.Key()
}

// Example is a wire of the machine's own.
func (k Kind) Example() string {
	return map[Kind]string{I2C: "/dev/i2c-1", SPI: "/dev/spidev0.0", Serial: "/dev/ttyUSB0", Pin: "GPIO17", Radio: "hci0"}[k]
}

// Bus is a wire that is opened for all devices on it. Its String is the name it was opened by.
type Bus interface {
	fmt.Stringer
	io.Closer
}

// Port is a serial port, or a TCP connection in its place. A serial port opens with 9600 baud, 8 data bits, no parity,
// one stop bit; who wants another mode sets it before the first byte.
type Port interface {
	Bus
	io.ReadWriter // Read returns 0, nil when the read timeout is over
	SetMode(Mode) error
	SetReadTimeout(time.Duration) error
	ResetInputBuffer() error // forgets what came and was not read
}

// Mode is how bytes are put on a serial line. Over TCP it has no meaning.
type Mode struct {
	Baud   int
	Data   int    // bits: 5 to 8
	Parity string // "none", "even" or "odd"
	Stop   int    // bits: 1 or 2
}

// Wires opens the buses and pins of one scheme. A nil function means the scheme has none of them.
// What it opens is used by one goroutine; errors are best a *Fault with a remedy.
type Wires struct {
	I2C  func(ctx context.Context, name string) (i2c.BusCloser, error)
	SPI  func(ctx context.Context, name string) (spi.PortCloser, error)
	Port func(ctx context.Context, name string) (Port, error)
	Pin  func(ctx context.Context, name string) (gpio.PinIO, error)
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

// openBus opens a wire of a kind that is opened for all devices on it.
func openBus(ctx context.Context, kind Kind, name string) (Bus, error) {
	_, w := wiresFor(name)
	switch {
	case kind == I2C && w.I2C != nil:
		return opened(w.I2C(ctx, name))
	case kind == SPI && w.SPI != nil:
		return opened(w.SPI(ctx, name))
	case kind == Serial && w.Port != nil:
		return opened(w.Port(ctx, name))
	case kind == Radio:
		return opened(OpenRadio(ctx, name))
	}
	return nil, notOpened(kind, name)
}

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened[B Bus](b B, err error) (Bus, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}

func openPin(ctx context.Context, name string) (gpio.PinIO, error) {
	_, w := wiresFor(name)
	if w.Pin == nil {
		return nil, notOpened(Pin, name)
	}
	return w.Pin(ctx, name)
}

func notOpened(kind Kind, name string) error {
	return &Fault{
		Text:   fmt.Sprintf("nothing in this program opens the %s %s", kind.Key(), name),
		Remedy: fmt.Sprintf("check the name; %s of the machine looks like %s", kind.Noun(), kind.Example()),
	}
}

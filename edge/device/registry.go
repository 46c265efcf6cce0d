package device

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"
)

// Driver is a registered driver as the config sees it.
type Driver struct {
	Name     string
	Wire     Kind
	Defaults any  // the driver's Config, by value, with its defaults
	Output   bool // it switches something
	Sensor   bool // it measures something

	open func(ctx context.Context, wire, config any) (Device, error)
}

// Open opens a device by itself, outside a manager. wire is what the driver's Kind says, nil for NoWire; config is
// a value of the driver's Config, and nil means its defaults.
func (d Driver) Open(ctx context.Context, wire, config any) (Device, error) {
	return d.open(ctx, wire, config)
}

// Patience is how long one measurement may take if nobody says otherwise: what the method Within() time.Duration of the
// driver's Config says, such as that of a meter that speaks every ten seconds, or DefaultTimeout. A nil config means
// its defaults.
func (d Driver) Patience(config any) time.Duration {
	if config == nil {
		config = d.Defaults
	}
	if c, ok := config.(interface{ Within() time.Duration }); ok {
		return c.Within()
	}
	return DefaultTimeout
}

var registry = struct {
	sync.RWMutex
	drivers map[string]Driver
	buses   map[string]Wires
	radios  map[string]func(context.Context, string) (RadioBus, error)
}{drivers: map[string]Driver{}, buses: map[string]Wires{}, radios: map[string]func(context.Context, string) (RadioBus, error){}}

// Register names a driver that needs no bus, such as one that reads the kernel's files. defaults is
// one value of its Config; open is called with a Config filled from the host file. A Config may have
// a method Check(fault func(key, problem, remedy string)) that names wrong values, and a method Within, see
// Patience. A name that is taken panics, so does a D that is neither Sensor nor Output.
func Register[C any, D Device](name string, defaults C, open func(context.Context, C) (D, error)) {
	register(name, NoWire, defaults, func(ctx context.Context, _ any, c C) (D, error) { return open(ctx, c) })
}

// RegisterI2C is Register for a chip on an I²C bus. The bus belongs to the manager: a driver does
// not close it, keep it after Close, or change its speed.
func RegisterI2C[C any, D Device](name string, defaults C, open func(context.Context, i2c.Bus, C) (D, error)) {
	register(name, I2C, defaults, open)
}

// RegisterSPI is Register for a chip on a chip select of an SPI bus, which belongs to the manager. A driver calls
// Connect once each time it is opened, with the speed and mode of its chip.
func RegisterSPI[C any, D Device](name string, defaults C, open func(context.Context, spi.Port, C) (D, error)) {
	register(name, SPI, defaults, open)
}

// RegisterSerial is Register for something on a serial port, which belongs to the manager. Reads are best by
// ReadFull, which obeys a context.
func RegisterSerial[C any, D Device](name string, defaults C, open func(context.Context, Port, C) (D, error)) {
	register(name, Serial, defaults, open)
}

// RegisterPin is Register for something on one GPIO pin.
func RegisterPin[C any, D Device](name string, defaults C, open func(context.Context, gpio.PinIO, C) (D, error)) {
	register(name, Pin, defaults, open)
}

func register[W, C any, D Device](name string, kind Kind, defaults C, open func(context.Context, W, C) (D, error)) {
	made := reflect.TypeFor[D]()
	d := Driver{
		Name: name, Wire: kind, Defaults: defaults,
		Output: made.Implements(reflect.TypeFor[Output]()),
		Sensor: made.Implements(reflect.TypeFor[Sensor]()),
	}
	if !d.Output && !d.Sensor {
		panic(fmt.Sprintf("device: driver %q: %v is neither a Sensor nor an Output", name, made))
	}
	d.open = func(ctx context.Context, wire, config any) (Device, error) {
		c := defaults
		if config != nil {
			var ok bool
			if c, ok = config.(C); !ok {
				return nil, fmt.Errorf("driver %s: its config is a %T, not a %T", name, c, config)
			}
		}
		w, ok := wire.(W)
		if !ok && kind != NoWire {
			return nil, fmt.Errorf("driver %s: its wire is a %T, not a %T", name, wire, w)
		}
		dev, err := open(ctx, w, c)
		if err != nil {
			return nil, err // not dev: a nil pointer in an interface is not nil
		}
		return dev, nil
	}
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.drivers[name]; taken || name == "" {
		panic(fmt.Sprintf("device: driver name %q is empty or taken", name))
	}
	registry.drivers[name] = d
}

// Lookup finds a driver by name.
func Lookup(name string) (Driver, bool) {
	registry.RLock()
	defer registry.RUnlock()
	d, ok := registry.drivers[name]
	return d, ok
}

// Names lists all drivers in order.
func Names() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.drivers))
}

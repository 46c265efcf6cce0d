package device

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
)

// Driver is a registered driver as the config sees it.
type Driver struct {
	Name     string
	Wire     string // "i2c" needs the key bus, "pin" the key pin, "" neither
	Defaults any    // the driver's Config, by value, with its defaults
	Output   bool   // it switches something
	Sensor   bool   // it measures something

	open func(ctx context.Context, w Wire, config any) (Device, error)
}

// Wire is what a driver is opened on: a bus, a pin, or neither.
type Wire struct {
	Bus i2c.Bus
	Pin gpio.PinIO
}

// Open opens a device by itself, outside a manager. config is a value of the driver's Config; nil
// means its defaults.
func (d Driver) Open(ctx context.Context, w Wire, config any) (Device, error) {
	return d.open(ctx, w, config)
}

var registry = struct {
	sync.RWMutex
	drivers map[string]Driver
	buses   map[string]Wires
}{drivers: map[string]Driver{}, buses: map[string]Wires{}}

// Register names a driver that needs no bus, such as one that reads the kernel's files. defaults is
// one value of its Config; open is called with a Config filled from the host file. A Config may have
// a method Check(fault func(key, problem, remedy string)) that names wrong values. A name that is
// taken panics, so does a D that is neither Sensor nor Output.
func Register[C any, D Device](name string, defaults C, open func(context.Context, C) (D, error)) {
	register[C, D](name, "", defaults, func(ctx context.Context, _ Wire, c C) (D, error) { return open(ctx, c) })
}

// RegisterI2C is Register for a chip on an I²C bus. The bus belongs to the manager: a driver does
// not close it, keep it after Close, or change its speed.
func RegisterI2C[C any, D Device](name string, defaults C, open func(context.Context, i2c.Bus, C) (D, error)) {
	register[C, D](name, "i2c", defaults, func(ctx context.Context, w Wire, c C) (D, error) { return open(ctx, w.Bus, c) })
}

// RegisterPin is Register for something on one GPIO pin.
func RegisterPin[C any, D Device](name string, defaults C, open func(context.Context, gpio.PinIO, C) (D, error)) {
	register[C, D](name, "pin", defaults, func(ctx context.Context, w Wire, c C) (D, error) { return open(ctx, w.Pin, c) })
}

func register[C any, D Device](name, kind string, defaults C, open func(context.Context, Wire, C) (D, error)) {
	made := reflect.TypeFor[D]()
	d := Driver{
		Name: name, Wire: kind, Defaults: defaults,
		Output: made.Implements(reflect.TypeFor[Output]()),
		Sensor: made.Implements(reflect.TypeFor[Sensor]()),
	}
	if !d.Output && !d.Sensor {
		panic(fmt.Sprintf("device: driver %q: %v is neither a Sensor nor an Output", name, made))
	}
	d.open = func(ctx context.Context, w Wire, config any) (Device, error) {
		c := defaults
		if config != nil {
			var ok bool
			if c, ok = config.(C); !ok {
				return nil, fmt.Errorf("driver %s: its config is a %T, not a %T", name, c, config)
			}
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

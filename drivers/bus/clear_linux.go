package bus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"selvage/edge/device"
)

// Recover frees the bus by its two pins, where the config names them. For that they are taken from the bus's
// controller and given back to it. A pin that the kernel does not let go of, as i2c-gpio and controllers with
// exclusive pins do not, is an error, and nothing was done.
func (b *i2cBus) Recover(ctx context.Context, over device.Lines) error {
	if over == (device.Lines{}) {
		return errors.ErrUnsupported
	}
	b.mu.Lock() // nothing is to go over the controller meanwhile
	defer b.mu.Unlock()
	paths, _ := filepath.Glob("/dev/gpiochip*")
	chips, err := listChips(paths)
	if len(chips) == 0 {
		return noChips(over.SCL, err, len(paths))
	}
	var lines [2]drained
	for i, name := range [2]string{over.SCL, over.SDA} {
		c, offset, err := findLine(name, chips)
		if err != nil {
			return err
		}
		lines[i] = drained{&line{path: c.path, label: c.label, offset: offset}}
	}
	return b.borrow(lines, func() error {
		_, err := clearBus(ctx, lines[0], lines[1])
		return err
	})
}

// drained is a line as one end of a wire.
type drained struct{ *line }

func (d drained) Pull() error  { return d.drain(false) }
func (d drained) LetGo() error { return d.drain(true) }

func (d drained) High() (bool, error) {
	level, err := d.Level()
	return bool(level), err
}

// borrow has SCL and SDA as lines of ours for the time of use.
func (b *i2cBus) borrow(lines [2]drained, use func() error) (err error) {
	before, err := readMuxes(debugfs)
	if err != nil {
		return err
	}
	var pins []mux
	defer func() {
		var e error
		for _, l := range lines {
			e = errors.Join(e, l.Halt())
		}
		for _, m := range pins {
			e = errors.Join(e, m.giveBack())
		}
		if e != nil {
			err = e // a bus without its pins is worse than one that is stuck
		}
	}()
	for _, l := range lines {
		if err := l.LetGo(); err != nil {
			return err
		}
		now, err := readMuxes(debugfs)
		if pins = takenAsGPIO(before, now); err != nil {
			pins = b.own(before)
			return err
		}
	}
	for _, m := range pins {
		if m.owner != "" && !belongs("/sys", b.name, m.owner) {
			return &device.Fault{
				Text:   fmt.Sprintf("%s is a pin of %s, not of %s", m.pin, m.owner, b.name),
				Remedy: fmt.Sprintf("look at scl and sda in [bus.%q]", b.name),
			}
		}
	}
	return use()
}

// own are the pins of the bus's controller.
func (b *i2cBus) own(pins map[string]mux) (own []mux) {
	for _, m := range pins {
		if m.owner != "" && belongs("/sys", b.name, m.owner) {
			own = append(own, m)
		}
	}
	return own
}

// belongs tells whether a bus is that of a controller, which stands in the bus's path in sysfs:
// /sys/devices/platform/soc/fe804000.i2c/i2c-1.
func belongs(sys, bus, controller string) bool {
	path, err := filepath.EvalSymlinks(filepath.Join(sys, "bus/i2c/devices", filepath.Base(bus)))
	return err == nil && slices.Contains(strings.Split(path, "/"), controller)
}

var _ device.Recoverer = (*i2cBus)(nil)

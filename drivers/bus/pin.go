package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// chip is a GPIO chip of the kernel. Its number changes with the order of finding, its label does not.
type chip struct {
	path  string // "/dev/gpiochip0"
	label string // "pinctrl-bcm2711"
	lines []named
}

// named is a line of a chip.
type named struct {
	name string // "GPIO17", "" for none
	user string // who uses it, "" for nobody
}

// openPin opens a line by its name, "GPIO17", or by the label of its chip and its number or name there,
// "pinctrl-bcm2711:17".
func openPin(_ context.Context, name string) (gpio.PinIO, error) {
	paths, _ := filepath.Glob("/dev/gpiochip*")
	chips, err := listChips(paths)
	if len(chips) == 0 {
		return nil, noChips(name, err, len(paths))
	}
	c, offset, err := findLine(name, chips)
	if err != nil {
		return nil, err
	}
	return openLine(c, offset), nil
}

// findLine finds a line by what people call it. There is at least one chip.
func findLine(name string, chips []chip) (chip, int, error) {
	var found []string
	var c chip
	var offset int
	take := func(in chip, i int) {
		c, offset = in, i
		found = append(found, fmt.Sprintf("%s:%d", in.label, i))
	}
	label, line := "", name
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		label, line = name[:i], name[i+1:]
	}
	for _, in := range chips {
		if label != "" && in.label != label {
			continue
		}
		for i, l := range in.lines {
			if l.name == line && line != "" {
				take(in, i)
			}
		}
		if n, err := strconv.Atoi(line); err == nil && label != "" && n >= 0 && n < len(in.lines) && len(found) == 0 {
			take(in, n)
		}
	}
	if len(found) == 0 && label == "" {
		for _, in := range chips {
			if n, ok := headerPin(name, in); ok {
				take(in, n)
			}
		}
	}
	switch {
	case len(found) == 1:
		return c, offset, nil
	case len(found) > 1:
		return chip{}, 0, &device.Fault{
			Text:   fmt.Sprintf("%d pins are called %s", len(found), name),
			Remedy: "write one of " + strings.Join(found, ", "),
		}
	}
	return chip{}, 0, noPin(name, label, chips)
}

// headerPin finds GPIO2 to GPIO27 of a Raspberry Pi, whose older device trees name some lines by their
// function instead, such as SDA1. The numbers are those of the chip.
func headerPin(name string, c chip) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, "GPIO")
	n, err := strconv.Atoi(digits)
	ok = ok && err == nil && n >= 0 && n <= 27 && n < len(c.lines)
	return n, ok && (strings.HasPrefix(c.label, "pinctrl-bcm2") || c.label == "pinctrl-rp1")
}

// noPin says why a pin is not there.
func noPin(name, label string, chips []chip) error {
	f := &device.Fault{Text: "there is no pin " + name}
	var labels []string
	for _, c := range chips {
		if c.label == label {
			f.Remedy = fmt.Sprintf("%s has the lines 0 to %d: gpioinfo lists them", label, len(c.lines)-1)
			return f
		}
		if filepath.Base(c.path) == label {
			f.Remedy = fmt.Sprintf("chips are called by their label, for their number changes: write %s:%s", c.label, name[len(label)+1:])
			return f
		}
		labels = append(labels, c.label)
	}
	f.Remedy = fmt.Sprintf("write the name of a line, or one of the chips %s and a number, such as %s:0; gpioinfo lists them; a Raspberry Pi's are GPIO2 to GPIO27",
		strings.Join(labels, ", "), chips[0].label)
	return f
}

// noChips says why there are no pins at all.
func noChips(name string, err error, there int) error {
	f := &device.Fault{Text: "there is no pin " + name, Err: err}
	switch {
	case there == 0:
		f.Remedy = "this machine shows no pins: ls /dev/gpiochip*"
	case errors.Is(err, fs.ErrPermission):
		f.Remedy = "add selvage's user to the group gpio (usermod -aG gpio NAME) and start it again"
	default:
		f.Remedy = "look who may use the pins: ls -l /dev/gpiochip*; then start selvage again"
	}
	return f
}

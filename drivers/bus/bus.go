// Package bus is for the machine's own wires: the I²C and SPI buses, serial ports and GPIO pins of the board it runs on.
//
// Buses and pins go straight to the kernel: I²C to i2c-dev (Documentation/i2c/dev-interface.rst), SPI to spidev
// (Documentation/spi/spidev.rst), pins to its GPIO character device (Documentation/userspace-api/gpio/chardev.rst),
// rather than by periph's host library. Of v3.8.5: it gives errors as text only, so "nobody answers" could not be told
// from "the adapter was unplugged"; its I²C transfer keeps addresses of variables on the goroutine's stack as plain
// numbers, which a growing stack leaves behind; its pins map the chip's registers behind the kernel's back, are called by
// numbers that change, lose errors, and their edges can be waited for only by a goroutine of the caller's.
//
// Serial ports on Linux are the kernel's ttys (termios(3)) waited for by Go's own poller. The library go.bug.st/serial
// v1.8.0, which opens them on other systems, waits in select(2): that keeps a thread for each port on which nothing
// comes, panics when the file's number is above 1023, as it is in a host with a thousand connections, and it leaves
// ports open in programs that a driver starts.
//
// # A bus that is held
//
// A chip that lost count of the clock may hold SDA low until it gets more clocks. Where a table [bus."/dev/i2c-1"]
// names the two pins, they are taken as GPIOs, clocked up to nine times (UM10204 rev. 7.0, 3.1.16) and given back. Where
// that works:
//
//   - Pins that may be a GPIO while a controller has them: a Raspberry Pi's, whose i2c-bcm2835 frees no bus itself. Such
//     a pin stays a GPIO when it is let go (pinctrl-bcm2835.c), and only the kernel's debugfs connects it again without
//     restarting the controller: the file pinmux-select, of Linux 5.13 and newer, which is root's. Without it nothing is
//     touched and the reason stands in the device's status. Unbinding and binding the controller's driver would do it,
//     too; but that waits, without an end and without a way out, for every program that has the bus open
//     (i2c-core-base.c, i2c_del_adapter), so it is for people.
//   - Spare pins wired to SCL and SDA, which belong to no controller.
//   - Not pins that only one may have, such as an AST2600's or those of i2c-gpio: the kernel refuses them, and nothing was
//     done. Many controllers free the bus themselves where their device tree names the pins (scl-gpios, sda-gpios;
//     i2c-core-base.c, i2c_generic_scl_recovery), before a program hears of it.
//
// An adapter or port that vanishes is opened again under its name as soon as it is back, and one on which everything is
// silent is closed and opened: see edge/device.
package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterBus("", device.Wires{I2C: openI2C, SPI: openSPI, Port: openPort, Pin: openPin})
}

func openI2C(_ context.Context, name string) (i2c.BusCloser, error) {
	if !filepath.IsAbs(name) {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("%q is not the name of a bus", name),
			Remedy: `write the path the kernel gives it, such as "/dev/i2c-1"; ` + present(filepath.Glob),
		}
	}
	b, err := dial(name)
	if err != nil {
		return nil, explain(name, err, filepath.Glob)
	}
	return b, nil
}

// explain turns the error of opening a bus into one with a remedy.
func explain(name string, err error, glob func(string) ([]string, error)) error {
	var f *device.Fault
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &device.Fault{
			Text:   "there is no bus " + name,
			Remedy: present(glob) + `; if it is that of a Raspberry Pi: raspi-config, or dtparam=i2c_arm=on in config.txt and a restart; elsewhere: modprobe i2c-dev`,
			Err:    err,
		}
	case errors.Is(err, fs.ErrPermission):
		return &device.Fault{
			Text:   "selvage may not open the bus " + name,
			Remedy: "add its user to the group i2c (usermod -aG i2c NAME) and start it again",
			Err:    err,
		}
	}
	return &device.Fault{
		Text:   "the bus " + name + " does not open",
		Remedy: "check the name with: ls /dev/i2c-*",
		Err:    err,
	}
}

// present lists the buses there are, because a wrong number is the likeliest mistake.
func present(glob func(string) ([]string, error)) string {
	names, err := glob("/dev/i2c-*")
	if err != nil || len(names) == 0 {
		return "this machine shows no I²C bus"
	}
	return "this machine has " + strings.Join(names, ", ")
}

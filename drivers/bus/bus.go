// Package bus is for the machine's own wires: the I²C and SPI buses, serial ports and GPIO pins of the board it runs on.
//
// Buses and pins go straight to the kernel, I²C by i2c-dev (Documentation/i2c/dev-interface.rst), SPI by spidev
// (Documentation/spi/spidev.rst), pins by the GPIO character device (Documentation/userspace-api/gpio/chardev.rst), rather
// than by periph's host library. Of v3.8.5: its errors are text only, so "nobody answers" could not be told from "the
// adapter was unplugged", and its I²C transfer keeps addresses of variables on the goroutine's stack as plain numbers,
// which a growing stack leaves behind. Its pins map the chip's registers behind the kernel's back, are called by numbers
// that change, lose errors, and their edges cannot be waited for by anything but a goroutine of the caller's.
//
// Serial ports on Linux are the kernel's ttys (termios(3)) waited for by Go's own poller. The library go.bug.st/serial
// v1.8.0, which opens them on other systems, waits in select(2): that keeps a thread for each port on which nothing
// comes, panics when the file's number is above 1023, as it is in a host with a thousand connections, and it leaves
// ports open in programs that a driver starts.
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

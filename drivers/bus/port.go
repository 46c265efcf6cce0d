package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"selvage/edge/device"
)

// opening is the mode of a port before its driver sets another.
var opening = device.Mode{Baud: 9600, Data: 8, Parity: "none", Stop: 1}

// openPort opens a serial port by the path of its file, or what is behind a network by tcp://HOST:PORT.
func openPort(ctx context.Context, name string) (device.Port, error) {
	if addr, ok := strings.CutPrefix(name, "tcp://"); ok {
		return dialTCP(ctx, name, addr)
	}
	if !filepath.IsAbs(name) {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("%q is not the name of a port", name),
			Remedy: `write the path the kernel gives it, such as "/dev/ttyUSB0", or "tcp://HOST:PORT"; ` + ports(filepath.Glob),
		}
	}
	p, err := openSerial(name)
	if err != nil {
		return nil, explainPort(name, err, filepath.Glob)
	}
	return p, nil
}

// explainPort turns the error of opening a serial port into one with a remedy.
func explainPort(name string, err error, glob func(string) ([]string, error)) error {
	f := &device.Fault{Text: "the port " + name + " does not open", Remedy: ports(glob), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Text = "there is no port " + name
		f.Remedy += "; plug the adapter in; if it is the UART of a Raspberry Pi: raspi-config, or enable_uart=1 in config.txt and a restart"
	case errors.Is(err, fs.ErrPermission):
		f.Text = "selvage may not open the port " + name
		f.Remedy = "add its user to the group dialout (usermod -aG dialout NAME) and start it again"
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EAGAIN):
		f.Text = "another program has the port " + name
		f.Remedy = "see which: fuser -v " + name + "; often it is a login on that port (systemctl stop serial-getty@" + filepath.Base(name) + ") or ModemManager"
	case errors.Is(err, syscall.ENOTTY), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EISDIR):
		f.Text = name + " is not a serial port"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		f.Text = "there is nothing behind the port " + name
		f.Remedy = "the kernel has a name for it, and no hardware: " + f.Remedy
	}
	return f
}

// portPatterns are the names of serial ports, those first that do not change when two adapters are plugged in the
// other way round. Ports called ttyS are left out: the kernel shows four of them that are not there.
var portPatterns = []string{"/dev/serial/by-id/*", "/dev/serial[0-9]", "/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyAMA*"}

// ports lists the serial ports there are, because a wrong number is the likeliest mistake.
func ports(glob func(string) ([]string, error)) string {
	var names []string
	for _, pattern := range portPatterns {
		found, _ := glob(pattern)
		slices.Sort(found)
		names = append(names, found...)
	}
	if len(names) == 0 {
		return "this machine shows no serial port"
	}
	return "this machine has " + strings.Join(names, ", ")
}

// lost tells what a failed reading or writing of an open port means.
func lost(name string, err error) error {
	return &device.Fault{
		Text:   "the port " + name + " is gone",
		Remedy: "plug its adapter in again, or look for why it went: dmesg | tail; a Pi that is short of power drops USB",
		Err:    fmt.Errorf("%w (%w)", device.ErrBusGone, err),
	}
}

// checkMode says which mode no port has.
func checkMode(name string, m device.Mode) error {
	switch {
	case m.Baud <= 0:
		return fmt.Errorf("%s: no port has %d baud", name, m.Baud)
	case m.Data < 5 || m.Data > 8:
		return fmt.Errorf("%s: no port has %d data bits", name, m.Data)
	case m.Stop != 1 && m.Stop != 2:
		return fmt.Errorf("%s: no port has %d stop bits", name, m.Stop)
	case m.Parity != "none" && m.Parity != "even" && m.Parity != "odd":
		return fmt.Errorf("%s: no port has the parity %q", name, m.Parity)
	}
	return nil
}

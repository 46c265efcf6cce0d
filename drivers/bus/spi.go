package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

func openSPI(_ context.Context, name string) (spi.PortCloser, error) {
	if !filepath.IsAbs(name) {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("%q is not the name of an SPI bus", name),
			Remedy: `write the path the kernel gives its chip select, such as "/dev/spidev0.0"; ` + presentSPI(filepath.Glob),
		}
	}
	p, err := dialSPI(name)
	if err != nil {
		return nil, explainSPI(name, err, filepath.Glob)
	}
	return p, nil
}

// explainSPI turns the error of opening an SPI bus into one with a remedy.
func explainSPI(name string, err error, glob func(string) ([]string, error)) error {
	var f *device.Fault
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &device.Fault{
			Text:   "there is no SPI bus " + name,
			Remedy: presentSPI(glob) + "; if it is that of a Raspberry Pi: raspi-config, or dtparam=spi=on in config.txt and a restart",
			Err:    err,
		}
	case errors.Is(err, fs.ErrPermission):
		return &device.Fault{
			Text:   "selvage may not open the SPI bus " + name,
			Remedy: "add its user to the group spi (usermod -aG spi NAME) and start it again",
			Err:    err,
		}
	}
	return &device.Fault{
		Text:   "the SPI bus " + name + " does not open",
		Remedy: "check the name with: ls /dev/spidev*",
		Err:    err,
	}
}

// presentSPI lists the chip selects there are.
func presentSPI(glob func(string) ([]string, error)) string {
	names, err := glob("/dev/spidev*")
	if err != nil || len(names) == 0 {
		return "this machine shows no SPI bus"
	}
	return "this machine has " + strings.Join(names, ", ")
}

//go:build !linux

package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"go.bug.st/serial"

	"selvage/edge/device"
)

// serialPort is a port of a system that is not Linux, for those who try a USB adapter on their desk.
type serialPort struct {
	serial.Port
	name string
}

func openSerial(name string) (device.Port, error) {
	p, err := serial.Open(name, modeOf(opening))
	if err != nil {
		var e *serial.PortError
		if errors.As(err, &e) {
			switch e.Code() {
			case serial.PortBusy:
				err = fmt.Errorf("%w: %w", err, syscall.EBUSY)
			case serial.PortNotFound:
				err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
			case serial.PermissionDenied:
				err = fmt.Errorf("%w: %w", err, fs.ErrPermission)
			case serial.InvalidSerialPort:
				err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
			}
		}
		return nil, err
	}
	return &serialPort{Port: p, name: name}, nil
}

func modeOf(m device.Mode) *serial.Mode {
	return &serial.Mode{
		BaudRate: m.Baud, DataBits: m.Data,
		Parity:   map[string]serial.Parity{"even": serial.EvenParity, "odd": serial.OddParity}[m.Parity],
		StopBits: map[int]serial.StopBits{2: serial.TwoStopBits}[m.Stop],
	}
}

func (p *serialPort) String() string { return p.name }

func (p *serialPort) SetMode(m device.Mode) error {
	if err := checkMode(p.name, m); err != nil {
		return err
	}
	return p.Port.SetMode(modeOf(m))
}

func (p *serialPort) SetReadTimeout(d time.Duration) error { return p.Port.SetReadTimeout(d) }

func (p *serialPort) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	if err != nil {
		return n, lost(p.name, err)
	}
	return n, nil
}

func (p *serialPort) Write(b []byte) (int, error) {
	n, err := p.Port.Write(b)
	if err != nil {
		return n, lost(p.name, err)
	}
	return n, nil
}

func (p *serialPort) ResetInputBuffer() error {
	if err := p.Port.ResetInputBuffer(); err != nil {
		return lost(p.name, err)
	}
	return nil
}

var _ device.Port = (*serialPort)(nil)

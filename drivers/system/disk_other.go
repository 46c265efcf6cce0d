//go:build !linux

package system

import (
	"errors"
	"time"

	"selvage/edge/device"
)

func (d *Dev) disk() part {
	return part{read: func(s device.Sample, _ time.Time) (device.Sample, error) {
		return s, errors.New("disk space is read on Linux only")
	}}
}

//go:build !linux

package bus

import (
	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func dial(name string) (i2c.BusCloser, error) {
	return nil, &device.Fault{
		Text:   "this system has no I²C buses",
		Remedy: `run on Linux, or try the simulated bus "sim:room"`,
	}
}

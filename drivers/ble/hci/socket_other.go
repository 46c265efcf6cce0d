//go:build !linux

package hci

import (
	"context"
	"fmt"
	"runtime"

	"selvage/edge/device"
)

func init() {
	device.RegisterRadio("", func(_ context.Context, name string) (device.RadioBus, error) {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the Bluetooth adapter %s cannot be used on %s", name, runtime.GOOS),
			Remedy: `run this device on Linux; without hardware: adapter = "sim:ble"`,
		}
	})
}

// Adapters lists none: only those of Linux can be used.
func Adapters() []string { return nil }

//go:build !linux

package bus

import (
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

func dialSPI(string) (spi.PortCloser, error) {
	return nil, &device.Fault{
		Text:   "this system has no SPI buses",
		Remedy: `run on Linux, or try a simulated chip such as "sim:mcp3008"`,
	}
}

//go:build !linux

package bus

import (
	"errors"

	"periph.io/x/conn/v3/gpio"
)

var errNoChips = errors.New("this system has no GPIO chips of Linux")

func listChips([]string) ([]chip, error) { return nil, errNoChips }

func openLine(chip, int) gpio.PinIO { return gpio.INVALID }

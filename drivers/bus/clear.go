package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/edge/device"
)

// drain is one of the two lines of an I²C bus, driven as its chips do: pulled low, or let go so that its resistor pulls
// it high if nobody else holds it.
type drain interface {
	Pull() error
	LetGo() error
	High() (bool, error)
}

const (
	halfClock = 5 * time.Microsecond  // of 100 kHz, which every chip keeps up with
	stretch   = 25 * time.Millisecond // how long a chip may hold SCL (SMBus 3.2, table 2, tTIMEOUT,MIN)
	maxClocks = 9                     // eight bits and the acknowledgement
)

// errIdleLines says that neither line is held.
var errIdleLines = errors.New("SDA and SCL are high: nobody holds them, so it is the controller that hangs, or a chip that now and then holds SCL too long")

// clearBus frees a bus whose SDA is held low by a chip that lost count of the clock in the middle of a byte
// (UM10204 rev. 7.0, 3.1.16): it clocks until the chip has sent its bits and lets go, nine times at most, and has each
// clock end in a STOP, which comes through as soon as nobody holds SDA. Without that a chip that was being read would
// go on with its next byte, and one that was being written to would take the clocks for data. Linux does the same where
// a controller's driver can (drivers/i2c/i2c-core-base.c, i2c_generic_scl_recovery). It returns how many clocks it took.
func clearBus(ctx context.Context, scl, sda drain) (clocks int, err error) {
	if err := released(ctx, scl); err != nil {
		return 0, err
	}
	if free, err := sda.High(); err != nil || free {
		if err == nil {
			err = errIdleLines
		}
		return 0, err
	}
	for clocks < maxClocks {
		for _, step := range []func() error{scl.Pull, sda.Pull, scl.LetGo} {
			if err := step(); err != nil {
				return clocks, err
			}
			if err := device.Wait(ctx, halfClock); err != nil {
				return clocks, err
			}
		}
		clocks++
		if err := released(ctx, scl); err != nil {
			return clocks, err
		}
		if err := sda.LetGo(); err != nil {
			return clocks, err
		}
		if err := device.Wait(ctx, halfClock); err != nil {
			return clocks, err
		}
		if free, err := sda.High(); err != nil || free {
			return clocks, err
		}
	}
	return clocks, fmt.Errorf("SDA stays low after %d clocks: a chip without power, a broken one, or a short holds it; switch the sensors' power off and on", maxClocks)
}

// released waits until SCL, which we let go, is high.
func released(ctx context.Context, scl drain) error {
	for late := time.Now().Add(stretch); ; {
		switch high, err := scl.High(); {
		case err != nil || high:
			return err
		case time.Now().After(late):
			return errors.New("SCL is held low: no clock can free the bus; switch the sensors' power off and on, or look for a short")
		}
		if err := device.Wait(ctx, halfClock); err != nil {
			return err
		}
	}
}

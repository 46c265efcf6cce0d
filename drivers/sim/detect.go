package sim

import (
	"fmt"
	"time"

	"selvage/edge/device"
)

// Detect tells who acknowledges an address that no byte follows. A chip does, whatever it was told before.
func (b *bus) Detect(addr uint16) (byReading bool, err error) {
	if b.closed.Load() {
		return false, fmt.Errorf("%s: %w", b, device.ErrBusGone)
	}
	o := b.board
	o.mu.Lock()
	there, trouble := o.chips[addr] != nil, o.troubled(time.Now())
	o.mu.Unlock()
	switch {
	case trouble == Stuck:
		time.Sleep(stuckTime)
		return false, fmt.Errorf("%s: %w", b, device.ErrBusStuck)
	case trouble == Ones, there && trouble != Unplugged:
		return false, nil
	}
	return false, fmt.Errorf("%s: 0x%02x: %w", b, addr, device.ErrNoAnswer)
}

var _ device.Detector = (*bus)(nil)

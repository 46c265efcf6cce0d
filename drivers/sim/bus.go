package sim

import (
	"fmt"
	"sync/atomic"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

const (
	chipAddress = 0x44
	// stuckTime is the kernel's time-out for a transfer: one second on most adapters.
	stuckTime = time.Second
)

// Bus opens the room's I²C bus.
func (r *Room) Bus() i2c.BusCloser { return &bus{room: r} }

type bus struct {
	room   *Room
	closed atomic.Bool
}

func (b *bus) String() string { return b.room.name }

// Tx is one transfer: a write, a read, or a write and a read with a repeated start.
func (b *bus) Tx(addr uint16, w, r []byte) error {
	if b.closed.Load() {
		return fmt.Errorf("%s: %w", b, device.ErrBusGone)
	}
	ro := b.room
	ro.mu.Lock()
	defer ro.mu.Unlock()
	if ro.trouble == Stuck {
		ro.mu.Unlock()
		time.Sleep(stuckTime)
		ro.mu.Lock()
		return fmt.Errorf("%s: %w", b, device.ErrBusStuck)
	}
	now := time.Now()
	switch {
	case addr != chipAddress || ro.trouble == Unplugged,
		len(w) > 0 && !ro.chip.write(now, w),
		len(r) > 0 && !ro.chip.read(now, r):
		return fmt.Errorf("%s: 0x%02x: %w", b, addr, device.ErrNoAnswer)
	}
	if ro.trouble == Noisy && len(r) > 0 {
		r[0] ^= 0x10 // one bit; CRC-8 finds every single one
	}
	return nil
}

// SetSpeed takes what the chip can follow: 1 MHz.
func (b *bus) SetSpeed(f physic.Frequency) error {
	if f > physic.MegaHertz {
		return fmt.Errorf("%s: %v is too fast for an SHT4x", b, f)
	}
	return nil
}

func (b *bus) Close() error {
	b.closed.Store(true)
	return nil
}

var _ i2c.BusCloser = (*bus)(nil)

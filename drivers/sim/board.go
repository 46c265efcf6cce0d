package sim

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// A Chip is a simulated chip on an I²C bus, down to its registers. It shares no code with its driver, so that a
// mistake in one shows in the other. Its methods are called with its board locked.
type Chip interface {
	// Write takes the bytes after the address; false is a NAK.
	Write(now time.Time, w []byte) bool
	// Read fills r; false is a NAK of the address.
	Read(now time.Time, r []byte) bool
	// PowerOff has the chip forget what it was told.
	PowerOff()
}

// Trouble is what can be wrong with a board.
type Trouble uint8

const (
	None      Trouble = iota
	Unplugged         // nobody acknowledges
	Noisy             // bits flip on the way, so checksums are wrong
	Stuck             // the clock line is held low: every transfer ends in the kernel's time-out
	Ones              // an adapter that does not report a missing acknowledge reads the idle bus
)

// stuckTime is the kernel's time-out for a transfer: one second on most adapters.
const stuckTime = time.Second

// Board is an I²C bus with chips on it.
type Board struct {
	name string

	mu      sync.Mutex
	chips   map[uint16]Chip
	trouble troubles
}

// NewBoard returns a bus with nothing on it.
func NewBoard(name string) *Board { return &Board{name: name, chips: map[uint16]Chip{}} }

// Plug puts a chip at an address, in the place of what is there.
func (b *Board) Plug(addr uint16, c Chip) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chips[addr] = c
}

// Unplug takes what is at an address away.
func (b *Board) Unplug(addr uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.chips, addr)
}

// Trouble makes something go wrong with all of the board, or None of it right again.
func (b *Board) Trouble(t Trouble) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble.said = t
	if t == Unplugged {
		b.powerOff()
	}
}

// troubled is what is wrong now. b.mu is held.
func (b *Board) troubled(now time.Time) Trouble {
	what, cut := b.trouble.now(now)
	if cut {
		b.powerOff()
	}
	return what
}

func (b *Board) plan(p *planned, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble.turn(p, on)
}

func (b *Board) powerOff() {
	for _, c := range b.chips {
		c.PowerOff()
	}
}

// Bus opens the bus.
func (b *Board) Bus() i2c.BusCloser { return &bus{board: b} }

type bus struct {
	board  *Board
	closed atomic.Bool
}

func (b *bus) String() string { return b.board.name }

// PowerOff takes the power of all chips away for a moment.
func (b *bus) PowerOff() {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	b.board.powerOff()
}

// Tx is one transfer: a write, a read, or a write and a read with a repeated start.
func (b *bus) Tx(addr uint16, w, r []byte) error {
	if b.closed.Load() {
		return fmt.Errorf("%s: %w", b, device.ErrBusGone)
	}
	o := b.board
	o.mu.Lock()
	defer o.mu.Unlock()
	trouble := o.troubled(time.Now())
	if trouble == Stuck {
		o.mu.Unlock()
		time.Sleep(stuckTime)
		o.mu.Lock()
		return fmt.Errorf("%s: %w", b, device.ErrBusStuck)
	}
	if trouble == Ones {
		for i := range r {
			r[i] = 0xFF
		}
		return nil
	}
	now, c := time.Now(), o.chips[addr]
	switch {
	case c == nil, trouble == Unplugged,
		len(w) > 0 && !c.Write(now, w),
		len(r) > 0 && !c.Read(now, r):
		return fmt.Errorf("%s: 0x%02x: %w", b, addr, device.ErrNoAnswer)
	}
	if trouble == Noisy && len(r) > 0 {
		r[0] ^= 0x10 // one bit; CRC-8 finds every single one
	}
	return nil
}

// SetSpeed takes what all chips can follow: 400 kHz.
func (b *bus) SetSpeed(f physic.Frequency) error {
	if f > 400*physic.KiloHertz {
		return fmt.Errorf("%s: %v is too fast", b, f)
	}
	return nil
}

func (b *bus) Close() error {
	b.closed.Store(true)
	return nil
}

var _ i2c.BusCloser = (*bus)(nil)

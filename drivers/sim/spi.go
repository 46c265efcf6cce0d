package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// An SPIChip is a simulated chip on a chip select, down to its registers. It shares no code with its driver. Its methods
// are called with its select locked.
type SPIChip interface {
	// Transfer is one selection: it takes w and fills r, which are of one length.
	Transfer(now time.Time, w, r []byte)
	// Speaks says how fast it follows and in which modes.
	Speaks() (fastest physic.Frequency, modes []spi.Mode)
	// PowerOff has the chip forget what it was told.
	PowerOff()
}

// spiKinds are the chips that an SPI bus called like one has: "sim:max31865".
var spiKinds = map[string]func() SPIChip{}

// registerSPI names a kind of chip. It is called in init.
func registerSPI(name string, make func() SPIChip) {
	if spiKinds[name] != nil {
		panic(fmt.Sprintf("sim: the chip %q is there twice", name))
	}
	spiKinds[name] = make
}

var selects = struct {
	sync.Mutex
	m map[string]*Select
}{m: map[string]*Select{}}

// openSPI opens the select that is called like a chip.
func openSPI(_ context.Context, name string) (spi.PortCloser, error) {
	if spiKinds[chipOf(name)] == nil {
		return nil, errors.New("a simulated SPI bus is called like the chip on it, such as sim:mcp3008")
	}
	return findSelect(name).Port(), nil
}

// findSelect returns the select of that name, which is that of a chip; it is made when it is first asked for.
func findSelect(name string) *Select {
	selects.Lock()
	defer selects.Unlock()
	s := selects.m[name]
	if s == nil {
		s = NewSelect(name, spiKinds[chipOf(name)]())
		selects.m[name] = s
	}
	return s
}

// Select is a chip select of an SPI bus, with a chip.
type Select struct {
	name string

	mu      sync.Mutex
	chip    SPIChip
	trouble troubles
}

// NewSelect returns a select with a chip.
func NewSelect(name string, c SPIChip) *Select { return &Select{name: name, chip: c} }

// Trouble makes something go wrong, or None of it right again. On this kind of bus nobody acknowledges, so Unplugged are
// zeros, and Ones ones.
func (s *Select) Trouble(t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.said = t
	if t == Unplugged {
		s.chip.PowerOff()
	}
}

func (s *Select) plan(p *planned, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.turn(p, on)
}

// Port opens the bus.
func (s *Select) Port() spi.PortCloser { return &selected{s: s} }

type selected struct {
	s      *Select
	closed atomic.Bool
}

func (p *selected) String() string                    { return p.s.name }
func (p *selected) LimitSpeed(physic.Frequency) error { return nil }

// PowerOff takes the power of the chip away for a moment.
func (p *selected) PowerOff() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.chip.PowerOff()
}

// Connect refuses what the chip cannot follow; a real bus would not, and the chip would say something else.
func (p *selected) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	fastest, modes := p.s.chip.Speaks()
	if f > fastest || f == 0 || !slices.Contains(modes, mode) || bits != 8 {
		return nil, fmt.Errorf("%s: the chip does not follow %v, %v, %d bits", p, f, mode, bits)
	}
	return &selectedConn{p}, nil
}

func (p *selected) Close() error {
	p.closed.Store(true)
	return nil
}

type selectedConn struct{ port *selected }

func (c *selectedConn) String() string      { return c.port.String() }
func (c *selectedConn) Duplex() conn.Duplex { return conn.Full }

func (c *selectedConn) Tx(w, r []byte) error {
	if c.port.closed.Load() {
		return fmt.Errorf("%s: %w", c, device.ErrBusGone)
	}
	if len(w) != len(r) && len(w) > 0 && len(r) > 0 {
		return fmt.Errorf("%s: %d bytes out and %d in", c, len(w), len(r))
	}
	s := c.port.s
	s.mu.Lock()
	defer s.mu.Unlock()
	size := max(len(w), len(r))
	out, in := make([]byte, size), make([]byte, size)
	copy(out, w)
	trouble, cut := s.trouble.now(time.Now())
	if cut {
		s.chip.PowerOff()
	}
	switch trouble {
	case Stuck:
		s.mu.Unlock()
		time.Sleep(stuckTime)
		s.mu.Lock()
		return fmt.Errorf("%s: %w", c, device.ErrBusStuck)
	case Ones:
		for i := range in {
			in[i] = 0xFF
		}
	case Unplugged:
	default:
		s.chip.Transfer(time.Now(), out, in)
		if trouble == Noisy {
			in[0] ^= 0x10
		}
	}
	copy(r, in)
	return nil
}

func (c *selectedConn) TxPackets([]spi.Packet) error {
	return errors.New("simulated chips take one transfer at a time")
}

var _ spi.PortCloser = (*selected)(nil)

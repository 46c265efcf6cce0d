package device

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Op is what a driver does with its wire.
type Op string

const (
	OpTx      Op = "tx"      // I²C and SPI: W goes out, R comes in
	OpConnect Op = "connect" // SPI, once each time the device is opened
	OpWrite   Op = "write"   // a serial port: W goes out
	OpRead    Op = "read"    // a serial port: R came in
	OpMode    Op = "mode"    // a serial port
	OpReset   Op = "reset"   // a serial port: what came and was not read is forgotten
)

// Transfer is one use of a wire by a driver, and what came of it.
type Transfer struct {
	At      time.Time     // when it began
	Took    time.Duration //
	Op      Op
	Addr    uint16 // on I²C
	W, R    []byte // R is what came, also of a transfer that failed
	N       int    // how many bytes were to come, of OpTx
	Mode    Mode   // of OpMode
	Connect Connection
	Err     error
}

// Connection is what an SPI chip wants of its bus.
type Connection struct {
	Speed physic.Frequency
	Mode  spi.Mode
	Bits  int
}

// tap lets somebody listen to a wire.
type tap struct {
	hears func() bool      // whether anybody does
	hear  func(t Transfer) // W and R are the driver's: what is to be kept of them is copied
}

// on puts the tap on a wire that is opened for all devices on it. What the wire can do beyond its interface, it still
// can where drivers may ask for it.
func (t *tap) on(wire Bus) Bus {
	switch w := wire.(type) {
	case i2c.BusCloser:
		return &tappedI2C{w, t}
	case spi.PortCloser:
		return &tappedSPI{w, t}
	case Port:
		return &tappedPort{w, t}
	}
	return wire
}

// tell tells of a transfer that began at a time.
func (t *tap) tell(began time.Time, x Transfer) {
	x.At, x.Took = began, time.Since(began)
	t.hear(x)
}

type tappedI2C struct {
	i2c.BusCloser
	tap *tap
}

func (b *tappedI2C) Tx(addr uint16, w, r []byte) error {
	if !b.tap.hears() {
		return b.BusCloser.Tx(addr, w, r)
	}
	began := time.Now()
	err := b.BusCloser.Tx(addr, w, r)
	b.tap.tell(began, Transfer{Op: OpTx, Addr: addr, W: w, R: came(r, err), N: len(r), Err: err})
	return err
}

// Detect asks whoever the tap is on.
func (b *tappedI2C) Detect(addr uint16) (byReading bool, err error) { return detect(b.BusCloser, addr) }

// Recover has whoever the tap is on free the bus.
func (b *tappedI2C) Recover(ctx context.Context, over Lines) error {
	return recoverBus(ctx, b.BusCloser, over)
}

func (p *tappedSPI) Recover(ctx context.Context, over Lines) error {
	return recoverBus(ctx, p.PortCloser, over)
}

func (p *tappedPort) Recover(ctx context.Context, over Lines) error {
	return recoverBus(ctx, p.Port, over)
}

func recoverBus(ctx context.Context, bus Bus, over Lines) error {
	if r, ok := bus.(Recoverer); ok {
		return r.Recover(ctx, over)
	}
	return errors.ErrUnsupported
}

// came is what came of a transfer of which nothing is known if it failed.
func came(r []byte, err error) []byte {
	if err != nil {
		return nil
	}
	return r
}

type tappedSPI struct {
	spi.PortCloser
	tap *tap
}

func (p *tappedSPI) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	began := time.Now()
	c, err := p.PortCloser.Connect(f, mode, bits)
	if p.tap.hears() {
		p.tap.tell(began, Transfer{Op: OpConnect, Connect: Connection{f, mode, bits}, Err: err})
	}
	if err != nil {
		return nil, err
	}
	return &tappedConn{c, p.tap}, nil
}

type tappedConn struct {
	spi.Conn
	tap *tap
}

func (c *tappedConn) Tx(w, r []byte) error {
	if !c.tap.hears() {
		return c.Conn.Tx(w, r)
	}
	w = clone(w) // r may be the same memory
	began := time.Now()
	err := c.Conn.Tx(w, r)
	c.tap.tell(began, Transfer{Op: OpTx, W: w, R: came(r, err), N: len(r), Err: err})
	return err
}

// TxPackets is told of as one transfer for each packet.
func (c *tappedConn) TxPackets(p []spi.Packet) error {
	if !c.tap.hears() {
		return c.Conn.TxPackets(p)
	}
	sent := make([][]byte, len(p))
	for i := range p {
		sent[i] = clone(p[i].W)
	}
	began := time.Now()
	err := c.Conn.TxPackets(p)
	for i := range p {
		c.tap.tell(began, Transfer{Op: OpTx, W: sent[i], R: came(p[i].R, err), N: len(p[i].R), Err: err})
	}
	return err
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

type tappedPort struct {
	Port
	tap *tap
}

func (p *tappedPort) Write(w []byte) (int, error) {
	if !p.tap.hears() {
		return p.Port.Write(w)
	}
	began := time.Now()
	n, err := p.Port.Write(w)
	p.tap.tell(began, Transfer{Op: OpWrite, W: w[:max(n, 0)], Err: err})
	return n, err
}

// Read does not tell of waits in which nothing came.
func (p *tappedPort) Read(r []byte) (int, error) {
	if !p.tap.hears() {
		return p.Port.Read(r)
	}
	began := time.Now()
	n, err := p.Port.Read(r)
	if n > 0 || err != nil {
		p.tap.tell(began, Transfer{Op: OpRead, R: r[:max(n, 0)], Err: err})
	}
	return n, err
}

func (p *tappedPort) SetMode(m Mode) error {
	began := time.Now()
	err := p.Port.SetMode(m)
	if p.tap.hears() {
		p.tap.tell(began, Transfer{Op: OpMode, Mode: m, Err: err})
	}
	return err
}

func (p *tappedPort) ResetInputBuffer() error {
	began := time.Now()
	err := p.Port.ResetInputBuffer()
	if p.tap.hears() {
		p.tap.tell(began, Transfer{Op: OpReset, Err: err})
	}
	return err
}

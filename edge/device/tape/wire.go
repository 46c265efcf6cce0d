package tape

import (
	stdbytes "bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// ErrOther is the error of a driver that asks its wire for what the recording does not have.
var ErrOther = errors.New("the recording has no answer to that")

// Wire is a wire that answers as a recording has it. It has the name of the wire that was recorded.
type Wire struct {
	name  string
	speed float64

	left    []*Line // of the step that is played
	line    int     // of that, or of what was played last
	rest    []byte  // of what came on a serial port and was not read yet
	timeout time.Duration
	other   error // the first question that had no answer, since Play
}

// NewWire returns the wire of a recording. Waits for what does not come are shorter by the speed.
func NewWire(h *Head, speed float64) *Wire {
	return &Wire{name: h.On, speed: max(speed, 1), timeout: 50 * time.Millisecond}
}

// As returns the wire as a driver of that kind wants it.
func (w *Wire) As(kind device.Kind) any {
	switch kind {
	case device.I2C:
		return i2c.Bus(wireI2C{w})
	case device.SPI:
		return spi.Port(wireSPI{w})
	case device.Serial:
		return device.Port(wirePort{w})
	}
	return nil
}

// Play has the wire answer as it did in a step. What the driver did not ask for of the step before is left out, but not
// what came on a serial port.
func (w *Wire) Play(s *Step) { w.left, w.line, w.other = s.Transfers, s.Line, nil }

// Other returns an error that wraps ErrOther if the driver asked for something, since Play, that the recording does
// not have.
func (w *Wire) Other() error { return w.other }

// Left is how many transfers of the step the driver has not asked for.
func (w *Wire) Left() int { return len(w.left) }

// take finds the next transfer that fits, and leaves out those before it: a driver that was mended since may ask less.
func (w *Wire) take(asked string, fits func(*Line) bool) (*Line, error) {
	for i, l := range w.left {
		if fits(l) {
			w.left, w.line = w.left[i+1:], l.Number
			return l, nil
		}
	}
	next := "nothing comes any more"
	if len(w.left) > 0 {
		l := w.left[0]
		w.line = l.Number
		next = "there is " + l.words()
	}
	err := fmt.Errorf("the driver asks to %s, and in line %d of the recording %s: %w", asked, w.line, next, ErrOther)
	if w.other == nil {
		w.other = err
	}
	return nil, err
}

// words is a transfer for people.
func (l *Line) words() string {
	s := string(l.Op)
	if l.Addr != 0 {
		s += fmt.Sprintf(" 0x%02x", uint16(l.Addr))
	}
	if len(l.W) > 0 {
		s += " write " + hex.EncodeToString(l.W)
	}
	if n := l.wanted(); n > 0 {
		s += fmt.Sprintf(" read %d", n)
	}
	return s
}

// wanted is how many bytes were to come.
func (l *Line) wanted() int { return max(len(l.R), l.N) }

// end is the error that the transfer had.
func (l *Line) end() error {
	if l.Err == "" {
		return nil
	}
	return recorded(l.Err, l.Why)
}

// tx answers a transfer.
func (w *Wire) tx(addr uint16, out, in []byte) error {
	asked := Line{Op: device.OpTx, Addr: address(addr), W: out, N: len(in)}
	l, err := w.take(asked.words(), func(l *Line) bool {
		return l.Op == device.OpTx && uint16(l.Addr) == addr && stdbytes.Equal(l.W, out) && l.wanted() == len(in)
	})
	if err != nil {
		return err
	}
	copy(in, l.R)
	return l.end()
}

type wireI2C struct{ *Wire }

func (w wireI2C) String() string                       { return w.name }
func (w wireI2C) Tx(addr uint16, out, in []byte) error { return w.tx(addr, out, in) }
func (w wireI2C) SetSpeed(physic.Frequency) error      { return nil }

type wireSPI struct{ *Wire }

func (w wireSPI) String() string { return w.name }

func (w wireSPI) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	for i, l := range w.left {
		if l.Op == device.OpConnect {
			w.left = w.left[i+1:]
			return wireConn(w), l.end()
		}
	}
	return wireConn(w), nil // the recording began later
}

type wireConn struct{ *Wire }

func (w wireConn) String() string          { return w.name }
func (w wireConn) Duplex() conn.Duplex     { return conn.Full }
func (w wireConn) Tx(out, in []byte) error { return w.tx(0, out, in) }

func (w wireConn) TxPackets(p []spi.Packet) error {
	for i := range p {
		if err := w.tx(0, p[i].W, p[i].R); err != nil {
			return err
		}
	}
	return nil
}

// wirePort is a serial port. What came at once when it was recorded may be read in other portions.
type wirePort struct{ *Wire }

func (w wirePort) String() string { return w.name }
func (w wirePort) Close() error   { return nil }

func (w wirePort) Write(out []byte) (int, error) {
	asked := Line{Op: device.OpWrite, W: out}
	l, err := w.take(asked.words(), func(l *Line) bool { return l.Op == device.OpWrite && stdbytes.Equal(l.W, out) })
	if err != nil {
		return 0, err
	}
	w.rest = nil // what comes is the answer to this
	return len(out), l.end()
}

// Read gives what came before the next question was asked; then it waits as long as the driver has asked to.
func (w wirePort) Read(in []byte) (int, error) {
	for len(w.rest) == 0 && len(w.left) > 0 && w.left[0].Op != device.OpWrite {
		l := w.left[0]
		w.left, w.line = w.left[1:], l.Number
		if l.Op == device.OpRead {
			w.rest = l.R
			if err := l.end(); err != nil {
				return 0, err
			}
		}
	}
	if len(w.rest) == 0 {
		time.Sleep(time.Duration(float64(w.timeout) / w.speed))
		return 0, nil
	}
	n := copy(in, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w wirePort) SetMode(device.Mode) error { return nil }

func (w wirePort) SetReadTimeout(d time.Duration) error {
	w.timeout = max(d, time.Millisecond)
	return nil
}

// ResetInputBuffer forgets what came, up to where the recorded driver did so.
func (w wirePort) ResetInputBuffer() error {
	w.rest = nil
	for i, l := range w.left {
		if l.Op == device.OpReset {
			w.left = w.left[i+1:]
			break
		} else if l.Op == device.OpWrite {
			break
		}
	}
	return nil
}

// Player plays the calls of a recording on the driver that was recorded.
type Player struct {
	Wire   *Wire
	Device device.Device // nil while closed

	driver device.Driver
	config any
	speed  float64
}

// NewPlayer returns a player of a recording that has traffic, with nothing opened yet.
func NewPlayer(h *Head, speed float64) (*Player, error) {
	d, config, err := h.DriverConfig()
	if err != nil {
		return nil, err
	}
	return &Player{Wire: NewWire(h, speed), driver: d, config: config, speed: max(speed, 1)}, nil
}

// Play plays one step: it opens, closes, reads or sets the device.
func (p *Player) Play(ctx context.Context, s *Step) (sample device.Sample, err error) {
	ctx = device.Faster(ctx, p.speed)
	p.Wire.Play(s)
	switch s.Call {
	case "open":
		p.Close()
		p.Device, err = p.driver.Open(ctx, p.Wire.As(p.driver.Wire), p.config)
	case "close":
		p.Close()
	case "read":
		if sensor, ok := p.Device.(device.Sensor); ok {
			sample, err = sensor.Read(ctx)
		}
	case "out":
		if output, ok := p.Device.(device.Output); ok {
			err = output.Out(ctx, s.To)
		}
	}
	return sample, err
}

// Close closes the device.
func (p *Player) Close() {
	if p.Device != nil {
		_ = p.Device.Close() // the recording goes on whatever it says
	}
	p.Device = nil
}

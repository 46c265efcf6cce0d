package sim

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/edge/device"
)

// A Talker is a simulated device on a serial line, down to its bytes. It shares no code with its driver, so that a
// mistake in one shows in the other. Its methods are called with its line locked.
type Talker interface {
	// Hear takes bytes that were sent to it.
	Hear(now time.Time, b []byte)
	// Say returns what it has sent since it was last asked, and when it will send more if it hears nothing; zero is
	// never.
	Say(now time.Time) (b []byte, next time.Time)
	// PowerOff has it forget what it was told.
	PowerOff()
	// Baud is its speed. At another one its bytes come as others.
	Baud() int
}

// talkers are the devices that a port called like one has: "sim:pms5003".
var talkers = map[string]func() Talker{}

// registerTalker names a kind of serial device. It is called in init.
func registerTalker(name string, make func() Talker) {
	if _, taken := talkers[name]; taken {
		panic(fmt.Sprintf("sim: the serial device %q is there twice", name))
	}
	talkers[name] = make
}

// Line is a serial line with one device, or several that hear the same.
type Line struct {
	name string

	mu      sync.Mutex
	device  Talker
	trouble troubles
	baud    int    // of this end
	came    []byte // and was not read
}

// ttyBuffer is how much the kernel keeps of what nobody reads (N_TTY_BUF_SIZE in drivers/tty/n_tty.c).
const ttyBuffer = 4096

// NewLine returns a line with a device that only the caller knows.
func NewLine(name string, d Talker) *Line { return &Line{name: name, device: d, baud: 9600} }

var lines = struct {
	sync.Mutex
	m map[string]*Line
}{m: map[string]*Line{}}

// FindLine returns the line of that name, "sim:pms5003"; it is made when it is first asked for. A name may have a number
// behind it, "sim:pms5003/2", so that there can be several.
func FindLine(name string) (*Line, error) {
	lines.Lock()
	defer lines.Unlock()
	if l := lines.m[name]; l != nil {
		return l, nil
	}
	l, err := MakeLine(name)
	if err == nil {
		lines.m[name] = l
	}
	return l, err
}

// MakeLine returns a line as FindLine does that only the caller knows.
func MakeLine(name string) (*Line, error) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "sim:"), "/")
	make, ok := talkers[kind]
	if !ok {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("no simulated serial device is called %q", kind),
			Remedy: "there are sim:" + strings.Join(slices.Sorted(maps.Keys(talkers)), ", sim:"),
		}
	}
	return NewLine(name, make()), nil
}

func openPort(_ context.Context, name string) (device.Port, error) {
	l, err := FindLine(name)
	if err != nil {
		return nil, err
	}
	return l.Port(), nil
}

// Trouble makes something go wrong with the line, or None of it right again. Unplugged is the device, not the port.
func (l *Line) Trouble(t Trouble) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble.said = t
	if t == Unplugged {
		l.device.PowerOff()
	}
}

// troubled is what is wrong now. l.mu is held.
func (l *Line) troubled(now time.Time) Trouble {
	what, cut := l.trouble.now(now)
	if cut {
		l.device.PowerOff()
	}
	return what
}

func (l *Line) plan(p *planned, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble.turn(p, on)
}

// Port opens the line.
func (l *Line) Port() device.Port { return &port{line: l} }

// take moves what the device has said to what came. It returns when there will be more.
func (l *Line) take(now time.Time) (next time.Time) {
	b, next := l.device.Say(now)
	if l.baud != l.device.Baud() {
		for i := range b {
			b[i] = b[i]<<1 | b[i]>>3 // other edges are taken for bits
		}
	}
	switch trouble := l.troubled(now); {
	case trouble == Unplugged || trouble == Stuck:
		return next
	case trouble == Noisy && len(b) > 0:
		b[len(b)/2] ^= 0x10
	case trouble == Ones:
		for i := range b {
			b[i] = 0xFF
		}
	}
	l.came = append(l.came, b[:min(len(b), ttyBuffer-len(l.came))]...)
	return next
}

type port struct {
	line   *Line
	wait   time.Duration
	closed bool
}

func (p *port) String() string { return p.line.name }

func (p *port) gone() error { return fmt.Errorf("%s: closed: %w", p, device.ErrBusGone) }

func (p *port) Read(b []byte) (int, error) {
	if p.closed {
		return 0, p.gone()
	}
	l := p.line
	for end := time.Now().Add(p.wait); ; {
		l.mu.Lock()
		now := time.Now()
		next := l.take(now)
		n := copy(b, l.came)
		l.came = l.came[n:]
		l.mu.Unlock()
		if n > 0 || !now.Before(end) {
			return n, nil
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		time.Sleep(next.Sub(now))
	}
}

func (p *port) Write(b []byte) (int, error) {
	if p.closed {
		return 0, p.gone()
	}
	l := p.line
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.take(now)
	if l.baud == l.device.Baud() && l.troubled(now) != Unplugged {
		l.device.Hear(now, b)
	}
	return len(b), nil
}

func (p *port) SetMode(m device.Mode) error {
	p.line.mu.Lock()
	defer p.line.mu.Unlock()
	p.line.baud = m.Baud
	return nil
}

func (p *port) SetReadTimeout(d time.Duration) error {
	p.wait = d
	return nil
}

func (p *port) ResetInputBuffer() error {
	if p.closed {
		return p.gone()
	}
	p.line.mu.Lock()
	defer p.line.mu.Unlock()
	p.line.take(time.Now())
	p.line.came = nil
	return nil
}

func (p *port) Close() error {
	p.closed = true
	return nil
}

var _ device.Port = (*port)(nil)

// Answer has a device that speaks when it is asked answer on a real wire, such as one end of a pseudo-terminal, until
// that ends.
func Answer(far io.ReadWriter, d Talker) error {
	var b [512]byte
	for {
		n, err := far.Read(b[:])
		if err != nil {
			return err
		}
		d.Hear(time.Now(), b[:n])
		for {
			said, next := d.Say(time.Now())
			if len(said) > 0 {
				if _, err := far.Write(said); err != nil {
					return err
				}
			}
			if next.IsZero() {
				break
			}
			time.Sleep(time.Until(next))
		}
	}
}

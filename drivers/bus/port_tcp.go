package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"selvage/edge/device"
)

const (
	// dialTime is what a network device may take to answer; one on the same site needs milliseconds.
	dialTime = 3 * time.Second
	// writeTime bounds handing over what is a few hundred bytes at most.
	writeTime = 2 * time.Second
	// drainTime is how long nothing must have come for a network port to count as empty.
	drainTime = time.Millisecond
)

// tcpPort is a serial line behind a network, such as a converter with RS-485, or a device that has its protocol
// over TCP.
type tcpPort struct {
	name string
	conn net.Conn
}

func dialTCP(ctx context.Context, name, addr string) (device.Port, error) {
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("%q has no host and port", name),
			Remedy: `write the address of the device and its port, such as "tcp://192.168.1.40:502"`,
			Err:    err,
		}
	}
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, explainDial(name, addr, err)
	}
	return &tcpPort{name: name, conn: conn}, nil
}

func explainDial(name, addr string, err error) error {
	f := &device.Fault{Text: "no connection to " + name, Remedy: "check its address and that it is on this network: ping " + hostOf(addr), Err: err}
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Text = "nothing listens at " + name
		f.Remedy = "check the port's number (Modbus TCP has 502) and that the service is switched on in the device"
	case errors.As(err, &dns):
		f.Remedy = "the name " + hostOf(addr) + " is not known here: write its IP address"
	}
	return f
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func (p *tcpPort) String() string { return p.name }

// SetMode has nothing to set: the other end has its own settings.
func (p *tcpPort) SetMode(m device.Mode) error { return checkMode(p.name, m) }

func (p *tcpPort) SetReadTimeout(d time.Duration) error {
	return p.conn.SetReadDeadline(time.Now().Add(d))
}

func (p *tcpPort) Read(b []byte) (int, error) {
	n, err := p.conn.Read(b)
	if n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	return 0, p.lost(err)
}

func (p *tcpPort) Write(b []byte) (int, error) {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, p.lost(err)
	}
	n, err := p.conn.Write(b)
	if err != nil {
		return n, p.lost(err)
	}
	return n, nil
}

func (p *tcpPort) ResetInputBuffer() error {
	var b [512]byte
	for {
		if err := p.SetReadTimeout(drainTime); err != nil {
			return p.lost(err)
		}
		if n, err := p.Read(b[:]); n == 0 || err != nil {
			return err
		}
	}
}

func (p *tcpPort) lost(err error) error {
	text := "the connection to " + p.name + " is gone"
	if errors.Is(err, io.EOF) {
		text = p.name + " has closed the connection"
	}
	return &device.Fault{
		Text:   text,
		Remedy: "it is made again by itself; if it goes each time: many such devices serve one client only, so look for another that has it",
		Err:    fmt.Errorf("%w (%w)", device.ErrBusGone, err),
	}
}

func (p *tcpPort) Close() error {
	err := p.conn.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

var _ device.Port = (*tcpPort)(nil)

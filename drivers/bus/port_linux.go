package bus

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"selvage/edge/device"
)

// serialPort is a tty. Its file is non-blocking and waits in the runtime's poller, so that a port on which nothing
// comes costs no thread, and it is closed in programs that a driver starts.
type serialPort struct {
	name string
	file *os.File
}

// openSerial opens a port for this program alone.
func openSerial(name string) (device.Port, error) {
	// O_NONBLOCK: opening must not wait for a modem's carrier.
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	p := &serialPort{name: name, file: os.NewFile(uintptr(fd), name)}
	if err := p.claim(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// claim makes the port ours. TIOCEXCL keeps others out but for root, which heeds the lock that most terminal programs take.
func (p *serialPort) claim() error {
	if err := p.SetMode(opening); err != nil {
		return err
	}
	return p.control(func(fd int) error {
		if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
			return os.NewSyscallError("TIOCEXCL", err)
		}
		return os.NewSyscallError("flock", unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
	})
}

func (p *serialPort) control(do func(fd int) error) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = do(int(fd)) }); e != nil {
		return e
	}
	return err
}

func (p *serialPort) String() string { return p.name }

// SetMode sets how bytes are put on the line, and that they are not changed, echoed or held up on their way
// (termios(3), raw mode).
func (p *serialPort) SetMode(m device.Mode) error {
	if err := checkMode(p.name, m); err != nil {
		return err
	}
	return p.control(func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
		if err != nil {
			return os.NewSyscallError("TCGETS2", err)
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		// CLOCAL: no heed of modem lines. Without HUPCL the line DTR stays as it is when the port is closed; an
		// Arduino starts anew each time it rises.
		t.Cflag = unix.CREAD | unix.CLOCAL | unix.BOTHER | map[int]uint32{5: unix.CS5, 6: unix.CS6, 7: unix.CS7, 8: unix.CS8}[m.Data]
		t.Ispeed, t.Ospeed = uint32(m.Baud), uint32(m.Baud)
		if m.Stop == 2 {
			t.Cflag |= unix.CSTOPB
		}
		if m.Parity != "none" {
			// A byte with a wrong parity bit comes as 0, which the checksums of protocols find.
			t.Cflag |= unix.PARENB
			t.Iflag |= unix.INPCK
			if m.Parity == "odd" {
				t.Cflag |= unix.PARODD
			}
		}
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		return os.NewSyscallError("TCSETS2", unix.IoctlSetTermios(fd, unix.TCSETS2, t))
	})
}

func (p *serialPort) SetReadTimeout(d time.Duration) error {
	return p.file.SetReadDeadline(time.Now().Add(d))
}

func (p *serialPort) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	if n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	// A tty that was hung up reads as its end, or fails.
	return 0, lost(p.name, err)
}

// Write hands bytes to the kernel, which needs a moment more to put them on the line. That it takes none for two
// seconds happens to an adapter that hangs.
func (p *serialPort) Write(b []byte) (int, error) {
	if err := p.file.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, lost(p.name, err)
	}
	n, err := p.file.Write(b)
	if err != nil {
		return n, lost(p.name, err)
	}
	return n, nil
}

func (p *serialPort) ResetInputBuffer() error {
	err := p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) })
	if err != nil {
		return lost(p.name, err)
	}
	return nil
}

func (p *serialPort) Close() error {
	err := p.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

var _ device.Port = (*serialPort)(nil)

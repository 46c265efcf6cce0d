package bus

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"selvage/edge/device"
	"selvage/edge/device/drivertest"
	"selvage/edge/leaktest"
)

// open opens the port of a pair.
func open(t *testing.T, name string) device.Port {
	t.Helper()
	p, err := openPort(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Every byte must come through as it is, both ways: a line that is not raw changes ends of lines, and stops at a
// control S.
func TestEveryByteComesThrough(t *testing.T) {
	leaktest.Check(t)
	far, name := drivertest.Pty(t)
	p := open(t, name)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		if _, err := far.Write(all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 256)
		if n, err := device.ReadFull(ctx, p, got); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("read %d bytes, %x, error %v", n, got, err)
		}
		if n, err := p.Write(all); err != nil || n != 256 {
			t.Fatalf("wrote %d bytes, error %v", n, err)
		}
		for n := 0; n < 256; {
			more, err := far.Read(got[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += more
		}
		if !bytes.Equal(got, all) {
			t.Fatalf("the other end read %x", got)
		}
	}
}

func TestReadTimesOut(t *testing.T) {
	_, name := drivertest.Pty(t)
	p := open(t, name)
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 9)); n != 0 || err != nil {
		t.Errorf("a silent port: %d, %v, want 0 and no error", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := device.ReadFull(ctx, p, make([]byte, 9)); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestResetInputBuffer(t *testing.T) {
	far, name := drivertest.Pty(t)
	p := open(t, name)
	// The pair hands bytes over in order, so when the first of these is there the buffer is not empty.
	if _, err := far.WriteString("old"); err != nil {
		t.Fatal(err)
	}
	if _, err := device.ReadFull(t.Context(), p, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.ResetInputBuffer(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	var got [3]byte
	if _, err := device.ReadFull(t.Context(), p, got[:]); err != nil || string(got[:]) != "new" {
		t.Errorf("after a reset came %q, %v", got, err)
	}
}

// What the kernel says the mode is.
func TestSetMode(t *testing.T) {
	_, name := drivertest.Pty(t)
	p := open(t, name).(*serialPort)
	for _, c := range []struct {
		mode device.Mode
		bits uint32
	}{
		{device.Mode{Baud: 9600, Data: 8, Parity: "none", Stop: 1}, unix.CS8},
		{device.Mode{Baud: 115200, Data: 7, Parity: "even", Stop: 1}, unix.CS7 | unix.PARENB},
		{device.Mode{Baud: 12345, Data: 8, Parity: "odd", Stop: 2}, unix.CS8 | unix.PARENB | unix.PARODD | unix.CSTOPB},
	} {
		if err := p.SetMode(c.mode); err != nil {
			t.Fatal(err)
		}
		err := p.control(func(fd int) error {
			tio, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
			if err != nil {
				return err
			}
			// A pseudo-terminal has 8 bits and no parity whatever it is told (drivers/tty/pty.c, pty_set_termios).
			const kept = unix.CSTOPB | unix.PARODD
			if tio.Ospeed != uint32(c.mode.Baud) || tio.Cflag&kept != c.bits&kept || tio.Lflag != 0 || tio.Oflag&unix.OPOST != 0 {
				t.Errorf("%+v: the kernel has %d baud, flags %o %o %o %o", c.mode, tio.Ospeed, tio.Cflag, tio.Iflag, tio.Oflag, tio.Lflag)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []device.Mode{{}, {Baud: 9600, Data: 9, Parity: "none", Stop: 1}, {Baud: 9600, Data: 8, Parity: "", Stop: 1}, {Baud: 9600, Data: 8, Parity: "none"}} {
		if p.SetMode(m) == nil {
			t.Errorf("the mode %+v was taken", m)
		}
	}
}

func TestBusyPort(t *testing.T) {
	_, name := drivertest.Pty(t)
	p := open(t, name)
	again, err := openPort(t.Context(), name)
	needs(t, err, "another program has the port "+name, "see which: fuser -v "+name)
	if again != nil {
		t.Error("a port was opened twice")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, name)
}

func TestUnpluggedPort(t *testing.T) {
	leaktest.Check(t)
	far, name := drivertest.Pty(t)
	p := open(t, name)
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := device.ReadFull(t.Context(), p, make([]byte, 1))
	needs(t, err, "the port "+name+" is gone", "plug its adapter in again")
	if !errors.Is(err, device.ErrBusGone) {
		t.Errorf("reading: %v is not ErrBusGone", err)
	}
	if _, err := p.Write([]byte{1}); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("writing: %v is not ErrBusGone", err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := p.Write([]byte{1}); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("writing after Close: %v", err)
	}
}

// The same name may come to stand for another adapter while the port is closed.
func TestPluggedInAgain(t *testing.T) {
	link := filepath.Join(t.TempDir(), "ttyUSB0")
	for range 3 {
		far, name := drivertest.Pty(t)
		_ = os.Remove(link)
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		p := open(t, link)
		if _, err := far.WriteString("x"); err != nil {
			t.Fatal(err)
		}
		if _, err := device.ReadFull(t.Context(), p, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		_ = far.Close()
		if _, err := device.ReadFull(t.Context(), p, make([]byte, 1)); !errors.Is(err, device.ErrBusGone) {
			t.Fatal(err)
		}
		_ = p.Close()
	}
}

func TestOpenPort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ttyUSB0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ttyUSB0":          `"ttyUSB0" is not the name of a port`,
		"/dev/ttyUSB999":   "there is no port /dev/ttyUSB999",
		file:               file + " is not a serial port",
		"/dev/null":        "/dev/null is not a serial port",
		filepath.Dir(file): filepath.Dir(file) + " is not a serial port",
		"tcp://":           `"tcp://" has no host and port`,
		"tcp://host":       `"tcp://host" has no host and port`,
	} {
		p, err := openPort(t.Context(), name)
		if p != nil {
			t.Errorf("openPort(%q) succeeded", name)
		}
		needs(t, err, text, "")
	}
}

func needs(t *testing.T, err error, text, remedy string) {
	t.Helper()
	var f *device.Fault
	if !errors.As(err, &f) || f.Text != text || f.Remedy == "" || !strings.HasPrefix(f.Remedy, remedy) {
		t.Errorf("error %v (%+v), want %q and a remedy %q…", err, f, text, remedy)
	}
}

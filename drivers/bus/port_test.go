package bus

import (
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/edge/leaktest"
)

func TestWordsOfMissingPorts(t *testing.T) {
	adapters := func(pattern string) ([]string, error) {
		switch pattern {
		case "/dev/ttyUSB*":
			return []string{"/dev/ttyUSB1", "/dev/ttyUSB0"}, nil
		case "/dev/serial/by-id/*":
			return []string{"/dev/serial/by-id/usb-FTDI-if00"}, nil
		}
		return nil, nil
	}
	const have = "this machine has /dev/serial/by-id/usb-FTDI-if00, /dev/ttyUSB0, /dev/ttyUSB1"
	for _, c := range []struct {
		err          error
		glob         func(string) ([]string, error)
		text, remedy string
	}{
		{fs.ErrNotExist, none, "there is no port /dev/ttyX", "this machine shows no serial port; plug the adapter in"},
		{fs.ErrNotExist, adapters, "there is no port /dev/ttyX", have + "; plug the adapter in"},
		{fs.ErrPermission, adapters, "selvage may not open the port /dev/ttyX", "add its user to the group dialout"},
		{syscall.EBUSY, adapters, "another program has the port /dev/ttyX", "see which: fuser -v /dev/ttyX"},
		{syscall.EIO, adapters, "there is nothing behind the port /dev/ttyX", "the kernel has a name for it, and no hardware: " + have},
		{syscall.ENOTTY, adapters, "/dev/ttyX is not a serial port", have},
		{errors.New("odd"), adapters, "the port /dev/ttyX does not open", have},
	} {
		var f *device.Fault
		err := explainPort("/dev/ttyX", c.err, c.glob)
		if !errors.As(err, &f) || f.Text != c.text || !strings.HasPrefix(f.Remedy, c.remedy) || !errors.Is(err, c.err) {
			t.Errorf("%v: %q, %q, want %q, %q…", c.err, f.Text, f.Remedy, c.text, c.remedy)
		}
	}
}

// listen is a device behind a network that takes one client at a time.
func listen(t *testing.T) (l net.Listener, name string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, "tcp://" + l.Addr().String()
}

func TestTCP(t *testing.T) {
	leaktest.Check(t)
	l, name := listen(t)
	p, err := openPort(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != name || p.SetMode(opening) != nil {
		t.Errorf("the port is called %q, SetMode: %v", p, p.SetMode(opening))
	}
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 9)); n != 0 || err != nil {
		t.Errorf("a silent connection: %d, %v, want 0 and no error", n, err)
	}
	if _, err := p.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	var got [4]byte
	if _, err := far.Read(got[:]); err != nil || string(got[:]) != "ping" {
		t.Fatalf("the other end read %q, %v", got, err)
	}
	if _, err := far.Write([]byte("pong")); err != nil {
		t.Fatal(err)
	}
	if _, err := device.ReadFull(t.Context(), p, got[:]); err != nil || string(got[:]) != "pong" {
		t.Fatalf("read %q, %v", got, err)
	}
	far.Close()
	_, err = device.ReadFull(t.Context(), p, got[:])
	var f *device.Fault
	if !errors.Is(err, device.ErrBusGone) || !errors.As(err, &f) || f.Text != name+" has closed the connection" {
		t.Errorf("after the other end closed: %v", err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestResetOfTCP(t *testing.T) {
	l, name := listen(t)
	p, err := openPort(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if _, err := far.Write(make([]byte, 2000)); err != nil {
		t.Fatal(err)
	}
	if _, err := device.ReadFull(t.Context(), p, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.ResetInputBuffer(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	var got [3]byte
	if _, err := device.ReadFull(t.Context(), p, got[:]); err != nil || string(got[:]) != "new" {
		t.Errorf("after a reset came %q, %v", got, err)
	}
}

func TestNobodyListens(t *testing.T) {
	l, name := listen(t)
	l.Close()
	_, err := openPort(t.Context(), name)
	var f *device.Fault
	if !errors.As(err, &f) || f.Text != "nothing listens at "+name || f.Remedy == "" {
		t.Errorf("error %v", err)
	}
}

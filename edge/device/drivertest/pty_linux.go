package drivertest

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Pty makes a pair of pseudo-terminals, which the kernel treats as it does a serial port: name is the port's file, and
// far is what hangs on its wire. Closing far unplugs the port.
func Pty(t testing.TB) (far *os.File, name string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open /dev/ptmx: %v", err)
	}
	far = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { _ = far.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatalf("unlock the pseudo-terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatalf("number of the pseudo-terminal: %v", err)
	}
	return far, "/dev/pts/" + strconv.Itoa(n)
}

package cli

import (
	"os"
	"syscall"
	"unsafe"
)

// hideTyping has a terminal not show what is typed, until show is called. It fails on what is none.
func hideTyping(f *os.File) (show func(), err error) {
	var was syscall.Termios
	if err := terminal(f, syscall.TCGETS, unsafe.Pointer(&was)); err != nil {
		return nil, err
	}
	hidden := was
	hidden.Lflag = hidden.Lflag&^syscall.ECHO | syscall.ICANON | syscall.ISIG
	if err := terminal(f, syscall.TCSETS, unsafe.Pointer(&hidden)); err != nil {
		return nil, err
	}
	return func() { terminal(f, syscall.TCSETS, unsafe.Pointer(&was)) }, nil
}

// columns returns how wide a terminal is; it fails on what is none.
func columns(f *os.File) (n int, err error) {
	var size struct{ rows, columns, x, y uint16 }
	err = terminal(f, syscall.TIOCGWINSZ, unsafe.Pointer(&size))
	return int(size.columns), err
}

func terminal(f *os.File, request uintptr, to unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(to)); e != 0 {
		return e
	}
	return nil
}

package scan

import (
	"bytes"
	"os"
	"syscall"
	"unsafe"
)

// getChipInfo is GPIO_GET_CHIPINFO_IOCTL of linux/gpio.h: _IOR(0xB4, 0x01, struct gpiochip_info).
const getChipInfo = 0x8044B401

// chipinfo is struct gpiochip_info.
type chipinfo struct {
	name, label [32]byte
	lines       uint32
}

// chipInfo asks a GPIO chip for its label and how many lines it has. No line is asked for.
func chipInfo(path string) (label string, lines int, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", 0, err.(*os.PathError).Err
	}
	defer f.Close()
	var info chipinfo
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), getChipInfo, uintptr(unsafe.Pointer(&info))); errno != 0 {
		return "", 0, errno
	}
	text, _, _ := bytes.Cut(info.label[:], []byte{0})
	return string(text), int(info.lines), nil
}

package bus

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"selvage/edge/device"
)

// The kernel's layout: struct i2c_msg has three 16-bit fields, then a pointer.
func TestLayout(t *testing.T) {
	word := unsafe.Sizeof(uintptr(0))
	if got, want := unsafe.Offsetof(message{}.buf), uintptr(8); got != want {
		t.Errorf("i2c_msg.buf at %d, want %d", got, want)
	}
	if got, want := unsafe.Sizeof(message{}), 8+word; got != want {
		t.Errorf("i2c_msg has %d bytes, want %d", got, want)
	}
	if got, want := unsafe.Sizeof(transfer{}), 2*word; got != want {
		t.Errorf("i2c_rdwr_ioctl_data has %d bytes, want %d", got, want)
	}
}

func TestErrorNumbers(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENXIO: device.ErrNoAnswer, syscall.EREMOTEIO: device.ErrNoAnswer,
		syscall.ETIMEDOUT: device.ErrBusStuck, syscall.EAGAIN: device.ErrBusStuck,
		syscall.ENODEV: device.ErrBusGone, syscall.EOPNOTSUPP: syscall.EOPNOTSUPP,
	} {
		if err := failed(errno); !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("failed(%v) = %v, want one that is %v", errno, err, want)
		}
	}
}

func TestTransfers(t *testing.T) {
	fd, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &i2cBus{name: "/dev/i2c-1", fd: uintptr(fd)}
	if err := b.Tx(0x44, []byte{1}, make([]byte, 2)); err == nil {
		t.Error("a transfer on what is no bus succeeded")
	}
	if err := b.Tx(0x44, nil, nil); err != nil {
		t.Errorf("an empty transfer: %v", err)
	}
	if err := b.Tx(0x80, []byte{1}, nil); err == nil {
		t.Error("an address of eight bits was taken")
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := b.Tx(0x44, []byte{1}, nil); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a transfer on a closed bus: %v, want ErrBusGone", err)
	}
}

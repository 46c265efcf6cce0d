package bus

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// From linux/i2c-dev.h and linux/i2c.h.
const (
	ioctlFuncs = 0x0705 // I2C_FUNCS
	ioctlRdwr  = 0x0707 // I2C_RDWR
	funcI2C    = 0x0001 // I2C_FUNC_I2C: plain transfers, not only SMBus commands
	flagRead   = 0x0001 // I2C_M_RD
	maxMessage = 8192   // bytes; i2c-dev refuses longer ones
)

// message is struct i2c_msg.
type message struct {
	addr, flags, len uint16
	buf              unsafe.Pointer
}

// transfer is struct i2c_rdwr_ioctl_data.
type transfer struct {
	msgs unsafe.Pointer
	n    uint32
}

type i2cBus struct {
	name string
	fd   uintptr

	mu     sync.Mutex
	closed bool
}

// dial opens a bus.
func dial(name string) (*i2cBus, error) {
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	b := &i2cBus{name: name, fd: uintptr(fd)}
	var funcs uintptr // unsigned long
	if errno := ioctl(b.fd, ioctlFuncs, unsafe.Pointer(&funcs)); errno != 0 {
		b.Close()
		return nil, &device.Fault{
			Text:   name + " is not an I²C bus",
			Remedy: "check the name with: ls /dev/i2c-*",
			Err:    errno,
		}
	}
	if funcs&funcI2C == 0 {
		b.Close()
		return nil, &device.Fault{
			Text:   name + " only speaks SMBus commands, which is not enough for sensors",
			Remedy: "use another bus, or a USB adapter for I²C",
		}
	}
	return b, nil
}

func ioctl(fd uintptr, op uintptr, arg unsafe.Pointer) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, op, uintptr(arg))
	return errno
}

func (b *i2cBus) String() string { return b.name }

// Tx writes w, then reads into r, in one transfer with a repeated start between them.
func (b *i2cBus) Tx(addr uint16, w, r []byte) error {
	if addr > 0x7F || len(w) > maxMessage || len(r) > maxMessage {
		return fmt.Errorf("%s: no such transfer: address 0x%x, %d bytes out, %d in", b.name, addr, len(w), len(r))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("%s: closed: %w", b.name, device.ErrBusGone)
	}
	var msgs [2]message
	t := transfer{msgs: unsafe.Pointer(&msgs)}
	for i, p := range [2][]byte{w, r} {
		if len(p) > 0 {
			msgs[t.n] = message{addr: addr, flags: uint16(i) * flagRead, len: uint16(len(p)), buf: unsafe.Pointer(&p[0])}
			t.n++
		}
	}
	if t.n == 0 {
		return nil
	}
	if errno := ioctl(b.fd, ioctlRdwr, unsafe.Pointer(&t)); errno != 0 {
		return failed(errno)
	}
	return nil
}

// failed names what an error number of a transfer means (Documentation/i2c/fault-codes.rst).
func failed(errno syscall.Errno) error {
	switch errno {
	case syscall.ENXIO, syscall.EREMOTEIO:
		return fmt.Errorf("%w (%w)", device.ErrNoAnswer, errno)
	case syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EBUSY:
		return fmt.Errorf("%w (%w)", device.ErrBusStuck, errno)
	case syscall.ENODEV, syscall.ESHUTDOWN, syscall.EBADF:
		return fmt.Errorf("%w (%w)", device.ErrBusGone, errno)
	}
	return errno
}

// SetSpeed cannot be done from here: the device tree sets it.
func (b *i2cBus) SetSpeed(physic.Frequency) error {
	return errors.New(b.name + ": the speed is set at boot; on a Raspberry Pi with dtparam=i2c_arm_baudrate=100000 in config.txt")
}

func (b *i2cBus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return syscall.Close(int(b.fd))
}

var _ i2c.BusCloser = (*i2cBus)(nil)

package bus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"selvage/edge/device"
)

// From linux/i2c-dev.h and linux/i2c.h.
const (
	ioctlSlave   = 0x0703     // I2C_SLAVE: refused with EBUSY where a driver of the kernel is bound
	ioctlSMBus   = 0x0720     // I2C_SMBUS
	funcQuick    = 0x00010000 // I2C_FUNC_SMBUS_QUICK
	funcReadByte = 0x00020000 // I2C_FUNC_SMBUS_READ_BYTE
	smbusWrite   = 0
	smbusRead    = 1
	smbusQuick   = 0 // I2C_SMBUS_QUICK: the address alone
	smbusByte    = 1 // I2C_SMBUS_BYTE: the address and one byte
)

// smbusCall is struct i2c_smbus_ioctl_data.
type smbusCall struct {
	readWrite, command uint8
	size               uint32
	data               unsafe.Pointer
}

// Detect asks for an address as i2cdetect does: by the address and a stop, without a byte, or by reading one byte
// where an EEPROM may be that takes even that for a write (i2c-tools, i2cdetect(8), on the addresses 0x30–0x37 and
// 0x50–0x5F). A message of no bytes is let through by I2C_RDWR, too, but only the SMBus call is refused with an error
// of its own by adapters that cannot do it (I2C_AQ_NO_ZERO_LEN); these are asked by reading everywhere.
func (b *i2cBus) Detect(addr uint16) (byReading bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, fmt.Errorf("%s: closed: %w", b.name, device.ErrBusGone)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, b.fd, ioctlSlave, uintptr(addr)); errno == syscall.EBUSY {
		return false, taken("/sys", b.name, addr)
	}
	var funcs uintptr
	if errno := ioctl(b.fd, ioctlFuncs, unsafe.Pointer(&funcs)); errno != 0 {
		return false, failed(errno)
	}
	if funcs&funcQuick != 0 && !eeprom(addr) {
		call := smbusCall{readWrite: smbusWrite, size: smbusQuick}
		errno := ioctl(b.fd, ioctlSMBus, unsafe.Pointer(&call))
		if errno != syscall.EOPNOTSUPP && errno != syscall.EINVAL {
			return false, absent(errno)
		}
	}
	if funcs&funcReadByte == 0 {
		return true, fmt.Errorf("%s cannot ask for an address: %w", b.name, syscall.EOPNOTSUPP)
	}
	var data [34]byte // union i2c_smbus_data
	call := smbusCall{readWrite: smbusRead, size: smbusByte, data: unsafe.Pointer(&data)}
	return !eeprom(addr), absent(ioctl(b.fd, ioctlSMBus, unsafe.Pointer(&call)))
}

// eeprom tells whether i2cdetect reads at the address, where other addresses get no byte.
func eeprom(addr uint16) bool { return addr >= 0x30 && addr <= 0x37 || addr >= 0x50 && addr <= 0x5F }

// absent is failed for a call that asks for an address only: some adapters report EIO for a NAK.
func absent(errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case syscall.EIO:
		return fmt.Errorf("%w (%w)", device.ErrNoAnswer, errno)
	}
	return failed(errno)
}

// taken names the driver of the kernel that is bound to an address, as sysfs has it: i2c-1/1-0068/name.
func taken(sys, bus string, addr uint16) error {
	number := strings.TrimPrefix(filepath.Base(bus), "i2c-")
	at := filepath.Join(sys, "bus/i2c/devices", fmt.Sprintf("%s-%04x", number, addr))
	name, _ := os.ReadFile(filepath.Join(at, "name"))
	if driver, err := os.Readlink(filepath.Join(at, "driver")); err == nil {
		return fmt.Errorf("%w: %s, by %s", device.ErrTaken, strings.TrimSpace(string(name)), filepath.Base(driver))
	}
	return device.ErrTaken
}

var _ device.Detector = (*i2cBus)(nil)

package bus

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"selvage/edge/device"
)

// struct i2c_smbus_ioctl_data: two bytes, a 32-bit number, a pointer.
func TestCallLayout(t *testing.T) {
	if got := unsafe.Offsetof(smbusCall{}.size); got != 4 {
		t.Errorf("size at %d, want 4", got)
	}
	if got := unsafe.Offsetof(smbusCall{}.data); got != 8 {
		t.Errorf("data at %d, want 8", got)
	}
}

func TestDetectOnWhatIsNoBus(t *testing.T) {
	fd, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &i2cBus{name: "/dev/i2c-1", fd: uintptr(fd)}
	if _, err := b.Detect(0x44); err == nil {
		t.Error("somebody answers on what is no bus")
	}
	b.Close()
	if _, err := b.Detect(0x44); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("on a closed bus: %v, want ErrBusGone", err)
	}
}

// What a NAK is, whatever number the adapter has for it.
func TestAbsent(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENXIO: device.ErrNoAnswer, syscall.EREMOTEIO: device.ErrNoAnswer, syscall.EIO: device.ErrNoAnswer,
		syscall.ETIMEDOUT: device.ErrBusStuck, 0: nil,
	} {
		if err := absent(errno); !errors.Is(err, want) {
			t.Errorf("absent(%v) = %v, want %v", errno, err, want)
		}
	}
}

func TestTaken(t *testing.T) {
	sys := t.TempDir()
	at := filepath.Join(sys, "bus/i2c/devices/11-0068")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(at, "name"), []byte("ds1307\n"), 0o644)
	os.Symlink("../../../bus/i2c/drivers/rtc-ds1307", filepath.Join(at, "driver"))
	err := taken(sys, "/dev/i2c-11", 0x68)
	if want := "a driver of the kernel has it: ds1307, by rtc-ds1307"; !errors.Is(err, device.ErrTaken) || err.Error() != want {
		t.Errorf("taken = %v, want %s", err, want)
	}
	if err := taken(sys, "/dev/i2c-1", 0x68); !errors.Is(err, device.ErrTaken) {
		t.Errorf("unknown: %v", err)
	}
}

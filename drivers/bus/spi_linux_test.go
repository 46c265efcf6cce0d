package bus

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// The kernel's layout: struct spi_ioc_transfer has 32 bytes on every machine, and SPI_IOC_MESSAGE(1) is 0x40206b00.
func TestSPILayout(t *testing.T) {
	var s spiTransfer
	if got := unsafe.Sizeof(s); got != 32 {
		t.Errorf("spi_ioc_transfer has %d bytes, want 32", got)
	}
	for name, c := range map[string][2]uintptr{
		"rx_buf": {unsafe.Offsetof(s.rx), 8}, "len": {unsafe.Offsetof(s.len), 16}, "speed_hz": {unsafe.Offsetof(s.speed), 20},
		"delay_usecs": {unsafe.Offsetof(s.delay), 24}, "bits_per_word": {unsafe.Offsetof(s.bits), 26}, "cs_change": {unsafe.Offsetof(s.csChange), 27},
		"SPI_IOC_MESSAGE(1)": {spiMessage | unsafe.Sizeof(s)<<16, 0x40206B00},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %#x, want %#x", name, c[0], c[1])
		}
	}
}

func TestSPIErrorNumbers(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ETIMEDOUT: device.ErrBusStuck, syscall.ESHUTDOWN: device.ErrBusGone, syscall.ENODEV: device.ErrBusGone,
		syscall.EMSGSIZE: syscall.EMSGSIZE,
	} {
		if err := failedSPI(errno); !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("failedSPI(%v) = %v, want one that is %v", errno, err, want)
		}
	}
}

func TestSPITransfers(t *testing.T) {
	fd, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &spiPort{name: "/dev/spidev0.0", fd: uintptr(fd)}
	if _, err := p.Connect(physic.MegaHertz, spi.Mode0, 8); err == nil {
		t.Error("what is no SPI bus was connected to")
	}
	if _, err := p.Connect(physic.MegaHertz, spi.Mode0|spi.HalfDuplex, 8); err == nil {
		t.Error("half duplex was taken")
	}
	if err := p.LimitSpeed(0); err == nil {
		t.Error("a limit of 0 was taken")
	}
	c := &spiConn{p}
	for _, b := range []struct {
		name string
		w, r []byte
	}{
		{"on what is no bus", make([]byte, 3), make([]byte, 3)},
		{"of two lengths", make([]byte, 3), make([]byte, 2)},
		{"too long", make([]byte, maxTransfer+1), nil},
	} {
		if err := c.Tx(b.w, b.r); err == nil {
			t.Errorf("a transfer %s succeeded", b.name)
		}
	}
	if err := c.TxPackets(make([]spi.Packet, maxPackets+1)); err == nil {
		t.Error("too many packets were taken")
	}
	if err := c.Tx(nil, nil); err != nil {
		t.Errorf("an empty transfer: %v", err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := c.Tx([]byte{1}, nil); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a transfer on a closed bus: %v, want ErrBusGone", err)
	}
	if _, err := p.Connect(physic.MegaHertz, spi.Mode0, 8); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("connected to a closed bus: %v, want ErrBusGone", err)
	}
}

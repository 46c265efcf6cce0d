package bus

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// From linux/spi/spidev.h: _IOW('k', number, size) and _IOR.
const (
	spiReadMode  = 0x80016B01 // SPI_IOC_RD_MODE, one byte
	spiWriteMode = 0x40016B01 // SPI_IOC_WR_MODE
	spiWriteBits = 0x40016B03 // SPI_IOC_WR_BITS_PER_WORD, one byte
	spiWriteFast = 0x40046B04 // SPI_IOC_WR_MAX_SPEED_HZ, four bytes
	spiMessage   = 0x40006B00 // SPI_IOC_MESSAGE(n), whose size of n transfers is in bits 16 to 29

	maxPackets  = 8    // of ours in one message; the kernel takes 511
	maxTransfer = 4096 // bytes of a message: the default of spidev's parameter bufsiz
)

// spiTransfer is struct spi_ioc_transfer. Its pointers are numbers, so what they point at is pinned.
type spiTransfer struct {
	tx, rx   uint64
	len      uint32
	speed    uint32   // Hz; 0 = as connected
	delay    uint16   // µs
	bits     uint8    // 0 = as connected
	csChange uint8    // let go of the chip select behind this transfer; behind the last: keep it
	_        [4]uint8 // lanes out and in, delay between words
}

type spiPort struct {
	name string
	fd   uintptr

	mu     sync.Mutex
	closed bool
	limit  physic.Frequency // 0 = none
}

// dialSPI opens a chip select.
func dialSPI(name string) (*spiPort, error) {
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	p := &spiPort{name: name, fd: uintptr(fd)}
	var mode uint8
	if errno := ioctl(p.fd, spiReadMode, unsafe.Pointer(&mode)); errno != 0 {
		p.Close()
		return nil, &device.Fault{
			Text:   name + " is not an SPI bus",
			Remedy: "check the name with: ls /dev/spidev*",
			Err:    errno,
		}
	}
	return p, nil
}

func (p *spiPort) String() string { return p.name }

// LimitSpeed bounds the speed of what is connected afterwards.
func (p *spiPort) LimitSpeed(f physic.Frequency) error {
	if f < physic.Hertz {
		return fmt.Errorf("%s: %v is no speed", p.name, f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = f
	return nil
}

// Connect sets mode, speed and word size; what was connected before has them from then on, too. It knows the four modes,
// full duplex.
func (p *spiPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%s: closed: %w", p.name, device.ErrBusGone)
	}
	if mode&^spi.Mode3 != 0 || bits < 1 || bits > 32 {
		return nil, fmt.Errorf("%s: no such connection: %v, %d bits", p.name, mode, bits)
	}
	if p.limit != 0 && (f == 0 || f > p.limit) {
		f = p.limit
	}
	m, b, hz := uint8(mode), uint8(bits), uint32(f/physic.Hertz)
	settings := []struct {
		what string
		op   uintptr
		arg  unsafe.Pointer
	}{
		{"mode", spiWriteMode, unsafe.Pointer(&m)},
		{"word size", spiWriteBits, unsafe.Pointer(&b)},
		{"speed", spiWriteFast, unsafe.Pointer(&hz)},
	}
	if hz == 0 {
		settings = settings[:2]
	}
	for _, s := range settings {
		errno := ioctl(p.fd, s.op, s.arg)
		if errno == syscall.EINVAL {
			return nil, &device.Fault{
				Text:   fmt.Sprintf("the bus %s does not take the %s that its chip needs: %v, %d bits, %d Hz", p.name, s.what, mode, bits, hz),
				Remedy: "use another SPI bus of this machine",
				Err:    errno,
			}
		} else if errno != 0 {
			return nil, failedSPI(errno)
		}
	}
	return &spiConn{p}, nil
}

func (p *spiPort) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return syscall.Close(int(p.fd))
}

// spiConn is a connected port.
type spiConn struct{ port *spiPort }

func (c *spiConn) String() string      { return c.port.name }
func (c *spiConn) Duplex() conn.Duplex { return conn.Full }

// MaxTxSize is the size of the longest transfer (conn.Limits).
func (c *spiConn) MaxTxSize() int { return maxTransfer }

// Tx writes w while it reads into r, which are of one length unless one of them is empty.
func (c *spiConn) Tx(w, r []byte) error { return c.TxPackets([]spi.Packet{{W: w, R: r}}) }

// TxPackets does several transfers as one message.
func (c *spiConn) TxPackets(packets []spi.Packet) error {
	p := c.port
	if len(packets) > maxPackets {
		return fmt.Errorf("%s: %d packets in one message, the most are %d", p.name, len(packets), maxPackets)
	}
	transfers := new([maxPackets]spiTransfer)
	var pinner runtime.Pinner
	defer pinner.Unpin()
	n, sum := 0, 0
	for i, k := range packets {
		if len(k.W) != len(k.R) && len(k.W) != 0 && len(k.R) != 0 {
			return fmt.Errorf("%s: no such transfer: %d bytes out, %d in", p.name, len(k.W), len(k.R))
		}
		size := max(len(k.W), len(k.R))
		if size == 0 {
			continue
		}
		t := &transfers[n]
		t.len, t.bits = uint32(size), k.BitsPerWord
		if len(k.W) > 0 {
			pinner.Pin(&k.W[0])
			t.tx = uint64(uintptr(unsafe.Pointer(&k.W[0])))
		}
		if len(k.R) > 0 {
			pinner.Pin(&k.R[0])
			t.rx = uint64(uintptr(unsafe.Pointer(&k.R[0])))
		}
		if last := i == len(packets)-1; last == k.KeepCS {
			t.csChange = 1
		}
		n, sum = n+1, sum+size
	}
	if sum > maxTransfer {
		return fmt.Errorf("%s: no such transfer: %d bytes, the most are %d", p.name, sum, maxTransfer)
	}
	if n == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: closed: %w", p.name, device.ErrBusGone)
	}
	op := spiMessage | uintptr(n)*unsafe.Sizeof(transfers[0])<<16
	if errno := ioctl(p.fd, op, unsafe.Pointer(transfers)); errno != 0 {
		return failedSPI(errno)
	}
	return nil
}

// failedSPI names what an error number of spidev means. ESHUTDOWN is its answer once the controller's driver is unbound.
func failedSPI(errno syscall.Errno) error {
	switch errno {
	case syscall.ETIMEDOUT:
		return fmt.Errorf("%w (%w)", device.ErrBusStuck, errno)
	case syscall.ENODEV, syscall.ESHUTDOWN, syscall.EBADF:
		return fmt.Errorf("%w (%w)", device.ErrBusGone, errno)
	}
	return errno
}

var (
	_ spi.PortCloser = (*spiPort)(nil)
	_ conn.Limits    = (*spiConn)(nil)
)

package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// line is one pin, a line of a GPIO chip. It takes the line from the kernel when it is first used and
// gives it back at Halt.
type line struct {
	path   string // of the chip
	label  string
	offset int

	mu      sync.Mutex
	file    *os.File   // the line; nil while it is not ours
	config  lineConfig // as it was last set
	watched chan struct{}
}

// lines are those that were opened: who opens one again, after a failure or a change of the config,
// gets the same, since the kernel gives a line to one user only.
var lines = struct {
	sync.Mutex
	of map[string]*line
}{of: map[string]*line{}}

func openLine(c chip, offset int) gpio.PinIO {
	l := &line{path: c.path, label: c.label, offset: offset}
	key := c.path + " " + l.Name()
	lines.Lock()
	defer lines.Unlock()
	if was := lines.of[key]; was != nil {
		return was
	}
	lines.of[key] = l
	return l
}

func (l *line) String() string         { return l.Name() }
func (l *line) Name() string           { return fmt.Sprintf("%s:%d", l.label, l.offset) }
func (l *line) Number() int            { return l.offset }
func (l *line) Pull() gpio.Pull        { return gpio.PullNoChange }
func (l *line) DefaultPull() gpio.Pull { return gpio.PullNoChange }
func (l *line) Function() string       { return "" }
func (l *line) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("the kernel's pins have no PWM of their own: use the driver pwm")
}

// WaitForEdge is of another way of working; see Watch.
func (l *line) WaitForEdge(time.Duration) bool { return false }

// In makes the line an input. Asked again for the same it only looks whether the line is still there.
func (l *line) In(pull gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return errors.New("edges are had by Watch")
	}
	l.unwatch()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := lineConfig{flags: lineInput | bias(pull)}
	if l.file != nil && l.config == c {
		_, err := l.value()
		return err
	}
	return l.configure(c)
}

func bias(pull gpio.Pull) uint64 {
	return map[gpio.Pull]uint64{gpio.PullUp: linePullUp, gpio.PullDown: linePullDown, gpio.Float: lineNoPull}[pull]
}

// Out makes the line an output and drives it.
func (l *line) Out(level gpio.Level) error {
	l.unwatch()
	l.mu.Lock()
	defer l.mu.Unlock()
	var bit uint64
	if level {
		bit = 1
	}
	if l.file != nil && l.config.flags == lineOutput {
		v := lineValues{bits: bit, mask: 1}
		return l.control(ioctlSetValues, unsafe.Pointer(&v))
	}
	c := lineConfig{flags: lineOutput}
	c.set(attrValues, bit)
	return l.configure(c)
}

// drain makes the line one end of a wire that others may pull low, too: it pulls, or lets go.
func (l *line) drain(high bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var bit uint64
	if high {
		bit = 1
	}
	if l.file != nil {
		v := lineValues{bits: bit, mask: 1}
		return l.control(ioctlSetValues, unsafe.Pointer(&v))
	}
	c := lineConfig{flags: lineOutput | lineDrain}
	c.set(attrValues, bit)
	return l.configure(c)
}

// Read is Level for who has no use for its error.
func (l *line) Read() gpio.Level {
	level, _ := l.Level()
	return level
}

// Level returns what the line has; with a debounce time, once that has lasted.
func (l *line) Level() (gpio.Level, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value()
}

// Halt gives the line back to the kernel.
func (l *line) Halt() error {
	l.unwatch()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.release()
}

// Watch makes the line an input and has the kernel tell its edges. The kernel itself debounces, where
// the chip cannot (drivers/gpio/gpiolib-cdev.c).
func (l *line) Watch(pull gpio.Pull, settle time.Duration, edge func(device.Edge)) error {
	l.unwatch()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := lineConfig{flags: lineInput | lineRising | lineFalling | bias(pull)}
	if settle > 0 {
		c.set(attrDebounce, uint64(settle.Microseconds()))
	}
	// Anew, so that no edge of before is waiting.
	if err := l.release(); err != nil {
		return err
	}
	if err := l.configure(c); err != nil {
		return err
	}
	l.watched = make(chan struct{})
	go tell(l.file, edge, l.watched)
	return nil
}

// tell reads edges until the file is closed or fails.
func tell(f *os.File, edge func(device.Edge), done chan<- struct{}) {
	defer close(done)
	const size = int(unsafe.Sizeof(lineEvent{}))
	buf := make([]byte, 16*size) // the kernel's own buffer has room for 16 edges of one line
	var seen uint32
	for {
		n, err := f.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			edge(device.Edge{Err: err})
			return
		}
		for b := buf[:n]; len(b) >= size; b = b[size:] {
			e := device.Edge{
				At:    time.Duration(binary.NativeEndian.Uint64(b)),
				Level: binary.NativeEndian.Uint32(b[8:]) == eventRising,
			}
			no := binary.NativeEndian.Uint32(b[16:]) // counts from 1, those lost, too
			e.Lost = int(no - seen - 1)
			seen = no
			edge(e)
		}
	}
}

// unwatch ends the watch and waits until nobody is told any more.
func (l *line) unwatch() {
	l.mu.Lock()
	watched := l.watched
	if watched != nil {
		_ = l.release()
		l.watched = nil
	}
	l.mu.Unlock()
	if watched != nil {
		<-watched
	}
}

// configure takes the line as c says. l.mu is held, as in all below.
func (l *line) configure(c lineConfig) error {
	if l.file != nil {
		if err := l.control(ioctlSetConfig, unsafe.Pointer(&c)); err != nil {
			return err
		}
		l.config = c
		return nil
	}
	chip, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer chip.Close()
	r := lineRequest{config: c, lines: 1}
	r.offsets[0] = uint32(l.offset)
	copy(r.consumer[:], "selvage")
	if errno := ioctl(chip.Fd(), ioctlLine, unsafe.Pointer(&r)); errno != 0 {
		if by := usedBy(chip.Fd(), l.offset); by != "" {
			return fmt.Errorf("%s is taken by %s (%w)", l.Name(), by, errno)
		}
		return l.failed(errno)
	}
	if err := syscall.SetNonblock(int(r.fd), true); err != nil {
		_ = syscall.Close(int(r.fd))
		return err
	}
	l.file, l.config = os.NewFile(uintptr(r.fd), l.Name()), c
	return nil
}

// usedBy says who has a line, "" for nobody.
func usedBy(chip uintptr, offset int) string {
	info := lineInfo{offset: uint32(offset)}
	if errno := ioctl(chip, ioctlLineInfo, unsafe.Pointer(&info)); errno != 0 || info.flags&lineUsed == 0 {
		return ""
	}
	if user := text(info.consumer[:]); user != "" {
		return fmt.Sprintf("%q", user)
	}
	return "another function of the pin, such as a bus" // which the kernel names in debugfs only
}

func (l *line) value() (gpio.Level, error) {
	if l.file == nil {
		return false, errors.New("the pin is not open")
	}
	v := lineValues{mask: 1}
	err := l.control(ioctlGetValues, unsafe.Pointer(&v))
	return v.bits&1 != 0, err
}

func (l *line) control(op uintptr, arg unsafe.Pointer) error {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	if err := raw.Control(func(fd uintptr) { errno = ioctl(fd, op, arg) }); err != nil {
		return err
	}
	if errno != 0 {
		return l.failed(errno)
	}
	return nil
}

// failed names what an error of the kernel's means for a pin.
func (l *line) failed(errno syscall.Errno) error {
	switch errno {
	case syscall.EBUSY:
		return fmt.Errorf("another program or a kernel driver uses it (%w)", errno)
	case syscall.ENODEV:
		_ = l.release() // the chip was unplugged; it may come back
		return fmt.Errorf("its chip was unplugged: %w (%w)", device.ErrBusGone, errno)
	case syscall.ENOTTY:
		return fmt.Errorf("the kernel is older than 5.10 (%w)", errno)
	}
	return errno
}

func (l *line) release() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.config = nil, lineConfig{}
	return err
}

var _ device.EdgePin = (*line)(nil)

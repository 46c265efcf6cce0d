package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

// transfers are what went over the wires of the simulated board.
type transfersSeen struct {
	mu   sync.Mutex
	seen []string
}

var transferred transfersSeen

func (s *transfersSeen) note(addr uint16, w []byte, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf("%#02x:w%x:r%d", addr, w, reads))
}

func (s *transfersSeen) take() (seen []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, s.seen = s.seen, nil
	return seen
}

// scan looks who is on a bus, and tells what went over its wires for that if they are ours.
func scan(f []string) error {
	for try := 0; ; try++ { // the kernel makes the bus when it has found the adapter
		if _, err := os.Stat(f[0]); err == nil || try == 600 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	transferred.take()
	s, err := device.ScanI2C(context.Background(), f[0], device.Asking{})
	if err != nil {
		say("scan %s failed: %v", f[0], err)
		return nil
	}
	for _, c := range s.Found {
		say("scan %s found 0x%02x: %s%s%s", f[0], c.Address, c.Taken, c.Model, strings.Join(c.Candidates, " or "))
	}
	for _, t := range transferred.take() {
		say("scan %s wire %s", f[0], t)
	}
	say("scan %s over, deaf %v, by reading %v", f[0], s.Deaf, s.ByReading)
	return nil
}

// take has somebody else have a pin.
func take(f []string) error {
	const getLine = 0xC250B407 // GPIO_V2_GET_LINE_IOCTL of linux/gpio.h
	var request struct {
		offsets  [64]uint32
		consumer [32]byte
		flags    uint64
		_        [264]byte
		lines    uint32
		_        [6]uint32
		fd       int32
	}
	line, err := strconv.Atoi(f[1])
	if err != nil {
		return err
	}
	chip, err := os.OpenFile(f[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer chip.Close()
	request.offsets[0], request.lines, request.flags = uint32(line), 1, 1<<2
	copy(request.consumer[:], f[2])
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, chip.Fd(), getLine, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("%s line %d: %w", f[0], line, errno)
	}
	return nil // it is held until the board is switched off
}

func init() { device.RegisterI2C("clear", clearConfig{}, openClear) }

type clearConfig struct{ Over device.Lines }

// Within is long, since what is emulated is slow.
func (clearConfig) Within() time.Duration { return 20 * time.Second }

// clearing is a device that has its bus freed each time it is read, and tells how that went and what the pins are then.
type clearing struct {
	bus  device.Recoverer
	over device.Lines
}

func openClear(_ context.Context, bus i2c.Bus, c clearConfig) (*clearing, error) {
	r, ok := bus.(device.Recoverer)
	if !ok {
		return nil, fmt.Errorf("%s cannot be freed", bus)
	}
	return &clearing{r, c.Over}, nil
}

func (c *clearing) Info() device.Info { return device.Info{Driver: "clear"} }
func (c *clearing) Close() error      { return nil }

func (c *clearing) Channels() []device.Channel {
	return []device.Channel{{Name: "freed", Form: device.Text}}
}

func (c *clearing) Read(ctx context.Context) (device.Sample, error) {
	err := c.bus.Recover(ctx, c.over)
	files, _ := filepath.Glob("/sys/kernel/debug/pinctrl/*/pins")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "(gpio2)") || strings.Contains(line, "(gpio3)") {
				say("pins %s", strings.TrimSpace(line))
			}
		}
	}
	return device.Sample{{Channel: "freed", Text: fmt.Sprint(err)}}, nil
}

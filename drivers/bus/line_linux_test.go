package bus

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
	"selvage/edge/leaktest"
)

// The kernel's layout, on 32 and 64 bits alike: the sizes are part of the numbers of the ioctls.
func TestLayoutOfLines(t *testing.T) {
	for _, c := range []struct {
		name string
		size uintptr
		op   uint32 // 0: none
		want uintptr
	}{
		{"gpiochip_info", unsafe.Sizeof(chipInfo{}), ioctlChipInfo, 68},
		{"gpio_v2_line_info", unsafe.Sizeof(lineInfo{}), ioctlLineInfo, 256},
		{"gpio_v2_line_request", unsafe.Sizeof(lineRequest{}), ioctlLine, 592},
		{"gpio_v2_line_config", unsafe.Sizeof(lineConfig{}), ioctlSetConfig, 272},
		{"gpio_v2_line_values", unsafe.Sizeof(lineValues{}), ioctlSetValues, 16},
		{"gpio_v2_line_event", unsafe.Sizeof(lineEvent{}), 0, 48},
	} {
		if c.size != c.want || c.op != 0 && uintptr(c.op>>16&0x3FFF) != c.want {
			t.Errorf("%s has %d bytes, want %d", c.name, c.size, c.want)
		}
	}
	var r lineRequest
	for name, got := range map[string]uintptr{
		"config": unsafe.Offsetof(r.config) - 288, "config.attr": unsafe.Offsetof(r.config.attr) - 32,
		"lines": unsafe.Offsetof(r.lines) - 560, "fd": unsafe.Offsetof(r.fd) - 588,
	} {
		if got != 0 {
			t.Errorf("gpio_v2_line_request.%s is not where the kernel has it", name)
		}
	}
}

// Edges come in order, what was lost is counted, and the goroutine ends with the watch.
func TestTell(t *testing.T) {
	leaktest.Check(t)
	var fd [2]int
	if err := syscall.Pipe2(fd[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fd[0]), "line"), os.NewFile(uintptr(fd[1]), "kernel")
	event := func(at time.Duration, kind, no uint32) []byte {
		b := make([]byte, unsafe.Sizeof(lineEvent{}))
		binary.NativeEndian.PutUint64(b, uint64(at))
		binary.NativeEndian.PutUint32(b[8:], kind)
		binary.NativeEndian.PutUint32(b[16:], no)
		return b
	}
	edges := make(chan device.Edge)
	done := make(chan struct{})
	go tell(r, func(e device.Edge) { edges <- e }, done)
	if _, err := w.Write(slices.Concat(event(5, 1, 1), event(7, 2, 2), event(9, 1, 5))); err != nil {
		t.Fatal(err)
	}
	var got []device.Edge
	for range 3 {
		got = append(got, <-edges)
	}
	want := []device.Edge{{Level: gpio.High, At: 5}, {Level: gpio.Low, At: 7}, {Level: gpio.High, At: 9, Lost: 2}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("told %v, want %v", got, want)
	}
	w.Close() // the end of a pipe stands in for a chip that goes: reading fails
	if e := <-edges; e.Err == nil {
		t.Errorf("told %v when the line was gone", e)
	}
	<-done
	r.Close()
}

// A line that cannot be had, and one that was never taken, give errors and nothing else.
func TestLineFails(t *testing.T) {
	l := &line{path: "/dev/null", label: "none"}
	for name, err := range map[string]error{
		"In": l.In(gpio.PullUp, gpio.NoEdge), "Out": l.Out(gpio.High), "Watch": l.Watch(gpio.PullUp, time.Millisecond, nil),
	} {
		if err == nil {
			t.Errorf("%s of what is no chip succeeded", name)
		}
	}
	if _, err := l.Level(); err == nil {
		t.Error("the level of a line that is not ours")
	}
	if l.Read() != gpio.Low {
		t.Error("Read of a line that is not ours is high")
	}
	for range 2 {
		if err := l.Halt(); err != nil {
			t.Errorf("Halt: %v", err)
		}
	}
	if _, err := lookAt("/dev/null"); err == nil {
		t.Error("/dev/null is a chip")
	}
}

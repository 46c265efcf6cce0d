package clock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"
)

// Of linux/timerfd.h and linux/time.h.
const (
	clockRealtime  = 0
	timerAbsolute  = 1 << 0
	cancelOnSet    = 1 << 1
	timerfdOptions = syscall.O_CLOEXEC | syscall.O_NONBLOCK
)

// Watch tells those who asked OnStep whenever the wall clock is set, until ctx ends. It waits for the
// kernel to say so (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), which costs nothing.
func (c *Clock) Watch(ctx context.Context) error {
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockRealtime, timerfdOptions, 0)
	if errno != 0 {
		return fmt.Errorf("watch the wall clock: %w", errno)
	}
	timer := os.NewFile(fd, "timerfd")
	defer context.AfterFunc(ctx, func() { timer.Close() })()
	defer timer.Close()
	var due struct{ interval, value syscall.Timespec } // struct itimerspec
	due.value.Sec = math.MaxInt32                      // as late as a 32-bit kernel knows
	var expired [8]byte
	for {
		_, _, errno = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, timerAbsolute|cancelOnSet, uintptr(unsafe.Pointer(&due)), 0, 0, 0)
		if errno == 0 {
			_, err := timer.Read(expired[:])
			if ctx.Err() != nil {
				return nil
			}
			if !errors.Is(err, syscall.ECANCELED) {
				return fmt.Errorf("watch the wall clock: %w", cmp.Or(err, errors.New("it is past 2038")))
			}
		} else if errno != syscall.ECANCELED { // it was set just now
			return fmt.Errorf("watch the wall clock: %w", errno)
		}
		c.steps.tell()
	}
}

package clock

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	staUnsync = 0x0040 // STA_UNSYNC in linux/timex.h: nobody steers the clock
	timeError = 5      // TIME_ERROR: the clock is not synchronised

	// plausible is the year of this code: a wall clock that shows an earlier one is wrong, whatever
	// the kernel believes.
	plausible = 2026
)

// kernelSynced asks the kernel whether a time service steers the wall clock. The flag is set at boot
// and cleared by systemd-timesyncd, ntpd and chronyd (this one needs rtcsync, Debian's default). A
// sandbox that forbids the call (systemd's ProtectClock=yes does) leaves the clock untrusted: a
// plausible date alone may be the time of the last shutdown.
func kernelSynced() bool {
	var tx syscall.Timex // Modes 0: only ask, which needs no privilege
	state, err := syscall.Adjtimex(&tx)
	return err == nil && state != timeError && tx.Status&staUnsync == 0 && time.Now().Year() >= plausible
}

// kernelBoot returns the kernel's id of this boot and the time since it, exact to 10 ms.
func kernelBoot() (id BootID, since time.Duration, ok bool) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0, false
	}
	id = BootID(strings.TrimSpace(string(b)))
	if b, err = os.ReadFile("/proc/uptime"); err != nil {
		return "", 0, false
	}
	first, _, _ := strings.Cut(string(b), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	return id, time.Duration(seconds * float64(time.Second)), err == nil && id != ""
}

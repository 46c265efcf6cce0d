// Package sysfs is for drivers that work by the files of the kernel under /sys: one value in each, as
// text (Documentation/filesystems/sysfs.rst).
package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"selvage/edge/device"
)

// Text reads a file, without the end of its line.
func Text(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", failed("read", file, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Word is Text for what may be missing: then it is "".
func Word(file string) string {
	s, err := Text(file)
	if err != nil {
		return ""
	}
	return s
}

// Int reads a whole number.
func Int(file string) (int64, error) {
	s, err := Text(file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, nonsense(file, s)
	}
	return v, nil
}

// Float reads a number.
func Float(file string) (float64, error) {
	s, err := Text(file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(v) <= math.MaxInt64) { // the kernel's own have 64 bits
		return 0, nonsense(file, s)
	}
	return v, nil
}

// Write gives a file a value. It never makes a file.
func Write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.WriteString(value + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return failed("write "+value+" to", file, err)
	}
	return nil
}

// Exists tells whether a file is there.
func Exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// List is a glob in the order people count: hwmon2 before hwmon10.
func List(pattern string) []string {
	names, _ := filepath.Glob(pattern) // the only error is a bad pattern
	SortByNumber(names)
	return names
}

// remoteIO is Linux's EREMOTEIO, which package syscall has on Linux only.
const remoteIO = syscall.Errno(121)

// failed names what it means that a file cannot be read or written.
func failed(doing, file string, err error) error {
	f := &device.Fault{Text: fmt.Sprintf("cannot %s %s", doing, file), Err: err}
	var errno syscall.Errno
	errors.As(err, &errno)
	switch {
	case errors.Is(err, fs.ErrNotExist), errno == syscall.ENODEV:
		f.Text = "the kernel does not show " + file
		f.Remedy = "what it belongs to was unplugged, or its driver was unloaded: see dmesg"
		f.Err = fmt.Errorf("%w (%w)", device.ErrBusGone, err)
	case errors.Is(err, fs.ErrPermission):
		f.Remedy = "let selvage's user do that, by its groups or by a udev rule; who may: ls -l " + file
	case errno == syscall.EIO, errno == syscall.ENXIO, errno == remoteIO, errno == syscall.ETIMEDOUT:
		f.Remedy = "the kernel's driver gets no answer from the chip: check its power and wires, and see dmesg"
		f.Err = fmt.Errorf("%w (%w)", device.ErrNoAnswer, err)
	case errno == syscall.EAGAIN, errno == syscall.EBUSY, errno == syscall.ENODATA:
		f.Remedy = "it has no value now: it sleeps, is disabled, or another program uses it; it is tried again by itself"
	case errno == syscall.EINVAL:
		f.Remedy = "the kernel's driver refuses this here: see dmesg"
	default:
		f.Remedy = "see dmesg"
	}
	return f
}

// nonsense is the error of a file that holds something else than a number.
func nonsense(file, got string) error {
	const enough = 40
	return &device.Fault{
		Text:   fmt.Sprintf("%s does not hold a number but %.*q", file, enough, got),
		Remedy: "the kernel's driver tells something else than its interface says: see dmesg",
		Err:    device.ErrGarbled,
	}
}

// LaneName turns a label such as "Package id 0" or "cpu_thermal" into a name fit for a lane.
func LaneName(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(label) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// Unique numbers a name that is taken: "fan", "fan-2", "fan-3". It notes the name as taken.
func Unique(name string, taken map[string]bool) string {
	for base, n := name, 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	taken[name] = true
	return name
}

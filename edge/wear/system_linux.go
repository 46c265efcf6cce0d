package wear

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"syscall"

	"selvage/edge/size"
)

// Written returns what this process has caused to be written to block devices since it started, and its
// children that have ended, in bytes: write_bytes less cancelled_write_bytes of /proc/self/io (proc_pid_io(5)). It
// is an error where the kernel does not count: without CONFIG_TASK_IO_ACCOUNTING, or for a process that
// may not be traced.
func Written() (int64, error) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, fmt.Errorf("the kernel does not say what this process writes: %w", err)
	}
	return parseIO(text)
}

func parseIO(text []byte) (int64, error) {
	var written, cancelled int64
	var found, bad bool
	for line := range bytes.Lines(text) {
		name, rest, _ := bytes.Cut(line, []byte{':'})
		var to *int64
		switch string(name) {
		case "write_bytes":
			to, found = &written, true
		case "cancelled_write_bytes":
			to = &cancelled
		default:
			continue
		}
		var err error
		*to, err = strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
		bad = bad || err != nil
	}
	if !found || bad {
		return 0, errors.New("/proc/self/io does not say what this process writes")
	}
	return written - cancelled, nil
}

// Types of file systems without a disk (statfs(2)).
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// findDisk finds the disk that holds a folder: all of it, if that is on a partition. What is no block device of its own,
// such as an overlay, has only the size of its file system.
func findDisk(dir string) disk {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return disk{why: fmt.Sprintf("the disk that holds %s cannot be found: %v; give the card's size in [wear]", dir, err)}
	}
	if kind := uint32(fs.Type); kind == tmpfs || kind == ramfs {
		return disk{why: dir + " is in memory, which does not wear"}
	}
	var d disk
	var st syscall.Stat_t
	if syscall.Stat(dir, &st) == nil {
		d = blockDevice(uint64(st.Dev))
	}
	if d.size == 0 {
		d.size = size.Bytes(int64(fs.Blocks) * int64(fs.Bsize))
	}
	if d.size <= 0 {
		d.size, d.why = 0, fmt.Sprintf("the file system that holds %s does not tell its size; give the card's in [wear]", dir)
	}
	return d
}

// blockDevice returns the disk with that number or partition; without a name if there is none.
func blockDevice(dev uint64) (d disk) {
	major, minor := dev>>8&0xfff|dev>>32&^0xfff, dev&0xff|dev>>12&^0xff // as in makedev(3)
	link := fmt.Sprintf("/sys/dev/block/%d:%d", major, minor)
	at, err := os.Readlink(link)
	if err != nil {
		return d
	}
	d.name = path.Base(at)
	if _, err := os.Stat(link + "/partition"); err == nil {
		d.name = path.Base(path.Dir(at))
	}
	text, _ := os.ReadFile("/sys/class/block/" + d.name + "/size")
	sectors, _ := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	d.size = size.Bytes(sectors * sector)
	return d
}

// sector is what the block layer counts in, whatever the device has.
const sector = 512

// written returns what the disk has written since the machine started, in bytes
// (https://docs.kernel.org/block/stat.html: the seventh column).
func (d disk) written() (int64, error) {
	text, err := os.ReadFile("/sys/class/block/" + d.name + "/stat")
	if err != nil {
		return 0, fmt.Errorf("the kernel does not say what the disk %s writes: %w", d.name, err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 7 {
		return 0, fmt.Errorf("the kernel does not say what the disk %s writes", d.name)
	}
	sectors, err := strconv.ParseInt(string(fields[6]), 10, 64)
	return sectors * sector, err
}

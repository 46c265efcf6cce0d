package meta

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// processors returns how long they were busy, and that with their idle time, in ticks since the start of
// the machine (proc_stat(5)). Waiting for a disk is idle, and time in guests is in user already.
func processors() (busy, all uint64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	fields := bytes.Fields(line)
	for i, f := range fields[min(1, len(fields)):min(9, len(fields))] {
		n, _ := strconv.ParseUint(string(f), 10, 64)
		all += n
		if i != 3 && i != 4 { // idle, iowait
			busy += n
		}
	}
	return busy, all
}

// memory returns the bytes that cannot be had without swapping, and all (proc_meminfo(5)).
func memory() (used, total int64) {
	text, _ := os.ReadFile("/proc/meminfo")
	available := int64(0)
	for line := range bytes.Lines(text) {
		name, rest, _ := bytes.Cut(line, []byte{':'})
		var to *int64
		switch string(name) {
		case "MemTotal":
			to = &total
		case "MemAvailable":
			to = &available
		default:
			continue
		}
		if fields := bytes.Fields(rest); len(fields) > 0 {
			kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
			*to = kib << 10
		}
	}
	return total - available, total
}

// disk returns the bytes of the root file system that are taken, and all.
func disk() (used, total int64) {
	var st syscall.Statfs_t
	if syscall.Statfs("/", &st) != nil {
		return 0, 0
	}
	return int64(st.Blocks-st.Bfree) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize)
}

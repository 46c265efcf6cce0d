package system

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func (d *Dev) load() part {
	name := d.path("proc/loadavg")
	return part{
		channels: []device.Channel{
			{Name: "load1", Unit: "1", Resolution: 0.01},
			{Name: "load5", Unit: "1", Resolution: 0.01},
			{Name: "load15", Unit: "1", Resolution: 0.01},
		},
		read: func(s device.Sample, _ time.Time) (device.Sample, error) {
			f, err := numbers(name, 3)
			if err != nil {
				return s, err
			}
			return append(s,
				device.Measure{Channel: "load1", Value: f[0]},
				device.Measure{Channel: "load5", Value: f[1]},
				device.Measure{Channel: "load15", Value: f[2]}), nil
		},
	}
}

func (d *Dev) uptime() part {
	name := d.path("proc/uptime")
	return part{
		channels: []device.Channel{{Name: "uptime", Unit: "s", Resolution: 1}},
		read: func(s device.Sample, _ time.Time) (device.Sample, error) {
			f, err := numbers(name, 1)
			if err != nil {
				return s, err
			}
			return append(s, device.Measure{Channel: "uptime", Value: float64(int64(f[0]))}), nil
		},
	}
}

// shortest is the least time a share or rate is taken over: the kernel counts processor time in
// hundredths of a second. Until that has passed nothing is said about them.
const shortest = 100 * time.Millisecond

// cpu is the share of time since the last look in which the cores were not idle. Waiting for a disk
// counts as idle, as in top. Time spent in guests is in user already.
func (d *Dev) cpu() part {
	name := d.path("proc/stat")
	var lastBusy, lastAll, share float64
	var at time.Time
	known := false
	return part{
		channels: []device.Channel{{Name: "cpu", Unit: "%", Min: 0, Max: 100, Resolution: 0.1}},
		read: func(s device.Sample, now time.Time) (device.Sample, error) {
			busy, all, err := cpuTimes(name)
			if err != nil {
				return s, err
			}
			if first := at.IsZero(); first || now.Sub(at) >= shortest {
				if spent := all - lastAll; !first && spent > 0 {
					share, known = min(max(100*(busy-lastBusy)/spent, 0), 100), true
				}
				lastBusy, lastAll, at = busy, all, now
			}
			if !known {
				return s, nil
			}
			return append(s, device.Measure{Channel: "cpu", Value: share}), nil
		},
	}
}

// cpuTimes reads the first line, "cpu user nice system idle iowait irq softirq steal guest …", in ticks.
func cpuTimes(name string) (busy, all float64, err error) {
	text, err := sysfs.Text(name)
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0, malformed(name, line)
	}
	for i, f := range fields[1:min(len(fields), 9)] {
		v, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, 0, malformed(name, line)
		}
		all += float64(v)
		if i != 3 && i != 4 { // idle, iowait
			busy += float64(v)
		}
	}
	return busy, all, nil
}

// memory: used is what cannot be had without swapping, total − available.
func (d *Dev) memory() part {
	name := d.path("proc/meminfo")
	return part{
		channels: []device.Channel{
			{Name: "memory-used", Unit: "By", Resolution: 1},
			{Name: "memory-available", Unit: "By", Resolution: 1},
			{Name: "memory-total", Unit: "By", Resolution: 1},
		},
		read: func(s device.Sample, _ time.Time) (device.Sample, error) {
			total, available, err := memInfo(name)
			if err != nil {
				return s, err
			}
			return append(s,
				device.Measure{Channel: "memory-used", Value: total - available},
				device.Measure{Channel: "memory-available", Value: available},
				device.Measure{Channel: "memory-total", Value: total}), nil
		},
	}
}

// memInfo reads lines like "MemTotal:  24684092 kB", where kB means 1024 bytes.
func memInfo(name string) (total, available float64, err error) {
	text, err := sysfs.Text(name)
	if err != nil {
		return 0, 0, err
	}
	for _, want := range []struct {
		key string
		to  *float64
	}{{"MemTotal:", &total}, {"MemAvailable:", &available}} {
		_, rest, _ := strings.Cut(text, want.key)
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0, 0, malformed(name, text)
		}
		kb, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return 0, 0, malformed(name, fields[0])
		}
		*want.to = float64(kb) * 1024
	}
	return total, available, nil
}

// network is bytes per second since the last look, over all interfaces but loopback. An interface
// that comes brings no jump: only those seen both times count.
func (d *Dev) network() part {
	name := d.path("proc/net/dev")
	var last map[string][2]uint64
	var at time.Time
	var rate [2]float64
	known := false
	return part{
		channels: []device.Channel{
			{Name: "network-rx", Unit: "By/s", Resolution: 1},
			{Name: "network-tx", Unit: "By/s", Resolution: 1},
		},
		read: func(s device.Sample, now time.Time) (device.Sample, error) {
			counts, err := netDev(name)
			if err != nil {
				return s, err
			}
			if first := last == nil; first || now.Sub(at) >= shortest {
				if !first {
					rate, known = rates(last, counts, now.Sub(at)), true
				}
				last, at = counts, now
			}
			if !known {
				return s, nil
			}
			return append(s,
				device.Measure{Channel: "network-rx", Value: rate[0]},
				device.Measure{Channel: "network-tx", Value: rate[1]}), nil
		},
	}
}

// rates sums what the interfaces seen both times moved, in whole bytes per second.
func rates(last, now map[string][2]uint64, spent time.Duration) (rate [2]float64) {
	for face, n := range now {
		before, seen := last[face]
		for i := range n {
			if seen && n[i] >= before[i] { // less: the interface was taken down and counts anew
				rate[i] += float64(n[i] - before[i])
			}
		}
	}
	for i := range rate {
		rate[i] = math.Round(rate[i] / spent.Seconds())
	}
	return rate
}

// netDev reads "  eth0: bytes packets errs drop fifo frame compressed multicast bytes …"; received
// bytes are the first column, sent ones the ninth.
func netDev(name string) (map[string][2]uint64, error) {
	text, err := sysfs.Text(name)
	if err != nil {
		return nil, err
	}
	counts := map[string][2]uint64{}
	for line := range strings.Lines(text) {
		face, rest, ok := strings.Cut(line, ":")
		if !ok {
			continue // the two header lines
		}
		fields := strings.Fields(rest)
		if len(fields) < 9 {
			return nil, malformed(name, line)
		}
		rx, err1 := strconv.ParseUint(fields[0], 10, 64)
		tx, err2 := strconv.ParseUint(fields[8], 10, 64)
		if err1 != nil || err2 != nil {
			return nil, malformed(name, line)
		}
		if face := strings.TrimSpace(face); face != "lo" {
			counts[face] = [2]uint64{rx, tx}
		}
	}
	return counts, nil
}

// numbers reads the first n numbers of a file.
func numbers(name string, n int) ([]float64, error) {
	text, err := sysfs.Text(name)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(text)
	if len(fields) < n {
		return nil, malformed(name, text)
	}
	out := make([]float64, n)
	for i := range out {
		if out[i], err = strconv.ParseFloat(fields[i], 64); err != nil || !(math.Abs(out[i]) <= math.MaxInt64) {
			return nil, malformed(name, text)
		}
	}
	return out, nil
}

func malformed(name, got string) error {
	const enough = 60
	return &device.Fault{
		Text:   fmt.Sprintf("%s does not look as expected: %.*q", name, enough, strings.TrimSpace(got)),
		Remedy: "this kernel tells something else than is usual: see man 5 proc",
		Err:    device.ErrGarbled,
	}
}

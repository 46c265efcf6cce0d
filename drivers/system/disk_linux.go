package system

import (
	"syscall"
	"time"

	"selvage/edge/device"
)

// disk: free is what a program without privileges may still use, as df's "Avail".
func (d *Dev) disk() part {
	return part{
		channels: []device.Channel{
			{Name: "disk-used", Unit: "By", Resolution: 1},
			{Name: "disk-free", Unit: "By", Resolution: 1},
		},
		read: func(s device.Sample, _ time.Time) (device.Sample, error) {
			var st syscall.Statfs_t
			if err := syscall.Statfs(d.c.Disk, &st); err != nil {
				return s, &device.Fault{
					Text:   "cannot tell the space at " + d.c.Disk,
					Remedy: "check the key disk; what is mounted: df",
					Err:    err,
				}
			}
			block := float64(st.Frsize)
			if st.Frsize == 0 {
				block = float64(st.Bsize)
			}
			return append(s,
				device.Measure{Channel: "disk-used", Value: float64(st.Blocks-st.Bfree) * block},
				device.Measure{Channel: "disk-free", Value: float64(st.Bavail) * block}), nil
		},
	}
}

// Package system is for the machine Selvage runs on: load, processor, memory, disk, network and
// temperatures, as the Linux kernel tells them in /proc and /sys.
//
// Sources: proc_loadavg(5), proc_stat(5), proc_meminfo(5), proc_uptime(5), proc_net(5), statfs(2);
// Documentation/driver-api/thermal/sysfs-api.rst and Documentation/hwmon/sysfs-interface.rst.
package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"selvage/edge/device"
)

func init() { device.Register("system", Config{Root: "/", Disk: "/"}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{} `doc:"This machine: load, processor, memory, disk, network and temperatures." example:"machine"`
	Root string   `toml:"root" doc:"the folder in which proc and sys are found"`
	Disk string   `toml:"disk" doc:"a path on the file system whose space is watched"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	for _, k := range []struct{ key, path string }{{"root", c.Root}, {"disk", c.Disk}} {
		if !filepath.IsAbs(k.path) {
			fault(k.key, fmt.Sprintf("%q is not a full path", k.path), `begin it with /`)
		}
	}
}

// Dev reads the kernel's files.
type Dev struct {
	c        Config
	model    string
	parts    []part
	channels []device.Channel
	closed   bool
}

// part is one source of channels. Shares and rates need two looks, the first of which Open takes.
type part struct {
	channels []device.Channel
	read     func(s device.Sample, now time.Time) (device.Sample, error)
}

// Open finds out what this machine has; a part the kernel does not show is left out.
func Open(ctx context.Context, c Config) (*Dev, error) {
	d := &Dev{c: c, model: model(c.Root)}
	now := time.Now()
	for _, p := range []part{
		d.load(), d.cpu(), d.memory(), d.disk(), d.network(), d.uptime(),
	} {
		if _, err := p.read(nil, now); err == nil {
			d.parts = append(d.parts, p)
		}
	}
	d.parts = append(d.parts, d.temperatures()...)
	for _, p := range d.parts {
		d.channels = append(d.channels, p.channels...)
	}
	if len(d.channels) == 0 {
		return nil, &device.Fault{
			Text:   "the kernel's files are not under " + c.Root,
			Remedy: `leave out root, or mount proc and sys there`,
		}
	}
	return d, ctx.Err()
}

// Info tells the board's name as its firmware or the kernel has it.
func (d *Dev) Info() device.Info {
	return device.Info{Driver: "system", Model: d.model}
}

// Channels lists what this machine shows: load in processes, cpu in percent of all cores, memory and
// disk in bytes, network in bytes per second over all interfaces but loopback, uptime in seconds,
// temperatures in °C.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read looks at every file once. One that fails makes its own channels bad.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if d.closed {
		return nil, errors.New("the system device is closed")
	}
	s := make(device.Sample, 0, len(d.channels))
	now := time.Now()
	for _, p := range d.parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := len(s)
		var err error
		if s, err = p.read(s, now); err != nil {
			s = s[:n] // nothing half read
			for _, c := range p.channels {
				s = append(s, device.Measure{Channel: c.Name, Err: err})
			}
		}
	}
	return s, nil
}

// Close has nothing to let go of.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

func (d *Dev) path(name string) string { return filepath.Join(d.c.Root, name) }

// model names the machine: the device tree on a board, the firmware's product name on a PC.
func model(root string) string {
	for _, name := range []string{"proc/device-tree/model", "sys/class/dmi/id/product_name"} {
		if b, err := os.ReadFile(filepath.Join(root, name)); err == nil {
			if s := strings.TrimSpace(string(bytes.TrimRight(b, "\x00"))); s != "" {
				return s
			}
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

var _ device.Sensor = (*Dev)(nil)

// Package thermal is for the thermal zones by which the Linux kernel keeps processors, batteries and
// radios from overheating.
//
// Wiring: none. Range: −55 to 150 °C, beyond which no zone of a running board is. To see what is there:
// grep . /sys/class/thermal/thermal_zone*/type
//
// Source: Documentation/driver-api/thermal/sysfs-api.rst.
package thermal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("thermal", Config{Root: "/"}, Open) }

var class = sysfs.Class{
	What: "thermal zone", Glob: "sys/class/thermal/thermal_zone*", Name: []string{"type"},
	Tool: "grep . /sys/class/thermal/thermal_zone*/type",
}

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{} `doc:"The thermal zones of the board: the temperature of its processor, battery or radio." example:"heat"`
	Zone string   `toml:"zone" doc:"the type of one zone, such as cpu-thermal; empty for all"`
	Root string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if !filepath.IsAbs(c.Root) {
		fault("root", fmt.Sprintf("%q is not a full path", c.Root), "begin it with /")
	}
}

// Dev is one zone, or all of them.
type Dev struct {
	zones    []sysfs.Node
	channels []device.Channel
	closed   bool
}

// Open finds the zones.
func Open(ctx context.Context, c Config) (*Dev, error) {
	d := &Dev{zones: class.All(c.Root)}
	if c.Zone != "" {
		zone, err := class.Find(c.Root, c.Zone)
		if err != nil {
			return nil, err
		}
		d.zones = []sysfs.Node{zone}
	}
	if len(d.zones) == 0 {
		return nil, &device.Fault{
			Text:   "the kernel shows no thermal zone",
			Remedy: "this machine may have its thermometers as hwmon: grep . /sys/class/hwmon/*/name",
			Err:    device.ErrBusGone,
		}
	}
	taken := map[string]bool{}
	for _, z := range d.zones {
		name := "temperature"
		if c.Zone == "" {
			name += "-" + sysfs.LaneName(z.Name)
		}
		d.channels = append(d.channels, device.Channel{Name: sysfs.Unique(name, taken), Unit: "Cel", Min: -55, Max: 150, Resolution: 0.1})
	}
	return d, ctx.Err()
}

// Info tells the zone.
func (d *Dev) Info() device.Info {
	i := device.Info{Driver: "thermal", Model: fmt.Sprintf("%d thermal zones", len(d.zones))}
	if len(d.zones) == 1 {
		i.Wire, i.Model = d.zones[0].Base(), d.zones[0].Name
	}
	return i
}

// Channels is the temperature in °C; with the type of its zone in the name if all are read.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read looks at every zone once.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if d.closed {
		return nil, errors.New("the thermal zones are closed")
	}
	s := make(device.Sample, 0, len(d.zones))
	for i, z := range d.zones {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var milli int64
		err := z.Same()
		if err == nil {
			milli, err = sysfs.Int(z.File("temp"))
		}
		s = append(s, device.Measure{Channel: d.channels[i].Name, Value: float64(milli) / 1000, Err: err})
	}
	return s, nil
}

// Close has nothing to let go of.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

var _ device.Sensor = (*Dev)(nil)

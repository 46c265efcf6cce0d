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
	"fmt"

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
func (c Config) Check(fault func(key, problem, remedy string)) { sysfs.CheckRoot(c.Root, fault) }

// Dev is one zone, or all of them. Its channels are their temperatures in °C; with the type of its zone in the name if all
// are read.
type Dev struct {
	sysfs.Sensor
	zones []sysfs.Node
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
		d.Inputs = append(d.Inputs, sysfs.Input{
			Channel: device.Channel{Name: sysfs.Unique(name, taken), Unit: "Cel", Min: -55, Max: 150, Resolution: 0.1},
			Value:   func() (device.Measure, error) { return temperature(z) },
		})
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

func temperature(zone sysfs.Node) (m device.Measure, err error) {
	if err := zone.Same(); err != nil {
		return m, err
	}
	milli, err := sysfs.Int(zone.File("temp"))
	m.Value = float64(milli) / 1000
	return m, err
}

var _ device.Sensor = (*Dev)(nil)

// Package powersupply is for batteries, chargers, mains and uninterruptible supplies that the Linux
// kernel knows.
//
// Wiring: none, or as the gauge's or charger's, told to the kernel by an overlay. Ranges: as its own,
// which the kernel does not tell. To see what is there: ls /sys/class/power_supply
//
// Source: Documentation/ABI/testing/sysfs-class-power and Documentation/power/power_supply_class.rst.
package powersupply

import (
	"context"
	"fmt"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("power-supply", Config{Root: "/"}, Open) }

var class = sysfs.Class{
	What: "power supply", Glob: "sys/class/power_supply/*", Tool: "ls /sys/class/power_supply",
}

// Config is one [device.…] table of the host file.
type Config struct {
	_      struct{} `doc:"A battery, charger, mains or uninterruptible supply that the kernel knows." example:"battery"`
	Supply string   `toml:"supply" doc:"its name as the kernel has it, such as BAT0; empty for the only one there is"`
	Root   string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) { sysfs.CheckRoot(c.Root, fault) }

// property is a file of the class with the channel it makes. Files tell millionths of volts, amperes,
// watts, watt-hours and ampere-hours, and tenths of a degree.
type property struct {
	file    string
	channel device.Channel
	factor  float64
}

var properties = []property{
	{"status", device.Channel{Name: "status", Form: device.Text}, 0},
	{"health", device.Channel{Name: "health", Form: device.Text}, 0},
	{"online", device.Channel{Name: "online", Form: device.Boolean}, 1},
	{"present", device.Channel{Name: "present", Form: device.Boolean}, 1},
	{"capacity", device.Channel{Name: "capacity", Unit: "%", Max: 100}, 1},
	{"voltage_now", device.Channel{Name: "voltage", Unit: "V", Resolution: 0.001}, 1e-6},
	{"current_now", device.Channel{Name: "current", Unit: "A", Resolution: 0.001}, 1e-6},
	{"power_now", device.Channel{Name: "power", Unit: "W", Resolution: 0.001}, 1e-6},
	{"energy_now", device.Channel{Name: "energy", Unit: "kW.h", Resolution: 0.00001}, 1e-9},
	{"charge_now", device.Channel{Name: "charge", Unit: "A.h", Resolution: 0.001}, 1e-6},
	{"temp", device.Channel{Name: "temperature", Unit: "Cel", Resolution: 0.1}, 0.1},
	{"cycle_count", device.Channel{Name: "cycles", Unit: "1", Resolution: 1}, 1},
	{"time_to_empty_now", device.Channel{Name: "time-to-empty", Unit: "s", Resolution: 1}, 1},
	{"time_to_full_now", device.Channel{Name: "time-to-full", Unit: "s", Resolution: 1}, 1},
}

// Dev is one supply. Its channels are what it tells: status and health in the kernel's words, online and present, capacity
// in %, voltage in V, current in A, power in W, energy in kWh, charge in Ah, temperature in °C, cycles, and the times to
// empty and to full in seconds.
type Dev struct {
	sysfs.Sensor
	model string
}

// Open finds the supply and looks what it tells.
func Open(ctx context.Context, c Config) (*Dev, error) {
	n, err := class.Find(c.Root, c.Supply)
	if err != nil {
		return nil, err
	}
	d := &Dev{Sensor: sysfs.Sensor{Node: n}}
	for _, p := range properties {
		if file := n.File(p.file); sysfs.Exists(file) {
			d.Inputs = append(d.Inputs, sysfs.Input{Channel: p.channel, Value: func() (device.Measure, error) { return p.read(file) }})
		}
	}
	if len(d.Inputs) == 0 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the power supply %s tells nothing", n.Name),
			Remedy: "look what it has: ls " + n.Dir,
		}
	}
	d.model = d.modelName()
	return d, ctx.Err()
}

// modelName is the maker, the model and the kind, as far as the kernel knows them.
func (d *Dev) modelName() string {
	var parts []string
	for _, file := range []string{"manufacturer", "model_name", "technology", "type"} {
		if w := sysfs.Word(d.Node.File(file)); w != "" && w != "Unknown" {
			parts = append(parts, w)
		}
	}
	return strings.Join(parts, " ")
}

// Info tells maker, model and serial number of the supply.
func (d *Dev) Info() device.Info {
	return device.Info{
		Driver: "power-supply", Wire: d.Node.Name, Address: d.Node.Parent, Model: d.model,
		Serial: sysfs.Word(d.Node.File("serial_number")),
	}
}

// Read looks at every property once. One that fails makes its own reading bad. A battery that was
// taken out and changed is found by its model, which must be the same.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	s, err := d.Sensor.Read(ctx)
	if err != nil {
		return nil, err
	}
	if now := d.modelName(); now != d.model {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the power supply %s is a %s now, not a %s", d.Node.Name, now, d.model),
			Remedy: "it was changed: the new one is taken by itself",
			Err:    device.ErrBusGone,
		}
	}
	return s, nil
}

func (p property) read(file string) (m device.Measure, err error) {
	if p.channel.Form == device.Text {
		m.Text, err = sysfs.Text(file)
		return m, err
	}
	v, err := sysfs.Int(file)
	if err != nil {
		return m, err
	}
	m.Value = float64(v) * p.factor
	if p.channel.Form == device.Boolean {
		m.Value = device.Flag(v != 0) // online is 2 for a supply that may be programmed
	}
	return m, nil
}

var _ device.Sensor = (*Dev)(nil)

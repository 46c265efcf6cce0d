// Package hwmon is for the sensors of boards and power supplies that the Linux kernel watches itself:
// temperatures, voltages, currents, power, fans.
//
// Wiring: none, or as the chip's, told to the kernel by an overlay or by new_device as for IIO. Ranges:
// as the chip's, which the kernel does not tell. To see what is there: grep . /sys/class/hwmon/*/name
//
// Source: Documentation/hwmon/sysfs-interface.rst.
package hwmon

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("hwmon", Config{Root: "/"}, Open) }

var class = sysfs.Class{
	What: "hwmon chip", Glob: "sys/class/hwmon/hwmon*", Name: []string{"name", "device/name", "label"},
	Tool: "grep . /sys/class/hwmon/*/name",
}

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{} `doc:"A chip that the kernel watches the board with: temperatures, voltages, currents, power, fans." example:"board"`
	Chip string   `toml:"chip" doc:"its name as the kernel has it, such as coretemp; where several have the same name, the place, such as coretemp.0 or 1-0040; empty for the only one there is"`
	Root string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) { sysfs.CheckRoot(c.Root, fault) }

// Dev is one chip. Its channels are what it shows: temperature in °C, voltage in V, current in A, power in W, energy in
// kWh, humidity in %, fan in turns per minute; each with its label, or with its number where there are several.
type Dev struct{ sysfs.Sensor }

// input is one thing it measures.
type input struct {
	name   string // of its channel
	file   string // "…/temp1_input"
	fault  string // "…/temp1_fault", "" if there is none
	factor float64
}

// kind is a sensor type of the interface.
type kind struct {
	file    string // a pattern; the number stands at the *
	channel device.Channel
	factor  float64 // from the interface's unit to ours
}

// kinds are the types of the interface with the channel each makes. Ranges only keep away what a
// broken wire reads: no board works outside of them. freq is not in the document; amdgpu has it, in Hz.
var kinds = []kind{
	{"temp*_input", device.Channel{Name: "temperature", Unit: "Cel", Min: -100, Max: 250, Resolution: 0.1}, 1e-3},
	{"in*_input", device.Channel{Name: "voltage", Unit: "V", Resolution: 0.001}, 1e-3},
	{"curr*_input", device.Channel{Name: "current", Unit: "A", Resolution: 0.001}, 1e-3},
	{"power*_input", device.Channel{Name: "power", Unit: "W", Resolution: 0.001}, 1e-6},
	{"power*_average", device.Channel{Name: "power-average", Unit: "W", Resolution: 0.001}, 1e-6},
	{"energy*_input", device.Channel{Name: "energy", Unit: "kW.h"}, 1 / 3.6e12}, // microjoules
	{"humidity*_input", device.Channel{Name: "humidity", Unit: "%", Max: 100, Resolution: 0.1}, 1e-3},
	{"fan*_input", device.Channel{Name: "fan", Unit: "{rpm}", Resolution: 1}, 1},
	{"freq*_input", device.Channel{Name: "frequency", Unit: "Hz", Resolution: 1}, 1},
}

// Open finds the chip by its name and looks what it measures.
func Open(ctx context.Context, c Config) (*Dev, error) {
	n, err := class.Find(c.Root, c.Chip)
	if err != nil {
		return nil, err
	}
	d := &Dev{sysfs.Sensor{Node: n, Inputs: inputs(n)}}
	if len(d.Inputs) == 0 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the hwmon chip %s shows nothing that is measured", n.Name),
			Remedy: "it may only have switches: ls " + n.Dir,
		}
	}
	return d, ctx.Err()
}

func inputs(n sysfs.Node) []sysfs.Input {
	var found []sysfs.Input
	taken := map[string]bool{}
	dir := n.Dir
	if !sysfs.Exists(n.File("name")) && sysfs.Exists(n.File("device/name")) {
		dir = n.File("device") // where old drivers keep their files
	}
	for _, k := range kinds {
		files := sysfs.List(filepath.Join(dir, k.file))
		for _, file := range files {
			in := input{name: k.channel.Name, file: file, factor: k.factor}
			stem := file[:strings.LastIndexByte(file, '_')]
			if sysfs.Exists(stem + "_fault") {
				in.fault = stem + "_fault"
			}
			if label := sysfs.LaneName(sysfs.Word(stem + "_label")); label != "" {
				in.name += "-" + label
			} else if len(files) > 1 {
				prefix, _, _ := strings.Cut(k.file, "*")
				in.name += "-" + strings.TrimPrefix(filepath.Base(stem), prefix)
			}
			in.name = sysfs.Unique(in.name, taken)
			c := k.channel
			c.Name = in.name
			found = append(found, sysfs.Input{Channel: c, Value: in.read})
		}
	}
	return found
}

// Info tells the chip's name and what it is a part of.
func (d *Dev) Info() device.Info {
	return device.Info{Driver: "hwmon", Wire: d.Node.Base(), Address: d.Node.Parent, Model: d.Node.Name}
}

func (in input) read() (m device.Measure, err error) {
	if in.fault != "" && sysfs.Word(in.fault) == "1" {
		return m, &device.Fault{
			Text:   "the chip says that the sensor of " + in.name + " is broken or not there",
			Remedy: "check the sensor's wires",
		}
	}
	v, err := sysfs.Int(in.file)
	m.Value = float64(v) * in.factor
	return m, err
}

var _ device.Sensor = (*Dev)(nil)

// Package iio is for the chips that the Linux kernel measures with itself: hundreds of converters,
// accelerometers, climate, light and gas sensors, shown by its Industrial I/O subsystem.
//
// Wiring: as the chip's; the kernel is told of it by an overlay in config.txt (dtoverlay=i2c-sensor,bme280
// on a Raspberry Pi) or by `echo bme280 0x76 > /sys/bus/i2c/devices/i2c-1/new_device`. Ranges: as the
// chip's, which the kernel does not tell. To see what is there: grep . /sys/bus/iio/devices/*/name
//
// Source: Documentation/ABI/testing/sysfs-bus-iio. The names of shared scale and offset files are as
// drivers/iio/industrialio-core.c makes them.
package iio

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("iio", Config{Root: "/"}, Open) }

var class = sysfs.Class{
	What: "IIO device", Glob: "sys/bus/iio/devices/iio:device*", Name: []string{"name", "label"},
	Tool: "grep . /sys/bus/iio/devices/*/name",
}

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{} `doc:"A chip that the kernel measures with itself, by its Industrial I/O subsystem: every channel it shows." example:"chip"`
	Chip string   `toml:"chip" doc:"its name or label as the kernel has it, such as bme280; where several have the same name, the place, such as 1-0076, or iio:device0, which changes with the order of finding; empty for the only one there is"`
	Root string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) { sysfs.CheckRoot(c.Root, fault) }

// Dev is one IIO device. Its channels are what the kernel shows of this chip, with its own names and units made ours:
// temperature in °C, humidity in %, pressure in hPa, voltage in V, and so on. A converter whose scale is not known to the
// kernel gives plain counts, with the unit 1.
type Dev struct{ sysfs.Sensor }

// input is one thing it measures.
type input struct {
	file      string   // "…/in_voltage0_raw", or "…_input", which the kernel has scaled already
	scale     string   // its file, "" for none
	offset    string   // likewise
	quantity  quantity //
	processed bool
}

// Open finds the device by its name and looks which channels it has.
func Open(ctx context.Context, c Config) (*Dev, error) {
	n, err := class.Find(c.Root, c.Chip)
	if err != nil {
		return nil, err
	}
	d := &Dev{sysfs.Sensor{Node: n, Inputs: inputs(n)}}
	if len(d.Inputs) == 0 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the IIO device %s has no channel to read", n.Name),
			Remedy: "it may only have outputs or events: ls " + n.Dir,
		}
	}
	return d, ctx.Err()
}

// inputs finds the channels: in_TYPE…_raw and in_TYPE…_input; of a channel with both, the latter.
func inputs(n sysfs.Node) []sysfs.Input {
	var found []sysfs.Input
	taken := map[string]bool{}
	for _, file := range sysfs.List(n.File("in_*")) {
		base := filepath.Base(file)
		channel, processed := strings.CutSuffix(base, "_input")
		if !processed {
			var raw bool
			if channel, raw = strings.CutSuffix(base, "_raw"); !raw || sysfs.Exists(n.File(channel+"_input")) {
				continue
			}
		}
		if strings.Contains(sysfs.Word(file), " ") {
			continue // several numbers in one, such as a quaternion
		}
		in := input{file: file, processed: processed}
		var name string
		in.quantity, name = quantityOf(strings.TrimPrefix(channel, "in_"))
		if label := sysfs.LaneName(sysfs.Word(n.File(channel + "_label"))); label != "" {
			name = in.quantity.name + "-" + label
		}
		if !processed {
			in.scale, in.offset = shared(n, channel, "scale"), shared(n, channel, "offset")
			if in.scale == "" && in.quantity.unit != "1" {
				in.quantity = quantity{name: in.quantity.name, unit: "1", factor: 1} // counts of the converter
			}
		}
		c := device.Channel{Name: sysfs.Unique(name, taken), Unit: in.quantity.unit}
		if in.scale != "" {
			if s, err := sysfs.Float(in.scale); err == nil {
				c.Resolution = math.Abs(s * in.quantity.factor)
			}
		}
		found = append(found, sysfs.Input{Channel: c, Value: in.read})
	}
	return found
}

// shared returns the file with the scale or offset of a channel: its own, or one for all of its type,
// for all inputs, or for all there is.
func shared(n sysfs.Node, channel, what string) string {
	kind := kindOf(strings.TrimPrefix(channel, "in_"))
	if strings.Contains(channel, "-") { // the difference of two
		kind += "-" + kind
	}
	for _, name := range []string{channel + "_" + what, "in_" + kind + "_" + what, "in_" + what, what} {
		if sysfs.Exists(n.File(name)) {
			return n.File(name)
		}
	}
	return ""
}

// Info tells the chip's name, where it is, and its serial number if the kernel shows one.
func (d *Dev) Info() device.Info {
	return device.Info{
		Driver: "iio", Wire: d.Node.Base(), Address: d.Node.Parent, Model: d.Node.Name,
		Serial: sysfs.Word(d.Node.File("serialnumber")),
	}
}

// read measures: (raw + offset) · scale is the value in the unit of the ABI. Scale and offset are read
// each time, for who changes a chip's gain changes them.
func (in input) read() (m device.Measure, err error) {
	v, err := sysfs.Float(in.file)
	if err != nil {
		return m, err
	}
	scale, offset := 1.0, 0.0
	if in.offset != "" {
		if offset, err = sysfs.Float(in.offset); err != nil {
			return m, err
		}
	}
	if in.scale != "" {
		if scale, err = sysfs.Float(in.scale); err != nil {
			return m, err
		}
	}
	m.Value = (v + offset) * scale * in.quantity.factor
	return m, nil
}

var _ device.Sensor = (*Dev)(nil)

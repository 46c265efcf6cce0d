// Package onewire is for thermometers on a 1-Wire bus that the Linux kernel reads: DS18B20, DS18S20,
// DS1822, DS1825, DS28EA00 and MAX31820, which all answer as one of these.
//
// Wiring: red to 3.3 V, black to ground, yellow to a pin, with 4.7 kΩ from the pin to 3.3 V; on a
// Raspberry Pi the pin is GPIO4 and dtoverlay=w1-gpio in config.txt. Range: −55 to 125 °C, ±0.5 °C from
// −10 to 85 °C. One measurement takes 750 ms and the whole bus: with many sensors on it raise timeout.
//
// Sources: Maxim, DS18B20 Programmable Resolution 1-Wire Digital Thermometer, scratchpad and the
// power-on value of 85 °C; Documentation/w1/slaves/w1_therm.rst and
// Documentation/ABI/testing/sysfs-driver-w1_therm.
package onewire

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("ds18b20", Config{Root: "/"}, Open) }

// models are the thermometers by the family in their number.
var models = map[string]string{
	"10": "DS18S20", "22": "DS1822", "28": "DS18B20", "3b": "DS1825", "42": "DS28EA00",
}

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{} `doc:"A DS18B20 or another thermometer on a 1-Wire bus." example:"tank"`
	ID   string   `toml:"id" doc:"its number, such as 28-0316a2794eff; empty for the only one there is"`
	Root string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if family, _, _ := strings.Cut(c.ID, "-"); c.ID != "" && models[family] == "" {
		fault("id", fmt.Sprintf("%q is not the number of a thermometer", c.ID), `write it as the kernel does, such as "28-0316a2794eff": ls /sys/bus/w1/devices`)
	}
	sysfs.CheckRoot(c.Root, fault)
}

// Dev is one thermometer.
type Dev struct {
	dir, id string
	master  string // the folder of its bus
	closed  bool
}

// Open finds the thermometer. Its number is its name, so it is never another.
func Open(ctx context.Context, c Config) (*Dev, error) {
	var ids []string
	for _, dir := range sysfs.List(filepath.Join(c.Root, "sys/bus/w1/devices/*-*")) {
		id := filepath.Base(dir)
		if family, _, _ := strings.Cut(id, "-"); models[family] != "" {
			ids = append(ids, id)
		}
	}
	id := c.ID
	switch {
	case id == "" && len(ids) == 1:
		id = ids[0]
	case len(ids) == 0:
		return nil, &device.Fault{
			Text:   "the kernel has found no thermometer on a 1-Wire bus",
			Remedy: "check the wires and the resistor of 4.7 kΩ from data to 3.3 V; on a Raspberry Pi: dtoverlay=w1-gpio in config.txt and a restart",
			Err:    device.ErrNoAnswer,
		}
	case id == "":
		return nil, &device.Fault{
			Text:   fmt.Sprintf("there are %d thermometers", len(ids)),
			Remedy: "say which by id: " + strings.Join(ids, ", "),
		}
	case !slices.Contains(ids, id):
		return nil, &device.Fault{
			Text:   "the kernel has not found the thermometer " + id,
			Remedy: "check its wires; there is " + strings.Join(ids, ", "),
			Err:    device.ErrNoAnswer,
		}
	}
	d := &Dev{dir: filepath.Join(c.Root, "sys/bus/w1/devices", id), id: id}
	if real, err := filepath.EvalSymlinks(d.dir); err == nil {
		d.master = filepath.Dir(real)
	}
	return d, ctx.Err()
}

// Info tells the type by its family, and its number.
func (d *Dev) Info() device.Info {
	family, _, _ := strings.Cut(d.id, "-")
	return device.Info{Driver: "ds18b20", Wire: "1-Wire", Address: d.id, Model: "Maxim " + models[family], Serial: d.id}
}

// Channels is the temperature in °C.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "temperature", Unit: "Cel", Min: -55, Max: 125, Resolution: 0.01}}
}

// Read makes one measurement, when it is this thermometer's turn on its bus.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if d.closed {
		return nil, errors.New("the thermometer is closed")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done, err := takeTurn(ctx, d.master)
	if err != nil {
		return nil, err
	}
	defer done()
	m, err := d.measure()
	if err != nil {
		return nil, err
	}
	return device.Sample{m}, nil
}

// measure reads w1_slave, which tells the checksum and the bytes, or else the file temperature, which
// alone some kernels have and which fails when the checksum is wrong.
func (d *Dev) measure() (device.Measure, error) {
	if file := filepath.Join(d.dir, "w1_slave"); sysfs.Exists(file) {
		text, err := sysfs.Text(file)
		if err != nil {
			return device.Measure{}, err
		}
		return decode(d.id, text)
	}
	milli, err := sysfs.Int(filepath.Join(d.dir, "temperature"))
	if err != nil {
		return device.Measure{}, err
	}
	return measured(milli, unknown), nil
}

// Close has nothing to let go of.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

var _ device.Sensor = (*Dev)(nil)

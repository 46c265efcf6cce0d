package system

import (
	"path/filepath"
	"strings"
	"time"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

// temperatures finds the thermal zones and the hwmon temperature inputs; both tell thousandths of a
// degree Celsius. Many zones are shown a second time as hwmon; those are taken once.
func (d *Dev) temperatures() []part {
	var parts []part
	taken := map[string]bool{}
	zones := map[string]bool{}
	add := func(label, file string) {
		if _, err := milli(file); err != nil {
			return // such as a sensor of a powered-down core, which fails for good or for now
		}
		name := sysfs.Unique("temperature-"+sysfs.LaneName(label), taken)
		parts = append(parts, thermometer(name, file))
	}
	for _, zone := range sysfs.List(d.path("sys/class/thermal/thermal_zone*")) {
		kind := sysfs.Word(filepath.Join(zone, "type"))
		if kind == "" {
			kind = filepath.Base(zone)
		}
		zones[sysfs.LaneName(kind)] = true
		add(kind, filepath.Join(zone, "temp"))
	}
	for _, chip := range sysfs.List(d.path("sys/class/hwmon/hwmon*")) {
		name := sysfs.Word(filepath.Join(chip, "name"))
		if name == "" {
			// Old drivers keep their files one level down.
			chip = filepath.Join(chip, "device")
			if name = sysfs.Word(filepath.Join(chip, "name")); name == "" {
				name = filepath.Base(filepath.Dir(chip))
			}
		}
		if zones[sysfs.LaneName(name)] {
			continue
		}
		for _, file := range sysfs.List(filepath.Join(chip, "temp*_input")) {
			label := sysfs.Word(strings.TrimSuffix(file, "_input") + "_label")
			add(strings.TrimSpace(name+" "+label), file)
		}
	}
	return parts
}

func thermometer(name, file string) part {
	return part{
		channels: []device.Channel{{Name: name, Unit: "Cel", Min: -55, Max: 150, Resolution: 0.1}},
		read: func(s device.Sample, _ time.Time) (device.Sample, error) {
			t, err := milli(file)
			if err != nil {
				return s, err
			}
			return append(s, device.Measure{Channel: name, Value: t}), nil
		},
	}
}

func milli(file string) (float64, error) {
	v, err := sysfs.Int(file)
	return float64(v) / 1000, err
}

package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
		name := "temperature-" + laneName(label)
		for base, n := name, 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[name] = true
		parts = append(parts, thermometer(name, file))
	}
	for _, zone := range list(d.path("sys/class/thermal/thermal_zone*")) {
		kind := word(filepath.Join(zone, "type"))
		if kind == "" {
			kind = filepath.Base(zone)
		}
		zones[laneName(kind)] = true
		add(kind, filepath.Join(zone, "temp"))
	}
	for _, chip := range list(d.path("sys/class/hwmon/hwmon*")) {
		name := word(filepath.Join(chip, "name"))
		if name == "" {
			// Old drivers keep their files one level down.
			chip = filepath.Join(chip, "device")
			if name = word(filepath.Join(chip, "name")); name == "" {
				name = filepath.Base(filepath.Dir(chip))
			}
		}
		if zones[laneName(name)] {
			continue
		}
		for _, file := range list(filepath.Join(chip, "temp*_input")) {
			label := word(strings.TrimSuffix(file, "_input") + "_label")
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
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, malformed(file, b)
	}
	return float64(v) / 1000, nil
}

// list is a glob in the order people count: hwmon2 before hwmon10.
func list(pattern string) []string {
	names, _ := filepath.Glob(pattern) // the only error is a bad pattern
	sortByNumber(names)
	return names
}

func word(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// laneName turns a label such as "Package id 0" or "cpu_thermal" into a name fit for a lane.
func laneName(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(label) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

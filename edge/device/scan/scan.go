// Package scan is for finding what there is on this machine to make devices of: buses, serial ports, what the kernel
// measures itself, and GPIO chips. It only reads files; who is on an I²C bus is device.ScanI2C's to say.
//
// Sources: the kernel's Documentation/ABI (sysfs-bus-i2c-devices, sysfs-bus-iio, sysfs-class-thermal,
// sysfs-class-power, sysfs-class-led, w1), Documentation/hwmon/sysfs-interface.rst, and gpio(7)'s uapi linux/gpio.h.
package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Thing is something that a device can be made of.
type Thing struct {
	Kind   string // "i2c", "spi", "port", "1-wire", "iio", "hwmon", "thermal", "power-supply", "gpio" or "bluetooth"
	Where  string // its path, or for people
	What   string // in words, as the kernel has it; may be empty
	Driver string // of ours that reads it; "" if it is for the user to say
	Keys   []Key  // of its [device.NAME] table
	Count  int    // of a GPIO chip: lines
}

// Key is a key of a table with a text.
type Key struct{ Name, Value string }

// Machine is a machine, or the files of one.
type Machine struct {
	Root string // "/"
}

// All lists everything but the chips on buses.
func (m Machine) All() []Thing {
	return slices.Concat(m.I2C(), m.SPI(), m.Ports(), m.OneWire(), m.IIO(), m.Hwmon(), m.Thermal(), m.PowerSupply(), m.GPIO(), m.Bluetooth())
}

// list returns the paths that match, numbers in the order of counting: i2c-2 before i2c-10.
func (m Machine) list(pattern string) []string {
	names, _ := filepath.Glob(filepath.Join(m.Root, pattern)) // only a wrong pattern fails
	slices.SortFunc(names, natural)
	return names
}

// natural compares texts with their numbers as numbers.
func natural(a, b string) int {
	for a != "" && b != "" {
		i, j := digits(a), digits(b)
		if i > 0 && j > 0 {
			x, _ := strconv.Atoi(a[:i])
			y, _ := strconv.Atoi(b[:j])
			if x != y {
				return x - y
			}
			a, b = a[i:], b[j:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) (n int) {
	for n < len(s) && n < 9 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// read returns the text of a file, "" if it cannot be read: the kernel's files come and go.
func read(path ...string) string {
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// name is a path as the machine itself has it.
func (m Machine) name(path string) string {
	rest, err := filepath.Rel(m.Root, path)
	if err != nil {
		return path
	}
	return "/" + rest
}

// I2C lists the I²C buses.
func (m Machine) I2C() (all []Thing) {
	for _, path := range m.list("dev/i2c-[0-9]*") {
		what := read(m.Root, "sys/class/i2c-dev", filepath.Base(path), "name")
		all = append(all, Thing{Kind: "i2c", Where: m.name(path), What: what})
	}
	return all
}

// SPI lists the chip selects of SPI buses. What is behind one cannot be found out.
func (m Machine) SPI() (all []Thing) {
	for _, path := range m.list("dev/spidev*") {
		all = append(all, Thing{Kind: "spi", Where: m.name(path)})
	}
	return all
}

// Ports lists the serial ports, under names that stay: those of USB adapters have their maker and serial number in it.
func (m Machine) Ports() (all []Thing) {
	var known []string
	add := func(path, what string) {
		at, err := filepath.EvalSymlinks(path)
		if err != nil || slices.Contains(known, at) {
			return
		}
		known = append(known, at)
		if at != path {
			what = strings.TrimSpace(what + ", now " + m.name(at))
		}
		all = append(all, Thing{Kind: "port", Where: m.name(path), What: strings.TrimPrefix(what, ", ")})
	}
	for _, path := range m.list("dev/serial/by-id/*") {
		add(path, "")
	}
	for _, path := range m.list("dev/serial[0-9]") { // a Raspberry Pi's, whichever chip it has for it
		add(path, "the port on the header")
	}
	for _, pattern := range []string{"dev/ttyUSB*", "dev/ttyACM*", "dev/ttyAMA*"} {
		for _, path := range m.list(pattern) {
			add(path, "")
		}
	}
	return all
}

// families are the thermometers on a 1-Wire bus by the first byte of their number, as the kernel's driver w1_therm has
// them.
var families = map[string]string{
	"10": "DS18S20 or DS1820", "22": "DS1822", "28": "DS18B20", "3b": "DS1825 or MAX31850", "42": "DS28EA00",
}

// OneWire lists the devices on 1-Wire buses.
func (m Machine) OneWire() (all []Thing) {
	for _, path := range m.list("sys/bus/w1/devices/[0-9a-f][0-9a-f]-*") {
		id := filepath.Base(path)
		t := Thing{Kind: "1-wire", Where: m.name(path), What: "of the family " + id[:2]}
		if what := families[id[:2]]; what != "" {
			t.What, t.Driver, t.Keys = what, "ds18b20", []Key{{"id", id}}
		}
		all = append(all, t)
	}
	return all
}

// named lists what the kernel calls by a name that need not be the only one; where it is not, the place tells them
// apart.
func (m Machine) named(kind, pattern, file, driver, key string) (all []Thing) {
	times := map[string]int{}
	paths := m.list(pattern)
	names := make([]string, len(paths))
	for i, path := range paths {
		if names[i] = read(path, file); names[i] == "" {
			names[i] = read(path, "device", file) // hwmon of before 3.13
		}
		times[names[i]]++
	}
	for i, path := range paths {
		if names[i] == "" {
			continue
		}
		t := Thing{Kind: kind, Where: m.name(path), What: names[i], Driver: driver, Keys: []Key{{key, names[i]}}}
		if times[names[i]] > 1 && kind != "thermal" { // zones of one type have no place of their own
			if at := place(path); at != "" {
				t.Keys[0].Value, t.What = at, t.What+" at "+at
			}
		}
		all = append(all, t)
	}
	return all
}

// place is where a device of the kernel's is: the name of the one that it belongs to.
func place(path string) string {
	if at, err := filepath.EvalSymlinks(filepath.Join(path, "device")); err == nil {
		return filepath.Base(at)
	}
	if at, err := filepath.EvalSymlinks(path); err == nil {
		return filepath.Base(filepath.Dir(at))
	}
	return ""
}

// IIO lists the chips of the kernel's Industrial I/O subsystem.
func (m Machine) IIO() []Thing {
	return m.named("iio", "sys/bus/iio/devices/iio:device*", "name", "iio", "chip")
}

// Hwmon lists the chips that watch the board.
func (m Machine) Hwmon() []Thing {
	return m.named("hwmon", "sys/class/hwmon/hwmon*", "name", "hwmon", "chip")
}

// Thermal lists the thermal zones.
func (m Machine) Thermal() []Thing {
	return m.named("thermal", "sys/class/thermal/thermal_zone*", "type", "thermal", "zone")
}

// PowerSupply lists batteries, chargers and mains.
func (m Machine) PowerSupply() (all []Thing) {
	for _, path := range m.list("sys/class/power_supply/*") {
		name := filepath.Base(path)
		all = append(all, Thing{Kind: "power-supply", Where: m.name(path), What: read(path, "type"), Driver: "power-supply", Keys: []Key{{"supply", name}}})
	}
	return all
}

// GPIO lists the GPIO chips, by the labels that pins are named with.
func (m Machine) GPIO() (all []Thing) {
	for _, path := range m.list("dev/gpiochip*") {
		label, lines, err := chipInfo(path)
		t := Thing{Kind: "gpio", Where: m.name(path), What: label, Count: lines}
		if err != nil {
			t.What = fmt.Sprintf("cannot be opened: %v", err)
		}
		all = append(all, t)
	}
	return all
}

// Bluetooth lists the Bluetooth adapters.
func (m Machine) Bluetooth() (all []Thing) {
	for _, path := range m.list("sys/class/bluetooth/hci*") {
		if name := filepath.Base(path); !strings.Contains(name, ":") { // hci0:11 is a connection
			all = append(all, Thing{Kind: "bluetooth", Where: name, What: "Bluetooth adapter"})
		}
	}
	return all
}

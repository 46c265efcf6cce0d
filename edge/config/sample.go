package config

import (
	"cmp"
	"reflect"
	"strconv"
	"strings"

	"selvage/edge/device"
)

// SampleName is how a sample calls a device of a driver: "air".
func SampleName(driver string) string {
	d, ok := device.Lookup(driver)
	if !ok || d.Defaults == nil {
		return driver
	}
	return cmp.Or(blank(reflect.TypeOf(d.Defaults)).Get("example"), driver)
}

// Address is the address that a device has on its I²C bus by its config; ok is false if it has none.
func (d *Device) Address() (address uint16, ok bool) {
	driver, known := device.Lookup(d.Driver)
	if !known || driver.Wire != device.I2C {
		return 0, false
	}
	n, err := strconv.ParseUint(d.Place(), 0, 16)
	return uint16(n), err == nil
}

// Place is the address of a device on its wire as text, "" if it has none.
func (d *Device) Place() string {
	config := d.Config
	if config == nil {
		driver, _ := device.Lookup(d.Driver)
		config = driver.Defaults
	}
	text, _, _ := strings.Cut(addressIn(copyOf(config)), " ")
	return text
}

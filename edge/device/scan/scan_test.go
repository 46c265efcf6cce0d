package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a machine's files: path to text, or to what a symbolic link says after "-> ".
func tree(t *testing.T, files map[string]string) Machine {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		at := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(to, at)
		} else {
			err = os.WriteFile(at, []byte(text+"\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: root}
}

func TestAll(t *testing.T) {
	m := tree(t, map[string]string{
		"dev/i2c-1": "", "dev/i2c-20": "", "dev/i2c-3": "",
		"sys/class/i2c-dev/i2c-1/name": "bcm2835 (i2c@7e804000)",
		"dev/spidev0.1":                "",
		"dev/ttyUSB0":                  "", "dev/ttyUSB1": "", "dev/ttyAMA0": "", "dev/ttyS0": "",
		"dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A5069RR4-if00-port0": "-> ../../ttyUSB1",
		"dev/serial/by-id/usb-gone-if00-port0":                          "-> ../../ttyUSB7",
		"dev/serial0":                                                   "-> ttyAMA0",
		"sys/bus/w1/devices/28-0316a2794eff/temperature":                "21500",
		"sys/bus/w1/devices/29-00000a2b3c4d/name":                       "29-00000a2b3c4d",
		"sys/bus/w1/devices/w1_bus_master1/name":                        "w1_bus_master1",
		"sys/devices/i2c-1/1-0076/iio:device0/name":                     "bme280",
		"sys/bus/iio/devices/iio:device0":                               "-> ../../../devices/i2c-1/1-0076/iio:device0",
		"sys/devices/platform/coretemp.0/hwmon/hw/name":                 "coretemp",
		"sys/devices/platform/coretemp.0/hwmon/hw/device":               "-> ../..",
		"sys/devices/platform/coretemp.1/hwmon/hw/name":                 "coretemp",
		"sys/devices/platform/coretemp.1/hwmon/hw/device":               "-> ../..",
		"sys/class/hwmon/hwmon0":                                        "-> ../../devices/platform/coretemp.0/hwmon/hw",
		"sys/class/hwmon/hwmon1":                                        "-> ../../devices/platform/coretemp.1/hwmon/hw",
		"sys/class/hwmon/hwmon2/temp1_input":                            "1000", // without a name
		"sys/class/thermal/thermal_zone0/type":                          "cpu-thermal",
		"sys/class/thermal/cooling_device0/type":                        "Fan",
		"sys/class/power_supply/BAT0/type":                              "Battery",
		"dev/gpiochip0":                                                 "",
	})
	var got []string
	for _, a := range m.All() {
		line := fmt.Sprintf("%s %s | %s | %s", a.Kind, a.Where, a.What, a.Driver)
		for _, k := range a.Keys {
			line += " " + k.Name + "=" + k.Value
		}
		got = append(got, line)
	}
	want := []string{
		"i2c /dev/i2c-1 | bcm2835 (i2c@7e804000) | ",
		"i2c /dev/i2c-3 |  | ",
		"i2c /dev/i2c-20 |  | ",
		"spi /dev/spidev0.1 |  | ",
		"port /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A5069RR4-if00-port0 | now /dev/ttyUSB1 | ",
		"port /dev/serial0 | the port on the header, now /dev/ttyAMA0 | ",
		"port /dev/ttyUSB0 |  | ",
		"1-wire /sys/bus/w1/devices/28-0316a2794eff | DS18B20 | ds18b20 id=28-0316a2794eff",
		"1-wire /sys/bus/w1/devices/29-00000a2b3c4d | of the family 29 | ",
		"iio /sys/bus/iio/devices/iio:device0 | bme280 | iio chip=bme280",
		"hwmon /sys/class/hwmon/hwmon0 | coretemp at coretemp.0 | hwmon chip=coretemp.0",
		"hwmon /sys/class/hwmon/hwmon1 | coretemp at coretemp.1 | hwmon chip=coretemp.1",
		"thermal /sys/class/thermal/thermal_zone0 | cpu-thermal | thermal zone=cpu-thermal",
		"power-supply /sys/class/power_supply/BAT0 | Battery | power-supply supply=BAT0",
		"gpio /dev/gpiochip0 | cannot be opened: inappropriate ioctl for device | ",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("found\n%s\nwant\n%s", a, b)
	}
}

// Nothing is found where nothing is.
func TestNothing(t *testing.T) {
	if got := (Machine{Root: t.TempDir()}).All(); len(got) != 0 {
		t.Errorf("found %+v", got)
	}
}

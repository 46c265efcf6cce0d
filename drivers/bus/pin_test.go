package bus

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"selvage/edge/device"
)

func chipOf(path, label string, names ...string) chip {
	c := chip{path: path, label: label}
	for _, n := range names {
		c.lines = append(c.lines, named{name: n})
	}
	return c
}

// A Raspberry Pi with an older device tree, and an expander on its USB.
var chips = []chip{
	chipOf("/dev/gpiochip0", "pinctrl-bcm2711", "ID_SDA", "ID_SCL", "SDA1", "SCL1", "GPIO_GCLK", "GPIO5", "RELAY", ""),
	chipOf("/dev/gpiochip1", "raspberrypi-exp-gpio", "BT_ON", "WL_ON"),
	chipOf("/dev/gpiochip2", "usb:ft232h", "", "RELAY", "", "12"),
}

func TestFindLine(t *testing.T) {
	for name, want := range map[string]string{
		"GPIO5":                      "pinctrl-bcm2711:5",
		"GPIO2":                      "pinctrl-bcm2711:2", // the device tree calls it SDA1
		"SDA1":                       "pinctrl-bcm2711:2",
		"pinctrl-bcm2711:6":          "pinctrl-bcm2711:6",
		"pinctrl-bcm2711:RELAY":      "pinctrl-bcm2711:6",
		"usb:ft232h:0":               "usb:ft232h:0",
		"usb:ft232h:12":              "usb:ft232h:3", // a name before a number
		"raspberrypi-exp-gpio:WL_ON": "raspberrypi-exp-gpio:1",
		"RELAY":                      "2 pins are called RELAY; write one of pinctrl-bcm2711:6, usb:ft232h:1",
		"pinctrl-bcm2711:8":          "there is no pin pinctrl-bcm2711:8; pinctrl-bcm2711 has the lines 0 to 7: gpioinfo lists them",
		"pinctrl-bcm2711:-1":         "there is no pin pinctrl-bcm2711:-1; pinctrl-bcm2711 has the lines 0 to 7: gpioinfo lists them",
		"gpiochip2:1":                "there is no pin gpiochip2:1; chips are called by their label, for their number changes: write usb:ft232h:1",
		"GPIO17": "there is no pin GPIO17; write the name of a line, or one of the chips pinctrl-bcm2711, raspberrypi-exp-gpio, usb:ft232h " +
			"and a number, such as pinctrl-bcm2711:0; gpioinfo lists them; a Raspberry Pi's are GPIO2 to GPIO27",
		"17": "there is no pin 17; write the name of a line, or one of the chips pinctrl-bcm2711, raspberrypi-exp-gpio, usb:ft232h " +
			"and a number, such as pinctrl-bcm2711:0; gpioinfo lists them; a Raspberry Pi's are GPIO2 to GPIO27",
	} {
		c, offset, err := findLine(name, chips)
		var got string
		var f *device.Fault
		switch {
		case err == nil:
			got = openLine(c, offset).Name()
		case errors.As(err, &f):
			got = f.Text + "; " + f.Remedy
		}
		if got != want {
			t.Errorf("findLine(%q): %q\nwant %q", name, got, want)
		}
	}
}

func TestWordsOfMissingChips(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		there  int
		remedy string
	}{
		{"no chip", nil, 0, "this machine shows no pins"},
		{"not allowed", fs.ErrPermission, 2, "add selvage's user to the group gpio"},
		{"something else", errors.New("odd"), 2, "look who may use the pins"},
	} {
		var f *device.Fault
		if err := noChips("GPIO99", c.err, c.there); !errors.As(err, &f) ||
			f.Text != "there is no pin GPIO99" || !strings.HasPrefix(f.Remedy, c.remedy) {
			t.Errorf("%s: %v, remedy %q, want %q…", c.name, err, f.Remedy, c.remedy)
		}
	}
}

// On a machine without such a pin, asking for it is an error with a remedy, twice as well as once.
func TestOpenPin(t *testing.T) {
	for range 2 {
		pin, err := openPin(t.Context(), "NO_SUCH_PIN")
		var f *device.Fault
		if pin != nil || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("openPin = %v, %v, want a fault with a remedy", pin, err)
		}
	}
}

package bus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/edge/device"
)

func TestParseMux(t *testing.T) {
	for line, want := range map[string]mux{
		// Of a controller whose pins may be GPIOs and have a function, such as a Raspberry Pi's.
		"pin 2 (gpio2): fe804000.i2c (GPIO UNCLAIMED) function alt0 group gpio2":    {pin: "pin 2 (gpio2)", owner: "fe804000.i2c", function: "alt0", group: "gpio2"},
		"pin 2 (gpio2): fe804000.i2c pinctrl-bcm2711:514 function alt0 group gpio2": {pin: "pin 2 (gpio2)", owner: "fe804000.i2c", gpio: "pinctrl-bcm2711:514", function: "alt0", group: "gpio2"},
		"pin 17 (gpio17): (MUX UNCLAIMED) pinctrl-bcm2711:529":                      {pin: "pin 17 (gpio17)", gpio: "pinctrl-bcm2711:529"},
		"pin 18 (gpio18): (MUX UNCLAIMED) (GPIO UNCLAIMED)":                         {pin: "pin 18 (gpio18)"},
		"pin 2 (gpio0-2): gpio-fan gpio0:2 function gpio_fan group fan-pins":        {pin: "pin 2 (gpio0-2)", owner: "gpio-fan", gpio: "gpio0:2", function: "gpio_fan", group: "fan-pins"},
		"pin 7 (X): 44e10800.pinmux (GPIO UNCLAIMED) (HOG) function a group b":      {pin: "pin 7 (X)", owner: "44e10800.pinmux", function: "a", group: "b"},
		// Of one whose pins may not.
		"pin 4 (A4): device 1e78a080.i2c function I2C3 group I2C3": {pin: "pin 4 (A4)", owner: "1e78a080.i2c", function: "I2C3", group: "I2C3"},
		"pin 40 (F0): GPIO 1e780000.gpio:552":                      {pin: "pin 40 (F0)", gpio: "1e780000.gpio:552"},
		"pin 41 (F1): UNCLAIMED":                                   {pin: "pin 41 (F1)"},
	} {
		if got, ok := parseMux(line); !ok || got != want {
			t.Errorf("%s:\n%+v, %v, want\n%+v", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "Pinmux settings per pin", "Format: pin (name): mux_owner gpio_owner hog?"} {
		if m, ok := parseMux(line); ok {
			t.Errorf("%q is %+v", line, m)
		}
	}
}

// Pins are found by what becomes of them, and get their function back.
func TestMuxes(t *testing.T) {
	root := t.TempDir()
	if _, err := readMuxes(root); !hasRemedy(err, "mount -t debugfs") {
		t.Errorf("not mounted: %v", err)
	}
	dir := filepath.Join(root, "pinctrl", "fe200000.gpio-pinctrl-bcm2711")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, lines ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const free = "pin 3 (gpio3): fe804000.i2c (GPIO UNCLAIMED) function alt0 group gpio3"
	write("pinmux-pins", "Pinmux settings per pin", "pin 2 (gpio2): fe804000.i2c (GPIO UNCLAIMED) function alt0 group gpio2", free,
		"pin 17 (gpio17): (MUX UNCLAIMED) (GPIO UNCLAIMED)", "pin 4 (gpio4): (MUX UNCLAIMED) pinctrl-bcm2711:516")
	if _, err := readMuxes(root); !hasRemedy(err, "Linux 5.13") {
		t.Errorf("an older kernel: %v", err)
	}
	write("pinmux-select")
	before, err := readMuxes(root)
	if err != nil || len(before) != 4 {
		t.Fatalf("%v, %v", before, err)
	}
	write("pinmux-pins", "pin 2 (gpio2): fe804000.i2c pinctrl-bcm2711:514 function alt0 group gpio2", free,
		"pin 17 (gpio17): (MUX UNCLAIMED) (GPIO UNCLAIMED)", "pin 4 (gpio4): (MUX UNCLAIMED) pinctrl-bcm2711:516")
	after, err := readMuxes(root)
	if err != nil {
		t.Fatal(err)
	}
	pins := takenAsGPIO(before, after)
	if len(pins) != 1 || pins[0].pin != "pin 2 (gpio2)" {
		t.Fatalf("taken are %+v", pins)
	}
	if err := pins[0].giveBack(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "pinmux-select")); err != nil || string(got) != "gpio2 alt0\n" {
		t.Errorf("selected %q, %v", got, err)
	}
	pins[0].controller = filepath.Join(root, "gone")
	if err := pins[0].giveBack(); !hasRemedy(err, "restart the machine") {
		t.Errorf("a pin that cannot be given back: %v", err)
	}
}

func hasRemedy(err error, words string) bool {
	var f *device.Fault
	return errors.As(err, &f) && strings.Contains(f.Remedy, words)
}

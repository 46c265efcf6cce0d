package leds

import (
	"errors"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

const (
	act    = "sys/class/leds/ACT/"
	screen = "sys/class/backlight/10-0045/"
)

func tree(t testing.TB) string {
	return sysfstest.Tree(t, map[string]string{
		act + "brightness": "0\n", act + "max_brightness": "255\n", act + "trigger": "none rfkill-any [mmc0] timer\n",
		"sys/class/leds/relay/brightness": "0\n", "sys/class/leds/relay/max_brightness": "1\n",
		screen + "brightness": "10\n", screen + "max_brightness": "31\n", screen + "bl_power": "4\n",
	})
}

func TestDrivers(t *testing.T) {
	root := tree(t)
	drivertest.Run(t, drivertest.Case{Driver: "led", Config: LEDConfig{LED: "ACT", Root: root}, Files: root + "/sys/class/leds/ACT"})
	drivertest.Run(t, drivertest.Case{Driver: "backlight", Config: BacklightConfig{Root: root}, Files: root + "/sys/class/backlight"})
}

func TestLED(t *testing.T) {
	root := tree(t)
	l, err := OpenLED(t.Context(), LEDConfig{LED: "ACT", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if got := sysfstest.Get(t, root, act+"brightness"); got != "0\n" {
		t.Errorf("opening set it to %q", got)
	}
	for percent, want := range map[float64]string{0: "0\n", 0.01: "1\n", 50: "128\n", 99.9: "255\n", 100: "255\n"} {
		if err := l.Out(t.Context(), device.Of(percent)); err != nil || sysfstest.Get(t, root, act+"brightness") != want {
			t.Errorf("%v %%: %q, %v, want %q", percent, sysfstest.Get(t, root, act+"brightness"), err, want)
		}
	}
	if got := sysfstest.Get(t, root, act+"trigger"); got != "none\n" {
		t.Errorf("the trigger is %q, want none", got)
	}
	// A true kernel answers with all there are; then it is let alone.
	sysfstest.Put(t, root, act+"trigger", "[none] mmc0\n")
	if err := l.Out(t.Context(), device.Of(1)); err != nil || sysfstest.Get(t, root, act+"trigger") != "[none] mmc0\n" {
		t.Errorf("the trigger was written again: %v", err)
	}
}

func TestBacklight(t *testing.T) {
	root := tree(t)
	l, err := OpenBacklight(t.Context(), BacklightConfig{Safe: 100, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		percent           float64
		brightness, power string
	}{{100, "31\n", "0\n"}, {0, "0\n", "4\n"}, {1, "1\n", "0\n"}} {
		err := l.Out(t.Context(), device.Of(c.percent))
		if b, p := sysfstest.Get(t, root, screen+"brightness"), sysfstest.Get(t, root, screen+"bl_power"); err != nil || b != c.brightness || p != c.power {
			t.Errorf("%v %%: %q, power %q, %v, want %q, %q", c.percent, b, p, err, c.brightness, c.power)
		}
	}
	if l.Safe() != device.Of(100) {
		t.Errorf("Safe() = %v", l.Safe())
	}
}

func TestTroubles(t *testing.T) {
	root := tree(t)
	if _, err := OpenLED(t.Context(), LEDConfig{Root: root}); err == nil || !strings.HasPrefix(err.Error(), "there are 2 LEDs") {
		t.Errorf("no name where there are two: %v", err)
	}
	l, err := OpenLED(t.Context(), LEDConfig{LED: "relay", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	sysfstest.Broken(t, root, "sys/class/leds/relay/brightness")
	if err := l.Out(t.Context(), device.Of(100)); !errors.Is(err, device.ErrNoAnswer) {
		t.Errorf("an LED whose chip does not answer: %v", err)
	}
	sysfstest.Link(t, root, "sys/class/leds/relay/brightness", "gone")
	if err := l.Out(t.Context(), device.Of(100)); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("an LED that is gone: %v", err)
	}
	for _, most := range []string{"0\n", "\n", "many\n"} {
		sysfstest.Put(t, root, "sys/class/leds/relay/max_brightness", most)
		if _, err := OpenLED(t.Context(), LEDConfig{LED: "relay", Root: root}); err == nil {
			t.Errorf("an LED with %q steps opens", most)
		}
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		LEDConfig{Safe: 101, Root: "sys"},
		BacklightConfig{Safe: -1, Root: "/"},
	), "safe root safe"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	root := tree(f)
	sysfstest.Fuzz(f, root, func(t testing.TB) (device.Device, error) {
		return OpenBacklight(t.Context(), BacklightConfig{Safe: 100, Root: root})
	})
}

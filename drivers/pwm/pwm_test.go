package pwm

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

const out = "sys/devices/fe20c000.pwm/pwm/pwmchip0/pwm1/"

func tree(t testing.TB) string {
	root := sysfstest.Tree(t, map[string]string{
		"sys/devices/fe20c000.pwm/pwm/pwmchip0/npwm": "2\n", "sys/devices/fe20c000.pwm/pwm/pwmchip0/export": "",
		out + "period": "0\n", out + "duty_cycle": "0\n", out + "enable": "0\n", out + "polarity": "normal\n",
	})
	sysfstest.Link(t, root, "sys/class/pwm/pwmchip0", "../../devices/fe20c000.pwm/pwm/pwmchip0")
	sysfstest.Link(t, root, "sys/devices/fe20c000.pwm/pwm/pwmchip0/device", "../..")
	return root
}

func config(root string) Config { return Config{Output: 1, Frequency: 25000, Root: root} }

func TestDriver(t *testing.T) {
	root := tree(t)
	drivertest.Run(t, drivertest.Case{Driver: "pwm", Config: config(root), Files: root})
}

func TestOut(t *testing.T) {
	root := tree(t)
	c := config(root)
	c.Chip, c.Safe = "fe20c000.pwm", 30
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	has := func(want string) {
		t.Helper()
		var got []string
		for _, f := range []string{"period", "duty_cycle", "enable", "polarity"} {
			got = append(got, strings.TrimSpace(sysfstest.Get(t, root, out+f)))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("period, duty, enable, polarity: %s, want %s", text, want)
		}
	}
	has("0 0 0 normal") // opening sets nothing
	for percent, want := range map[float64]string{0: "40000 0 1 normal", 50: "40000 20000 1 normal", 33.333: "40000 13333 1 normal", 100: "40000 40000 1 normal"} {
		if err := d.Out(t.Context(), device.Of(percent)); err != nil {
			t.Fatal(err)
		}
		has(want)
	}
	c.Inverted = true
	if d, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := d.Out(t.Context(), d.Safe()); err != nil {
		t.Fatal(err)
	}
	has("40000 12000 1 inversed")
	if got, want := d.Info().Wire+" "+d.Info().Address, "fe20c000.pwm 1"; got != want {
		t.Errorf("Info() = %q, want %q", got, want)
	}
}

// Files that come a little later than they were asked for, and some that never come.
func TestExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tree(t)
		c := config(root)
		c.Output = 0
		if _, err := Open(t.Context(), c); !errors.Is(err, device.ErrBusGone) {
			t.Errorf("an output that does not come: %v", err)
		}
		if got := sysfstest.Get(t, root, "sys/class/pwm/pwmchip0/export"); got != "0\n" {
			t.Errorf("asked for %q", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}

func TestTroubles(t *testing.T) {
	root := tree(t)
	c := config(root)
	c.Output = 2
	if _, err := Open(t.Context(), c); err == nil || err.Error() != "the PWM chip pwmchip0 has no output 2" {
		t.Errorf("an output that there is not: %v", err)
	}
	c = config(root)
	c.Inverted = true
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(root + "/" + out + "polarity"); err != nil {
		t.Fatal(err)
	}
	if err := d.Out(t.Context(), device.Of(1)); err == nil || !strings.Contains(err.Error(), "cannot be inverted") {
		t.Errorf("a chip that cannot be inverted: %v", err)
	}
	if d, err = Open(t.Context(), config(root)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"period", "enable"} {
		old := sysfstest.Get(t, root, out+f)
		sysfstest.Broken(t, root, out+f)
		if err := d.Out(t.Context(), device.Of(1)); !errors.Is(err, device.ErrNoAnswer) {
			t.Errorf("%s fails: %v", f, err)
		}
		sysfstest.Put(t, root, out+f, old)
	}
	sysfstest.Link(t, root, "sys/class/pwm/pwmchip0", "gone")
	if err := d.Out(t.Context(), device.Of(1)); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a chip that is gone: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Output: -1, Safe: 101, Root: "sys"}), "output frequency safe root"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

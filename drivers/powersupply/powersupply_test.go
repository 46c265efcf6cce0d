package powersupply

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

const dir = "sys/class/power_supply/BAT0/"

func tree(t testing.TB) string {
	return sysfstest.Tree(t, map[string]string{
		dir + "type": "Battery\n", dir + "technology": "Li-ion\n", dir + "manufacturer": "LGC\n", dir + "model_name": "LNV-45N1\n", dir + "serial_number": "38109\n",
		dir + "status": "Discharging\n", dir + "capacity": "81\n", dir + "present": "1\n", dir + "cycle_count": "0\n",
		dir + "voltage_now": "12229000\n", dir + "power_now": "4830000\n", dir + "energy_now": "36580000\n",
		"sys/class/power_supply/AC/online": "0\n", "sys/class/power_supply/AC/type": "Mains\n",
		"sys/class/power_supply/wacom/type": "Battery\n",
	})
}

func TestDriver(t *testing.T) {
	root := tree(t)
	for _, supply := range []string{"BAT0", "AC"} {
		t.Run(supply, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{Driver: "power-supply", Config: Config{Supply: supply, Root: root}, Files: root})
		})
	}
}

// A laptop's battery, in the units of the ABI: that of the fixtures of prometheus/procfs, sysfs/class_power_supply_test.go.
func TestBattery(t *testing.T) {
	root := tree(t)
	d, err := Open(t.Context(), Config{Supply: "BAT0", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, c := range d.Channels() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s%.5g %s", s[i].Channel, s[i].Text, s[i].Value, c.Unit.Symbol())))
	}
	want := "status Discharging0, present 1, capacity 81 %, voltage 12.229 V, power 4.83 W, energy 0.03658 kWh, cycles 0"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("read %s\nwant %s", text, want)
	}
	if i, want := d.Info(), (device.Info{Driver: "power-supply", Wire: "BAT0", Model: "LGC LNV-45N1 Li-ion Battery", Serial: "38109"}); i != want {
		t.Errorf("Info() = %+v, want %+v", i, want)
	}
}

func TestTroubles(t *testing.T) {
	root := tree(t)
	for supply, want := range map[string]string{
		"BAT1": `there is no power supply "BAT1"`, "wacom": "the power supply wacom tells nothing",
	} {
		_, err := Open(t.Context(), Config{Supply: supply, Root: root})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", supply, err, want)
		}
	}
	d, err := Open(t.Context(), Config{Supply: "BAT0", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	sysfstest.Broken(t, root, dir+"voltage_now")
	sysfstest.Put(t, root, dir+"capacity", "full\n")
	s, err := d.Read(t.Context())
	if err != nil || !errors.Is(s[3].Err, device.ErrNoAnswer) || !errors.Is(s[2].Err, device.ErrGarbled) || s[4].Err != nil {
		t.Errorf("read %+v, %v", s, err)
	}
	sysfstest.Put(t, root, dir+"model_name", "OTHER\n")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrBusGone) || !strings.Contains(err.Error(), "is a LGC OTHER Li-ion Battery now") {
		t.Errorf("another battery: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Root: "sys"}), "root"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	root := tree(f)
	sysfstest.Fuzz(f, filepath.Join(root, dir), func(t testing.TB) (device.Device, error) {
		return Open(t.Context(), Config{Supply: "BAT0", Root: root})
	})
}

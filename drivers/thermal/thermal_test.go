package thermal

import (
	"errors"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func TestDriver(t *testing.T) {
	root := sysfstest.Recorded(t, "node_exporter_hwmon_thermal.jsonl")
	drivertest.Run(t, drivertest.Case{Driver: "thermal", Config: Config{Zone: "cpu-thermal", Root: root}, Files: root + "/sys/devices/virtual/thermal/thermal_zone0"})
}

// The recorded machine of Prometheus' node exporter, whose own expected output has 12.376 for this zone.
func TestRecorded(t *testing.T) {
	root := sysfstest.Recorded(t, "node_exporter_hwmon_thermal.jsonl")
	for zone, channel := range map[string]string{"cpu-thermal": "temperature", "": "temperature-cpu-thermal", "thermal_zone0": "temperature"} {
		d, err := Open(t.Context(), Config{Zone: zone, Root: root})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil || len(s) != 1 || s[0].Channel != channel || s[0].Value != 12.376 || s[0].Err != nil {
			t.Errorf("zone %q: %+v, %v; want %s of 12.376", zone, s, err, channel)
		}
	}
}

func TestTroubles(t *testing.T) {
	const dir = "sys/class/thermal/thermal_zone"
	root := sysfstest.Tree(t, map[string]string{
		dir + "0/type": "cpu_thermal\n", dir + "0/temp": "48312\n",
		dir + "1/type": "cpu_thermal\n", dir + "1/temp": "-5000\n",
		dir + "2/type": "battery\n", dir + "2/temp": "21000\n",
		dir + "10/type": "wifi\n",
	})
	sysfstest.Broken(t, root, dir+"10/temp")
	d, err := Open(t.Context(), Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	sysfstest.Put(t, root, dir+"2/temp", "hot\n")
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		channel string
		value   float64
		is      error
	}{
		{"temperature-cpu-thermal", 48.312, nil}, {"temperature-cpu-thermal-2", -5, nil},
		{"temperature-battery", 0, device.ErrGarbled}, {"temperature-wifi", 0, device.ErrNoAnswer},
	} {
		if m := s[i]; m.Channel != want.channel || m.Value != want.value || !errors.Is(m.Err, want.is) {
			t.Errorf("measure %d is %+v, want %+v", i, m, want)
		}
	}
	if _, err := Open(t.Context(), Config{Zone: "cpu_thermal", Root: root}); err == nil || !strings.Contains(err.Error(), "2 thermal zones") {
		t.Errorf("a type that two zones have: %v", err)
	}
	if _, err := Open(t.Context(), Config{Root: t.TempDir()}); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("no zones: %v", err)
	}
}

func FuzzFiles(f *testing.F) {
	root := sysfstest.Recorded(f, "node_exporter_hwmon_thermal.jsonl")
	sysfstest.Fuzz(f, root+"/sys/devices/virtual/thermal", func(t testing.TB) (device.Device, error) {
		return Open(t.Context(), Config{Root: root})
	})
}

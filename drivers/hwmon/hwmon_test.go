package hwmon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func TestDriver(t *testing.T) {
	t.Run("recorded", func(t *testing.T) {
		root := sysfstest.Recorded(t, "node_exporter_hwmon_thermal.jsonl")
		drivertest.Run(t, drivertest.Case{Driver: "hwmon", Config: Config{Chip: "coretemp.0", Root: root}})
	})
	t.Run("small", func(t *testing.T) { // in which each file can be tried
		const dir = "sys/class/hwmon/hwmon0/"
		root := sysfstest.Tree(t, map[string]string{
			dir + "name": "max6620\n", dir + "temp1_input": "21500\n", dir + "temp1_fault": "0\n", dir + "temp1_label": "inlet\n",
			dir + "fan1_input": "1098\n",
		})
		drivertest.Run(t, drivertest.Case{Driver: "hwmon", Config: Config{Chip: "max6620", Root: root}, Files: root})
	})
}

// read returns what a chip measures as "channel value unit", in order of names.
func read(t *testing.T, root, chip string) string {
	t.Helper()
	d, err := Open(t.Context(), Config{Chip: chip, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, c := range d.Channels() {
		if s[i].Err != nil {
			t.Errorf("%s: %v", c.Name, s[i].Err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %.6g %s", s[i].Channel, s[i].Value, c.Unit.Symbol())))
	}
	slices.Sort(got)
	return strings.Join(got, ", ")
}

// The recorded machine of Prometheus' node exporter.
func TestNodeExporter(t *testing.T) {
	root := sysfstest.Recorded(t, "node_exporter_hwmon_thermal.jsonl")
	for chip, want := range map[string]string{
		"coretemp.1":    "temperature-core-0 54 °C, temperature-core-1 52 °C, temperature-core-2 53 °C, temperature-core-3 50 °C, temperature-physical-id-0 55 °C",
		"nct6779":       "fan 1098 rpm, voltage-0 0.792 V, voltage-1 1.024 V",
		"hwmon4":        "frequency-mclk 3e+08 Hz, frequency-sclk 2.14e+08 Hz, temperature-foosensor 55 °C, temperature-foosensor-2 54 °C",
		"mt7996_phy0_1": "temperature 56 °C",
	} {
		if got := read(t, root, chip); got != want {
			t.Errorf("%s: read %s\nwant %s", chip, got, want)
		}
	}
	for chip, want := range map[string]string{
		"coretemp": `2 hwmon chips are called "coretemp"`, // name one by its place
		"bogus":    "the hwmon chip bogus shows nothing that is measured",
		"asus":     "the hwmon chip asus shows nothing that is measured", // it switches a fan
		"it87":     `there is no hwmon chip "it87"`,
	} {
		_, err := Open(t.Context(), Config{Chip: chip, Root: root})
		var f *device.Fault
		if !errors.As(err, &f) || f.Text != want || f.Remedy == "" {
			t.Errorf("%s: %v, want %q with a remedy", chip, err, want)
		}
	}
}

// The same tree as Telegraf read it: its expected_v2.out has these values.
func TestTelegraf(t *testing.T) {
	root := sysfstest.Recorded(t, "telegraf_temp_general.jsonl")
	expected := sysfstest.Get(t, root, "expected_v2.out")
	for chip, want := range map[string]string{
		"nvme":    "temperature-composite 35.85 °C, temperature-sensor-1 35.85 °C, temperature-sensor-2 38.85 °C",
		"k10temp": "temperature-tccd1 33.25 °C, temperature-tctl 33.25 °C",
	} {
		got := read(t, root, chip)
		if got != want {
			t.Errorf("%s: read %s\nwant %s", chip, got, want)
		}
		for part := range strings.SplitSeq(got, ", ") {
			f := strings.Fields(part)
			sensor := chip + "_" + strings.ReplaceAll(strings.TrimPrefix(f[0], "temperature-"), "-", "_")
			if line := "temp,sensor=" + sensor + " temp=" + f[1]; !strings.Contains(expected, line) {
				t.Errorf("Telegraf has no %q", line)
			}
		}
	}
}

func TestTroubles(t *testing.T) {
	const dir = "sys/class/hwmon/hwmon0/"
	root := sysfstest.Tree(t, map[string]string{
		dir + "name": "max6620\n", dir + "temp1_input": "21500\n", dir + "temp1_fault": "0\n",
		dir + "power1_input": "12500000\n", dir + "energy1_input": "3600000000000\n", dir + "curr1_input": "-250\n", dir + "humidity1_input": "45300\n",
	})
	d, err := Open(t.Context(), Config{Chip: "max6620", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, root, "max6620"), "current -0.25 A, energy 1 kWh, humidity 45.3 %, power 12.5 W, temperature 21.5 °C"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	temperature := func() error {
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range s[1:] {
			if m.Err != nil {
				t.Errorf("%s fails with the temperature: %v", m.Channel, m.Err)
			}
		}
		return s[0].Err
	}
	sysfstest.Put(t, root, dir+"temp1_fault", "1\n")
	if err := temperature(); err == nil || !strings.Contains(err.Error(), "broken or not there") {
		t.Errorf("a sensor at fault: %v", err)
	}
	sysfstest.Put(t, root, dir+"temp1_fault", "0\n")
	sysfstest.Broken(t, root, dir+"temp1_input")
	if err := temperature(); !errors.Is(err, device.ErrNoAnswer) {
		t.Errorf("a sensor that does not answer: %v", err)
	}
	sysfstest.Put(t, root, dir+"temp1_input", "-\n")
	if err := temperature(); !errors.Is(err, device.ErrGarbled) {
		t.Errorf("nonsense: %v", err)
	}
	sysfstest.Link(t, root, dir+"temp1_input", "gone")
	if err := temperature(); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a file that has gone: %v", err)
	}
	sysfstest.Put(t, root, dir+"name", "other\n")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("another chip in its place: %v", err)
	}
}

// Drivers of long ago keep their files one level down.
func TestOldDrivers(t *testing.T) {
	root := sysfstest.Tree(t, map[string]string{
		"sys/class/hwmon/hwmon0/device/name": "w83627hf\n", "sys/class/hwmon/hwmon0/device/in0_input": "1200\n",
	})
	if got, want := read(t, root, "w83627hf"), "voltage 1.2 V"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Root: "sys"}), "root"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	root := sysfstest.Recorded(f, "node_exporter_hwmon_thermal.jsonl")
	sysfstest.Fuzz(f, root+"/sys/devices/platform/coretemp.0", func(t testing.TB) (device.Device, error) {
		return Open(t.Context(), Config{Chip: "coretemp.0", Root: root})
	})
}

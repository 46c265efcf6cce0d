package system

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

// pi is a small tree as a Raspberry Pi with a wired and a wireless network shows it.
var pi = map[string]string{
	"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\x00",
	"proc/loadavg":           "0.52 0.31 0.12 2/187 4711\n",
	"proc/uptime":            "90061.37 301245.12\n",
	"proc/stat":              "cpu  1000 0 500 8000 400 50 50 0 0 0\ncpu0 250 0 125 2000 100 12 13 0 0 0\nctxt 1\n",
	"proc/meminfo":           "MemTotal:         948304 kB\nMemFree:          101112 kB\nMemAvailable:     655360 kB\nBuffers: 1 kB\n",
	"proc/net/dev": "Inter-|   Receive  |  Transmit\n face |bytes packets\n" +
		"    lo: 9000 1 0 0 0 0 0 0 9000 1 0 0 0 0 0 0\n" +
		"  eth0:1000 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n" +
		" wlan0: 200 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n",
	"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
	"sys/class/thermal/thermal_zone0/temp": "48312\n",
	"sys/class/hwmon/hwmon0/name":          "cpu_thermal\n", // the zone again
	"sys/class/hwmon/hwmon0/temp1_input":   "48312\n",
	"sys/class/hwmon/hwmon1/name":          "rp1_adc\n",
	"sys/class/hwmon/hwmon1/temp1_input":   "-1250\n",
}

func open(t *testing.T, root string) *Dev {
	t.Helper()
	d, err := Open(t.Context(), Config{Root: root, Disk: root})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// show writes a sample without the disk, which is the real one.
func show(t *testing.T, d *Dev) string {
	t.Helper()
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range s {
		switch {
		case strings.HasPrefix(m.Channel, "disk-"):
		case m.Err != nil:
			fmt.Fprintf(&b, "%s bad\n", m.Channel)
		default:
			fmt.Fprintf(&b, "%s %.10g\n", m.Channel, m.Value)
		}
	}
	return b.String()
}

func TestDriver(t *testing.T) {
	t.Run("written tree", func(t *testing.T) {
		root := sysfstest.Tree(t, pi)
		drivertest.Run(t, drivertest.Case{Driver: "system", Config: Config{Root: root, Disk: root}, Files: root})
	})
	t.Run("this machine", func(t *testing.T) {
		drivertest.Run(t, drivertest.Case{Driver: "system"})
	})
}

func TestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := sysfstest.Tree(t, pi)
		d := open(t, root)
		if got, want := d.Info().Model, "Raspberry Pi 4 Model B Rev 1.4"; got != want {
			t.Errorf("model %q, want %q", got, want)
		}
		const first = "load1 0.52\nload5 0.31\nload15 0.12\n" +
			"memory-used 299974656\nmemory-available 671088640\nmemory-total 971063296\n" +
			"uptime 90061\ntemperature-cpu-thermal 48.312\ntemperature-rp1-adc -1.25\n"
		if got := show(t, d); got != first {
			t.Errorf("first reading:\n%swant, without shares and rates:\n%s", got, first)
		}

		// 400 ticks later 100 were busy; eth0 moved 5000 and 1000 bytes in 2 s, wlan0 came up anew, and a
		// VPN appeared with a past.
		time.Sleep(2 * time.Second)
		sysfstest.Put(t, root, "proc/stat", "cpu  1050 0 530 8290 410 60 60 0 0 0\n")
		sysfstest.Put(t, root, "proc/net/dev", "a\nb\n lo: 99000 1 0 0 0 0 0 0 9000 1 0 0 0 0 0 0\n"+
			"eth0: 6000 1 0 0 0 0 0 0 1500 1 0 0 0 0 0 0\n"+
			"wlan0: 100 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0\n"+
			"tun0: 77777 1 0 0 0 0 0 0 77777 1 0 0 0 0 0 0\n")
		got := show(t, d)
		for _, want := range []string{"cpu 25\n", "network-rx 2500\n", "network-tx 500\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("second reading has no %q:\n%s", want, got)
			}
		}
		if again := show(t, d); again != got {
			t.Errorf("a third reading at the same moment:\n%swant the second again:\n%s", again, got)
		}
	})
}

func TestPartsThatFail(t *testing.T) {
	root := sysfstest.Tree(t, pi)
	d := open(t, root)
	sysfstest.Put(t, root, "proc/meminfo", "MemTotal: lots\n")
	sysfstest.Put(t, root, "sys/class/thermal/thermal_zone0/temp", "\n")
	if err := os.Remove(filepath.Join(root, "proc/loadavg")); err != nil {
		t.Fatal(err)
	}
	got := show(t, d)
	for _, want := range []string{
		"load1 bad", "load15 bad", "memory-total bad", "temperature-cpu-thermal bad",
		"uptime 90061", "temperature-rp1-adc -1.25",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// What a kernel does not have at the start is not a channel, rather than one that is always bad.
func TestPartsThatAreMissing(t *testing.T) {
	files := maps.Clone(pi)
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasPrefix(name, "sys/") })
	delete(files, "proc/stat")
	d := open(t, sysfstest.Tree(t, files))
	var names []string
	for _, c := range d.Channels() {
		names = append(names, c.Name)
	}
	want := []string{
		"load1", "load5", "load15", "memory-used", "memory-available", "memory-total",
		"disk-used", "disk-free", "network-rx", "network-tx", "uptime",
	}
	if !slices.Equal(names, want) {
		t.Errorf("channels %v, want %v", names, want)
	}
	if _, err := Open(t.Context(), Config{Root: t.TempDir(), Disk: "/nowhere"}); err == nil {
		t.Error("an empty tree opened")
	}
}

func TestTemperatureNames(t *testing.T) {
	d := open(t, sysfstest.Tree(t, map[string]string{
		"sys/class/thermal/thermal_zone0/temp":       "1000\n", // a zone without a type
		"sys/class/thermal/thermal_zone1/type":       "x86_pkg_temp\n",
		"sys/class/thermal/thermal_zone1/temp":       "2000\n",
		"sys/class/thermal/thermal_zone2/type":       "x86_pkg_temp\n",
		"sys/class/thermal/thermal_zone2/temp":       "3000\n",
		"sys/class/hwmon/hwmon2/name":                "coretemp\n",
		"sys/class/hwmon/hwmon2/temp1_input":         "4000\n",
		"sys/class/hwmon/hwmon2/temp1_label":         "Package id 0\n",
		"sys/class/hwmon/hwmon2/temp10_input":        "6000\n",
		"sys/class/hwmon/hwmon2/temp10_label":        "Core 8\n",
		"sys/class/hwmon/hwmon2/temp2_input":         "5000\n",
		"sys/class/hwmon/hwmon2/temp2_label":         "Core 0\n",
		"sys/class/hwmon/hwmon2/temp3_input":         "N/A\n",
		"sys/class/hwmon/hwmon10/device/name":        "w83627hf\n", // an old driver
		"sys/class/hwmon/hwmon10/device/temp1_input": "7000\n",
	}))
	const want = "temperature-thermal-zone0 1\ntemperature-x86-pkg-temp 2\ntemperature-x86-pkg-temp-2 3\n" +
		"temperature-coretemp-package-id-0 4\ntemperature-coretemp-core-0 5\ntemperature-coretemp-core-8 6\n" +
		"temperature-w83627hf 7\n"
	if got := show(t, d); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The kernel's files are not ours: whatever is in them, nothing breaks and nothing wrong is good.
func TestStrangeFiles(t *testing.T) {
	for name := range pi {
		for _, content := range []string{"", "\n", "cpu\n", "x: y\n", "-\n", "1\n", strings.Repeat("9", 400), "eth0:\n", "cpu -1 -1 -1 -1 -1\n", "MemTotal:\nMemAvailable:\n"} {
			files := maps.Clone(pi)
			files[name] = content
			d := open(t, sysfstest.Tree(t, files))
			if _, err := d.Read(t.Context()); err != nil {
				t.Errorf("%s = %q: %v", name, content, err)
			}
		}
	}
}

func TestThisMachine(t *testing.T) {
	if _, err := os.Stat("/proc/loadavg"); err != nil {
		t.Skip("this machine has no /proc")
	}
	d := open(t, "/")
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]device.Measure{}
	for _, m := range s {
		got[m.Channel] = m
	}
	for _, name := range []string{"uptime", "memory-total", "disk-free", "load1"} {
		if m, ok := got[name]; !ok || m.Err != nil || m.Value < 0 || name != "load1" && m.Value == 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Root: "proc", Disk: ""}), "root disk"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	root := sysfstest.Tree(f, pi)
	sysfstest.Fuzz(f, root, func(t testing.TB) (device.Device, error) {
		return Open(t.Context(), Config{Root: root, Disk: root})
	})
}

package sysfs

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
)

func TestFilesThatFail(t *testing.T) {
	root := sysfstest.Tree(t, map[string]string{
		"empty": "", "word": "ok\n", "two": "1 2\n", "nan": "nan\n", "huge": "99999999999999999999\n",
		"dir/file": "1\n", "good": " -12\n",
	})
	sysfstest.Broken(t, root, "broken")
	l, err := net.Listen("unix", filepath.Join(root, "socket")) // its opening fails with ENXIO
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		file, text string
		is         error
	}{
		{"missing", "the kernel does not show", device.ErrBusGone},
		{"good/below", "cannot read", syscall.ENOTDIR},
		{"broken", "cannot read", device.ErrNoAnswer},
		{"socket", "cannot read", device.ErrNoAnswer},
		{"dir", "cannot read", syscall.EISDIR},
		{"empty", `does not hold a number but ""`, device.ErrGarbled},
		{"word", `does not hold a number but "ok"`, device.ErrGarbled},
		{"two", `does not hold a number but "1 2"`, device.ErrGarbled},
		{"nan", `does not hold a number but "nan"`, device.ErrGarbled},
		{"huge", `does not hold a number but "99999999999999999999"`, device.ErrGarbled},
	} {
		file := filepath.Join(root, c.file)
		_, err := Int(file)
		wantFault(t, "Int of "+c.file, err, c.text, c.is)
		_, err = Float(file)
		wantFault(t, "Float of "+c.file, err, c.text, c.is)
	}
	if v, err := Int(filepath.Join(root, "good")); v != -12 || err != nil {
		t.Errorf("Int of %q = %d, %v", " -12\n", v, err)
	}
}

// What a driver of the kernel may answer (Documentation/hwmon/submitting-patches.rst and the like).
func TestErrorNumbers(t *testing.T) {
	for errno, want := range map[syscall.Errno]struct {
		is     error
		remedy string
	}{
		syscall.EIO:       {device.ErrNoAnswer, "the kernel's driver gets no answer"},
		remoteIO:          {device.ErrNoAnswer, "the kernel's driver gets no answer"},
		syscall.ETIMEDOUT: {device.ErrNoAnswer, "the kernel's driver gets no answer"},
		syscall.ENODEV:    {device.ErrBusGone, "what it belongs to was unplugged"},
		syscall.EAGAIN:    {syscall.EAGAIN, "it has no value now"},
		syscall.EBUSY:     {syscall.EBUSY, "it has no value now"},
		syscall.ENODATA:   {syscall.ENODATA, "it has no value now"},
		syscall.EACCES:    {syscall.EACCES, "let selvage's user do that"},
		syscall.EPERM:     {syscall.EPERM, "let selvage's user do that"},
		syscall.EINVAL:    {syscall.EINVAL, "the kernel's driver refuses this here"},
		syscall.EOVERFLOW: {syscall.EOVERFLOW, "see dmesg"},
	} {
		err := failed("read", "x", fmt.Errorf("read x: %w", errno))
		var f *device.Fault
		if !errors.Is(err, want.is) || !errors.Is(err, errno) || !errors.As(err, &f) || !strings.HasPrefix(f.Remedy, want.remedy) {
			t.Errorf("%v: %v, remedy %q; want one that is %v, remedy %q…", errno, err, f.Remedy, want.is, want.remedy)
		}
	}
}

func TestWrite(t *testing.T) {
	root := sysfstest.Tree(t, map[string]string{"brightness": "longer than that\n"})
	file := filepath.Join(root, "brightness")
	if err := Write(file, "128"); err != nil || sysfstest.Get(t, root, "brightness") != "128\n" {
		t.Errorf("Write: %v, the file has %q", err, sysfstest.Get(t, root, "brightness"))
	}
	wantFault(t, "Write", Write(filepath.Join(root, "none"), "1"), "the kernel does not show", device.ErrBusGone)
	if Exists(filepath.Join(root, "none")) {
		t.Error("Write made a file")
	}
	wantFault(t, "Write", Write("/dev/full", "1"), "cannot write 1 to /dev/full", syscall.ENOSPC)
}

func wantFault(t *testing.T, what string, err error, text string, is error) {
	t.Helper()
	var f *device.Fault
	if !errors.As(err, &f) || !strings.Contains(f.Text, text) || f.Remedy == "" || !errors.Is(err, is) {
		t.Errorf("%s: %v; want a fault %q that is %v, with a remedy", what, err, text, is)
	}
}

var chips = Class{What: "chip", Glob: "sys/class/chip/chip*", Name: []string{"name", "label"}, Tool: "ls"}

// Three chips, two of which have the same name.
func tree(t *testing.T) string {
	root := t.TempDir()
	for i, c := range []struct{ name, parent string }{{"bme280", "1-0076"}, {"ads1015", "1-0048"}, {"ads1015", "1-0049"}} {
		dir := fmt.Sprintf("sys/devices/%s/chip%d", c.parent, i+9)
		sysfstest.Put(t, root, dir+"/name", c.name+"\n")
		sysfstest.Link(t, root, fmt.Sprintf("sys/class/chip/chip%d", i+9), "../../../"+dir)
	}
	sysfstest.Put(t, root, "sys/devices/1-0048/chip10/label", "battery\n")
	return root
}

func TestFind(t *testing.T) {
	root := tree(t)
	for called, want := range map[string]string{
		"bme280": "chip9", "chip10": "chip10", "1-0049": "chip11", "battery": "chip10",
	} {
		if n, err := chips.Find(root, called); err != nil || n.Base() != want || n.Same() != nil {
			t.Errorf("Find(%q) = %s, %v, want %s", called, n.Base(), err, want)
		}
	}
	for called, want := range map[string]string{
		"":        "there are 3 chips; name one: bme280 (1-0076), ads1015 (1-0048), ads1015 (1-0049)",
		"ads1015": `2 chips are called "ads1015"; name one by what it is a part of: ads1015 (1-0048), ads1015 (1-0049)`,
		"bmp280": `there is no chip "bmp280"; there is bme280 (1-0076), ads1015 (1-0048), ads1015 (1-0049); ` +
			`if it is missing, load its driver, by modprobe or an overlay in config.txt; to see: ls`,
	} {
		_, err := chips.Find(root, called)
		var f *device.Fault
		if !errors.As(err, &f) || f.Text+"; "+f.Remedy != want {
			t.Errorf("Find(%q): %q, want %q", called, f.Text+"; "+f.Remedy, want)
		}
	}
	one := sysfstest.Tree(t, map[string]string{"sys/class/chip/chip3/name": "alone\n"})
	if n, err := chips.Find(one, ""); err != nil || n.Name != "alone" {
		t.Errorf("Find of the only one: %+v, %v", n, err)
	}
	if _, err := chips.Find(t.TempDir(), "x"); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("Find in an empty tree: %v", err)
	}
}

// A number of a folder that another chip got is not taken for the same chip.
func TestSame(t *testing.T) {
	root := tree(t)
	n, err := chips.Find(root, "bme280")
	if err != nil {
		t.Fatal(err)
	}
	sysfstest.Link(t, root, "sys/class/chip/chip9", "../../devices/1-0048/chip10")
	wantFault(t, "Same", n.Same(), "is ads1015 (1-0048) now, not bme280 (1-0076)", device.ErrBusGone)
	sysfstest.Link(t, root, "sys/class/chip/chip9", "nowhere")
	wantFault(t, "Same", n.Same(), `the chip "bme280" is gone`, device.ErrBusGone)
}

func TestOrder(t *testing.T) {
	names := []string{"hwmon10", "hwmon2", "hwmon1/temp11_input", "hwmon1/temp2_input", "a", ""}
	SortByNumber(names)
	want := []string{"", "a", "hwmon1/temp2_input", "hwmon1/temp11_input", "hwmon2", "hwmon10"}
	if !slices.Equal(names, want) {
		t.Errorf("sorted: %q, want %q", names, want)
	}
}

func TestNames(t *testing.T) {
	for label, want := range map[string]string{"Package id 0": "package-id-0", "cpu_thermal": "cpu-thermal", "+12V ": "12v", "°": ""} {
		if got := LaneName(label); got != want {
			t.Errorf("LaneName(%q) = %q, want %q", label, got, want)
		}
	}
	taken := map[string]bool{}
	if got := []string{Unique("fan", taken), Unique("fan", taken), Unique("fan", taken)}; !slices.Equal(got, []string{"fan", "fan-2", "fan-3"}) {
		t.Errorf("Unique gives %q", got)
	}
}
